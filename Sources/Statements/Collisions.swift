public import Catalog

/// The queries that say which rows claim the values of one unique key. They are asked when the server
/// has refused a duplicate: what was staged is still there then, and the target is as it was before.
public enum Collisions {
  /// What stands in column `state`: what becomes of the row that holds the values already.
  public enum State: String, Sendable {
    /// Staged too: the two are equal in PostgreSQL alone.
    case staged
    /// In the target under a source key that the source no longer has.
    case vanished
    /// Gets other values in the same run.
    case changing
    /// Keeps its values.
    case kept
    /// In the target, and in no key map of this source.
    case unknown
  }

  /// One query for each unique key of a table that can collide; none for a table keyed by its whole
  /// row, whose rows have no name. Columns `value`, `staged_row`, `holder`, `state`.
  public static func queries(
    for table: Int, of database: MappedDatabase
  ) -> [(key: Identifier, query: String)] {
    let names = TableNames(database: database, index: table)
    return names.uniqueKeys.map { ($0.name, names.collisionQuery($0)) }
  }
}

/// A unique key, whether PostgreSQL has it as a constraint or as an index.
struct UniqueKey {
  let name: Identifier
  let columns: [Int]
  var predicate: String?
  let nullsNotDistinct: Bool
}

extension TableNames {
  /// A new surrogate key cannot collide, every other key can.
  var uniqueKeys: [UniqueKey] {
    guard !isWholeRow else { return [] }
    let primary = surrogate == nil ? [mapped.primaryKey].compactMap { $0 } : []
    return (primary + mapped.uniqueConstraints).map {
      UniqueKey(name: $0.name, columns: $0.columns, nullsNotDistinct: $0.nullsNotDistinct)
    }
      + mapped.indexes.filter(\.isUnique).map {
        UniqueKey(
          name: $0.name, columns: $0.parts.map(\.column), predicate: $0.predicate,
          nullsNotDistinct: $0.nullsNotDistinct)
      }
  }

  fileprivate func collisionQuery(_ key: UniqueKey) -> String {
    let filter = key.predicate.map { "\nWHERE \($0)" } ?? ""
    let ownKey = rowOf(keyColumns, "s")
    return """
      WITH staged AS (
        SELECT *
        FROM \(stage)\(filter.indented(by: 2))
      ),
      held AS (
        \(block: heldRows(key), indent: 2)
      )
      SELECT
        \(block: object(of: key.columns, "s"), indent: 2) AS value,
        \(block: keyObject(of: "s"), indent: 2) AS staged_row,
        \(block: keyObject(of: "o"), indent: 2) AS holder,
        'staged' AS state
      FROM staged AS s
      JOIN staged AS o
        ON \(all: equalities(key, "o"), indent: 2)
        AND \(ownKey) < \(rowOf(keyColumns, "o"))
      UNION ALL
      SELECT
        \(block: object(of: key.columns, "s"), indent: 2) AS value,
        \(block: keyObject(of: "s"), indent: 2) AS staged_row,
        \(block: keyObject(of: "t"), indent: 2) AS holder,
        CASE
          WHEN NOT t.\(isKnownName) THEN 'unknown'\(skippedCase)
          WHEN o.\(column(keyColumns[0])) IS NULL THEN 'vanished'
          WHEN \(rowOf(key.columns, "o")) IS DISTINCT FROM \(rowOf(key.columns, "t")) THEN 'changing'
          ELSE 'kept'
        END AS state
      FROM staged AS s
      JOIN held AS t
        ON \(all: equalities(key, "t"), indent: 2)
      LEFT JOIN \(stage) AS o
        ON \(all: keyColumns.map { "o.\(column($0)) = t.\(column($0))" }, indent: 2)
      WHERE NOT (t.\(isKnownName) AND \(ownKey) IS NOT DISTINCT FROM \(rowOf(keyColumns, "t")))
      LIMIT 20;
      """
  }

  private var isKnownName: String { unused("is_known") }
  private var isSkippedName: String { unused("is_skipped") }

  /// A row of a chunk that was not staged is in the snapshot, and is as it was.
  private var skippedCase: String {
    chunkName == nil ? "" : "\n    WHEN t.\(isSkippedName) THEN 'staged'"
  }

  /// Whether the last run that staged rows of the table took the row's chunk for unchanged.
  private var isSkipped: [String] {
    guard chunkName != nil else { return [] }
    return [
      """
      EXISTS (
        SELECT
        FROM restage.chunk AS c
        WHERE c.run_id = (
            SELECT r.id
            FROM restage.staged AS g
            JOIN restage.run AS r
              ON r.id = g.run_id
            WHERE r.source_name = \(SQLLiteral.quoted(database.sourceName))
              AND g.table_name = \(auditName)
            ORDER BY r.started_at DESC
            LIMIT 1
          )
          AND c.table_name = \(auditName)
          AND c.is_skipped
          AND c.chunk_id = k.chunk
      ) AS \(isSkippedName)
      """
    ]
  }

  /// Rows of the final table with the key's columns and the source key as they stood in the source.
  private func heldRows(_ key: UniqueKey) -> String {
    let shown = Set(key.columns + keyColumns).sorted()
    let values =
      shown.map { "\(mappedBack($0)) AS \(column($0))" }
      + ["k.first_run IS NOT NULL AS \(isKnownName)"] + isSkipped
    let needed = surrogate.map { surrogate in shown.filter { $0 != surrogate.column } } ?? shown
    let rows =
      key.predicate.map { "(SELECT * FROM \(target) WHERE \($0))" } ?? target
    return """
      SELECT
        \(lines: values, indent: 2)
      FROM \(rows) AS t
      \(lines: mappedBackJoins(of: needed) + ["LEFT \(ownJoin)"], indent: 0, separator: "")
      """
  }

  private func equalities(_ key: UniqueKey, _ holder: String) -> [String] {
    key.columns.map { index in
      let pair = ("\(holder).\(column(index))", "s.\(column(index))")
      return key.nullsNotDistinct && mapped.columns[index].isNullable
        ? Self.nullsAlike(pair.0, pair.1) : "\(pair.0) = \(pair.1)"
    }
  }

  /// Equal, or both NULL. Elements of arrays compare so, and unlike IS NOT DISTINCT FROM they can be
  /// hashed: one pass over each side, however many rows there are.
  static func nullsAlike(_ left: String, _ right: String) -> String {
    "ARRAY[\(left)] = ARRAY[\(right)]"
  }

  private func rowOf(_ columns: [Int], _ alias: String) -> String {
    "ROW(\(columns.map { "\(alias).\(column($0))" }.joined(separator: ", ")))"
  }

  /// `verify/003_dbo.Album/unique.sql`.
  var collisionFile: [GeneratedFile] {
    let queries = uniqueKeys.map { "-- \(comment: $0.name.name)\n\(collisionQuery($0))" }
    guard !queries.isEmpty else { return [] }
    return [
      GeneratedFile(
        proofOf: self, name: "unique.sql",
        purpose: "after a run that ended with \"duplicate key\": rows that claim the same values",
        body: queries.joined(separator: "\n\n"))
    ]
  }
}
