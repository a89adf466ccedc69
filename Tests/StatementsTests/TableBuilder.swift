// Mapped databases for tests, made by hand and not by Translation: what Statements does must not
// depend on who filled the values.

import Catalog

/// A table of a test, by names; `MappedDatabase.of` turns names into indexes.
struct TestTable {
  struct Column {
    var name: String
    var target: String
    var type: String
    var isNullable: Bool
    var ignoresCase: Bool
    var identity: Bool
  }

  struct Link {
    var columns: [String]
    var parent: String
    var parentColumns: [String]
    var policy: OrphanPolicy
    var isDisabled: Bool
    var isFixed: Bool
    var onUpdate: ForeignKey.Action
  }

  var name: String
  var target: String
  var columns: [Column]
  /// Empty: the whole row is the key.
  var key: [String] = []
  var generator: Surrogate.Generator?
  var links: [Link] = []
  var unique: [[String]] = []
  /// Those of `unique` that the server checks row by row, as it must where a foreign key leads to them.
  var fixedUnique: [[String]] = []
  var onChanged: ChangePolicy = .update
  var onConflict: ConflictPolicy = .overwrite
  var onVanished: VanishPolicy = .report
  var vanishedMax: RowCeiling = .standard
  var markColumn: String?
  var naturalKey: [String] = []
  var filter: String?
  var changes: ChangeSource?
  var expressions: [String: String] = [:]
  var added: [AddedColumn] = []

  init(_ name: String, as target: String? = nil, _ columns: [Column]) {
    self.name = name
    self.target = target ?? name.lowercased()
    self.columns = columns
  }

  /// A source key whose values are kept.
  func key(_ columns: String...) -> TestTable { with { $0.key = columns } }

  /// A source key of one column that gets new values.
  func surrogate(_ column: String, _ generator: Surrogate.Generator = .sequence) -> TestTable {
    with {
      $0.key = [column]
      $0.generator = generator
    }
  }

  /// - Parameter isFixed: Whether the target has the foreign key as one that is not deferrable.
  func link(
    _ columns: String..., to parent: String, _ parentColumns: String...,
    policy: OrphanPolicy = .fail, isDisabled: Bool = false, isFixed: Bool = false,
    onUpdate: ForeignKey.Action = .noAction
  ) -> TestTable {
    with {
      $0.links.append(
        Link(
          columns: columns, parent: parent, parentColumns: parentColumns, policy: policy,
          isDisabled: isDisabled, isFixed: isFixed, onUpdate: onUpdate))
    }
  }

  func unique(_ columns: String..., isFixed: Bool = false) -> TestTable {
    with {
      $0.unique.append(columns)
      if isFixed { $0.fixedUnique.append(columns) }
    }
  }

  func onChanged(_ policy: ChangePolicy) -> TestTable { with { $0.onChanged = policy } }

  func onConflict(_ policy: ConflictPolicy) -> TestTable { with { $0.onConflict = policy } }

  func onVanished(
    _ policy: VanishPolicy, max: RowCeiling = .percent("100"), markColumn: String? = nil
  ) -> TestTable {
    with {
      $0.onVanished = policy
      $0.vanishedMax = max
      $0.markColumn = markColumn
    }
  }

  func changes(_ source: ChangeSource) -> TestTable { with { $0.changes = source } }

  func filter(_ condition: String) -> TestTable { with { $0.filter = condition } }

  func expression(_ column: String, _ text: String) -> TestTable {
    with { $0.expressions[column] = text }
  }

  func adding(_ name: String, _ type: String, _ text: String) -> TestTable {
    with {
      $0.added.append(AddedColumn(name: Identifier(name), type: type, expression: text))
    }
  }

  func naturalKey(_ columns: String...) -> TestTable { with { $0.naturalKey = columns } }

  private func with(_ change: (inout TestTable) -> Void) -> TestTable {
    var copy = self
    change(&copy)
    return copy
  }
}

/// A column: `column("Name", "nvarchar(40)", .null)`.
func column(
  _ name: String, _ type: String, _ options: ColumnOption..., as target: String? = nil
) -> TestTable.Column {
  TestTable.Column(
    name: name, target: target ?? name.lowercased(), type: type,
    isNullable: options.contains(.null), ignoresCase: options.contains(.ignoringCase),
    identity: options.contains(.identity))
}

enum ColumnOption {
  case null, ignoringCase, identity
}

extension MappedDatabase {
  /// Puts tables together that are given in foreign-key order.
  static func of(_ tables: [TestTable], source: String = "stride") -> MappedDatabase {
    var mapped = tables.map(MappedTable.init)
    for (index, table) in tables.enumerated() {
      mapped[index].foreignKeys = table.links.map { link in
        guard let parent = tables.firstIndex(where: { $0.name == link.parent }) else {
          preconditionFailure("\(table.name) refers to \(link.parent), which is not there")
        }
        let columns = table.indexes(link.columns)
        return MappedForeignKey(
          name: Identifier.shortened(
            "\(table.target)_\(columns.map { table.columns[$0].target }.joined(separator: "_"))_fkey"
          ),
          columns: columns, parent: parent,
          parentColumns: tables[parent].indexes(link.parentColumns),
          onUpdate: link.onUpdate, onOrphan: link.policy, isDeferrable: !link.isFixed,
          isDisabled: link.isDisabled)
      }
    }
    var database = MappedDatabase(
      sourceName: source, databaseName: source, schemas: [Identifier("public")], tables: mapped)
    for index in mapped.indices {
      database.tables[index].isInCycle = database.isInCycle(index)
      for place in mapped[index].foreignKeys.indices {
        database.tables[index].foreignKeys[place].isDeferrable =
          mapped[index].foreignKeys[place].isDeferrable && database.valuesChange(index, place)
      }
      for column in mapped[index].columns.indices {
        database.tables[index].columns[column].keyTable = database.keyTable(index, column)
      }
    }
    return database
  }

  /// The table whose surrogate key a column holds, found by going up the foreign keys.
  private func keyTable(_ table: Int, _ column: Int, seen: Set<[Int]> = []) -> Int? {
    if tables[table].surrogate?.column == column { return table }
    guard !seen.contains([table, column]) else { return nil }
    for foreignKey in tables[table].foreignKeys {
      guard let place = foreignKey.columns.firstIndex(of: column) else { continue }
      if let found = keyTable(
        foreignKey.parent, foreignKey.parentColumns[place], seen: seen.union([[table, column]]))
      {
        return found
      }
    }
    return nil
  }

  /// Within a cycle, to columns of no key, or to text.
  private func valuesChange(_ table: Int, _ place: Int) -> Bool {
    let foreignKey = tables[table].foreignKeys[place]
    let parent = tables[foreignKey.parent]
    let isWithin = isInCycle(table) && isInCycle(foreignKey.parent) && foreignKey.parent != table
    return isWithin
      || foreignKey.parentColumns.contains { column in
        guard case .columns(let key) = parent.sourceKey, key.contains(column) else { return true }
        return parent.columns[column].sourceType.isText
      }
  }

  private func isInCycle(_ start: Int) -> Bool {
    var reached: Set<Int> = []
    var open = tables[start].foreignKeys.map(\.parent).filter { $0 != start }
    while let next = open.popLast() {
      if next == start { return true }
      if reached.insert(next).inserted { open += tables[next].foreignKeys.map(\.parent) }
    }
    return false
  }
}

extension TestTable {
  fileprivate func indexes(_ names: [String]) -> [Int] {
    names.map { name in
      guard let index = columns.firstIndex(where: { $0.name == name }) else {
        preconditionFailure("\(self.name) has no column \(name)")
      }
      return index
    }
  }
}

extension MappedTable {
  fileprivate init(_ table: TestTable) {
    let name = Identifier.shortened(table.target)
    let generated = table.generator.map { _ in table.indexes(table.key)[0] }
    self.init(
      source: ObjectName("dbo", table.name),
      target: QualifiedIdentifier(Identifier("public"), name),
      stage: QualifiedIdentifier(Identifier("restage_stage"), name),
      keyMap: QualifiedIdentifier(Identifier("restage_keymap"), name),
      columns: table.columns.enumerated().map { index, column in
        MappedColumn(
          column, sequence: "\(table.target)_\(column.target)_seq",
          isGenerated: index == generated && table.generator == .sequence)
      },
      sourceKey: table.key.isEmpty ? .wholeRow : .columns(table.indexes(table.key)),
      surrogate: generated.flatMap { column in
        table.generator.map { Surrogate(column: column, generator: $0) }
      },
      primaryKey: table.key.isEmpty
        ? nil
        : MappedKey(
          name: Identifier.shortened("\(table.target)_pkey"), columns: table.indexes(table.key)),
      uniqueConstraints: table.unique.enumerated().map { number, columns in
        MappedKey(
          name: Identifier.shortened("\(table.target)_key_\(number + 1)"),
          columns: table.indexes(columns), nullsNotDistinct: true,
          isDeferrable: !table.fixedUnique.contains(columns))
      },
      onChanged: table.onChanged, onConflict: table.onConflict, onVanished: table.onVanished,
      vanishedMax: table.vanishedMax, markColumn: table.markColumn.map { Identifier($0) },
      naturalKey: table.indexes(table.naturalKey), filter: table.filter, added: table.added,
      changes: table.changes)
    for (index, column) in table.columns.enumerated() {
      columns[index].expression = table.expressions[column.name]
    }
  }
}

extension MappedColumn {
  fileprivate init(_ column: TestTable.Column, sequence: String, isGenerated: Bool) {
    guard let type = ColumnType(column.type) else {
      preconditionFailure("\(column.type) is no type")
    }
    self.init(
      sourceName: column.name, sourceType: type, name: Identifier.shortened(column.target),
      type: type.csvType,
      collation: column.ignoresCase
        ? QualifiedIdentifier(Identifier("public"), Identifier("ignoring_case")) : nil,
      isNullable: column.isNullable,
      identity: column.identity || isGenerated
        ? MappedIdentity(
          sequence: QualifiedIdentifier(Identifier("public"), Identifier.shortened(sequence)),
          start: 1, increment: 1) : nil)
  }
}
