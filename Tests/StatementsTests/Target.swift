import Catalog
import Foundation
import Statements
import TestSupport

/// A database with the final tables, on which a test loads night after night.
struct Target {
  let postgres: TestPostgres
  let database: MappedDatabase

  /// - Parameter withConstraints: Whether keys and foreign keys are there before the first row, as
  ///   they are on every night but the first.
  init(_ database: MappedDatabase, withConstraints: Bool = true) throws {
    self.database = database
    postgres = try TestPostgres()
    let script = try String(
      contentsOfFile: SharedData.packageFolder + "/Sources/Pipeline/install.sql", encoding: .utf8)
    try postgres.psql("SET client_min_messages = warning;\n" + script)
    try postgres.psql(FinalTables.tables(of: database))
    if withConstraints { try addConstraints() }
  }

  func addConstraints() throws {
    try postgres.psql(
      FinalTables.keys(of: database) + FinalTables.foreignKeys(of: database))
  }

  /// Loads rows as a run does: stage tables, COPY, then every file in one transaction. An error is
  /// thrown with its SQLSTATE and leaves the target as it was.
  ///
  /// - Parameter rows: CSV lines by source table; tables that are not named do not take part.
  /// - Returns: What a person finds afterwards.
  @discardableResult
  func load(_ rows: [String: [String]]) throws -> Findings {
    let tables = Set(
      database.tables.indices.filter { rows[database.tables[$0].source.name] != nil })
    let script = loadScript(of: tables) { table in
      let lines = rows[database.tables[table].source.name] ?? []
      return Merge.copyStatement(for: table, of: database) + ";\n"
        + lines.map { $0 + "\n" }.joined() + "\\.\n"
    }
    let header = "\\set VERBOSITY verbose\nSET client_min_messages = warning;\n"
    return Findings(output: try postgres.psql(header + script + questions(about: tables)))
  }

  /// A load as a script for psql.
  ///
  /// - Parameter filling: What fills the stage table of a table.
  func loadScript(of tables: Set<Int>, filling: (Int) -> String) -> String {
    let run = UUID().uuidString.lowercased()
    let files = Merge.files(for: database, tables: tables)
    var script = Merge.keyMapFile(for: database).text
    script += "SELECT restage.begin_run('\(database.sourceName)', '\(run)');\n"
    for file in files where file.step == .stage {
      script += file.text + filling(file.table)
    }
    script += "BEGIN;\n" + files.filter { $0.step != .stage }.map(\.text).joined()
    return script + "SELECT restage.finish_run('\(run)');\nCOMMIT;\n"
  }

  /// What is in the target without a load.
  func look() throws -> Findings { Findings(output: try postgres.psql(questions(about: []))) }

  private func questions(about tables: Set<Int>) -> String {
    var parts = [("counts", Self.counts), ("rows", rowTraces)]
    if !sequences.isEmpty { parts.append(("sequences", sequences)) }
    for file in Proof.files(for: database) {
      guard let table = file.table, tables.contains(table) else { continue }
      let name = file.path.split(separator: "/").last ?? ""
      parts.append(("\(table) \(name)", file.text))
    }
    return parts.map { "\\echo \(Findings.marker)\($0)\n\($1)\n" }.joined()
      + "\\echo \(Findings.marker)end\n"
  }

  /// What the last run counted: "artist: 2 inserted, 1 rejected; …", zeros left out.
  private static let counts = """
    SELECT string_agg(t.text, '; ' ORDER BY t.table_name)
    FROM (
      SELECT
        c.table_name,
        replace(c.table_name, 'public.', '') || ': '
          || string_agg(c.rows || ' ' || c.kind, ', ' ORDER BY c.kind) AS text
      FROM restage.row_count AS c
      WHERE c.run_id = (SELECT r.id FROM restage.run AS r ORDER BY r.started_at DESC LIMIT 1)
        AND c.rows > 0
        AND c.kind <> 'allocated'
      GROUP BY c.table_name
    ) AS t;
    """

  /// Where every row of final tables, key maps and the registry lies and which transaction wrote it.
  private var rowTraces: String {
    let relations =
      database.tables.flatMap { [$0.target.quoted, $0.keyMap.quoted] } + ["restage.table_map"]
    return relations.filter { !$0.isEmpty }.map {
      "SELECT count(*), md5(string_agg(concat_ws(' ', t.ctid, t.xmin), ',' ORDER BY t.ctid)) FROM \($0) AS t;"
    }.joined(separator: "\n")
  }

  private var sequences: String {
    database.tables.flatMap { $0.columns.compactMap(\.identity?.sequence.quoted) }
      .map { "SELECT q.last_value, q.is_called FROM \($0) AS q;" }.joined(separator: "\n")
  }
}

/// What psql printed, question by question.
struct Findings {
  static let marker = "@@@ "
  private let answers: [String: String]

  init(output: String) {
    var answers: [String: String] = [:]
    for part in "\n\(output)".components(separatedBy: "\n\(Self.marker)").dropFirst() {
      let lines = part.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      answers[String(lines[0])] = lines.count == 2 ? String(lines[1]) : ""
    }
    self.answers = answers
  }

  /// "artist: 2 inserted, 1 rejected; …".
  var counts: String { answers["counts"] ?? "" }

  /// Equal texts mean that no row was written in between …
  var rowTraces: String { answers["rows"] ?? "" }

  /// … and no sequence moved.
  var sequences: String { answers["sequences"] ?? "" }

  /// CSV lines that the proof finds, sorted.
  func content(of table: Int) -> [String] {
    (answers["\(table) content.sql"] ?? "missing")
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init).sorted()
  }

  /// Numbers that a file of the proof answers with.
  func numbers(of table: Int, _ name: String) -> [Int] {
    (answers["\(table) \(name)"] ?? "").split { $0 == "|" || $0 == "\n" }.compactMap { Int($0) }
  }
}
