import Catalog
import Logging
import Target

/// What of the plan's definitions is in a target.
enum TargetState: Sendable {
  /// No table.
  case empty
  /// What a first load that committed table by table had made when it died.
  case unfinished
  /// All tables. Nothing is made any more, so that what was altered since stays as it is.
  case complete
}

/// Holds the final tables that are in the target to what the plan says of them.
struct Drift {
  let connection: TargetConnection
  let database: MappedDatabase
  let logger: Logger

  /// - Returns: Which of the plan's definitions are to run: all, those that are missing, or none.
  /// - Throws: `wrongMapping` for a key map of another source; `drifted`, naming each table and column
  ///   that is not as planned.
  func check() async throws -> TargetState {
    let registered = try await Registration.all(on: connection)
    try checkKeyMapOwners(registered)
    try await checkBindings()
    let found = try await columns(of: database.tables.map(\.target))
    let missing = database.tables.filter { found[$0.target.quoted] == nil }
    if missing.count == database.tables.count { return .empty }
    let isUnfinished = try await isUnfinished()
    let new = isUnfinished ? [] : newTables(missing, registered)
    var differences = (isUnfinished ? [] : missing).filter { !new.contains($0.source) }.map {
      "table \($0.target.quoted) is not in the target"
    }
    for table in database.tables {
      guard let columns = found[table.target.quoted] else { continue }
      differences += Self.differences(of: table, to: columns)
    }
    let keyMaps = try await columns(of: database.tables.map(\.keyMap))
    for table in database.tables {
      guard let columns = keyMaps[table.keyMap.quoted] else { continue }
      differences += Self.keyDifferences(of: table, to: columns)
    }
    differences += try await obstacles(
      to: database.tables.filter { found[$0.target.quoted] != nil })
    guard differences.isEmpty else {
      throw PipelineError(
        .drifted,
        "the target's tables are not what the plan says: " + Self.list(differences),
        advice: "alter the target as ddl/20_tables.sql of the plan shows, then run again")
    }
    guard new.isEmpty else { throw Self.refusal(of: missing) }
    if isUnfinished { return .unfinished }
    try await checkRings()
    try await warnOfRows(registered)
    return .complete
  }

  /// Whether the last load that made tables of this source did not come to its end.
  private func isUnfinished() async throws -> Bool {
    let found = try await connection.query(
      """
      SELECT r.options ->> 'definitions' AS definitions
      FROM restage.run AS r
      WHERE r.source_name = $1
        AND r.options ? 'definitions'
      ORDER BY r.started_at DESC
      LIMIT 1
      """, [database.sourceName])
    return found.first("definitions") == "begun"
  }

  /// Tables that are not in the target because they came into the source after the first load.
  private func newTables(
    _ missing: [MappedTable], _ registered: [Registration]
  ) -> Set<ObjectName> {
    let loaded = registered.filter { $0.sourceName == database.sourceName }.map(\.source)
    return loaded.isEmpty ? [] : Set(missing.map(\.source)).subtracting(loaded)
  }

  /// Definitions run once, with the first load, so that nothing that was altered since is made again.
  private static func refusal(of new: [MappedTable]) -> PipelineError {
    PipelineError(
      .drifted,
      "new in the source since the last load, and not in the target: "
        + list(new.map { "\($0.source) (\($0.target.quoted))" }),
      advice: """
        make each by hand, once: run ddl/10_schemas.sql of the plan, then what ddl/20_tables.sql to \
        ddl/60_comments.sql say of these tables, and run again; or skip them in the mapping
        """)
  }

  private static func list(_ problems: [String]) -> String {
    problems.prefix(20).joined(separator: "; ")
      + (problems.count > 20 ? "; and \(problems.count - 20) more" : "")
  }
}

// MARK: - What earlier loads are bound to

/// A row of `restage.table_map`.
struct Registration {
  let keyMap: String
  let sourceName: String
  let source: ObjectName
  let target: ObjectName

  static func all(on connection: TargetConnection) async throws -> [Registration] {
    let found = try await connection.query(
      """
      SELECT
        m.key_map_table, m.source_name, m.source_schema, m.source_table, m.target_schema,
        m.target_table
      FROM restage.table_map AS m
      """)
    return found.rows.map { row in
      let texts = row.map { $0 ?? "" }
      return Registration(
        keyMap: texts[0], sourceName: texts[1], source: ObjectName(texts[2], texts[3]),
        target: ObjectName(texts[4], texts[5]))
    }
  }
}

extension Drift {
  /// A source's name stands for one database: two that are spelled alike would overwrite each other.
  /// Asked once a run, before anything is made of what earlier runs left: the run's lock on the source
  /// keeps the answer, and `ddl/15_key_maps.sql` claims the name.
  func checkSource() async throws {
    let claimed = try await connection.query(
      "SELECT s.database_name FROM restage.source AS s WHERE s.source_name = $1",
      [database.sourceName])
    guard let name = claimed.first("database_name"), name != database.databaseName else { return }
    throw PipelineError(
      .wrongMapping,
      """
      source '\(database.sourceName)' is database '\(name)' in this target, and this is database \
      '\(database.databaseName)'
      """,
      advice: """
        give this source a name of its own in the mapping (source: NAME); where it is the same \
        database under a new name: UPDATE restage.source SET database_name = \
        \(SQLLiteral.quoted(database.databaseName)) WHERE source_name = \
        \(SQLLiteral.quoted(database.sourceName))
        """)
  }

  /// A key map belongs to one source. Two could end at one name: `a_b` with schema `c`, and `a` with
  /// schema `b_c`.
  private func checkKeyMapOwners(_ registered: [Registration]) throws {
    let planned = Dictionary(
      database.tables.map { ($0.keyMap.quoted, $0.source) }, uniquingKeysWith: { first, _ in first }
    )
    for owner in registered where owner.sourceName != database.sourceName {
      guard let source = planned[owner.keyMap] else { continue }
      throw PipelineError(
        .wrongMapping,
        """
        key map \(owner.keyMap) belongs to \(owner.sourceName).\(owner.source) and would be used for \
        \(database.sourceName).\(source)
        """,
        advice: "give this source another name in the mapping (source: NAME)")
    }
  }

  /// A table that was loaded stays with its final table and its key map. Names can change hands when
  /// the mapping changes, or when a table with the same spelling appears.
  private func checkBindings() async throws {
    guard !database.tables.isEmpty else { return }
    let rows = database.tables.map { table in
      let values = [
        table.source.schema, table.source.name, table.target.schema.name, table.target.name.name,
        table.keyMap.quoted,
      ]
      return "(" + values.map(SQLLiteral.quoted).joined(separator: ", ") + ")"
    }
    let found = try await connection.query(
      """
      SELECT p.problem, p.advice
      FROM (
        VALUES
          \(rows.joined(separator: ",\n    "))
      ) AS v (source_schema, source_table, target_schema, target_table, key_map)
      CROSS JOIN LATERAL restage.table_problems(
        $1, v.source_schema, v.source_table, v.target_schema, v.target_table, v.key_map
      ) AS p
      """, [database.sourceName])
    let problems = found.values(of: "problem").compactMap(\.self)
    guard !problems.isEmpty else { return }
    let advice = found.values(of: "advice").compactMap(\.self)
    throw PipelineError(
      .drifted, Self.list(problems),
      advice: advice.isEmpty
        ? "give the table that is new another name in the mapping (rename); docs/key-maps.md"
        : Self.list(advice))
  }

  /// Rows that were there before the first load may well be an application's. They may also be those
  /// of loads that nothing remembers any more, which only a person can tell. Where a natural key is
  /// declared they are looked through for rows of the source anyway.
  private func warnOfRows(_ registered: [Registration]) async throws {
    let targets = Set(registered.map(\.target))
    for table in database.tables
    where table.naturalKey.isEmpty
      && !targets.contains(ObjectName(table.target.schema.name, table.target.name.name))
    {
      let name = table.target.quoted
      let counted = try await connection.query("SELECT count(*) AS rows FROM \(name)")
      guard let rows = counted.firstInteger("rows"), rows > 0 else { continue }
      logger.warning(
        "rows that restage did not load stay beside those of the source",
        metadata: ["table": "\(name)", "rows": "\(rows)"])
    }
  }
}
