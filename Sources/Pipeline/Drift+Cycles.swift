// Foreign keys that lead round in a ring, in a target that was there before.

import Catalog
import Target

extension Drift {
  /// A ring of tables can be filled where one of its foreign keys is deferrable or may be NULL for a
  /// moment. The plan orders the tables so that such a one comes first; where there is none nothing can
  /// be inserted at all.
  ///
  /// - Throws: `drifted` with the path and the statement that makes the foreign key deferrable.
  func checkRings() async throws {
    for (index, table) in database.tables.enumerated() where table.isInCycle {
      for foreignKey in table.foreignKeys where foreignKey.parent > index && !foreignKey.isDisabled
      {
        let canBeEmpty = foreignKey.columns.contains {
          table.columns[$0].isNullable && !table.isKey($0)
        }
        guard !canBeEmpty,
          let name = try await fixedForeignKey(from: table, to: database.tables[foreignKey.parent])
        else { continue }
        throw refusal(of: foreignKey, named: name, from: index)
      }
    }
  }

  /// The name of a foreign key between two final tables that the target checks at once.
  private func fixedForeignKey(
    from child: MappedTable, to parent: MappedTable
  ) async throws -> String? {
    let found = try await connection.query(
      """
      SELECT quote_ident(c.conname) AS name
      FROM pg_constraint AS c
      WHERE c.contype = 'f'
        AND NOT c.condeferrable
        AND c.conrelid = to_regclass($1)
        AND c.confrelid = to_regclass($2)
      ORDER BY c.conname
      LIMIT 1
      """, [child.target.quoted, parent.target.quoted])
    return found.first("name")
  }

  private func refusal(
    of foreignKey: MappedForeignKey, named name: String, from index: Int
  ) -> PipelineError {
    let table = database.tables[index]
    let columns = foreignKey.columns.map { table.columns[$0].name.quoted }.joined(separator: ", ")
    let path = [index] + database.path(from: foreignKey.parent, to: index)
    return PipelineError(
      .drifted,
      """
      foreign keys lead round in a ring, \
      \(path.map { database.tables[$0].target.quoted }.joined(separator: " -> ")), and the target \
      checks the first of them, \(name) (\(columns)), at once though none of its columns may be \
      NULL: no row of the ring can be inserted
      """,
      advice: """
        let the check wait for the end of the transaction, as the table's owner: ALTER TABLE \
        \(table.target.quoted) ALTER CONSTRAINT \(name) DEFERRABLE INITIALLY IMMEDIATE; for \
        applications nothing changes
        """)
  }
}

extension MappedTable {
  fileprivate func isKey(_ column: Int) -> Bool {
    guard case .columns(let key) = sourceKey else { return false }
    return key.contains(column)
  }
}

extension MappedDatabase {
  /// The tables from one to another along foreign keys, both included, on a shortest way.
  fileprivate func path(from start: Int, to end: Int) -> [Int] {
    var cameFrom: [Int: Int] = [:]
    var open = [start]
    while !open.isEmpty, cameFrom[end] == nil {
      let index = open.removeFirst()
      for parent in tables[index].foreignKeys.map(\.parent)
      where parent != start && cameFrom[parent] == nil {
        cameFrom[parent] = index
        open.append(parent)
      }
    }
    var path = [end]
    while let last = path.last, last != start, let previous = cameFrom[last] {
      path.append(previous)
    }
    return path.reversed()
  }
}
