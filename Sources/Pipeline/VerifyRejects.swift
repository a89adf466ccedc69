// Rows that the last run refused, or loaded without a parent, with a record of each: differences that
// are known and allowed.

import Catalog
import FoundationEssentials
import Staging
import Target

/// The rejects of one table in the last run that staged it.
struct KnownRejects: Sendable {
  /// Source keys of rows that were refused.
  var refused: Set<KeyHash> = []
  /// Source keys of rows that were loaded with a foreign key set to NULL, and its columns under their
  /// names in the source.
  var nulled: [KeyHash: Set<String>] = [:]
  /// Rows that were refused.
  var rowCount = 0
}

extension KnownRejects {
  /// Counts the rows of a table that the last run refused.
  ///
  /// - Returns: Nothing when no run has staged the table, or the database part is not installed.
  init(counting table: MappedTable, of source: String, _ connection: TargetConnection) async throws {
    guard let run = try await Self.lastRun(of: table, source, connection) else { return }
    let counted = try await connection.query(
      """
      SELECT coalesce(sum(c.rows), 0) AS rows
      FROM restage.row_count AS c
      WHERE c.run_id = $1::uuid
        AND c.table_name = $2
        AND c.kind = 'rejected'
      """, [run, table.target.quoted])
    rowCount = counted.firstInteger("rows") ?? 0
  }

  /// Reads the keys of these rows.
  ///
  /// - Throws: `VerifyProblem` when there are more than `rowCountMax`.
  mutating func readKeys(
    of table: MappedTable, source: String, rowCountMax: Int, _ connection: TargetConnection
  ) async throws {
    guard case .columns(let key) = table.sourceKey,
      let run = try await Self.lastRun(of: table, source, connection)
    else { return }
    let sourceNames = Dictionary(
      table.columns.map { ($0.name.name, $0.sourceName) }, uniquingKeysWith: { first, _ in first })
    self = try await connection.copyOut(
      Self.query(for: table, key: key, run: run), into: self
    ) { known, line in
      guard known.refused.count + known.nulled.count < rowCountMax else {
        throw VerifyProblem(
          "more than \(rowCountMax) rejects in the last run, too many to be held against the rows")
      }
      let cells = try RecordCells(UnsafeRawBufferPointer(rebasing: line.dropLast())).cells
      try known.add(cells, sourceNames)
    }
  }

  private mutating func add(_ cells: [[UInt8]?], _ sourceNames: [String: String]) throws {
    guard cells.count > 2, let isLoaded = cells[0] else { return }
    let key = KeyHash(Array(cells[2...]))
    guard isLoaded == Array("t".utf8) else {
      refused.insert(key)
      return
    }
    let names = try JSONDecoder().decode([String].self, from: Data(cells[1] ?? Array("[]".utf8)))
    nulled[key, default: []].formUnion(names.map { sourceNames[$0] ?? $0 })
  }

  /// Prints a reject's key as COPY prints the key's own columns: the JSON of the record writes dates
  /// and booleans in other ways.
  private static func query(for table: MappedTable, key: [Int], run: String) -> String {
    let cells = key.map { index in
      let column = table.columns[index]
      return "(r.source_key ->> \(SQLLiteral.quoted(column.sourceName)))::\(column.type)"
    }
    return """
      COPY (
        SELECT
          r.is_loaded,
          array_to_json(coalesce(r.column_names, '{}')),
          \(cells.joined(separator: ",\n    "))
        FROM restage.reject AS r
        WHERE r.run_id = \(SQLLiteral.quoted(run))::uuid
          AND r.table_name = \(SQLLiteral.quoted(table.target.quoted))
          AND r.source_key IS NOT NULL
      ) TO STDOUT WITH (FORMAT csv)
      """
  }

  /// The last successful run that staged this table.
  private static func lastRun(
    of table: MappedTable, _ source: String, _ connection: TargetConnection
  ) async throws -> String? {
    let installed = try await connection.query(
      "SELECT to_regclass('restage.staged') IS NOT NULL AS found")
    guard installed.first("found") == "t" else { return nil }
    return try await connection.query(
      """
      SELECT g.run_id
      FROM restage.staged AS g
      JOIN restage.run AS r
        ON r.id = g.run_id
      WHERE g.table_name = $1
        AND r.source_name = $2
        AND r.status = 'succeeded'
        AND r.mode = 'load'
      ORDER BY r.started_at DESC
      LIMIT 1
      """, [table.target.quoted, source]
    ).first("run_id")
  }
}
