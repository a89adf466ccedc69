import BackupFixtures
import TDSFixtures
import TestSupport
import Testing

/// What FreeTDS's own programs make of the faults. Some of them it does not notice at all, which is
/// why the product counts for itself.
@Suite("Faults")
struct FaultTests {
  private func server(_ fault: Fault, occurrence: Int? = nil) throws -> TDSServer {
    try TDSServer(faults: FaultPlan([.init("SELECT", occurrence: occurrence, fault)])) { _ in
      Response(ResultSet([ResultColumn("a", "int")], rowCount: 5000) { [.integer(Int64($0))] })
    }
  }

  private func outcome(
    _ fault: Fault, settings: [String] = []
  ) throws -> (rowCount: Int, Shell.Outcome) {
    let server = try server(fault)
    let outcome = try FreeTDS(server, settings: settings).tsql("SELECT 1", options: ["-o", "fhq"])
    return (outcome.output.split(separator: "\n").count, outcome)
  }

  @Test("a reset cuts a row, and tsql takes it for the end")
  func reset() throws {
    #expect(try outcome(.reset(afterRows: 3000)).rowCount <= 3000)
  }

  @Test("a closed connection gives the rows before, and error 20017")
  func close() throws {
    let (rowCount, outcome) = try outcome(.close(afterRows: 3000))
    #expect(rowCount == 3000)
    #expect(outcome.errors.contains("Error 20017"))
  }

  @Test("a packet shorter than it says is an end before the end")
  func truncatedPacket() throws {
    let (rowCount, outcome) = try outcome(.truncatedPacket(afterRows: 3000))
    #expect(rowCount < 3000)
    #expect(outcome.errors.contains("Error 20017"))
  }

  @Test("a server that stands still runs into the client's timeout")
  func stall() throws {
    let (rowCount, outcome) = try outcome(.stall(afterRows: 3000), settings: ["timeout = 1"])
    #expect(rowCount <= 3000)
    #expect(outcome.errors.contains("Error 20003"))
  }

  @Test("a message without DONE keeps the client waiting")
  func noDone() throws {
    let (rowCount, outcome) = try outcome(.noDone(afterRows: 3000), settings: ["timeout = 1"])
    #expect(rowCount == 3000)
    #expect(outcome.errors.contains("Error 20003"))
  }

  @Test("an error comes after its rows")
  func error() throws {
    let (rowCount, outcome) = try outcome(
      .error(number: 8134, severity: 16, text: "Divide by zero.", afterRows: 4321))
    #expect(rowCount == 4321)
    #expect(outcome.errors.contains("Msg 8134 (severity 16"))
  }

  @Test("faults of DONE alone are not even noticed by tsql")
  func quietFaults() throws {
    for fault in [.wrongRowCount(by: 2), .doneWithError, .doneWithoutCount] as [Fault] {
      #expect(try outcome(fault).rowCount == 5000)
    }
    #expect(try outcome(.fewerRows(4998)).rowCount == 4998)
  }

  @Test("DONE says what the fault makes it say")
  func doneTokens() throws {
    func done(_ fault: Fault) throws -> [UInt8] {
      let server = try server(fault)
      let client = try RawClient(server)
      try client.logIn()
      client.send(1, RawClient.batch("SELECT 1"))
      return try client.message().bytes.suffix(13)
    }
    let count: [UInt8] = [0xC1, 0, 0x88, 0x13, 0, 0, 0, 0, 0, 0]
    #expect(try done(.drip(byteCount: 3000, milliseconds: 0)) == [0xFD, 0x10, 0] + count)
    #expect(try done(.doneWithError) == [0xFD, 0x12, 0] + count)
    #expect(
      try done(.wrongRowCount(by: -5000)) == [0xFD, 0x10, 0, 0xC1] + [UInt8](repeating: 0, count: 9)
    )
    #expect(try done(.doneWithoutCount) == [0xFD, 0, 0, 0xC1] + [UInt8](repeating: 0, count: 9))
  }

  @Test("a drip loses nothing")
  func drip() throws {
    #expect(try outcome(.drip(byteCount: 777, milliseconds: 1)).rowCount == 5000)
  }

  @Test("a fault strikes the batch that it is meant for")
  func occurrence() throws {
    let server = try server(.fewerRows(0), occurrence: 2)
    let outcome = try FreeTDS(server).tsql(
      "SELECT 1\ngo\nSELECT 2\ngo\nSELECT 3", options: ["-o", "fhq"])
    #expect(outcome.output.split(separator: "\n").count == 10_000)
  }

  @Test("after so many logins the port is closed")
  func loginCount() throws {
    let server = try TDSServer(faults: FaultPlan(loginCountMax: 2)) { _ in Response() }
    let clients = try (0..<2).map { _ in
      let client = try RawClient(server)
      try client.logIn()
      return client
    }
    #expect(throws: RawClient.Refused.self) { try RawClient(server) }
    clients[0].send(1, RawClient.batch("SET NOCOUNT ON"))
    #expect(try clients[0].message().bytes.first == 0xFD)
  }

  @Test("a plan can refuse every login")
  func loginRefused() throws {
    let refusal = ServerMessage(18_486, severity: 14, "The account is currently locked out.")
    let server = try TDSServer(faults: FaultPlan(loginRefusal: refusal)) { _ in Response() }
    #expect(try FreeTDS(server).tsql("SELECT 1").errors.contains("Msg 18486 (severity 14"))
  }
}
