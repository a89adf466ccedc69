import Catalog
import Statements
import TestSupport
import Testing

/// What must not happen is a nested loop that reads a table once for each row of another: a load of
/// some thousand rows passes with it, and one of a million never ends.
@Suite("Plans of 50,000 rows")
struct PlanTests {
  private static let rowCount = 50_000

  @Test(
    "no table is read once for each row, on the first night and on those that follow",
    arguments: [Situation.identityKey, .wholeRow, .orphansRejected])
  func scans(_ situation: Situation) throws {
    let target = try Target(situation.database)
    let count = Self.rowCount
    let nights = [
      ("first", count), ("quiet", count), ("1 %", count + 500), ("emptied", 0), ("returned", count),
    ]
    for (name, rowCount) in nights {
      let plans = try target.plans(ofRows: rowCount)
      let scanCount = plans.split(separator: "\n").count { $0.contains("Scan") }
      #expect(scanCount > 10, "these are no plans: \(plans.prefix(500))")
      #expect(Self.repeatedScans(plans) == [], "\(situation.name), \(name) night")
    }
  }

  /// Scans of whole tables that ran more than a few times.
  private static func repeatedScans(_ plans: String) -> [String] {
    plans.split(separator: "\n").filter { line in
      guard line.contains("Seq Scan") || line.contains("CTE Scan"),
        let loops = line.split(separator: "loops=").last?.prefix(while: \.isNumber)
      else { return false }
      return (Int(loops) ?? 0) > 8
    }.map(String.init)
  }
}

extension Target {
  /// The plans of every statement of a load, with what was really read. Every column of a row holds
  /// the row's number, so that each row finds its parents.
  fileprivate func plans(ofRows rowCount: Int) throws -> String {
    let script = loadScript(of: Set(database.tables.indices)) { index in
      let table = database.tables[index]
      let values = table.columns.map { $0.type == "bytea" ? "NULL" : "g.number::text::\($0.type)" }
      return "INSERT INTO \(table.stage.quoted) SELECT \(values.joined(separator: ", ")) "
        + "FROM generate_series(1, \(rowCount)) AS g (number);\n"
    }
    let ran = try Shell.run(
      "psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", postgres.uri, "-f", "-"],
      input: """
        LOAD 'auto_explain';
        SET auto_explain.log_analyze = on;
        SET auto_explain.log_timing = off;
        SET auto_explain.log_nested_statements = on;
        SET auto_explain.log_min_duration = 0;
        SET client_min_messages = log;
        SET statement_timeout = '120s';
        \(script)
        """)
    try #require(ran.status == 0, "\(ran.errors.suffix(2000))")
    return ran.errors
  }
}
