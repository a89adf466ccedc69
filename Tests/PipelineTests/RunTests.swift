// The whole road on real files: `run` twice, and what must be true afterwards.

import Foundation
import TestSupport
import Testing

@Suite("Real backups into a real PostgreSQL", .enabled(if: SharedData.isThere, SharedData.skipped))
struct RunTests {
  static let files = [
    "northwind-2005", "northwind-2008", "northwind-2016-compressed", "tsqlv4-2016-compressed",
    "mvcmusicstore-2017", "school-2019", "iti-2022",
  ]

  @Test("run, run again, verify: equal to the truth, and nothing doubled", arguments: files)
  func runTwice(name: String) throws {
    let target = try TestPostgres()
    let folder = try TemporaryFolder()
    let source = try SharedData.path("bak/\(name).bak")
    let truth = try Truth("\(name).bak")

    let first = try RestageTool.run(
      ["run", source, "--target", target.uri, "--into", "\(folder.path)/1", "--quiet"])
    #expect(first.status == 0, "\(first.output)\(first.errors)")
    #expect(try rowsInFinalTables(of: target) == truth.rowCount)
    #expect(try inserted(by: target) == truth.rowCount)
    let sequences = try sequenceValues(of: target)

    let second = try RestageTool.run(
      ["run", source, "--target", target.uri, "--into", "\(folder.path)/2", "--quiet"])
    #expect(second.status == 0, "\(second.output)\(second.errors)")
    #expect(try inserted(by: target) == truth.rowCount, "the second run inserted rows")
    #expect(try sequenceValues(of: target) == sequences, "the second run burned sequence values")

    let verified = try RestageTool.run(
      ["verify", "\(folder.path)/2", "--target", target.uri, "--level", "content"])
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    try expectConstraints(of: target, toBe: truth)
    let checked = try Shell.run(
      "python3",
      [
        try SharedData.path("check-snapshot.py"), try SharedData.path("truth/\(name).bak.json"),
        "\(folder.path)/1",
      ])
    #expect(checked.status == 0, "\(checked.output)\(checked.errors)")
  }

  /// `PeopleStatus` has no key: the day before 8 rows, now 9, of which 7 are the same.
  @Test("a backup taken a day later adds exactly its new rows")
  func laterBackup() throws {
    let target = try TestPostgres()
    let folder = try TemporaryFolder()
    for (name, rowCount) in [("peepstat-2012", 15), ("peepstat-2014", 17)] {
      let ran = try RestageTool.run(
        [
          "run", try SharedData.path("bak/\(name).bak"), "--target", target.uri,
          "--into", "\(folder.path)/\(name)", "--quiet",
        ])
      #expect(ran.status == 0, "\(ran.output)\(ran.errors)")
      #expect(try inserted(by: target) == rowCount)
    }
    let vanished = try target.psql(
      "SELECT sum(rows) FROM restage.row_count WHERE kind = 'vanished'")
    #expect(vanished == "1")
  }

  /// Between the two sets of this file columns changed their types and tables got primary keys.
  @Test("a schema that drifted between two backups is refused, and nothing changes")
  func drift() throws {
    let target = try TestPostgres()
    let folder = try TemporaryFolder()
    for (set, status) in [("1", Int32(0)), ("2", 76)] {
      let ran = try RestageTool.run(
        [
          "run", try SharedData.path("bak/two-sets-2005.bak"), "--set", set,
          "--target", target.uri, "--into", "\(folder.path)/\(set)", "--quiet",
        ])
      #expect(ran.status == status, "\(ran.output)\(ran.errors)")
      #expect(try rowsInFinalTables(of: target) == 68)
      guard status == 76 else { continue }
      #expect(ran.errors.contains("public.courses.credit_hours is character varying(30)"))
      #expect(ran.errors.contains("the source key of dbo.Students"))
    }
  }

  @Test("a table loaded alone finds its parents through the key maps of an earlier run")
  func partialLoad() throws {
    let target = try TestPostgres()
    let folder = try TemporaryFolder()
    let source = try SharedData.path("bak/northwind-2005.bak")
    let orphaned = try RestageTool.run(
      [
        "run", source, "--target", target.uri, "--into", "\(folder.path)/0",
        "--tables", "dbo.Orders", "--quiet",
      ])
    #expect(orphaned.status == 65, "orders without customers must fail: \(orphaned.errors)")
    #expect(try rowsInFinalTables(of: target) == 0)

    let mapping = "\(folder.path)/reject.yaml"
    try "on_orphan: reject\n".write(toFile: mapping, atomically: true, encoding: .utf8)
    let rehearsed = try RestageTool.run(
      [
        "run", source, "--target", target.uri, "--into", "\(folder.path)/rehearsal",
        "--tables", "dbo.Orders", "--mapping", mapping, "--rehearse", "--quiet",
      ])
    #expect(rehearsed.status == 3, "rejected, as the run itself: \(rehearsed.errors)")
    #expect(try rowsInFinalTables(of: target) == 0)

    let parents = try RestageTool.run(
      [
        "run", source, "--target", target.uri, "--into", "\(folder.path)/1", "--quiet",
        "--tables", "Customers,Employees,Shippers",
      ])
    #expect(parents.status == 0, "\(parents.output)\(parents.errors)")
    let children = try RestageTool.run(
      [
        "run", source, "--target", target.uri, "--into", "\(folder.path)/2", "--quiet",
        "--tables", "dbo.Orders",
      ])
    #expect(children.status == 0, "\(children.output)\(children.errors)")
    #expect(try target.psql("SELECT count(*) FROM public.orders") == "830")
    let resolved = try target.psql(
      "SELECT count(*) FROM public.orders JOIN public.employees USING (employee_id)")
    #expect(resolved == "830")
  }

  // MARK: - What the target says

  private func rowsInFinalTables(of target: TestPostgres) throws -> Int {
    let tables = try target.psql(
      "SELECT target_schema || '.' || quote_ident(target_table) FROM restage.table_map")
    return try tables.split(separator: "\n").reduce(0) {
      $0 + (Int(try target.psql("SELECT count(*) FROM \($1)")) ?? -1)
    }
  }

  private func inserted(by target: TestPostgres) throws -> Int {
    let sum = try target.psql(
      """
      SELECT coalesce(sum(rows_affected), 0) FROM restage.migration_audit
      WHERE operation = '40 insert' AND status = 'succeeded'
      """)
    return Int(sum) ?? -1
  }

  private func sequenceValues(of target: TestPostgres) throws -> String {
    try target.psql(
      """
      SELECT string_agg(schemaname || '.' || sequencename || '=' || coalesce(last_value, -1), ' '
        ORDER BY schemaname, sequencename)
      FROM pg_sequences WHERE schemaname <> 'restage'
      """)
  }

  /// Every primary key and enabled foreign key of the source stands in the target.
  private func expectConstraints(of target: TestPostgres, toBe truth: Truth) throws {
    for (kind, expected) in [("p", truth.primaryKeyCount), ("f", truth.foreignKeyCount)] {
      let found = try target.psql(
        """
        SELECT count(*) FROM pg_constraint AS c
        JOIN pg_class AS r ON r.oid = c.conrelid
        JOIN pg_namespace AS n ON n.oid = r.relnamespace
        JOIN restage.table_map AS m ON m.target_schema = n.nspname AND m.target_table = r.relname
        WHERE c.contype = '\(kind)'
        """)
      #expect(found == "\(expected)", "constraints of kind \(kind)")
    }
  }
}

/// What the truth of a file says that these tests need.
struct Truth {
  let rowCount: Int
  let primaryKeyCount: Int
  let foreignKeyCount: Int

  init(_ name: String) throws {
    let json = try JSONSerialization.jsonObject(
      with: Data(try SharedData.bytes("truth/\(name).json")))
    let object = try #require(json as? [String: Any])
    let totals = try #require(object["totals"] as? [String: Any])
    let schema = try #require(object["schema"] as? [String: Any])
    let tables = try #require(schema["tables"] as? [[String: Any]])
    rowCount = try #require(totals["rows"] as? Int)
    primaryKeyCount = tables.filter { $0["primary_key"] is [String: Any] }.count
    foreignKeyCount = tables.reduce(0) { sum, table in
      let keys = table["foreign_keys"] as? [[String: Any]] ?? []
      return sum + keys.filter { $0["disabled"] as? Bool != true }.count
    }
  }
}
