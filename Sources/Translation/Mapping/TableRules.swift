public import Catalog

/// What the mapping as a whole says of one table.
struct TableRules {
  var skip: String?
  var rename: Located<String>?
  var keys: KeyPolicy
  /// Whether the mapping asks for new keys by the table's own name, without a `*`.
  var asksForNewKeys = false
  var key: Located<[String]>?
  var naturalKey: Located<[String]>?
  var onChanged: ChangePolicy
  var onConflict: ConflictPolicy
  var onOrphan: OrphanPolicy
  var onVanished: VanishPolicy
  var vanishedMax: RowCeiling
  var markColumn: Located<String>?
  var filter: Located<String>?
  var added: [AddedColumnMapping] = []
  var nul: TextPolicy
  var keepBefore: Bool
  var incremental: Located<IncrementalPolicy>?
  /// Whether that is said by the table's own name, without a `*`.
  var isIncrementalByName = false
  /// What it comes to for the table.
  var changes: ChangeSource?
  /// By name of the foreign key in the source.
  var foreignKeys: [String: Located<OrphanPolicy>] = [:]
  /// By name of the column in the source.
  var columns: [String: ColumnRules] = [:]
}

struct ColumnRules {
  var rename: Located<String>?
  var type: Located<String>?
  var defaultExpression: Located<String?>?
  var references: Located<String>?
  var expression: Located<String>?
  var nul: TextPolicy?
}

extension Mapping {
  /// What becomes of text that PostgreSQL cannot store, by table and column; columns whose rows are
  /// rejects are not named.
  ///
  /// - Throws: `MappingError` where a pattern, a column or a foreign key of the mapping matches
  ///   nothing.
  public func textPolicies(
    for tables: [Table]
  ) throws(MappingError) -> [ObjectName: [String: TextPolicy]] {
    var policies: [ObjectName: [String: TextPolicy]] = [:]
    for (table, rules) in zip(tables, try TableRules.resolve(self, for: tables)) {
      for column in table.storedColumns {
        let policy = rules.columns[column.name]?.nul ?? rules.nul
        if policy != .fail { policies[table.name, default: [:]][column.name] = policy }
      }
    }
    return policies
  }
}

extension Mapping {
  /// Says of each column whose shapes go to PostGIS, by its `type`, that the snapshot holds them as
  /// EWKB.
  ///
  /// - Throws: `MappingError` as `textPolicies` does.
  public func chooseCellForms(in tables: inout [Table]) throws(MappingError) {
    let rules = try TableRules.resolve(self, for: tables)
    for (index, rules) in rules.enumerated() {
      for column in tables[index].columns.indices
      where tables[index].columns[column].type.isSpatial {
        let type = rules.columns[tables[index].columns[column].name]?.type?.value
        if type.flatMap({ TargetType($0) })?.isSpatial == true {
          tables[index].columns[column].cellForm = .ewkb
        }
      }
    }
  }
}

extension TableRules {
  /// The rules of each table, in the order of `tables`.
  ///
  /// - Throws: `MappingError` where a pattern, a column or a foreign key of the mapping matches
  ///   nothing.
  static func resolve(
    _ mapping: Mapping, for tables: [Table]
  ) throws(MappingError) -> [TableRules] {
    let initial = TableRules(
      keys: mapping.keys, onChanged: mapping.onChanged, onConflict: mapping.onConflict,
      onOrphan: mapping.onOrphan, onVanished: mapping.onVanished, vanishedMax: mapping.vanishedMax,
      markColumn: mapping.markColumn, nul: mapping.nul,
      keepBefore: mapping.keepBefore)
    var rules = [TableRules](repeating: initial, count: tables.count)
    let names = tables.map(\.name)
    let patterns = mapping.tables.map { TablePattern($0.pattern.value) }
    let order =
      patterns.indices.filter { patterns[$0].hasWildcard }
      + patterns.indices.filter { !patterns[$0].hasWildcard }
    for index in order {
      let entry = mapping.tables[index]
      let matched = patterns[index].matches(in: names)
      try mapping.check(entry, matches: matched.map { tables[$0] })
      for table in matched { rules[table].apply(entry, to: tables[table]) }
    }
    for index in rules.indices {
      try rules[index].resolveChanges(of: tables[index], by: mapping)
    }
    return rules
  }

  private mutating func apply(_ entry: TableMapping, to table: Table) {
    skip = entry.skip ?? skip
    rename = entry.rename ?? rename
    if let policy = entry.keys {
      keys = policy.value
      asksForNewKeys = policy.value == .remap && !TablePattern(entry.pattern.value).hasWildcard
    }
    onChanged = entry.onChanged ?? onChanged
    onConflict = entry.onConflict ?? onConflict
    onOrphan = entry.onOrphan?.value ?? onOrphan
    nul = entry.nul ?? nul
    keepBefore = entry.keepBefore ?? keepBefore
    if let policy = entry.incremental {
      incremental = policy
      isIncrementalByName = !TablePattern(entry.pattern.value).hasWildcard
    }
    onVanished = entry.onVanished ?? onVanished
    vanishedMax = entry.vanishedMax ?? vanishedMax
    markColumn = entry.markColumn ?? markColumn
    filter = entry.filter ?? filter
    if !entry.added.isEmpty { added = entry.added }
    key = entry.key.map { table.spelled($0) } ?? key
    naturalKey = entry.naturalKey.map { table.spelled($0) } ?? naturalKey
    for foreignKey in entry.foreignKeys {
      guard let name = table.spelling(ofForeignKey: foreignKey.name.value) else { continue }
      foreignKeys[name] = foreignKey.onOrphan ?? foreignKeys[name]
    }
    for column in entry.columns {
      guard let name = table.spelling(ofColumn: column.name.value) else { continue }
      columns[name, default: ColumnRules()].apply(column)
    }
  }
}

extension ColumnRules {
  fileprivate mutating func apply(_ entry: ColumnMapping) {
    rename = entry.rename ?? rename
    type = entry.type ?? type
    defaultExpression = entry.defaultExpression ?? defaultExpression
    references = entry.references ?? references
    expression = entry.expression ?? expression
    nul = entry.nul ?? nul
  }
}

// MARK: - Checks

extension Mapping {
  fileprivate func check(
    _ entry: TableMapping, matches tables: [Table]
  ) throws(MappingError) {
    guard !tables.isEmpty else {
      throw error(
        .noSuchTable, at: entry.pattern, expected: "a pattern that matches a table",
        actual: "'\(entry.pattern.value)', which matches none")
    }
    if let rename = entry.rename, tables.count > 1 {
      throw error(
        .nameTaken, at: rename, expected: "a pattern that matches one table",
        actual: "one that matches \(tables.count)")
    }
    for column in entry.columns {
      try checkColumn(column.name, column.name.value, in: tables)
    }
    for foreignKey in entry.foreignKeys
    where tables.allSatisfy({ $0.spelling(ofForeignKey: foreignKey.name.value) == nil }) {
      throw error(
        .noSuchForeignKey, at: foreignKey.name, expected: "a foreign key of \(naming(tables))",
        actual: "'\(foreignKey.name.value)'")
    }
    if let key = entry.key {
      for name in key.value { try checkColumn(key, name, in: tables) }
      for table in tables where table.primaryKey != nil {
        throw error(
          .unfitKey, at: key, expected: "a table without a primary key",
          actual: "\(table.name), whose primary key is its source key")
      }
      try checkKey(key, of: tables)
    }
    if let key = entry.naturalKey {
      for name in key.value { try checkColumn(key, name, in: tables) }
      try checkKey(key, of: tables)
    }
  }

  private func checkColumn<Value>(
    _ place: Located<Value>, _ name: String, in tables: [Table]
  ) throws(MappingError) {
    guard tables.allSatisfy({ $0.spelling(ofColumn: name) == nil }) else { return }
    throw error(
      .noSuchColumn, at: place, expected: "a stored column of \(naming(tables))",
      actual: "'\(name)'")
  }

  private func checkKey(_ key: Located<[String]>, of tables: [Table]) throws(MappingError) {
    for table in tables {
      for name in key.value {
        guard let spelled = table.spelling(ofColumn: name),
          let column = table.column(named: spelled)
        else {
          throw error(
            .noSuchColumn, at: key, expected: "a stored column of \(table.name)",
            actual: "'\(name)'")
        }
        guard column.type.hasEquality else {
          throw error(
            .unfitKey, at: key, expected: "columns that can be compared",
            actual: "'\(name)' of type \(column.type)")
        }
      }
    }
  }

  private func naming(_ tables: [Table]) -> String {
    tables.count == 1 ? "\(tables[0].name)" : "one of \(tables.count) tables"
  }
}

extension Table {
  /// The column as the source spells it; case does not matter unless two columns differ in it alone.
  func spelling(ofColumn name: String) -> String? {
    Self.spelling(of: name, in: storedColumns.map(\.name))
  }

  fileprivate func spelled(_ columns: Located<[String]>) -> Located<[String]> {
    Located(
      columns.value.compactMap { spelling(ofColumn: $0) }, line: columns.line, path: columns.path)
  }

  fileprivate func spelling(ofForeignKey name: String) -> String? {
    Self.spelling(of: name, in: foreignKeys.compactMap(\.name))
  }

  private static func spelling(of name: String, in names: [String]) -> String? {
    if names.contains(name) { return name }
    let lowered = name.lowercased()
    let similar = names.filter { $0.lowercased() == lowered }
    return similar.count == 1 ? similar[0] : nil
  }
}

extension ColumnType {
  /// Whether PostgreSQL has an `=` for the type of the cells.
  var hasEquality: Bool {
    switch base {
    case .xml, .json: false
    default: true
    }
  }
}
