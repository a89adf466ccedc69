import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport
import Testing

/// Others write while the export reads. What an export may then contain is what its mode promises.
@Suite("Consistency of an export from a live server")
struct ConsistencyTests {
  /// A has ten rows more than B; `extra` were inserted in both.
  static func shop(extra: Int = 0) -> FixtureDatabase {
    FixtureDatabase(
      "Shop]'s",
      tables: ["A", "B"].enumerated().map { number, name in
        FixtureTable(
          .fixture(name, key: "id", [("id", "int")]), rowCount: 20 - number * 10 + extra
        ) { [.integer(Int64($0))] }
      })
  }

  /// A server on which rows appear between the count of A and its rows.
  static func busy(allowsSnapshot: Bool = true) -> LiveDatabase {
    var answers = DatabaseAnswers(shop())
    answers.allowsSnapshot = allowsSnapshot
    return LiveDatabase(answers) { batch, answers in
      if batch.name == "rows dbo.A" { answers.database = shop(extra: 100) }
    }
  }

  static func source(_ server: TDSServer) -> String {
    "mssql://sa@127.0.0.1:\(server.port)/Shop%5D's?encrypt=off&login_timeout=30"
  }

  private func export(
    _ live: LiveDatabase, _ options: String..., faults: FaultPlan = FaultPlan()
  ) throws -> (ExportedSnapshot, TDSServer) {
    let server = try live.serve(faults: faults)
    let snapshot = try withExtendedLifetime(server) {
      try ExportedSnapshot(of: Self.source(server), options: options)
    }
    return (snapshot, server)
  }

  private func rows(_ snapshot: ExportedSnapshot) throws -> [Int] {
    try snapshot.opened().manifest.tables.map(\.rows)
  }

  // MARK: - Database snapshots

  @Test("all connections see the moment of the database snapshot, which is gone afterwards")
  func databaseSnapshot() throws {
    let live = Self.busy(allowsSnapshot: false)
    let (snapshot, server) = try export(live, "--consistency", "database-snapshot", "--jobs", "2")
    #expect(snapshot.outcome.status == 0, "\(snapshot.outcome.errors)")
    #expect(try rows(snapshot) == [20, 10])
    let name = try #require(live.created.first)
    #expect(live.created.count == 1 && live.snapshots == [])
    #expect(name.hasPrefix("restage_Shop]'s_"))
    let manifest = try snapshot.opened().manifest
    #expect(
      manifest.source.read
        == ReadState(
          mode: "database-snapshot",
          isolation: "READ COMMITTED of a database that does not change", isOneMoment: true,
          databaseSnapshot: name, databaseSnapshotCreated: "2026-01-31T04:00:00.123"))
    #expect(manifest.source.database == "Shop]'s")
    #expect(manifest.source.warnings == [])
    #expect(manifest.tables.allSatisfy { $0.uncertainty == nil })
    let quoted = name.replacing("]", with: "]]")
    #expect(snapshot.outcome.errors.contains("DROP DATABASE [\(quoted)];"))
    #expect(server.notes == [])
  }

  @Test("who may not make one is told the privilege, who cannot the edition; nothing is left")
  func refused() throws {
    let cases: [(ServerMessage, status: Int32, words: String)] = [
      (
        ServerMessage(
          262, severity: 14, "CREATE DATABASE permission denied in database 'master'."), 77,
        "GRANT CREATE ANY DATABASE"
      ),
      (
        ServerMessage(1844, "Database Snapshot is not supported on Express Edition."), 66, "edition"
      ),
      (ServerMessage(5123, "CREATE FILE encountered operating system error 112."), 66, "error 112"),
    ]
    for (message, status, words) in cases {
      let live = Self.busy()
      live.refuseSnapshots(message)
      let (snapshot, _) = try export(live, "--consistency", "database-snapshot")
      #expect(snapshot.outcome.status == status, "\(snapshot.outcome.errors)")
      #expect(snapshot.outcome.errors.contains(words), "\(snapshot.outcome.errors)")
      #expect(!snapshot.isFinished && live.created.isEmpty)
    }
  }

  @Test("rows that cannot be read leave no database snapshot behind")
  func failure() throws {
    let live = Self.busy()
    let error = Fault.error(number: 824, severity: 24, text: "Page is torn.", afterRows: 3)
    let (snapshot, _) = try export(
      live, "--consistency", "database-snapshot", faults: FaultPlan([.init("rows dbo.A", error)]))
    #expect(snapshot.outcome.status != 0)
    #expect(live.created.count == 1 && live.snapshots == [])
  }

  @Test("SIGTERM drops the database snapshot; what SIGKILL leaves is dropped by the next export")
  func killed() throws {
    for (signal, left) in [("TERM", 0), ("KILL", 1)] {
      let live = Self.busy()
      let server = try live.serve(
        faults: FaultPlan([.init("rows dbo.A", occurrence: 1, .stall(afterRows: 5))]))
      let folder = try TemporaryFolder()
      let killed = try withExtendedLifetime(server) {
        try Shell.run(
          "timeout",
          [
            "--signal=\(signal)", "5", RestageTool.path, "export", Self.source(server), "--into",
            "\(folder.path)/killed", "--consistency", "database-snapshot",
          ], environment: ["RESTAGE_SOURCE_PASSWORD": "Pässword1"])
      }
      #expect(killed.status != 0)
      #expect(live.created.count == 1, "\(signal): \(killed.errors)")
      #expect(live.snapshots.count == left, "\(signal): \(killed.errors)")
      let next = try withExtendedLifetime(server) {
        try ExportedSnapshot(
          of: Self.source(server), options: ["--consistency", "database-snapshot"])
      }
      #expect(next.outcome.status == 0, "\(next.outcome.errors)")
      #expect(live.snapshots == [])
      let warnings = try next.opened().manifest.source.warnings
      #expect(warnings.count == left)
      #expect(warnings.allSatisfy { $0.contains("left behind by a killed export and is dropped") })
    }
  }

  @Test("a signal that comes twice, as timeout(1) sends it, is one")
  func echoed() throws {
    let live = Self.busy()
    let server = try live.serve(
      faults: FaultPlan([.init("rows dbo.A", occurrence: 1, .stall(afterRows: 5))]))
    let folder = try TemporaryFolder()
    let script = #""$@" & sleep 5; kill -TERM $!; sleep 0.2; kill -TERM $!; wait $!"#
    let killed = try withExtendedLifetime(server) {
      try Shell.run(
        "bash",
        [
          "-c", script, "bash", RestageTool.path, "export", Self.source(server), "--into",
          "\(folder.path)/killed", "--consistency", "database-snapshot",
        ], environment: ["RESTAGE_SOURCE_PASSWORD": "Pässword1"])
    }
    #expect(killed.status == 130, "\(killed.errors)")
    #expect(live.created.count == 1 && live.snapshots == [], "\(killed.errors)")
  }

  @Test("a snapshot that only resembles ours stays, and its DROP is named")
  func foreign() throws {
    let live = Self.busy()
    live.leave(snapshot: "restage_Shop]'s_before_release")
    let (snapshot, _) = try export(live, "--consistency", "database-snapshot")
    #expect(snapshot.outcome.status == 0, "\(snapshot.outcome.errors)")
    #expect(live.snapshots == ["restage_Shop]'s_before_release"])
    #expect(
      try snapshot.opened().manifest.source.warnings.first?.contains(
        "DROP DATABASE [restage_Shop]]'s_before_release];") == true)
  }

  // MARK: - The other modes

  @Test("a mode that promises nothing records what it counted, and that rows may be missing")
  func none() throws {
    let (snapshot, _) = try export(Self.busy(), "--consistency", "none", "--jobs", "1")
    #expect(snapshot.outcome.status == 0, "\(snapshot.outcome.errors)")
    let manifest = try snapshot.opened().manifest
    #expect(manifest.tables.map(\.rows) == [120, 110])
    #expect(manifest.tables.map(\.sourceRows) == [20, nil])
    #expect(manifest.tables.allSatisfy { $0.uncertainty != nil && $0.absentRows > 0 })
    #expect(manifest.source.read?.mode == "none")
    #expect(manifest.source.read?.isOneMoment == false)
    #expect(manifest.source.warnings.contains { $0.contains("120 rows were read where 20 were") })
    #expect(snapshot.outcome.errors.contains("120 rows were read where 20 were counted"))
  }

  @Test("who did not ask for such a read gets no snapshot whose counts differ")
  func fallback() throws {
    let live = LiveDatabase(
      {
        var answers = DatabaseAnswers(Self.shop())
        answers.allowsSnapshot = false
        return answers
      }()
    ) { batch, answers in
      guard batch.name == "rows dbo.A" else { return }
      answers.database = Self.shop(extra: answers.database.tables[0].rowCount)
    }
    let (snapshot, _) = try export(live)
    #expect(snapshot.outcome.status == 69)
    #expect(!snapshot.isFinished)
    #expect(snapshot.outcome.errors.contains("--consistency database-snapshot or locked"))
  }

  @Test("a locked table is counted and read under one lock, in one transaction")
  func locked() throws {
    let live = LiveDatabase(DatabaseAnswers(Self.shop()))
    let (snapshot, server) = try export(live, "--consistency", "locked", "--jobs", "1")
    #expect(snapshot.outcome.status == 0, "\(snapshot.outcome.errors)")
    #expect(try rows(snapshot) == [20, 10])
    let names = ["locked", "count dbo.A", "rows dbo.A", "locked, end"]
    let batches = server.batches.filter { text in
      names.contains { text.hasPrefix("-- restage: \($0)\n") }
    }
    #expect(batches.count == 6)
    for (batch, name) in zip(batches, names) {
      #expect(batch.hasPrefix("-- restage: \(name)\n"))
      #expect(batch.contains("[dbo].[A]") == batch.contains("WITH (TABLOCK, HOLDLOCK)"))
    }
    let read = try snapshot.opened().manifest.source.read
    #expect(read?.isolation == "SERIALIZABLE" && read?.isOneMoment == false)
    #expect(snapshot.outcome.errors.contains("locks: S on each table"))
  }

  @Test("SNAPSHOT isolation that is asked for and not allowed is refused, with what to do")
  func notAllowed() throws {
    let (snapshot, _) = try export(Self.busy(allowsSnapshot: false), "--consistency", "snapshot")
    #expect(snapshot.outcome.status == 66)
    #expect(snapshot.outcome.errors.contains("ALLOW_SNAPSHOT_ISOLATION ON"))
    let file = try ExportedSnapshot(of: "some.bak", options: ["--consistency", "none"])
    #expect(file.outcome.status == 64)
    #expect(file.outcome.errors.contains("for live servers"))
  }
}
