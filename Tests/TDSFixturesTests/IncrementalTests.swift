import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport
import Testing

/// Nights after the first read changed rows alone. What is in the target must be what whole exports
/// would have brought there, as far as the source can say it.
@Suite("Exports of changed rows")
struct IncrementalTests {
  /// A source whose rows have a number, a text, a rowversion and a time; and a target.
  final class Shop {
    struct Row {
      var id: Int64
      var name: String
      var version: UInt64
      var modified: Int64?
    }

    var rows: [Int64: Row] = [:]
    var next: UInt64 = 0x7D1
    var changes = ChangeLog(lowestRowversion: 0x7D1, version: 0)
    let live: LiveDatabase
    let server: TDSServer
    let folder: TemporaryFolder
    let target: TestPostgres
    let mapping: String

    /// - Parameter incremental: What the mapping says of dbo.T.
    init(_ incremental: String, more: String = "", faults: FaultPlan = FaultPlan()) throws {
      changes.tracked[ObjectName("dbo", "T")] = ChangeLog.Tracked()
      live = LiveDatabase(DatabaseAnswers(Self.database([])))
      server = try live.serve(faults: faults)
      folder = try TemporaryFolder()
      target = try TestPostgres()
      mapping = "\(folder.path)/mapping.yaml"
      try "\(more)\ntables:\n  dbo.T: { incremental: \(incremental) }\n".write(
        toFile: mapping, atomically: true, encoding: .utf8)
    }

    static func database(_ rows: [Row]) -> FixtureDatabase {
      FixtureDatabase(
        "Shop",
        tables: [
          FixtureTable(
            .fixture(
              "T", key: "id",
              [
                ("id", "int"), ("name", "nvarchar(40)"), ("rv", "rowversion"),
                ("at", "datetime2(7)"),
              ]),
            rows: rows.sorted { $0.id < $1.id }.map { row in
              [
                .integer(row.id), .text(row.name),
                .bytes((0..<8).map { UInt8(truncatingIfNeeded: row.version >> (56 - 8 * $0)) }),
                row.modified.map { .timestamp(days: 739_000, ticks: $0 * 10_000_000) } ?? .null,
              ]
            }),
          FixtureTable(.fixture("Whole", key: "id", [("id", "int")]), rows: [[.integer(1)]]),
        ])
    }

    /// - Parameter at: Seconds of the day at which the row was modified.
    func put(_ id: Int64, _ name: String, at seconds: Int64?) {
      rows[id] = Row(id: id, name: name, version: next, modified: seconds)
      next += 1
      note(id, isRemoval: false)
    }

    func remove(_ id: Int64) {
      rows[id] = nil
      note(id, isRemoval: true)
    }

    private func note(_ id: Int64, isRemoval: Bool) {
      let version = (changes.version ?? 0) + 1
      changes.version = version
      changes.lowestRowversion = next
      changes.tracked[ObjectName("dbo", "T")]?.changes.append((version, id, isRemoval))
      publish()
    }

    func publish() {
      let (rows, changes) = (Array(rows.values), changes)
      live.update { database, log in
        database = Self.database(rows)
        log = changes
      }
    }

    /// Runs a command of the tool on this source.
    func tool(_ command: String, _ name: String, _ options: [String]) throws -> Shell.Outcome {
      let source = "mssql://sa@127.0.0.1:\(server.port)/Shop?encrypt=off&login_timeout=30"
      let arguments = [
        command, source, "--into", path(name), "--mapping", mapping, "--log", "json",
      ]
      return try Shell.run(
        RestageTool.path, arguments + options,
        environment: ["RESTAGE_SOURCE_PASSWORD": "Pässword1"])
    }

    func path(_ name: String) -> String { "\(folder.path)/snapshots/\(name)" }

    func run(_ name: String, _ options: String...) throws -> Shell.Outcome {
      try tool("run", name, ["--target", target.uri] + options)
    }

    func export(_ name: String, _ options: String...) throws -> Shell.Outcome {
      try tool("export", name, options)
    }

    func load(_ name: String) throws -> Shell.Outcome {
      try RestageTool.run(
        ["load", path(name), "--target", target.uri, "--mapping", mapping, "--quiet"])
    }

    func verify(_ name: String) throws -> Shell.Outcome {
      try RestageTool.run(["verify", path(name), "--target", target.uri, "--mapping", mapping])
    }

    func manifest(_ name: String) throws -> TableManifest {
      try #require(
        try Snapshot(opening: path(name)).manifest.table(named: ObjectName("dbo", "T")))
    }

    /// Final rows by the source's key, those that vanished with an exclamation mark.
    func final() throws -> String {
      try target.psql(
        """
        SELECT string_agg(
          k.source_id || CASE WHEN k.vanished_run IS NULL THEN '' ELSE '!' END || '=' || t.name,
          ' ' ORDER BY k.source_id)
        FROM restage_keymap.shop_public_t AS k
        JOIN public.t AS t ON t.id = k.target_key
        """
      ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Three nights: the first brings 1, 2, 3; on the second 2 is changed, 4 is new and 3 gone.
    func first() throws {
      for id in 1...3 { put(Int64(id), "a\(id)", at: 3600 * Int64(id)) }
      let outcome = try run("1")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try final() == "1=a1 2=a2 3=a3")
    }

    func change() {
      put(2, "b2", at: 50_000)
      put(4, "b4", at: 50_001)
      remove(3)
    }
  }

  @Test("rowversion: changed and new rows come, and nothing vanishes for want of them")
  func rowversion() throws {
    let shop = try Shop("rowversion", more: "on_vanished: delete\nmax_vanished: 100%")
    try shop.first()
    let first = try shop.manifest("1")
    #expect(first.partial == nil)
    #expect(first.watermark?.value == "0x00000000000007D4")
    shop.change()
    let outcome = try shop.run("2", "--since", "target")
    #expect(outcome.status == 0, "\(outcome.errors)\(outcome.output)")
    #expect(try shop.final() == "1=a1 2=b2 3=a3 4=b4")
    let second = try shop.manifest("2")
    #expect(second.rows == 2)
    #expect(second.partial == PartialRead(since: try #require(first.watermark)))
    #expect(second.watermark?.value == "0x00000000000007D6")
    #expect(outcome.output.contains("of 1 table the snapshot holds changed rows alone"))

    // A night without changes, from the folder of snapshots.
    let third = try shop.run("3", "--since", "\(shop.folder.path)/snapshots")
    #expect(third.status == 0, "\(third.errors)")
    #expect(try shop.manifest("3").rows == 0)
    #expect(try shop.final() == "1=a1 2=b2 3=a3 4=b4")

    // A whole export finds what was deleted.
    let whole = try shop.run("4")
    #expect(whole.status == 0, "\(whole.errors)")
    #expect(try shop.final() == "1=a1 2=b2 4=b4")
  }

  @Test("Change Tracking: deleted rows are named, and are the ones that vanish")
  func changeTracking() throws {
    let shop = try Shop("change_tracking", more: "on_vanished: delete\nmax_vanished: 1")
    try shop.first()
    shop.change()
    // Came and went between two nights, and went and came back.
    shop.put(9, "x", at: 0)
    shop.remove(9)
    shop.remove(1)
    shop.put(1, "c1", at: 0)
    let outcome = try shop.run("2", "--since", shop.path("1"))
    #expect(outcome.status == 0, "\(outcome.errors)\(outcome.output)")
    #expect(try shop.final() == "1=c1 2=b2 4=b4")
    let manifest = try shop.manifest("2")
    #expect(manifest.rows == 3)
    #expect(manifest.partial?.removedRows == 2)
    #expect(
      try String(contentsOfFile: "\(shop.path("2"))/removed/dbo.T/000001.csv", encoding: .utf8)
        == "3\n9\n")
    // All of it once more changes nothing; the ceiling still holds.
    #expect(try shop.load("2").status == 0)
    #expect(try shop.final() == "1=c1 2=b2 4=b4")
    let whole = try shop.run("3")
    #expect(whole.status == 0, "\(whole.errors)")
    for id in [2, 4] { shop.remove(Int64(id)) }
    let tooMany = try shop.run("4", "--since", "target")
    #expect(tooMany.status == 65, "\(tooMany.errors)")
    #expect(try shop.final() == "1=c1 2=b2 4=b4")
  }

  @Test("a deleted row that is reported stays, is noted, and its note goes when it comes back")
  func reported() throws {
    let shop = try Shop("change_tracking")
    try shop.first()
    shop.change()
    #expect(try shop.run("2", "--since", "target").status == 0)
    #expect(try shop.final() == "1=a1 2=b2 3!=a3 4=b4")
    shop.put(3, "c3", at: 0)
    let back = try shop.run("3", "--since", "target")
    #expect(back.status == 0, "\(back.errors)")
    #expect(try shop.final() == "1=a1 2=b2 3=c3 4=b4")
  }

  @Test("a modified-at column: rows of the overlap and rows without a time are read again")
  func column() throws {
    let shop = try Shop("{ column: At, overlap: \"1 hour\" }")
    shop.put(7, "seven", at: nil)
    try shop.first2()
    #expect(try shop.manifest("1").watermark?.value == "2024-04-25T03:00:00.0000000")
    shop.change()
    let outcome = try shop.run("2", "--since", "target")
    #expect(outcome.status == 0, "\(outcome.errors)\(outcome.output)")
    #expect(try shop.final() == "1=a1 2=b2 3=a3 4=b4 7=seven")
    // 3 is gone; 1 is older than three hours less one.
    #expect(try shop.manifest("2").rows == 3)
  }

  @Test("what cannot be told from the rest is read whole, and why is said")
  func whole() throws {
    let shop = try Shop("change_tracking")
    try shop.first()
    func expectWhole(_ name: String, _ words: String) throws {
      let outcome = try shop.run(name, "--since", shop.path("1"))
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(try shop.manifest(name).partial == nil)
    }
    shop.changes.tracked[ObjectName("dbo", "T")]?.oldestVersion = 4
    shop.change()
    try expectWhole("cleaned", "kept from version 4 on, and 3 is older")
    #expect(try shop.final() == "1=a1 2=b2 3!=a3 4=b4")
    shop.changes.tracked = [:]
    shop.publish()
    try expectWhole("off", "Change Tracking is not on for it")
    shop.changes.version = 1
    shop.publish()
    try expectWhole("restored", "was it restored from a backup?")
    let none = try shop.run("none", "--since", "\(shop.folder.path)/nothing")
    #expect(none.status == 0 && none.errors.contains("holds no finished snapshot"))
    let other = try shop.run("other", "--tables", "dbo.Whole", "--since", shop.path("1"))
    #expect(other.status == 0, "\(other.errors)")
  }

  @Test("changes are loaded on top of what they go on from, and on nothing else")
  func chain() throws {
    let shop = try Shop("rowversion")
    try shop.first()
    shop.change()
    #expect(try shop.export("2", "--since", shop.path("1")).status == 0)
    shop.put(5, "c5", at: 0)
    #expect(try shop.export("3", "--since", shop.path("2")).status == 0)
    let early = try shop.load("3")
    #expect(early.status == 66)
    #expect(early.errors.contains("load the snapshots in between first"), "\(early.errors)")
    #expect(try shop.final() == "1=a1 2=a2 3=a3")
    #expect(try shop.load("2").status == 0)
    #expect(try shop.load("3").status == 0)
    #expect(try shop.final() == "1=a1 2=b2 3=a3 4=b4 5=c5")
    #expect(try shop.verify("3").status == 0)

    // A rollback takes the watermark back.
    #expect(
      try RestageTool.run(["rollback", "last", "--target", shop.target.uri, "--quiet"]).status == 0)
    shop.put(6, "d6", at: 0)
    let after = try shop.run("4", "--since", "target")
    #expect(after.status == 0, "\(after.errors)")
    #expect(try shop.final() == "1=a1 2=b2 3=a3 4=b4 5=c5 6=d6")

    // An empty target has nothing to go on from, and another mapping would not know of it.
    let empty = try TestPostgres()
    let fresh = try RestageTool.run(
      ["load", shop.path("3"), "--target", empty.uri, "--mapping", shop.mapping])
    #expect(fresh.status == 66, "\(fresh.errors)")
    let plain = try RestageTool.run(["load", shop.path("4"), "--target", shop.target.uri])
    #expect(plain.status == 78, "\(plain.errors)")
    let changed = "\(shop.folder.path)/changed.yaml"
    try "tables: { dbo.T: { incremental: rowversion, columns: { name: { expr: upper(name) } } } }"
      .write(toFile: changed, atomically: true, encoding: .utf8)
    let drifted = try RestageTool.run(
      ["load", shop.path("4"), "--target", shop.target.uri, "--mapping", changed])
    #expect(drifted.status == 76, "\(drifted.errors)")
  }

  @Test("a row that a change takes out of the mapping's condition is gone from the target")
  func filtered() throws {
    let shop = try Shop(
      "rowversion, where: \"name <> 'out'\"", more: "on_vanished: delete\nmax_vanished: 100%")
    try shop.first()
    shop.put(2, "out", at: 0)
    let outcome = try shop.run("2", "--since", "target")
    #expect(outcome.status == 0, "\(outcome.errors)\(outcome.output)")
    #expect(try shop.final() == "1=a1 3=a3")
  }

  @Test("the proof of changed rows finds one that is not as it should be")
  func proof() throws {
    let shop = try Shop("change_tracking")
    try shop.first()
    shop.change()
    #expect(try shop.run("2", "--since", "target").status == 0)
    _ = try shop.target.psql("UPDATE public.t SET name = 'edited' WHERE name = 'a1'")
    #expect(try shop.verify("2").status == 0, "1 did not change")
    _ = try shop.target.psql("UPDATE public.t SET name = 'edited' WHERE name = 'b2'")
    let differing = try shop.verify("2")
    #expect(differing.status == 65)
    #expect(differing.output.contains("differing id=2: name"), "\(differing.output)")
    _ = try shop.target.psql(
      "UPDATE public.t SET name = 'b2' WHERE name = 'edited'; "
        + "UPDATE restage_keymap.shop_public_t SET vanished_run = NULL")
    let left = try shop.verify("2")
    #expect(left.status == 65)
    #expect(left.output.contains("1 row that the source deleted"), "\(left.output)")
  }

  @Test("a table without what its name was given for is a wrong mapping, by its line")
  func mapping() throws {
    for (incremental, words) in [
      ("rowversions", "change_tracking"), ("{ column: id, overlap: \"1 hour\" }", "date and time"),
      ("{ column: at, overlap: soon }", "such as 30 seconds"), ("{ column: at }", "no overlap"),
      ("{ column: nothing, overlap: \"0 seconds\" }", "a stored column"),
    ] {
      let shop = try Shop(incremental)
      shop.put(1, "a", at: 0)
      let outcome = try shop.export("1")
      #expect(outcome.status == 78, "\(incremental): \(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(incremental): \(outcome.errors)")
      #expect(outcome.errors.contains("mapping.yaml:3"), "\(outcome.errors)")
    }
  }
}

extension IncrementalTests.Shop {
  /// As `first`, with what was put before.
  func first2() throws {
    for id in 1...3 { put(Int64(id), "a\(id)", at: 3600 * Int64(id)) }
    let outcome = try run("1")
    #expect(outcome.status == 0, "\(outcome.errors)")
  }
}
