import Catalog

/// The names and expressions that the statements of one table share, quoted and ready for SQL.
///
/// Aliases are the same everywhere: `s` the staged row, `k` its key map row, `t` the final row,
/// `p1`, `p2` … key maps of the tables that the row's foreign keys lead to.
struct TableNames {
  let database: MappedDatabase
  let index: Int

  var mapped: MappedTable { database.tables[index] }
  var target: String { mapped.target.quoted }
  var stage: String { mapped.stage.quoted }
  var keyMap: String { mapped.keyMap.quoted }
  /// The table's name as audit rows hold it, as a SQL constant.
  var auditName: String { SQLLiteral.quoted(mapped.target.quoted) }
  var isWholeRow: Bool { mapped.sourceKey == .wholeRow }

  /// `003_dbo.Album`: the position in foreign-key order and the source's name.
  var folder: String {
    let digits = String(index + 1)
    let width = max(3, String(database.tables.count).count)
    return String(repeating: "0", count: width - digits.count) + digits + "_"
      + mapped.source.fileName
  }
}

// MARK: - Columns

extension TableNames {
  func column(_ index: Int) -> String { mapped.columns[index].name.quoted }

  var allColumns: [Int] { Array(mapped.columns.indices) }

  /// Indexes of the source key's columns; empty for a table keyed by its whole row.
  var keyColumns: [Int] {
    if case .columns(let columns) = mapped.sourceKey { return columns }
    return []
  }

  /// The key map's key columns, and the expressions over `s` that they hold.
  var keyMapColumns: [String] { mapped.keyMapColumns.map(\.quoted) }

  var stagedKey: [String] {
    isWholeRow ? keyMapColumns.map { "s.\($0)" } : keyColumns.map { "s.\(column($0))" }
  }

  /// `k.source_a = s.a` for each key column.
  func keyJoin(_ keyMapAlias: String = "k", _ stageAlias: String = "s") -> [String] {
    let staged = isWholeRow ? keyMapColumns : keyColumns.map(column)
    return zip(keyMapColumns, staged).map { "\(keyMapAlias).\($0) = \(stageAlias).\($1)" }
  }

  /// 128-bit hash of a staged row. `ROW(…)::text` tells NULL from '' and one column from the next,
  /// so different rows have different texts.
  func rowHash(indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    let columns = allColumns.map { "\(margin)  s.\(column($0))" }.joined(separator: ",\n")
    return "md5(ROW(\n\(columns)\n\(margin))::text)::uuid"
  }
}

// MARK: - Foreign keys

/// A column whose value in the target comes from a key map.
struct KeyReference {
  let column: Int
  /// `p1`, `p2` …; `k` for the table's own surrogate key.
  let alias: String
  let parent: TableNames
  /// The one source-key column of the parent's key map.
  let parentKey: String
}

extension TableNames {
  /// References to the key maps of other tables and of this table itself, in column order; the
  /// table's own surrogate key is not among them.
  var references: [KeyReference] {
    var found: [KeyReference] = []
    for (index, mappedColumn) in mapped.columns.enumerated() {
      guard let keyTable = mappedColumn.keyTable, index != mapped.surrogate?.column else { continue }
      let parent = TableNames(database: database, index: keyTable)
      found.append(
        KeyReference(
          column: index, alias: "p\(found.count + 1)", parent: parent,
          parentKey: parent.keyMapColumns[0]))
    }
    return found
  }

  /// The value of each column in the target, over the aliases `s`, `k` and `p1` ….
  func targetValue(of index: Int, references: [KeyReference]) -> String {
    if index == mapped.surrogate?.column { return "k.target_key" }
    if let reference = references.first(where: { $0.column == index }) {
      return "\(reference.alias).target_key"
    }
    return "s.\(column(index))"
  }

  /// Whether a column may stay NULL when its parent is not found.
  func nullsOrphans(_ index: Int) -> Bool {
    mapped.foreignKeys.contains { $0.columns.contains(index) && $0.onOrphan == .null }
  }

  /// Joins the key maps of `references` to the staged row.
  func parentJoins(_ references: [KeyReference]) -> [String] {
    references.map { reference in
      let kind = mapped.columns[reference.column].isNullable ? "LEFT JOIN" : "JOIN"
      return """
        \(kind) \(reference.parent.keyMap) AS \(reference.alias)
          ON \(reference.alias).\(reference.parentKey) = s.\(column(reference.column))
        """
    }
  }

  /// Conditions that keep a row out rather than let it lose a parent: such a row is then missing from
  /// the account, and the run fails.
  func parentGuards(_ references: [KeyReference]) -> [String] {
    references.filter { mapped.columns[$0.column].isNullable && !nullsOrphans($0.column) }
      .map { "(s.\(column($0.column)) IS NULL OR \($0.alias).target_key IS NOT NULL)" }
  }
}
