import Catalog
import Target

/// Holds the final tables that are in the target to what the plan says of them.
struct Drift {
  let connection: TargetConnection
  let database: MappedDatabase

  /// - Returns: True on an empty target, where the plan's definitions are to run.
  /// - Throws: `drifted`, naming each table and column that is not as planned.
  func check() async throws -> Bool {
    try await checkKeyMapOwners()
    let found = try await columns(of: database.tables.map(\.target))
    let missing = database.tables.filter { found[$0.target.quoted] == nil }
    if missing.count == database.tables.count { return true }
    var differences = missing.map { "table \($0.target.quoted) is not in the target" }
    for table in database.tables {
      guard let columns = found[table.target.quoted] else { continue }
      differences += Self.differences(of: table, to: columns)
    }
    let keyMaps = try await columns(of: database.tables.map(\.keyMap))
    for table in database.tables {
      guard let columns = keyMaps[table.keyMap.quoted] else { continue }
      differences += Self.keyDifferences(of: table, to: columns)
    }
    guard differences.isEmpty else {
      throw PipelineError(
        .drifted,
        "the target's tables are not what the plan says: "
          + differences.prefix(20).joined(separator: "; ")
          + (differences.count > 20 ? "; and \(differences.count - 20) more" : ""),
        advice: "alter the target as ddl/20_tables.sql of the plan shows, then run again")
    }
    return false
  }

  /// A key map belongs to one table of one source. Two sources could end at one name: `a_b` with schema
  /// `c`, and `a` with schema `b_c`.
  private func checkKeyMapOwners() async throws {
    let owners = try await connection.query(
      """
      SELECT m.key_map_table, m.source_name, m.source_schema, m.source_table
      FROM restage.table_map AS m
      """)
    let planned = Dictionary(
      database.tables.map { ($0.keyMap.quoted, $0.source) }, uniquingKeysWith: { first, _ in first }
    )
    for row in owners.rows {
      guard row.count == 4, let keyMap = row[0], let source = planned[keyMap] else { continue }
      let owner = [row[1], row[2], row[3]]
      guard owner != [database.sourceName, source.schema, source.name] else { continue }
      throw PipelineError(
        .wrongMapping,
        """
        key map \(keyMap) belongs to \(owner.compactMap(\.self).joined(separator: ".")) and would be \
        used for \(database.sourceName).\(source)
        """,
        advice: "give this source another name in the mapping (source: NAME)")
    }
  }

  /// Type by column, by table, of every table that exists, as the server spells them.
  private func columns(
    of tables: [QualifiedIdentifier]
  ) async throws -> [String: [String: String]] {
    guard !tables.isEmpty else { return [:] }
    let names = tables.map { table in
      let name = SQLLiteral.quoted(table.quoted)
      return "(\(name), to_regclass(\(name)))"
    }
    let result = try await connection.query(
      """
      SELECT
        n.planned,
        a.attname,
        format_type(a.atttypid, a.atttypmod) AS type
      FROM (
        VALUES
          \(names.joined(separator: ",\n    "))
      ) AS n (planned, relation)
      JOIN pg_attribute AS a
        ON a.attrelid = n.relation
        AND a.attnum > 0
        AND NOT a.attisdropped
      """)
    var found: [String: [String: String]] = [:]
    for row in result.rows {
      guard row.count == 3, let table = row[0], let column = row[1] else { continue }
      found[table, default: [:]][column] = row[2]
    }
    return found
  }

  private static func differences(of table: MappedTable, to found: [String: String]) -> [String] {
    table.columns.compactMap { column in
      let name = "column \(table.target.quoted).\(column.name.quoted)"
      guard let type = found[column.name.name] else { return "\(name) is not in the target" }
      let planned = ServerTypeName.spelled(column.type)
      return planned == type ? nil : "\(name) is \(type), planned \(planned)"
    }
  }

  /// A key map made for another source key cannot tell rows apart by the planned one.
  private static func keyDifferences(
    of table: MappedTable, to found: [String: String]
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
