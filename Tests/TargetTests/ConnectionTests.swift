import Foundation
import TestSupport
import Testing

@testable import Target

@Suite struct ConnectionTests {
  let database: TestPostgres

  init() throws { database = try TestPostgres() }

  @Test(
    "a refusal names the layer it came from and what to try",
    arguments: [
      ("postgresql://u@/db?host=/nowhere", TargetError.Code.unreachable, "is the server running"),
      ("postgresql://u@no-such-host.invalid/db", .unreachable, "DNS"),
      ("postgresql://u@127.0.0.1:1/db", .unreachable, "nothing listens"),
      ("postgresql://u@127.0.0.1/db?sslmode=perhaps", .badURI, "check the option's value"),
    ])
  func layers(uri: String, code: TargetError.Code, hint: String) async throws {
    let error = try await failure { try await TargetConnection.open(uri) }
    #expect(error.code == code, "\(error)")
    #expect(error.hint?.contains(hint) == true, "\(error)")
    #expect(!error.description.contains("\n"))
  }

  @Test(
    "a URI that libpq cannot read is not repeated",
    arguments: [
      "postgresql://user:se%cret@host/db", "psql://user:secret@host/db", "host=h password 'secret",
      "postgresql://user:secret@host/db?nonsense=1",
    ])
  func badURIs(uri: String) async throws {
    let error = try await failure { try await TargetConnection.open(uri) }
    #expect(error.code == .badURI)
    #expect(!error.debugDescription.contains("cret"))
  }

  @Test("a missing database is told by its SQLSTATE")
  func missingDatabase() async throws {
    let uri = database.uri.replacing(/\/test_[0-9]+\?/, with: "/absent?")
    let error = try await failure { try await TargetConnection.open(uri) }
    #expect(error.code == .databaseMissing)
    #expect(error.sqlstate == "3D000")
    #expect(error.description.contains(#"database "absent" does not exist"#))
    #expect(!error.description.contains("LOCATION"))
  }

  @Test("a wrong, a missing and a right password")
  func passwords() async throws {
    let role = "locked_\(UUID().uuidString.prefix(8).lowercased())"
    try database.psql("CREATE ROLE \(role) LOGIN PASSWORD 'right'")
    let rules = URL(fileURLWithPath: try database.psql("SHOW hba_file"))
    let before = try String(contentsOf: rules, encoding: .utf8)
    let handle = try FileHandle(forWritingTo: rules)
    try handle.write(contentsOf: Data("local all \(role) scram-sha-256\n\(before)".utf8))
    try handle.close()
    try database.psql("SELECT pg_reload_conf()")

    let uri = database.uri.replacing("restage@", with: "\(role)@")
    func refusal(_ uri: String) async throws -> TargetError {
      // The server reads its rules again some moments after it was told to.
      for _ in 0..<100 {
        do {
          await (try TargetConnection.open(uri)).close()
        } catch {
          return error
        }
      }
      return try await failure { try await TargetConnection.open(uri) }
    }
    let wrong = try await refusal(uri + "&password=wrong")
    #expect(wrong.code == .authentication)
    #expect(wrong.sqlstate == "28P01")
    #expect(wrong.hint?.contains("PGPASSWORD") == true)
    #expect(!wrong.debugDescription.contains("wrong"))
    let missing = try await refusal(uri + "&passfile=/nowhere")
    #expect(missing.code == .authentication, "\(missing)")
    #expect(missing.hint?.contains("PGPASSFILE") == true)
    let right = try await TargetConnection.open(uri + "&password=right")
    #expect(try await right.query("SELECT current_user AS u").first("u") == role)
  }

  @Test("a server that accepts and says nothing is given up after the time limit")
  func silentServer() async throws {
    let silent = try SilentServer()
    let error = try await failure {
      try await TargetConnection.open(silent.uri + "?connect_timeout=2")
    }
    #expect(error.code == .unreachable)
    #expect(error.description.contains("within 2 s"))
  }

  @Test("of several hosts the first that answers is taken")
  func severalHosts() async throws {
    let silent = try SilentServer()
    let second = database.uri.replacing("host=", with: "connect_timeout=2&host=127.0.0.1,")
    let connection = try await TargetConnection.open(second + "&port=\(silent.port),5432")
    #expect(try await connection.query("SELECT 1 AS one").first("one") == "1")

    let absent = second.replacing(/\/test_[0-9]+\?/, with: "/absent?")
    let error = try await failure {
      try await TargetConnection.open(absent + "&port=\(silent.port),5432")
    }
    #expect(error.code == .databaseMissing, "\(error)")
  }

  @Test(
    "which addresses are of this machine",
    arguments: [
      ("127.0.0.1", true), ("127.8.0.1", true), ("::1", true), ("192.0.2.7", false),
      ("2001:db8::1", false), ("12.7.0.1", false),
    ])
  func addresses(address: String, isOfThisMachine: Bool) {
    #expect(ConnectionHandle.isOfThisMachine(address: address) == isOfThisMachine)
  }

  @Test("a Unix socket is of this machine")
  func socket() async throws {
    let connection = try await TargetConnection.open(database.uri)
    #expect(await connection.isOnThisMachine)
  }

  @Test("connecting can be cancelled")
  func cancelledConnecting() async throws {
    let silent = try SilentServer()
    let task = Task {
      _ = try await TargetConnection.open(silent.uri)
    }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    let error = try await failure { try await task.value }
    #expect(error.code == .cancelled)
  }

  @Test("a closed connection says so")
  func closed() async throws {
    let connection = try await TargetConnection.open(database.uri)
    await connection.close()
    let error = try await failure { try await connection.execute("SELECT 1") }
    #expect(error.code == .connectionLost)
    await connection.rollback()
  }

  @Test("a session that the server ends: in the middle of a statement, and before the next one")
  func terminated() async throws {
    let connection = try await TargetConnection.open(database.uri)
    let waiting = Task { try await connection.execute("SELECT pg_sleep(60)") }
    try await database.waitUntilActive(connection.backendPID)
    try database.psql("SELECT pg_terminate_backend(\(connection.backendPID))")
    let error = try await failure { try await waiting.value }
    #expect(error.code == .connectionLost)
    #expect(error.sqlstate == "57P01")
    let next = try await failure { try await connection.execute("SELECT 1") }
    #expect(next.code == .connectionLost)
  }

  @Test("a cancelled task ends its statement; the connection goes on")
  func cancelledStatement() async throws {
    let connection = try await TargetConnection.open(database.uri)
    let waiting = Task { try await connection.execute("BEGIN; SELECT pg_sleep(60)") }
    try await database.waitUntilActive(connection.backendPID)
    waiting.cancel()
    let error = try await failure { try await waiting.value }
    #expect(error.code == .cancelled)
    #expect(error.description == "cancelled")
    await connection.rollback()
    #expect(try await connection.query("SELECT 1 AS one").first("one") == "1")
  }

  @Test("cancel() ends what runs and leaves the next statement alone")
  func cancelFromOutside() async throws {
    let connection = try await TargetConnection.open(database.uri)
    connection.cancel()
    let waiting = Task { try await connection.execute("SELECT pg_sleep(60)") }
    try await database.waitUntilActive(connection.backendPID)
    connection.cancel()
    let error = try await failure { try await waiting.value }
    #expect(error.code == .cancelled)
    for _ in 0..<20 {
      connection.cancel()
      #expect(try await connection.query("SELECT 1 AS one").first("one") == "1")
    }
  }

  @Test("a task that is cancelled before it starts sends nothing, and can roll back")
  func cancelledBefore() async throws {
    let connection = try await TargetConnection.open(database.uri)
    try await connection.execute("BEGIN; CREATE TABLE public.t (a int)")
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      do {
        try await connection.execute("COMMIT")
      } catch {
        await connection.rollback()
        throw error
      }
    }
    let error = try await failure { try await task.value }
    #expect(error.code == .cancelled)
    #expect(try database.psql("SELECT count(*) FROM pg_class WHERE relname = 't'") == "0")
  }

  @Test("several connections wait for the server at the same time")
  func parallel() async throws {
    let database = database
    let holder = try await TargetConnection.open(database.uri)
    try await holder.execute("SELECT pg_advisory_lock(1)")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          let connection = try await TargetConnection.open(database.uri)
          try await connection.execute("SELECT pg_advisory_lock(1); SELECT pg_advisory_unlock(1)")
        }
      }
      // Ends only when all eight wait at once.
      let waiting = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
      while try await holder.query(waiting).first("n") != "8" {}
      try await holder.execute("SELECT pg_advisory_unlock(1)")
      try await group.waitForAll()
    }
  }

  @Test("one session holds a source's lock, and others learn who")
  func advisoryLock() async throws {
    let first = try await TargetConnection.open(database.uri, applicationName: "restage nightly")
    let second = try await TargetConnection.open(database.uri)
    #expect(try await first.tryLock(source: "stride") == .acquired)
    guard case .held(let holder?) = try await second.tryLock(source: "stride") else {
      Issue.record("the lock was taken twice")
      return
    }
    #expect(holder.pid == first.backendPID)
    #expect(holder.applicationName == "restage nightly")
    #expect(holder.user == "restage")
    #expect(holder.since != nil)
    let described = "process \(first.backendPID) (restage nightly) of restage, connected since 2"
    #expect(holder.description.hasPrefix(described))
    #expect(try await second.tryLock(source: "other") == .acquired)
    try await first.unlock(source: "stride")
    #expect(try await second.tryLock(source: "stride") == .acquired)
    await second.close()
    // The server notices the end of a session some moments later.
    try database.psql(
      """
      DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid =
      \(second.backendPID)) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$
      """)
    #expect(try await first.tryLock(source: "stride") == .acquired)
  }
}

extension TestPostgres {
  /// Returns once a session runs a statement.
  func waitUntilActive(_ pid: Int) async throws {
    let observer = try await TargetConnection.open(uri)
    let state = "SELECT state FROM pg_catalog.pg_stat_activity WHERE pid = $1::int4"
    while try await observer.query(state, ["\(pid)"]).first("state") != "active" {}
  }
}

/// Takes connections on 127.0.0.1 and never answers.
final class SilentServer: Sendable {
  let port: UInt16
  var uri: String { "postgresql://u@127.0.0.1:\(port)/db" }
  private let socket: Int32

  init() throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = socket
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) | listen(descriptor, 8) | getsockname(descriptor, $0, &length)
      }
    }
    try #require(status == 0)
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { Glibc.close(socket) }
}
