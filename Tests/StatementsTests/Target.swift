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
      contentsOfFile: SharedData.packageFolder + "/sql/restage--1.0.sql", encoding: .utf8)
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
  @discardableResult
  func load(_ rows: [String: [String]]) throws -> String {
    let run = UUID().uuidString.lowercased()
    let tables = Set(
      database.tables.indices.filter { rows[database.tables[$0].source.name] != nil })
    let files = Merge.files(for: database, tables: tables)
    var script = "\\set VERBOSITY verbose\nSET client_min_messages = warning;\n"
    script += Merge.keyMapFile(for: database).text
    script += "SELECT restage.begin_run('\(database.sourceName)', '\(run)');\n"
    for file in files where file.step == .stage {
      let lines = rows[database.tables[file.table].source.name] ?? []
      script += file.text + Merge.copyStatement(for: file.table, of: database) + ";\n"
      script += lines.map { $0 + "\n" }.joined() + "\\.\n"
    }
    script += "BEGIN;\n" + files.filter { $0.step != .stage }.map(\.text).joined()
    script += "SELECT restage.finish_run('\(run)');\nCOMMIT;\n"
    try postgres.psql(script)
    return run
  }

  /// What the last run counted: "artist: 2 inserted, 1 rejected; …", zeros left out.
  func counts() throws -> String {
    try postgres.psql(
      """
      SELECT string_agg(t.text, '; ' ORDER BY t.table_name)
      FROM (
        SELECT c.table_name, replace(c.table_name, 'public.', '') || ': ' || string_agg(c.rows || ' ' || c.kind, ', ' ORDER BY c.kind) AS text
        FROM restage.row_count AS c
        WHERE c.run_id = (SELECT r.id FROM restage.run AS r ORDER BY r.started_at DESC LIMIT 1)
          AND c.rows > 0
          AND c.kind <> 'allocated'
        GROUP BY c.table_name
      ) AS t
      """)
  }

  /// CSV lines that the proof finds, sorted.
  func content(of table: Int) throws -> [String] {
    try postgres.psql(proofText(of: table, "content.sql"))
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init).sorted()
  }

  /// The answer of a file of the proof, columns separated by `|`.
  func proof(of table: Int, _ name: String) throws -> String {
    try postgres.psql(proofText(of: table, name))
  }

  private func proofText(of table: Int, _ name: String) throws -> String {
    Proof.files(for: database).filter { $0.table == table && $0.path.hasSuffix("/\(name)") }
      .map(\.text).joined()
  }

  /// Where every row of final tables, key maps and the registry lies and which transaction wrote it,
  /// and where every sequence stands: equal texts mean that nothing was written.
  func traces() throws -> String {
    let relations =
      database.tables.flatMap { [$0.target.quoted, $0.keyMap.quoted] } + ["restage.table_map"]
    let rows = relations.map {
      "SELECT \(SQLLiteral.quoted($0)), count(*), md5(string_agg(concat_ws(' ', t.ctid, t.xmin, t.xmax), ',' ORDER BY t.ctid)) FROM \($0) AS t"
    }
    let sequences = database.tables.flatMap { $0.columns.compactMap(\.identity?.sequence.quoted) }
      .map { "SELECT \(SQLLiteral.quoted($0)), q.last_value, q.is_called::text FROM \($0) AS q" }
    return try postgres.psql((rows + sequences).joined(separator: "\nUNION ALL\n"))
  }
}
