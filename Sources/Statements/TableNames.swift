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

  func table(_ index: Int) -> TableNames { TableNames(database: database, index: index) }
}

// MARK: - Columns and keys

extension TableNames {
  func column(_ index: Int) -> String { mapped.columns[index].name.quoted }

  var allColumns: [Int] { Array(mapped.columns.indices) }

  /// Whether a column holds whole numbers that fit into a bigint.
  func isNumber(_ index: Int) -> Bool {
    ["smallint", "integer", "bigint"].contains(mapped.columns[index].type)
  }

  /// Indexes of the source key's columns; empty for a table keyed by its whole row.
  var keyColumns: [Int] {
    if case .columns(let columns) = mapped.sourceKey { return columns }
    return []
  }

  /// The surrogate key. Its column is the whole source key, so that the key map holds both its
  /// values: the source's and, as `target_key`, the target's.
  var surrogate: Surrogate? {
    mapped.surrogate.flatMap { keyColumns == [$0.column] ? $0 : nil }
  }

  /// The key map's key columns.
  var keyMapColumns: [String] { mapped.keyMapColumns.map(\.quoted) }

  /// The column whose value in the target the key map repeats as `target_key`: the surrogate key, or
  /// the only column of a key that is carried over. Nil for other keys, and where the value is the
  /// new key of a table that gets its keys later, which can happen in a cycle only.
  var targetKeyColumn: Int? {
    if let surrogate { return surrogate.column }
    guard keyColumns.count == 1 else { return nil }
    let isLater = references.contains { $0.column == keyColumns[0] && $0.parent.index > index }
    return isLater ? nil : keyColumns[0]
  }

  /// A name that no column of the table has: for what the stage table and subqueries add to them.
  func unused(_ name: String) -> String {
    let taken = Set(mapped.columns.map(\.name.name) + mapped.added.map(\.name.name))
    var candidate = name
    while taken.contains(candidate) { candidate += "_" }
    return candidate
  }

  /// What subqueries call the hash of a row, and the number of a row among equal ones.
  var hashName: String { unused("row_hash") }
  var occurrenceName: String { unused("occurrence") }

  /// The stage table's column for the chunk that a row came from, where chunks are told apart. They
  /// are where a row of an unchanged chunk is sure to need nothing: its key alone names it, and
  /// nothing but its own columns decides what is loaded. A foreign key of text is spelled as the
  /// parent spells it tonight, and one to another unique key needs the parent's value of tonight. A
  /// parent with a natural key may have got another key, and its children's hashes with it. Where changed
  /// rows are ignored, what children find by value stands among the staged rows and nowhere else.
  var chunkName: String? {
    guard !isWholeRow, !mapped.hasExpressions, mapped.naturalKey.isEmpty,
      mapped.onChanged != .ignore || !isFoundByValue,
      orphanTests.allSatisfy({ $0.respelled.isEmpty && !$0.isByValue }),
      references.allSatisfy(\.parent.mapped.naturalKey.isEmpty)
    else { return nil }
    return unused("chunk")
  }

  /// Columns over which a staged row and its key map row are joined: the source key, or hash and
  /// number of a table keyed by its whole row.
  var joinColumns: [String] {
    isWholeRow ? [hashName, occurrenceName] : keyColumns.map(column)
  }

  /// `k.source_a = s.a` for each column of the key.
  func keyJoin(_ keyMapAlias: String = "k", _ rowAlias: String = "s") -> [String] {
    guard !isWholeRow else {
      return zip(keyMapColumns, joinColumns).map { "\(keyMapAlias).\($0) = \(rowAlias).\($1)" }
    }
    return zip(keyMapColumns, keyColumns).map {
      sameText("\(keyMapAlias).\($0)", "\(rowAlias).\(column($1))", of: $1)
    }
  }

  /// Key columns whose spelling can change while the key stays the same to SQL Server.
  var spelledKeyColumns: [Int] { keyColumns.filter(isSpelled) }
}

// MARK: - Staged rows

extension TableNames {
  /// Hash of a row of the stage table's shape. `ROW(…)::text` tells NULL from '' and one column from the
  /// next, so different rows have different texts.
  ///
  /// It has 128 bits where it is all that identifies a row, in a table without a key. Else it tells whether
  /// a known row changed, for which 64 bits do and cost much less; key maps that version 1.0 made have
  /// 128 there, and the function goes by the type of their column.
  ///
  /// Every column counts, a rowversion too: the source wrote the row, and a final row with an old
  /// version would not be what the snapshot holds.
  func rowHash(of alias: String, columns: [String]? = nil) -> String {
    let values = columns ?? allColumns.map { "\(alias).\(column($0))" }
    guard isWholeRow else {
      return """
        restage.row_hash(
          ROW(
            \(lines: values, indent: 4)
          )::text,
          (NULL::\(keyMap)).row_hash
        )
        """
    }
    return """
      md5(ROW(
        \(lines: values, indent: 2)
      )::text)::uuid
      """
  }

  /// What stands before a statement that hashes the rows of a table without a key.
  var wholeRowSettings: String { isWholeRow ? Settings.text + "\n\n" : "" }

  /// The staged rows under the alias `s`, with hash and number for a table keyed by its whole row.
  ///
  /// - Parameter withColumns: Whether a table keyed by its whole row shows its columns as well.
  func stagedRows(withColumns: Bool = false, where conditions: [String] = []) -> String {
    guard isWholeRow else { return "\(stage) AS s" }
    return """
      (
        \(block: numberedRows(withColumns: withColumns, where: conditions), indent: 2)
      ) AS s
      """
  }

  /// The rows of a table without a key, equal ones numbered from 1. Which of two equal rows gets
  /// which number makes no difference: they are equal.
  func numberedRows(withColumns: Bool, where conditions: [String] = []) -> String {
    let filter = conditions.isEmpty ? "" : "\nWHERE \(conditions.joined(separator: "\n  AND "))"
    let rows = """
      SELECT
        \(lines: (withColumns ? allColumns.map(column) + addedColumns : []).map { "s.\($0)" }
          + ["\(rowHash(of: "s")) AS \(hashName)"], indent: 2)
      FROM \(stage) AS s\(filter)
      """
    return numbered(rows, columns: withColumns ? allColumns.map(column) + addedColumns : [])
  }

  /// Rows that come with their hash, numbered among equal ones.
  ///
  /// - Parameter order: Which of them come last; without it any.
  func numbered(_ rows: String, columns: [String], order: String = "") -> String {
    let shown =
      columns.map { "h.\($0)" }
      + [
        "h.\(hashName)",
        "row_number() OVER (PARTITION BY h.\(hashName)\(order))::integer AS \(occurrenceName)",
      ]
    return """
      SELECT
        \(lines: shown, indent: 2)
      FROM (
        \(block: rows, indent: 2)
      ) AS h
      """
  }

  /// The source key of a row as jsonb, under its source column names.
  func keyObject(of alias: String) -> String {
    guard isWholeRow else { return object(of: keyColumns, alias) }
    return """
      jsonb_build_object(
        'row_hash', \(block: rowHash(of: alias), indent: 2)
      )
      """
  }

  /// Values of some columns as jsonb, under their source names.
  func object(of columns: [Int], _ alias: String) -> String {
    let parts = columns.map {
      "\(SQLLiteral.quoted(mapped.columns[$0].sourceName)), \(alias).\(column($0))"
    }
    guard parts.count > 1 else { return "jsonb_build_object(\(parts.joined()))" }
    return """
      jsonb_build_object(
        \(lines: parts, indent: 2)
      )
      """
  }

  /// Rows of this table that `restage.reject` holds for a run, in the shape of the final table, as
  /// a FROM clause with the alias `s`. The final table's row type serves because stage tables are
  /// scratch and may be gone.
  func rejectedRows(ofRun run: String, where condition: String? = nil) -> String {
    """
    FROM restage.reject AS r
    CROSS JOIN LATERAL json_populate_record(NULL::\(target), r.row_data) AS s
    WHERE r.run_id = \(run)
      AND r.table_name = \(auditName)\(condition.map { "\n  AND \($0)" } ?? "")
    """
  }
}
