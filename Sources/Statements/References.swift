// Where the values of foreign key columns come from, and what makes a row an orphan.

import Catalog

/// A column whose value in the target comes from a key map.
struct KeyReference {
  let column: Int
  /// `p1`, `p2` …
  let alias: String
  /// The table whose surrogate key the column holds.
  let parent: TableNames
  /// The column of the parent's source key. It alone is the key, and along a chain of foreign keys
  /// its value stays the same.
  let parentColumn: Int
}

extension TableNames {
  /// References to the key maps of other tables and of this table itself, in column order; the
  /// table's own surrogate key is not among them.
  var references: [KeyReference] {
    var found: [KeyReference] = []
    for index in allColumns where index != surrogate?.column {
      guard let parent = mapped.columns[index].keyTable.map(table), let surrogate = parent.surrogate
      else { continue }
      found.append(
        KeyReference(
          column: index, alias: "p\(found.count + 1)", parent: parent,
          parentColumn: surrogate.column))
    }
    return found
  }

  /// The value of each column in the target, over `k`, the parents' aliases and the staged row.
  func targetValue(of index: Int, references: [KeyReference], staged: String = "s") -> String {
    if index == surrogate?.column { return "k.target_key" }
    if let reference = references.first(where: { $0.column == index }) {
      return "\(reference.alias).target_key"
    }
    return "\(staged).\(column(index))"
  }

  /// `k.source_id = s.parent_id`, under the parent's collation where the two differ.
  func equality(
    _ parent: TableNames, keyMapAlias: String, parentColumn: Int, column ownColumn: Int,
    rowAlias: String = "s"
  ) -> String {
    let position = parent.keyColumns.firstIndex(of: parentColumn) ?? 0
    let collation = parent.collation(
      ofComparing: parentColumn, with: mapped.columns[ownColumn])
    return sameText(
      "\(keyMapAlias).\(parent.keyMapColumns[position])", "\(rowAlias).\(column(ownColumn))",
      of: ownColumn) + collation
  }

  /// `left = right`, without trailing blanks where SQL Server leaves them out and PostgreSQL does not.
  func sameText(_ left: String, _ right: String, of index: Int) -> String {
    "\(withoutBlanks(left, index)) = \(withoutBlanks(right, index))"
  }

  /// The value as SQL Server compares it.
  func withoutBlanks(_ value: String, _ index: Int) -> String {
    isSpelled(index) ? "rtrim(\(value))" : value
  }

  /// Whether the column holds text that can be spelled in several ways: trailing blanks count in
  /// PostgreSQL. In char(n) they do not, and a table keyed by its whole row takes each row as it is.
  func isSpelled(_ index: Int) -> Bool {
    let mappedColumn = mapped.columns[index]
    return !isWholeRow && mappedColumn.sourceType.isText
      && (mappedColumn.type == "text" || mappedColumn.type.hasPrefix("varchar"))
  }

  /// ` COLLATE …` where the columns' own collations differ: PostgreSQL refuses to choose.
  func collation(ofComparing index: Int, with other: MappedColumn) -> String {
    let own = mapped.columns[index].collation
    guard own != other.collation, other.sourceType.isText else { return "" }
    return " COLLATE \(own?.quoted ?? "pg_catalog.\"default\"")"
  }

  /// Joins the key maps of `references` to the staged row.
  func parentJoins(_ references: [KeyReference], staged: String = "s") -> [String] {
    references.map { reference in
      let kind = mapped.columns[reference.column].isNullable ? "LEFT JOIN" : "JOIN"
      return """
        \(kind) \(reference.parent.keyMap) AS \(reference.alias)
          ON \(join(reference, keyMapAlias: reference.alias, rowAlias: staged))
        """
    }
  }

  func join(_ reference: KeyReference, keyMapAlias: String, rowAlias: String = "s") -> String {
    equality(
      reference.parent, keyMapAlias: keyMapAlias, parentColumn: reference.parentColumn,
      column: reference.column, rowAlias: rowAlias)
  }

  /// Conditions that keep a row out rather than let it lose a parent: such a row is then missing from
  /// the account, and the run fails. Step 35 leaves none.
  func parentGuards(_ references: [KeyReference], staged: String = "s") -> [String] {
    references.filter { mapped.columns[$0.column].isNullable && !staysOrphaned($0.column) }
      .map { "(\(staged).\(column($0.column)) IS NULL OR \($0.alias).target_key IS NOT NULL)" }
  }

  /// Whether the stage keeps the value of an orphan that is loaded with NULL: step 35 cannot change a
  /// row that is its own key.
  private func staysOrphaned(_ index: Int) -> Bool {
    isWholeRow && orphanTests.contains { $0.nulled.contains(index) }
  }
}

// MARK: - Cycles

extension TableNames {
  /// The tables of this table's cycle of foreign keys, itself included, in order; only itself when
  /// it is in none. A self reference is no cycle.
  var cycle: [Int] {
    let reached = database.tablesReached(from: index)
    return reached.filter { $0 == index || database.tablesReached(from: $0).contains(index) }
      .sorted()
  }
}

extension MappedDatabase {
  /// The table itself and all that its foreign keys lead to, over any number of steps.
  fileprivate func tablesReached(from start: Int) -> Set<Int> {
    var reached: Set<Int> = [start]
    var open = [start]
    while let index = open.popLast() {
      for foreignKey in tables[index].foreignKeys where reached.insert(foreignKey.parent).inserted {
        open.append(foreignKey.parent)
      }
    }
    return reached
  }
}

// MARK: - Orphans

/// One way in which a staged row can lack a parent.
struct OrphanTest {
  /// The foreign key, or the column of a reference without one.
  let name: String
  let policy: OrphanPolicy
  /// The columns that lead to the parent.
  let columns: [Int]
  /// Those that `on_orphan: null` empties.
  let nulled: [Int]
  let parent: TableNames
  /// True for orphans, over `s`. They look into key maps and no other stage table, so that the text
  /// is the same whichever tables a run loads.
  let conditions: [String]
  /// Columns of this table and of the parent's source key that must be equal.
  let pairs: [(column: Int, parentColumn: Int)]
  /// Columns whose value may differ from the parent's in trailing blanks.
  var respelled: [Int] = []
  /// Whether the parent is found by values that are not its source key.
  var isByValue = false
}

extension TableNames {
  /// Every way in which a row of this table can be an orphan, in the order of its foreign keys; those
  /// that lead to something else than their parent's source key come last.
  var orphanTests: [OrphanTest] {
    let covering = mapped.foreignKeys.filter { foreignKey in
      leadsToSourceKey(foreignKey)
        && (foreignKey.columns.count == 1
          || foreignKey.columns.allSatisfy { !mapped.columns[$0].isNullable })
    }
    // A row with NULL in one column of a wider key has no parent to look for (MATCH SIMPLE), but the
    // values of its other columns still need theirs.
    let uncovered = references.filter { reference in
      !covering.contains { $0.columns.contains(reference.column) }
    }
    return mapped.foreignKeys.filter(leadsToSourceKey).map(test)
      + uncovered.map { reference in
        test(
          reference, of: mapped.foreignKeys.first { $0.columns.contains(reference.column) })
      }
      + mapped.foreignKeys.filter { !leadsToSourceKey($0) && !$0.isDisabled }.map(valueTest)
  }

  func leadsToSourceKey(_ foreignKey: MappedForeignKey) -> Bool {
    let parent = table(foreignKey.parent)
    return !parent.isWholeRow && Set(parent.keyColumns) == Set(foreignKey.parentColumns)
      && parent.keyColumns.count == foreignKey.parentColumns.count
  }

  private func test(_ foreignKey: MappedForeignKey) -> OrphanTest {
    let parent = table(foreignKey.parent)
    let joins = zip(foreignKey.columns, foreignKey.parentColumns).map {
      equality(parent, keyMapAlias: "k", parentColumn: $1, column: $0)
    }
    let (policy, nulled) = decision(on: foreignKey)
    return OrphanTest(
      name: foreignKey.name.name, policy: policy, columns: foreignKey.columns, nulled: nulled,
      parent: parent,
      conditions: foreignKey.columns.map { "s.\(column($0)) IS NOT NULL" }
        + [Self.isUnknown(in: parent, joins)],
      pairs: zip(foreignKey.columns, foreignKey.parentColumns).map {
        (column: $0, parentColumn: $1)
      },
      respelled: foreignKey.columns.filter(isSpelled))
  }

  private func test(_ reference: KeyReference, of foreignKey: MappedForeignKey?) -> OrphanTest {
    let (policy, nulled) = foreignKey.map(decision) ?? (.fail, [])
    let name = mapped.columns[reference.column].name.name
    let canBeEmptied = policy != .null || nulled.contains(reference.column)
    return OrphanTest(
      name: foreignKey.map { $0.name.name } ?? "of column \(name)",
      policy: canBeEmptied ? policy : .fail,
      columns: [reference.column],
      nulled: nulled.filter { $0 == reference.column },
      parent: reference.parent,
      conditions: [
        "s.\(column(reference.column)) IS NOT NULL",
        Self.isUnknown(in: reference.parent, [join(reference, keyMapAlias: "k")]),
      ],
      pairs: [(column: reference.column, parentColumn: reference.parentColumn)])
  }

  /// A parent that is staged is there in the end, and so is one that is in its final table already.
  private func valueTest(_ foreignKey: MappedForeignKey) -> OrphanTest {
    let parent = table(foreignKey.parent)
    let pairs = zip(foreignKey.columns, foreignKey.parentColumns)
    func equal(_ value: (Int) -> String) -> [String] {
      pairs.map {
        "\(value($1)) = s.\(column($0))"
          + parent.collation(ofComparing: $1, with: mapped.columns[$0])
      }
    }
    let ownJoin = foreignKey.parentColumns.contains { $0 == parent.surrogate?.column }
    let joins =
      parent.mappedBackJoins(of: foreignKey.parentColumns) + (ownJoin ? [parent.ownJoin] : [])
    let (policy, nulled) = decision(on: foreignKey)
    return OrphanTest(
      name: foreignKey.name.name, policy: policy, columns: foreignKey.columns, nulled: nulled,
      parent: parent,
      conditions: foreignKey.columns.map { "s.\(column($0)) IS NOT NULL" } + [
        """
        NOT EXISTS (
          SELECT
          FROM \(parent.stage) AS p
          WHERE \(all: equal { "p.\(parent.column($0))" }, indent: 4)
        )
        """,
        """
        NOT EXISTS (
          SELECT
          \(lines: ["FROM \(parent.target) AS t"] + joins, indent: 2, separator: "")
          WHERE \(all: equal(parent.mappedBack), indent: 4)
        )
        """,
      ],
      pairs: pairs.map { (column: $0, parentColumn: $1) }, isByValue: true)
  }

  private static func isUnknown(in parent: TableNames, _ joins: [String]) -> String {
    """
    NOT EXISTS (
      SELECT
      FROM \(parent.keyMap) AS k
      WHERE \(all: joins, indent: 4)
    )
    """
  }

  /// The policy of a foreign key, and the columns that `null` empties: those that may be NULL and are
  /// no part of the source key; of them, where there are any, those that no other foreign key uses.
  /// Without such a column nothing can be emptied, and orphans fail the run.
  private func decision(on foreignKey: MappedForeignKey) -> (OrphanPolicy, [Int]) {
    guard foreignKey.onOrphan == .null else { return (foreignKey.onOrphan, []) }
    let possible = foreignKey.columns.filter {
      mapped.columns[$0].isNullable && !keyColumns.contains($0)
    }
    let own = possible.filter { index in
      mapped.foreignKeys.filter { $0.columns.contains(index) }.count == 1
    }
    return possible.isEmpty ? (.fail, []) : (.null, own.isEmpty ? possible : own)
  }
}
