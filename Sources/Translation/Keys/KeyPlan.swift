import Catalog

/// Which tables get new surrogate keys, and which columns follow them.
struct KeyPlan {
  /// By table: the column that gets a new value for each unseen row.
  private(set) var surrogates: [Int?]
  /// By table and column: the table whose key map gives the column its value.
  private(set) var keyTables: [[Int?]]

  /// - Parameter order: Indexes of the tables, parents first.
  init(_ tables: [SourceTable], order: [Int], findings: inout Findings) {
    surrogates = tables.map(\.surrogateCandidate)
    keyTables = []
    while true {
      let origins = Origins(tables, order: order, surrogates: surrogates)
      guard let conflict = origins.conflict else {
        keyTables = origins.keyTables
        break
      }
      // Whichever key the column took, the other foreign key would break. Where all of the parents
      // keep their keys, every value stays right. Fewer surrogates each time, so this ends.
      for parent in conflict.parents { surrogates[parent] = nil }
      findings.note(Self.note(conflict, tables))
    }
    noteSurprises(tables, findings: &findings)
  }

  private static func note(_ conflict: Origins.Conflict, _ tables: [SourceTable]) -> String {
    let child = tables[conflict.table]
    let column = "\(child.table.name).\(child.columns[conflict.column].name)"
    let parents = conflict.parents.map { "\(tables[$0].table.name)" }.joined(separator: ", ")
    return "Keys of \(parents) are preserved: \(column) belongs to foreign keys that lead to "
      + "different keys, and one value cannot follow both."
  }

  /// Tables whose keys come out otherwise than the source or the mapping would have one think.
  private func noteSurprises(_ tables: [SourceTable], findings: inout Findings) {
    for (index, table) in tables.enumerated() {
      if surrogates[index] == nil {
        noteWholeRow(table, findings: &findings)
        if table.rules.asksForNewKeys {
          findings.note(
            "\(table.table.name) keeps its keys although the mapping says remap: new ones need a "
              + "primary key of one whole number or uniqueidentifier that follows no other table.")
        }
      } else if let column = surrogates[index], table.columns[column].identity == nil,
        table.columns[column].type.base != .uniqueidentifier
      {
        findings.note(
          "\(table.table.name).\(table.columns[column].name) is no identity in the source: its rows "
            + "get new keys from 1 on. Say `keys: preserve` for the table to keep them.")
      }
    }
  }

  private func noteWholeRow(_ table: SourceTable, findings: inout Findings) {
    guard table.sourceKey == nil else { return }
    findings.note(
      "\(table.table.name) has no key: its rows are told apart by their whole content, so a changed "
        + "row counts as one vanished and one unseen row. Say `key: [Column]` if columns identify it."
    )
  }
}

extension KeyPlan {
  /// A row that is recognised in the target has a key there already, so the source's must not be
  /// carried over: unless the two are the same thing.
  func checkNaturalKeys(
    _ tables: [SourceTable], mapping: Mapping
  ) throws(MappingError) {
    for (index, table) in tables.enumerated() {
      guard let rule = table.rules.naturalKey, !table.naturalKey.isEmpty else { continue }
      let name = "\(table.table.name)"
      guard let sourceKey = table.sourceKey else {
        throw mapping.error(
          .unfitKey, at: rule, expected: "a table with a key", actual: "\(name), which has none")
      }
      if let surrogate = surrogates[index] {
        guard !table.naturalKey.contains(surrogate) else {
          throw mapping.error(
            .unfitKey, at: rule, expected: "columns that keep their values",
            actual: "'\(table.columns[surrogate].name)', which gets new ones")
        }
      } else if Set(sourceKey) != Set(table.naturalKey) {
        throw mapping.error(
          .unfitKey, at: rule,
          expected: "the columns of the key itself, for a table that keeps its keys",
          actual: "others, for \(name)")
      }
    }
  }

  /// A key that an expression made would not find its row again, nor a child its parent.
  func checkExpressions(_ tables: [SourceTable], mapping: Mapping) throws(MappingError) {
    for table in tables {
      let bound = Set((table.sourceKey ?? []) + table.links.flatMap(\.columns))
      for (index, column) in table.columns.enumerated() where bound.contains(index) {
        guard let rule = table.rules.columns[column.name]?.expression else { continue }
        throw mapping.error(
          .unfitKey, at: rule, expected: "a column that belongs to no source key or foreign key",
          actual: "'\(column.name)', which does")
      }
    }
  }

  /// Takes out disabled foreign keys whose values stay as they are: no constraint is made for them,
  /// and a value that nothing changes needs no parent. What is disabled is reported either way.
  func dropIdleLinks(of tables: inout [SourceTable], findings: inout Findings) {
    for index in tables.indices {
      let table = tables[index]
      tables[index].links.removeAll { link in
        guard link.source.isDisabled else { return false }
        let isIdle = link.columns.allSatisfy { keyTables[index][$0] == nil }
        findings.report(
          "foreign key", table.name(of: link.source),
          isIdle
            ? "disabled in the source: not made, and its values are carried over as they are"
            : "disabled in the source: not made, but its values become the parent's new keys, which "
              + "needs every parent unless on_orphan says otherwise",
          text: link.source.sourceText(in: table.table.name))
        return isIdle
      }
    }
  }
}

extension SourceTable {
  /// The column that a new key can stand in: the one column of the primary key, a whole number or a
  /// uniqueidentifier, that no foreign key binds to another table.
  fileprivate var surrogateCandidate: Int? {
    guard rules.keys == .remap, let primaryKey, primaryKey.count == 1, sourceKey == primaryKey
    else { return nil }
    let column = columns[primaryKey[0]]
    guard column.computed == nil, column.canBeGenerated,
      !links.contains(where: { $0.columns.contains(primaryKey[0]) })
    else { return nil }
    return primaryKey[0]
  }
}

extension Column {
  /// Whether a sequence of bigint or `gen_random_uuid()` gives values that the column can hold.
  fileprivate var canBeGenerated: Bool {
    if type.isInteger || type.base == .uniqueidentifier { return true }
    guard type.base == .decimal || type.base == .numeric, (type.scale ?? 0) == 0 else {
      return false
    }
    // Up to 18 digits fit a bigint. An identity's numbers do whatever its precision.
    return identity != nil || (type.precision ?? 18) <= 18
  }
}

/// Where the value of each column comes from, followed through every foreign key.
private struct Origins {
  struct Conflict {
    let table: Int
    let column: Int
    /// Tables with a surrogate key that the column leads to.
    let parents: [Int]
  }

  /// Stands for "carried over as it is" among the tables.
  private static let carriedOver = -1
  private var origins: [[Set<Int>]]

  init(_ tables: [SourceTable], order: [Int], surrogates: [Int?]) {
    origins = tables.map { table in Array(repeating: [], count: table.columns.count) }
    for (index, table) in tables.enumerated() {
      let bound = Set(table.links.flatMap(\.columns))
      for column in table.columns.indices {
        if surrogates[index] == column {
          origins[index][column] = [index]
        } else if !bound.contains(column) {
          origins[index][column] = [Self.carriedOver]
        }
      }
    }
    while spread(tables, order) {}
    // Columns that foreign keys bind to each other in a ring, and to nothing else, have values of
    // their own.
    for table in origins.indices {
      for column in origins[table].indices where origins[table][column].isEmpty {
        origins[table][column] = [Self.carriedOver]
      }
    }
    while spread(tables, order) {}
  }

  /// Hands origins from parents to children; false when nothing new arrived. Parents come first, so
  /// that only cycles need more than one round.
  private mutating func spread(_ tables: [SourceTable], _ order: [Int]) -> Bool {
    var isChanged = false
    for child in order {
      for link in tables[child].links {
        for (column, parentColumn) in zip(link.columns, link.parentColumns) {
          let arriving = origins[link.parent][parentColumn]
          guard !arriving.isSubset(of: origins[child][column]) else { continue }
          origins[child][column].formUnion(arriving)
          isChanged = true
        }
      }
    }
    return isChanged
  }

  var conflict: Conflict? {
    for (table, columns) in origins.enumerated() {
      for (column, found) in columns.enumerated() where found.count > 1 {
        let parents = found.filter { $0 != Self.carriedOver }.sorted()
        return Conflict(table: table, column: column, parents: parents)
      }
    }
    return nil
  }

  var keyTables: [[Int?]] {
    origins.map { columns in
      columns.map { found in found.first.flatMap { $0 == Self.carriedOver ? nil : $0 } }
    }
  }
}
