// What is held against the plan: columns, their types and how they get their values, the key maps'
// keys, and what would keep rows from arriving as they are sent.

import Catalog
import Target

/// A column as it is in the target.
struct FoundColumn: Sendable {
  /// As the server spells it.
  let type: String
  /// GENERATED ALWAYS, as identity or from an expression: no row can bring a value.
  let isAlwaysGenerated: Bool
}

extension Drift {
  /// Columns by name, by table, of every table that exists.
  func columns(
    of tables: [QualifiedIdentifier]
  ) async throws -> [String: [String: FoundColumn]] {
    guard !tables.isEmpty else { return [:] }
    let result = try await connection.query(
      """
      SELECT
        n.planned,
        a.attname,
        format_type(a.atttypid, a.atttypmod) AS type,
        a.attidentity = 'a' OR a.attgenerated <> '' AS always
      FROM \(Self.relations(tables)) AS n (planned, relation)
      JOIN pg_attribute AS a
        ON a.attrelid = n.relation
        AND a.attnum > 0
        AND NOT a.attisdropped
      """)
    var found: [String: [String: FoundColumn]] = [:]
    for row in result.rows {
      guard row.count == 4, let table = row[0], let column = row[1], let type = row[2] else {
        continue
      }
      found[table, default: [:]][column] = FoundColumn(
        type: type, isAlwaysGenerated: row[3] == "t")
    }
    return found
  }

  static func relations(_ names: [QualifiedIdentifier]) -> String {
    let rows = names.map { name in
      let text = SQLLiteral.quoted(name.quoted)
      return "(\(text), to_regclass(\(text)))"
    }
    return """
      (
        VALUES
          \(rows.joined(separator: ",\n    "))
      )
      """
  }

  static func differences(of table: MappedTable, to found: [String: FoundColumn]) -> [String] {
    let own = table.ownColumns.filter { found[$0.name.name] == nil }.map { name, type in
      "column \(table.target.quoted).\(name.quoted) (\(type)) is not in the target"
    }
    let differences: [String] = table.columns.compactMap { column in
      let name = "column \(table.target.quoted).\(column.name.quoted)"
      guard let there = found[column.name.name] else { return "\(name) is not in the target" }
      guard !there.isAlwaysGenerated else {
        return "\(name) is generated (GENERATED ALWAYS), so that no row can bring its value"
      }
      let planned = ServerTypeName.spelled(column.type)
      return planned == there.type ? nil : "\(name) is \(there.type), planned \(planned)"
    }
    return own + differences
  }

  /// A key map made for another source key cannot tell rows apart by the planned one.
  static func keyDifferences(
    of table: MappedTable, to found: [String: FoundColumn]
  ) -> [String] {
    let made = found.keys.filter { $0.hasPrefix("source_") }.sorted()
    let planned = table.keyMapColumns.map(\.name).sorted()
    guard made != planned else { return [] }
    return [
      """
      the source key of \(table.source) is \(planned.joined(separator: ", ")), its key map was made \
      for \(made.joined(separator: ", "))
      """
    ]
  }

  /// What stands between a row and its final table: something else under the table's name, rules that
  /// rewrite what is sent, and identity sequences that are gone.
  ///
  /// - Parameter tables: Those that are in the target.
  func obstacles(to tables: [MappedTable]) async throws -> [String] {
    guard !tables.isEmpty else { return [] }
    let relations = try await connection.query(
      """
      SELECT
        n.planned,
        CASE c.relkind
          WHEN 'r' THEN NULL
          WHEN 'p' THEN NULL
          WHEN 'v' THEN 'a view'
          WHEN 'm' THEN 'a materialized view'
          WHEN 'f' THEN 'a foreign table'
          ELSE 'no table'
        END AS other_kind,
        (
          SELECT string_agg(r.rulename, ', ' ORDER BY r.rulename)
          FROM pg_rewrite AS r
          WHERE r.ev_class = c.oid
            AND r.ev_type <> '1'
            AND r.ev_enabled <> 'D'
        ) AS rules
      FROM \(Self.relations(tables.map(\.target))) AS n (planned, relation)
      JOIN pg_class AS c
        ON c.oid = n.relation
      """)
    var obstacles: [String] = []
    for row in relations.rows {
      guard row.count == 3, let table = row[0] else { continue }
      if let kind = row[1] {
        obstacles.append("\(table) is \(kind)")
      } else if let rules = row[2] {
        obstacles.append("table \(table) has rule \(rules), which rewrites what is sent to it")
      }
    }
    return try await obstacles + missingSequences(of: tables)
  }

  private func missingSequences(of tables: [MappedTable]) async throws -> [String] {
    let columns = tables.flatMap { table in
      table.columns.compactMap { column in
        column.identity.map { ("\(table.target.quoted).\(column.name.quoted)", $0.sequence) }
      }
    }
    guard !columns.isEmpty else { return [] }
    let found = try await connection.query(
      """
      SELECT n.planned
      FROM \(Self.relations(columns.map(\.1))) AS n (planned, relation)
      LEFT JOIN pg_class AS c
        ON c.oid = n.relation
        AND c.relkind = 'S'
      WHERE c.oid IS NULL
      """)
    let missing = Set(found.values(of: "planned").compactMap(\.self))
    return columns.filter { missing.contains($0.1.quoted) }.map { column, sequence in
      "identity sequence \(sequence.quoted) of column \(column) is not in the target"
    }
  }
}

/// Type names as `format_type` spells them.
enum ServerTypeName {
  private static let spellings: [String: String] = [
    "varchar": "character varying", "char": "character", "timestamp": "timestamp",
    "timestamptz": "timestamp", "time": "time",
  ]

  static func spelled(_ type: String) -> String {
    let parts = type.split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = parts.first.map(String.init), let spelling = spellings[name] else {
      return type
    }
    let arguments = parts.count == 2 ? "(\(parts[1])" : ""
    switch name {
    case "timestamp", "time": return "\(spelling)\(arguments) without time zone"
    case "timestamptz": return "\(spelling)\(arguments) with time zone"
    default: return spelling + arguments
    }
  }
}
