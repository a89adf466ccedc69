// A "duplicate key" of the server, told in rows: which one wants the values, which one has them, and
// what frees them.

import Catalog
import Statements
import Target

extension Load {
  /// The error with the rows that collided, where it is about a unique key of one of the tables; with
  /// what to do, where it is about a foreign key.
  func explained(
    _ error: any Error, _ tables: [StagedTable], on connection: TargetConnection
  ) async -> any Error {
    guard let refusal = error as? TargetError, let name = refusal.constraint else { return error }
    if refusal.sqlstate == "23503" {
      return await explained(refusal, aboutForeignKey: name, on: connection)
    }
    guard refusal.sqlstate == "23505" else { return error }
    for table in tables {
      if let explained = table.mapped.explained(name) { return explained }
      for (key, query) in Collisions.queries(for: table.index, of: plan.database)
      where key.name == name {
        guard let found = await collisions(query, on: connection),
          let collision = Collision(found.rows)
        else { continue }
        return collision.error(of: table.mapped, key: key)
      }
    }
    return error
  }

  /// The rows that collide, nil where the final table is gone again: then the load was the first.
  ///
  /// The first load of a source into tables that others filled left no key map either. Without rows
  /// it says the same: no final row is one of this source.
  private func collisions(
    _ query: String, on connection: TargetConnection
  ) async -> QueryResult? {
    if let found = try? await connection.query(query) { return found }
    let keyMaps = plan.files.filter { $0.phase == .keyMaps }.compactMap { plan.texts[$0.path] }
    let found: QueryResult?
    do {
      try await connection.query("BEGIN")
      for text in keyMaps {
        try await connection.execute(text)
      }
      found = try await connection.query(query)
    } catch {
      found = nil
    }
    await connection.rollback()
    return found
  }
}

extension MappedTable {
  /// What a duplicate key means in a table without a key of its own.
  fileprivate func explained(_ name: String) -> PipelineError? {
    let keys = uniqueConstraints.map(\.name) + indexes.filter(\.isUnique).map(\.name)
    guard case .wholeRow = sourceKey, let key = keys.first(where: { $0.name == name }) else {
      return nil
    }
    return PipelineError(
      .differences,
      """
      \(target.quoted): unique key \(key.quoted) does not let a new row stand beside the final row that \
      has its values: \(source) has no key, so that a changed row is a new row, and the row that it was \
      has vanished and is kept
      """,
      advice: "say in the mapping which columns are its key (key: [...]), or on_vanished: delete")
  }
}

extension MappedTable {
  /// The plan's file that makes a key that can wait; nil for filtered indexes and what foreign keys
  /// lead to, which cannot.
  fileprivate func definition(ofDeferrable key: Identifier) -> String? {
    if uniqueConstraints.contains(where: { $0.name == key && $0.isDeferrable }) {
      return "ddl/30_keys.sql"
    }
    return indexes.contains { $0.name == key && $0.isDeferrable } ? "ddl/40_indexes.sql" : nil
  }
}

/// Two rows that cannot both have their values.
private struct Collision {
  let value: String
  let stagedRow: String
  let holder: String
  let state: Collisions.State
  let count: Int

  /// - Parameter rows: `value`, `staged_row`, `holder`, `state`. Those that the source has twice at
  ///   heart say more than those that only changed places.
  init?(_ rows: [[String?]]) {
    let states = rows.map { row in
      row.count == 4 ? row[3].flatMap(Collisions.State.init(rawValue:)) : nil
    }
    let place =
      states.firstIndex { $0 != nil && $0 != .changing } ?? states.firstIndex { $0 != nil }
    guard let place, let state = states[place], let value = rows[place][0] else { return nil }
    self.value = value
    self.state = state
    stagedRow = rows[place][1] ?? "?"
    holder = rows[place][2] ?? "?"
    count = rows.count
  }

  func error(of table: MappedTable, key: Identifier) -> PipelineError {
    let pairs = count == 20 ? "20 or more" : "\(count)"
    let others = count > 1 ? ", and \(pairs) such pairs in all" : ""
    return PipelineError(
      .differences,
      """
      \(table.target.quoted): unique key \(key.quoted) lets \(value) stand once: the source's row \
      \(stagedRow) has it, and \(reason)\(others)
      """,
      advice: advice(table: table, key: key)
        + "; unique.sql of the table's folder below verify/ of the plan lists the rows")
  }

  private var reason: String {
    switch state {
    case .staged: "so has \(holder), in PostgreSQL's eyes"
    case .vanished: "the final row of \(holder) still has it, which vanished from the source"
    case .changing: "the final row of \(holder) has it until it changes in the same run"
    case .kept: "the final row of \(holder) keeps it"
    case .unknown: "a final row that this source never loaded has it"
    }
  }

  private func advice(table: MappedTable, key: Identifier) -> String {
    let source = table.source.description
    switch state {
    case .staged:
      return "correct the source, or give the column of \(source) a default collation in the target"
    case .vanished where table.definition(ofDeferrable: key) == nil:
      return
        "PostgreSQL checks this key row by row, before rows that vanished are deleted: give that "
        + "final row another value by hand, or delete it, and run again"
    case .vanished where table.onVanished == .delete:
      return
        "on_vanished: delete leaves rows that others refer to, that another source knows or that "
        + "restage found in the target: give that final row another value by hand, or delete it"
    case .vanished:
      return "the mapping's on_vanished: delete for \(source) frees the values of rows that "
        + "vanished; or delete that final row"
    case .changing:
      if let file = table.definition(ofDeferrable: key) {
        return
          "this target checks the key row by row, so values cannot move from row to row: make it "
          + "a DEFERRABLE constraint, as \(file) of the plan has it"
      }
      return
        "PostgreSQL checks this key row by row, so values cannot move from row to row, and has no "
        + "way to let it wait: give the final rows the source's values by hand in one transaction "
        + "(docs/key-maps.md shows it), and run again"
    case .kept:
      return "the mapping keeps that row as it is (on_changed), or refused its change"
    case .unknown:
      return "natural_key in the mapping joins such rows; or change or delete that row"
    }
  }
}
