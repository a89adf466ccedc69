import Catalog

/// Puts the decisions about each table together.
struct TableMapper {
  let tables: [SourceTable]
  let order: ForeignKeyOrder
  let keys: KeyPlan
  let types: TypePlan
  let collations: CollationPlan
  let sequences: [SequenceGenerator]

  /// The tables in foreign-key order, and the sequences that their defaults draw from.
  func map(
    names: inout NamePlan, findings: inout Findings
  ) -> (tables: [MappedTable], sequences: [MappedSequence]) {
    var defaults = DefaultMapper(sequences: sequences)
    var position = [Int](repeating: 0, count: tables.count)
    for (place, table) in order.order.enumerated() { position[table] = place }
    // Names are given in the order of source names, whatever the foreign keys are.
    var mapped = tables.indices.map {
      table($0, names: &names, defaults: &defaults, findings: &findings)
    }
    for index in mapped.indices {
      addKeys(to: &mapped[index], of: index, names: &names, findings: &findings)
      findings.reportChecks(
        of: tables[index], as: mapped[index], keyTables: keys.keyTables[index])
    }
    for index in mapped.indices {
      mapped[index].foreignKeys = foreignKeys(
        of: index, in: mapped, position: position, names: &names, findings: &findings)
      for column in mapped[index].columns.indices {
        mapped[index].columns[column].keyTable = keys.keyTables[index][column].map { position[$0] }
      }
    }
    let inOrder = Self.withoutDeferrableParents(order.order.map { mapped[$0] })
    return (inOrder, defaults.used.sorted { $0.name < $1.name })
  }

  /// PostgreSQL makes no foreign key to a deferrable key.
  private static func withoutDeferrableParents(_ tables: [MappedTable]) -> [MappedTable] {
    var tables = tables
    for foreignKey in tables.flatMap(\.foreignKeys) where !foreignKey.isDisabled {
      let columns = Set(foreignKey.parentColumns)
      for key in tables[foreignKey.parent].uniqueConstraints.indices
      where Set(tables[foreignKey.parent].uniqueConstraints[key].columns) == columns {
        tables[foreignKey.parent].uniqueConstraints[key].isDeferrable = false
      }
      for index in tables[foreignKey.parent].indexes.indices
      where Set(tables[foreignKey.parent].indexes[index].parts.map(\.column)) == columns {
        tables[foreignKey.parent].indexes[index].isDeferrable = false
      }
    }
    return tables
  }

  private func table(
    _ index: Int, names: inout NamePlan, defaults: inout DefaultMapper, findings: inout Findings
  ) -> MappedTable {
    let source = tables[index]
    let columns = source.columns.indices.map { column in
      mappedColumn(column, of: index, names: &names, defaults: &defaults, findings: &findings)
    }
    return MappedTable(
      source: source.table.name, target: names.tables[index], stage: names.stages[index],
      keyMap: names.keyMaps[index], columns: columns,
      sourceKey: source.sourceKey.map { .columns($0) } ?? .wholeRow,
      surrogate: keys.surrogates[index].map { column in
        Surrogate(
          column: column,
          generator: source.columns[column].type.base == .uniqueidentifier ? .uuid : .sequence)
      },
      comment: source.table.comment, onChanged: source.rules.onChanged,
      onConflict: source.rules.onConflict, onVanished: source.rules.onVanished,
      vanishedMax: source.rules.vanishedMax, markColumn: names.markColumns[index],
      naturalKey: source.naturalKey, keepBefore: source.rules.keepBefore,
      filter: source.rules.filter?.value,
      added: zip(names.addedColumns[index], source.rules.added).map {
        AddedColumn(name: $0, type: $1.type.value, expression: $1.expression.value)
      },
      isInCycle: order.isInCycle(index), changes: source.rules.changes)
  }
}

// MARK: - Columns

extension TableMapper {
  private func mappedColumn(
    _ column: Int, of index: Int, names: inout NamePlan, defaults: inout DefaultMapper,
    findings: inout Findings
  ) -> MappedColumn {
    let source = tables[index].columns[column]
    let identity = identity(of: column, in: index, names: &names)
    var mapped = MappedColumn(
      sourceName: source.name, sourceType: source.type, name: names.columns[index][column],
      type: types.types[index][column], collation: collations.collations[index][column],
      isNullable: source.isNullable, identity: identity,
      expression: tables[index].rules.columns[source.name]?.expression?.value,
      comment: source.comment)
    if let unused = source.defaultConstraint, identity != nil {
      findings.report(
        "default", "\(tables[index].table.name).\(source.name)",
        "the column draws from a sequence of its own instead", text: unused.definition)
    } else if identity == nil {
      mapped.defaultExpression = defaults.expression(
        for: source, of: tables[index], type: mapped.type, names: &names, findings: &findings)
    }
    return mapped
  }

  private func identity(
    of column: Int, in index: Int, names: inout NamePlan
  ) -> MappedIdentity? {
    let source = tables[index].columns[column]
    let isGenerated =
      keys.surrogates[index] == column && source.type.base != .uniqueidentifier
    guard isGenerated || source.identity != nil else { return nil }
    let target = names.tables[index]
    let name = names.relation(
      nil, fallback: "\(target.name.name)_\(names.columns[index][column].name)_seq", of: index)
    let increment = source.identity?.increment ?? 1
    return MappedIdentity(
      sequence: QualifiedIdentifier(target.schema, name), start: source.identity?.seed ?? 1,
      increment: increment == 0 ? 1 : increment)
  }
}

// MARK: - Primary key, unique constraints, indexes

extension TableMapper {
  private func addKeys(
    to table: inout MappedTable, of index: Int, names: inout NamePlan, findings: inout Findings
  ) {
    let source = tables[index]
    if let key = source.table.primaryKey {
      table.primaryKey = mappedKey(
        key, kind: "primary key", ending: "pkey", of: index, names: &names, findings: &findings)
    }
    table.uniqueConstraints = source.table.uniqueConstraints.compactMap { key in
      mappedKey(
        key, kind: "unique constraint", ending: "key", of: index, names: &names,
        findings: &findings)
    }
    var indexes = IndexMapper(table: source, keyTables: keys.keyTables[index], mapped: table)
    table.indexes = indexes.map(index, names: &names, findings: &findings)
  }

  private func mappedKey(
    _ key: Key, kind: String, ending: String, of index: Int, names: inout NamePlan,
    findings: inout Findings
  ) -> MappedKey? {
    let source = tables[index]
    guard let columns = source.indexes(of: key.columnNames) else {
      findings.report(
        kind, "\(source.table.name).\(key.name ?? "")", "one of its columns is not stored",
        text: "\(kind.uppercased()) (\(bracketed(key.columnNames)))")
      return nil
    }
    guard key.isDisabled != true else {
      findings.report(
        kind, "\(source.table.name).\(key.name ?? "")", "disabled in the source: rows may break it",
        text: "\(kind.uppercased()) (\(bracketed(key.columnNames)))")
      return nil
    }
    let table = names.tables[index].name.name
    let columnNames = columns.map { names.columns[index][$0].name }.joined(separator: "_")
    let name = names.key(
      key.name, fallback: ending == "pkey" ? "\(table)_pkey" : "\(table)_\(columnNames)_\(ending)",
      of: index)
    return MappedKey(
      name: name, columns: columns,
      nullsNotDistinct: ending != "pkey" && columns.contains { source.columns[$0].isNullable },
      isDeferrable: ending != "pkey")
  }
}

// MARK: - Foreign keys

extension TableMapper {
  private func foreignKeys(
    of index: Int, in mapped: [MappedTable], position: [Int], names: inout NamePlan,
    findings: inout Findings
  ) -> [MappedForeignKey] {
    tables[index].links.compactMap { link in
      let source = link.source
      let qualified = tables[index].name(of: source)
      let text = source.sourceText(in: tables[index].table.name)
      if let obstacle = obstacle(to: link, of: index, in: mapped), !source.isDisabled {
        findings.report("foreign key", qualified, obstacle, text: text)
        return nil
      }
      let table = names.tables[index].name.name
      let columns = link.columns.map { names.columns[index][$0].name }.joined(separator: "_")
      return MappedForeignKey(
        name: names.foreignKey(source.name, fallback: "\(table)_\(columns)_fkey", of: index),
        columns: link.columns, parent: position[link.parent], parentColumns: link.parentColumns,
        onDelete: source.onDelete, onUpdate: source.onUpdate, onOrphan: link.onOrphan,
        isDeferrable: order.isWithinCycle(index, link.parent) || valuesChange(link),
        isDisabled: source.isDisabled,
        isNotValid: source.isNotTrusted)
    }
  }

  /// Whether the values that a foreign key leads to can change while their row stays the same: those of
  /// a unique key, and the spelling of a text key. The children change in the same run then, but not
  /// in the same statement.
  private func valuesChange(_ link: Link) -> Bool {
    let parent = tables[link.parent]
    return link.parentColumns.contains { column in
      guard parent.sourceKey?.contains(column) == true else { return true }
      return keys.keyTables[link.parent][column] == nil && parent.columns[column].type.isText
    }
  }

  /// Why PostgreSQL would refuse the constraint; nil when it makes it.
  private func obstacle(to link: Link, of index: Int, in mapped: [MappedTable]) -> String? {
    guard isKey(link.parentColumns, of: mapped[link.parent]) else {
      return "not made: the target has no unique key on the columns it leads to"
    }
    let areComparable = zip(link.columns, link.parentColumns).allSatisfy {
      TypePlan.areComparable(types.types[index][$0], types.types[link.parent][$1])
    }
    return areComparable ? nil : "not made: PostgreSQL cannot compare the types of its columns"
  }

  /// Whether PostgreSQL will have a unique index on exactly these columns.
  private func isKey(_ columns: [Int], of parent: MappedTable) -> Bool {
    let wanted = Set(columns)
    let keys = [parent.primaryKey].compactMap { $0 } + parent.uniqueConstraints
    return keys.contains { Set($0.columns) == wanted }
      || parent.indexes.contains {
        $0.isUnique && $0.predicate == nil && Set($0.parts.map(\.column)) == wanted
      }
  }
}
