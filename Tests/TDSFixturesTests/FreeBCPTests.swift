import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport
import Testing

/// freebcp says that all is well when it is not. What `--engine freebcp` makes of that.
@Suite("Export through freebcp")
struct FreeBCPTests {
  static let rowCount = 5000
  static let database = FixtureDatabase(
    "Faulty",
    tables: [
      FixtureTable(
        .fixture("T", key: "id", [("id", "int"), ("v", "nvarchar(100)")]), rowCount: rowCount
      ) { row in [.integer(Int64(row)), .text("row \(row)")] },
      FixtureTable(.fixture("Empty", [("a", "int")]), rows: []),
    ])

  private func export(
    _ plan: FaultPlan = FaultPlan(), tables: String = "*", environment: [String: String] = [:]
  ) throws -> (ExportedSnapshot, TDSServer) {
    let server = try DatabaseAnswers(Self.database).serve(faults: plan)
    let snapshot = try ExportedSnapshot(
      of: Self.database, on: server, uriOptions: "encrypt=off&stall_timeout=3&login_timeout=30",
      options: ["--engine", "freebcp", "--tables", tables], environment: environment)
    return (snapshot, server)
  }

  /// A program of this name that does what a test wants.
  private func pretender(_ script: String) throws -> (TemporaryFolder, [String: String]) {
    let folder = try TemporaryFolder()
    // Written by another process: one that this process has open for writing, if only in a child that
    // another test is about to start, cannot be run.
    _ = try Shell.run(
      "sh", ["-c", "cat > \"$0\" && chmod 755 \"$0\"", "\(folder.path)/freebcp"],
      input: "#!/bin/sh\n\(script)\n")
    return (folder, ["PATH": "\(folder.path):/usr/bin:/bin"])
  }

  @Test("a table comes whole, and the manifest says how it came")
  func whole() throws {
    let (snapshot, server) = try export()
    #expect(snapshot.outcome.status == 0, "\(snapshot.outcome.errors)")
    let manifest = try snapshot.opened().manifest
    let table = try #require(manifest.table(named: ObjectName("dbo", "T")))
    let lines = (0..<Self.rowCount).map { Array("\($0),row \($0)".utf8) }
    let isWhole = try snapshot.records(of: table, inOrder: true) == lines
    #expect(isWhole)
    #expect(manifest.table(named: ObjectName("dbo", "Empty"))?.rows == 0)
    #expect(manifest.source.consistency.contains("freebcp"))
    #expect(server.notes == [])
    // Counted before and after.
    #expect(server.batches.filter { $0.contains("count dbo.T") }.count == 2)
  }

  static let faults: [Fault] = [
    .reset(afterRows: 3000), .close(afterRows: 4999), .truncatedPacket(afterRows: 3000),
    .stall(afterRows: 3000), .fewerRows(4999), .fewerRows(0),
    .error(number: 8134, severity: 16, text: "Divide by zero error encountered.", afterRows: 4999),
    .error(number: 596, severity: 21, text: "The session is in the kill state.", afterRows: 10),
  ]

  @Test("rows that fail in every attempt leave no snapshot, whatever status freebcp ends with")
  func failing() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for fault in Self.faults {
        group.addTask {
          let (snapshot, _) = try await onThread {
            try export(FaultPlan([.init("rows dbo.T", fault)]), tables: "dbo.T")
          }
          #expect(snapshot.outcome.status != 0, "\(fault)")
          #expect(!snapshot.isFinished, "\(fault)")
          #expect(snapshot.outcome.errors.contains("dbo.T"), "\(fault): \(snapshot.outcome.errors)")
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("a server's error is quoted with its number")
  func quoted() throws {
    let fault = Fault.error(
      number: 8134, severity: 16, text: "Divide by zero error encountered.", afterRows: 10)
    let (snapshot, _) = try export(FaultPlan([.init("rows dbo.T", fault)]), tables: "dbo.T")
    #expect(snapshot.outcome.status == 66)
    #expect(snapshot.outcome.errors.contains("Divide by zero error encountered. (message 8134"))
  }

  @Test("a connection that breaks once costs time and nothing else")
  func begunAgain() throws {
    // The first such batch asks for the columns alone.
    let (snapshot, _) = try export(
      FaultPlan([.init("rows dbo.T", occurrence: 2, .reset(afterRows: 3000))]), tables: "dbo.T")
    #expect(snapshot.outcome.status == 0, "\(snapshot.outcome.errors)")
    #expect(try snapshot.opened().manifest.tables.first?.rows == Self.rowCount)
  }

  @Test("the password is on the standard input, and neither an argument nor in the environment")
  func password() throws {
    let (folder, environment) = try pretender(
      """
      printf '%s\\n' "$@" > "$(dirname "$0")/seen"; env >> "$(dirname "$0")/seen"
      cat > "$(dirname "$0")/input"
      exit 1
      """)
    let (snapshot, _) = try export(tables: "dbo.T", environment: environment)
    #expect(!snapshot.isFinished)
    let seen = try String(contentsOfFile: "\(folder.path)/seen", encoding: .utf8)
    #expect(seen.contains("queryout") && seen.contains("FREETDSCONF="))
    #expect(!seen.contains("Pässword1"))
    let input = try String(contentsOfFile: "\(folder.path)/input", encoding: .utf8)
    #expect(input == "Pässword1\n")
  }

  @Test(
    "a freebcp that writes nothing, or something else, and ends with 0 leaves no snapshot",
    arguments: [
      "echo '5000 rows copied.'",
      "printf '0,a\\n1,b\\n' > \"$3\"; echo '2 rows copied.'",
      "printf '\\004\\0\\0\\0\\001\\0\\0\\0' > \"$3\"; echo '1 rows copied.'",
      "printf '\\377\\377\\377\\377' > \"$3\"",
    ])
  func lying(script: String) throws {
    let (folder, environment) = try pretender(script)
    let (snapshot, _) = try withExtendedLifetime(folder) {
      try export(tables: "dbo.T", environment: environment)
    }
    #expect(snapshot.outcome.status == 66 || snapshot.outcome.status == 69)
    #expect(!snapshot.isFinished)
    #expect(snapshot.outcome.errors.contains("dbo.T"), "\(snapshot.outcome.errors)")
  }

  @Test("a machine without freebcp is told what to install")
  func missing() throws {
    let (snapshot, _) = try export(tables: "dbo.T", environment: ["PATH": "/nowhere"])
    #expect(snapshot.outcome.status == 69)
    #expect(snapshot.outcome.errors.contains("freetds-bin"))
  }

  @Test("a file is not read through freebcp")
  func file() throws {
    let snapshot = try ExportedSnapshot(of: "x.bak", options: ["--engine", "freebcp"])
    #expect(snapshot.outcome.status == 64)
  }
}
