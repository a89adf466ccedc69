import Catalog

extension CatalogReader {
  /// Primary key, unique constraints and indexes (section 10.4).
  mutating func readKeys(of object: SystemObject, into table: inout Table) {
    for index in system.indexes[object.id] ?? [] {
      guard index.status.contains(.index), index.type != 0, !index.status.contains(.hypothetical)
      else { continue }
      let columns = keyColumns(of: index)
      if index.status.contains(.primaryKey) {
        table.primaryKey = key(index, columns: columns)
      } else if index.status.contains(.uniqueConstraint) {
        table.uniqueConstraints.append(key(index, columns: columns))
      } else if let kind = Index.Kind(number: index.type) {
        table.indexes.append(self.index(index, kind, columns: columns, in: table.name))
      } else {
        note("\(table.name): index \(index.name) of unknown type \(index.type) is left out")
      }
    }
    table.uniqueConstraints.sort { ($0.name ?? "") < ($1.name ?? "") }
    table.indexes.sort { $0.name < $1.name }
    let ofRows = system.indexes[object.id]?.first { $0.id.index <= 1 }
    table.partitioning = ofRows.flatMap(partitioning)
  }

  private func key(_ index: SystemIndex, columns: [KeyColumn]) -> Key {
    Key(
      name: index.name, isClustered: index.type == 1, columns: columns,
      isDisabled: index.status.contains(.disabled),
      fillFactor: index.fillFactor == 0 ? nil : index.fillFactor,
      partitioning: index.id.index > 1 ? partitioning(of: index) : nil)
  }

  private mutating func index(
    _ index: SystemIndex, _ kind: Index.Kind, columns: [KeyColumn], in table: ObjectName
  ) -> Index {
    let included = (system.indexColumns[index.id] ?? [])
      .filter { $0.belongsToIndex && $0.isIncluded && $0.keyOrdinal == 0 }
      .sorted { $0.ordinal < $1.ordinal }
      .map { columnName($0.columnID, of: index.id.object) }
    var filter: String?
    if index.status.contains(.filtered) {
      let key = ValueKey(
        valueClass: ValueKey.Class.indexFilter, object: index.id.object, part: index.id.index)
      filter = definition(key, of: "the predicate of index \(table).\(index.name)")
    }
    return Index(
      name: index.name, kind: kind, isUnique: index.status.contains(.unique), columns: columns,
      included: included, filter: filter, isDisabled: index.status.contains(.disabled),
      fillFactor: index.fillFactor == 0 ? nil : index.fillFactor,
      partitioning: index.id.index > 1 ? partitioning(of: index) : nil)
  }

  func keyColumns(of index: SystemIndex) -> [KeyColumn] {
    (system.indexColumns[index.id] ?? [])
      .filter { $0.belongsToIndex && !$0.isIncluded && ($0.keyOrdinal > 0 || index.type >= 3) }
      .sorted { ($0.keyOrdinal, $0.ordinal) < ($1.keyOrdinal, $1.ordinal) }
      .map {
        KeyColumn(
          columnName($0.columnID, of: index.id.object), isDescending: $0.isDescending)
      }
  }

  /// Reference classes 27 (referenced table), 28 (referencing column), 29 (referenced column).
  mutating func readForeignKeys(of object: SystemObject, into table: inout Table) {
    for constraint in system.children[object.id] ?? [] where constraint.type == "F " {
      let own = references[constraint.id] ?? []
      guard let target = own.first(where: { $0.referenceClass == 27 }),
        let parent = system.objectByID[target.target]
      else {
        note("\(table.name): foreign key \(constraint.name) names no table and is left out")
        continue
      }
      table.foreignKeys.append(foreignKey(constraint, of: object, own, parent: parent))
    }
    table.foreignKeys.sort { ($0.name ?? "") < ($1.name ?? "") }
  }

  private func foreignKey(
    _ constraint: SystemObject, of object: SystemObject, _ own: [ObjectReference],
    parent: SystemObject
  ) -> ForeignKey {
    ForeignKey(
      name: constraint.name, columns: columnNames(own, referenceClass: 28, of: object.id),
      parent: name(of: parent),
      parentColumns: columnNames(own, referenceClass: 29, of: parent.id),
      onDelete: ForeignKey.Action(number: constraint.deleteAction),
      onUpdate: ForeignKey.Action(number: constraint.updateAction),
      isDisabled: constraint.status.contains(.disabled),
      isNotTrusted: constraint.status.contains(.notTrusted))
  }

  private func columnNames(
    _ references: [ObjectReference], referenceClass: Int, of object: Int
  ) -> [String] {
    references.filter { $0.referenceClass == referenceClass }
      .sorted { $0.dependentPart < $1.dependentPart }
      .map { columnName($0.targetPart, of: object) }
  }

  mutating func readChecks(of object: SystemObject, into table: inout Table) {
    for constraint in system.children[object.id] ?? [] where constraint.type == "C " {
      let key = ValueKey(valueClass: ValueKey.Class.definition, object: constraint.id, part: 0)
      guard let text = definition(key, of: "the check \(table.name).\(constraint.name)") else {
        note("\(table.name): check \(constraint.name) is left out, its text is not there")
        continue
      }
      table.checks.append(
        CheckConstraint(
          name: constraint.name, definition: text,
          isDisabled: constraint.status.contains(.disabled)))
    }
    table.checks.sort { ($0.name ?? "") < ($1.name ?? "") }
  }
}
