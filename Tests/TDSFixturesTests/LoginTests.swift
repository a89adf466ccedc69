import BackupFixtures
import Foundation
import TDSFixtures
import TestSupport
import Testing

@Suite("Login and session")
struct LoginTests {
  /// Answers with what the session is.
  static func describe(_ batch: Batch) -> Response {
    let session = batch.session
    let version = String(session.tdsVersion, radix: 16)
    return Response(
      ResultSet(
        [ResultColumn("t", "nvarchar(200)")],
        rows: [
          [
            .text(
              "\(session.user) \(session.database) \(version) \(session.packetByteCount) "
                + "\(session.isEncrypted)")
          ]
        ]))
  }

  @Test(
    "both versions of the protocol come in", arguments: [("7.3", "730b0003"), ("7.4", "74000004")])
  func versions(version: String, number: String) throws {
    let server = try TDSServer(answer: Self.describe)
    let outcome = try FreeTDS(server, version: version).bsqldb("SELECT 1")
    #expect(outcome.output == "sa master \(number) 4096 false\n")
    #expect(server.notes == [])
  }

  @Test("an older version is refused")
  func oldVersion() throws {
    let server = try TDSServer(answer: Self.describe)
    let outcome = try FreeTDS(server, version: "7.1").tsql("SELECT 1")
    #expect(outcome.errors.contains("too old for this server"))
    #expect(server.batches == [])
  }

  @Test("a wrong password is refused with 18456, as is an unknown user")
  func wrongPassword() throws {
    let server = try TDSServer(answer: Self.describe)
    var client = try FreeTDS(server)
    client.password = "Password1"
    #expect(try client.tsql("SELECT 1").errors.contains("Msg 18456 (severity 14"))
    client = try FreeTDS(server)
    client.user = "nobody"
    #expect(try client.tsql("SELECT 1").errors.contains("Login failed for user 'nobody'"))
    #expect(server.batches == [])
  }

  @Test("a database that is not there is refused with 4060")
  func missingDatabase() throws {
    let server = try TDSServer(answer: Self.describe)
    var client = try FreeTDS(server)
    client.database = "Nörd"
    let outcome = try client.tsql("SELECT 1")
    #expect(outcome.errors.contains("Msg 4060 (severity 11"))
    #expect(outcome.errors.contains("Cannot open database \"Nörd\""))
  }

  @Test("the login names its database, USE another one")
  func databases() throws {
    let server = try TDSServer(.init(databases: ["master", "Sales [1]"]), answer: Self.describe)
    var client = try FreeTDS(server)
    client.database = "Sales [1]"
    #expect(try client.bsqldb("SELECT 1").output == "sa Sales [1] 74000004 4096 false\n")
    client.database = "master"
    #expect(try client.bsqldb("USE [Sales [1]]]\ngo\nSELECT 1").output.contains(" Sales [1] "))
    #expect(try client.bsqldb("USE gone").errors.contains("Msg 911"))
  }

  @Test("packets have the size that the client asks for", arguments: [4096, 8192, 16_384])
  func packetSize(byteCount: Int) throws {
    let text = String(repeating: "Ünïcode ", count: 3000)
    let server = try TDSServer { batch in
      Response(
        ResultSet(
          [ResultColumn("n", "int"), ResultColumn("t", "nvarchar(max)")],
          rows: [[.integer(Int64(batch.session.packetByteCount)), .text(text)]]))
    }
    let client = try FreeTDS(server, settings: ["initial block size = \(byteCount)"])
    let outcome = try client.tsql("SET TEXTSIZE -1\nSELECT '\(text)'", options: ["-o", "fhq"])
    let isWhole = outcome.output == "\(byteCount)\t\(text)\n"
    #expect(isWhole, "\(outcome.output.count) characters: \(outcome.output.prefix(50))")
    let hasArrived = server.batches.contains { $0.contains(text) }
    #expect(hasArrived)
    #expect(server.notes == [])
    let raw = try RawClient(server)
    try raw.logIn(packetByteCount: byteCount)
    raw.send(1, RawClient.batch("SET TEXTSIZE -1\nSELECT 1"), packetByteCount: byteCount)
    let counts = try raw.message().packetByteCounts
    #expect(counts.dropLast().allSatisfy { $0 == byteCount } && counts.last ?? 0 <= byteCount)
  }

  @Test("a connection takes many batches, a server many connections")
  func manyBatches() throws {
    let server = try TDSServer { batch in
      Response(
        ResultSet(
          [ResultColumn("n", "int")], rows: [[.integer(Int64(batch.session.connection))]]))
    }
    let first = try RawClient(server)
    let second = try RawClient(server)
    for client in [first, second] { try client.logIn() }
    for _ in 0..<20 {
      for (number, client) in [first, second].enumerated() {
        client.send(1, RawClient.batch("SELECT 1"))
        let answer = try client.message().bytes
        #expect(answer.suffix(19).prefix(6) == [0xD1, 4, UInt8(number + 1), 0, 0, 0])
      }
    }
    #expect(server.batches.count == 40)
    #expect(server.connectionCount == 2)
  }

  @Test("a transaction is known to the client until it ends")
  func transactions() throws {
    let server = try TDSServer { batch in
      Response(
        ResultSet(
          [ResultColumn("b", "bit")], rows: [[.bool(batch.session.transaction != nil)]]))
    }
    let outcome = try FreeTDS(server).bsqldb(
      """
      SELECT 1
      go
      SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION
      go
      SELECT 2
      go
      COMMIT
      go
      SELECT 3
      """)
    #expect(outcome.output == "0\n1\n0\n")
    // The descriptor in the headers of every batch was the right one.
    #expect(server.notes == [])
  }

  @Test("TEXTSIZE cuts large values as a server would")
  func textSize() throws {
    let server = try TDSServer { _ in
      Response(
        ResultSet(
          [ResultColumn("t", "varchar(max)")],
          rows: [[.text(String(repeating: "x", count: 100_000))]]))
    }
    let client = try FreeTDS(server)
    for (size, count) in [(10, 10), (0, 4096), (-1, 100_000)] {
      let outcome = try client.tsql("SET TEXTSIZE \(size)\nSELECT 1", options: ["-o", "fhq"])
      #expect(outcome.output.count == count + 1)
    }
  }

  @Test("RPC is refused, and the session goes on")
  func rpc() throws {
    let server = try TDSServer(answer: Self.describe)
    let client = try RawClient(server)
    try client.logIn()
    client.send(3, RawClient.batch("sp_who"))
    #expect(try client.message().bytes.first == 0xAA)
    client.send(1, RawClient.batch("SELECT 1"))
    #expect(try client.message().bytes.first == 0x81)
  }

  @Test("an attention ends a long answer, and another one an empty wait")
  func attention() throws {
    let server = try TDSServer { _ in
      Response(
        ResultSet([ResultColumn("n", "int")], rowCount: 1_000_000_000) { [.integer(Int64($0))] })
    }
    let client = try RawClient(server)
    try client.logIn()
    client.send(1, RawClient.batch("SELECT 1"))
    _ = client.packet()
    client.send(6, [])
    let done: [UInt8] = [0xFD, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(try Array(client.message().bytes.suffix(13)) == done)
    client.send(6, [])
    #expect(try client.message().bytes == done)
    client.send(1, RawClient.batch("SET NOCOUNT ON"))
    #expect(try client.message().bytes.first == 0xFD)
  }

  @Test("what the protocol does not allow ends the connection and is noted")
  func protocolErrors() throws {
    let server = try TDSServer(answer: Self.describe)
    let early = try RawClient(server)
    early.send(1, RawClient.batch("SELECT 1"))
    #expect(early.packet() == nil)
    let headless = try RawClient(server)
    try headless.logIn()
    headless.send(1, [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(headless.packet() == nil)
    let fat = try RawClient(server)
    try fat.logIn(packetByteCount: 512)
    fat.send(1, RawClient.batch(String(repeating: "x", count: 1000)), packetByteCount: 1024)
    #expect(fat.packet() == nil)
    #expect(server.notes.count == 3)
    #expect(server.notes.last?.contains("a packet of 1024 bytes, where at most 512 fit") == true)
  }

  @Test("a stopped server is gone, with its connections and its thread")
  func shutdown() throws {
    func threadCount() -> Int {
      let tasks = (try? Shell.run("ls", ["/proc/\(getpid())/task"]).output) ?? ""
      return tasks.split(separator: "\n").count
    }
    let before = threadCount()
    for _ in 0..<60 {
      let server = try TDSServer(answer: Self.describe)
      let client = try RawClient(server)
      try client.logIn()
      server.stop()
      #expect(client.packet() == nil)
    }
    // Servers of other tests come and go meanwhile.
    #expect(threadCount() < before + 40)
  }
}
