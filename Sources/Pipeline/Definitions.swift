// The plan's definitions one by one: a load that commits table by table makes those of a table with its
// rows, and one that goes on makes those that are missing.

import Catalog
import Target
import Translation

/// A statement of one of the plan's DDL files.
struct Definition: Sendable {
  /// The file whose part it is.
  let file: PlanFile
  /// Index into `MappedDatabase.tables`.
  let table: Int
  /// The constraint or index that it makes; nil for the table itself and its comments.
  let object: Identifier?
  let sql: String

  /// Whether it may be executed again: a comment.
  var isRepeatable: Bool { object == nil && file.phase == .constraints }

  /// - Parameter there: As `Plan.definitionsThere` says it.
  fileprivate func isMissing(_ there: [Int: Set<String>]) -> Bool {
    guard let names = there[table] else { return true }
    return object.map { !names.contains($0.name) } ?? isRepeatable
  }
}

extension Plan {
  /// The definitions that the target does not have, in the order of the files.
  ///
  /// - Throws: `usage` for a plan of another version, whose files cannot be taken apart.
  func missingDefinitions(on connection: TargetConnection) async throws -> [Definition] {
    let there = try await definitionsThere(on: connection)
    return try definitions().filter { $0.isMissing(there) }
  }

  private func definitions() throws -> [Definition] {
    let files = Dictionary(
      self.files.filter(\.phase.isDefinition).map { ($0.path, $0) },
      uniquingKeysWith: { first, _ in first })
    return try DDL.files(for: database).flatMap { made in
      guard let file = files[made.path] else { return [Definition]() }
      guard made.text == texts[made.path] else {
        throw PipelineError(
          .usage, "\(made.path) of the plan is not as this version of restage writes it",
          advice: "plan again: its statements are needed one by one")
      }
      return made.statements.compactMap { statement in
        statement.table.map {
          Definition(file: file, table: $0, object: statement.object, sql: statement.sql)
        }
      }
    }
  }

  /// Names of constraints and indexes by table, for the tables that are there.
  private func definitionsThere(
    on connection: TargetConnection
  ) async throws -> [Int: Set<String>] {
    guard !database.tables.isEmpty else { return [:] }
    let found = try await connection.query(
      """
      WITH final AS MATERIALIZED (
        SELECT
          n.planned,
          n.relation
        FROM \(Drift.relations(database.tables.map(\.target))) AS n (planned, relation)
        WHERE n.relation IS NOT NULL
      )
      SELECT f.planned, NULL AS name
      FROM final AS f
      UNION ALL
      SELECT f.planned, c.conname::text
      FROM final AS f
      JOIN pg_constraint AS c
        ON c.conrelid = f.relation
      UNION ALL
      SELECT f.planned, c.relname::text
      FROM final AS f
      JOIN pg_index AS i
        ON i.indrelid = f.relation
      JOIN pg_class AS c
        ON c.oid = i.indexrelid
      """)
    let indexes = Dictionary(
      database.tables.enumerated().map { ($0.element.target.quoted, $0.offset) },
      uniquingKeysWith: { first, _ in first })
    var there: [Int: Set<String>] = [:]
    for row in found.rows {
      guard row.count == 2, let table = row[0].flatMap({ indexes[$0] }) else { continue }
      there[table, default: []].formUnion([row[1]].compactMap(\.self))
    }
    return there
  }
}

extension Load {
  /// Executes definitions in their order, and records each file once for each table in the audit.
  func execute(
    _ definitions: [Definition], on connection: TargetConnection, run: RunRecord
  ) async throws {
    var rest = definitions[...]
    while let first = rest.first {
      let part = rest.prefix { $0.file == first.file && $0.table == first.table }
      rest = rest.dropFirst(part.count)
      let target = plan.database.tables[first.table].target.quoted
      let began = ContinuousClock.now
      do {
        for definition in part {
          try await connection.execute(definition.sql, file: definition.file.path)
        }
        try await run.recordStep(
          first.file, target: target, rowCount: nil, milliseconds: began.millisecondsUntilNow,
          on: connection)
      } catch {
        await run.recordFailure(
          of: first.file, target: target, error: error, milliseconds: began.millisecondsUntilNow)
        throw await explained(error, in: first.file.phase, run: run)
      }
    }
  }
}
