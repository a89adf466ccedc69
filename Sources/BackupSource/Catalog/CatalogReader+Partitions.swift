import Catalog

// Partition functions and schemes stand in tables whose classes are numbered, and no public source
// says by which numbers. So they are told by what is certain: the letters of their types ("R ", "PS",
// "FG"), which the catalog views show, and the number of ranges, with which everything else has to
// agree. What does not agree is left out with a note.

extension CatalogReader {
  mutating func partitionFunctions() -> [PartitionFunction] {
    var result: [PartitionFunction] = []
    for function in system.classObjects where function.isPartitionFunction {
      let parameter = system.parameters.first { $0.owner == function.id && $0.number == 1 }
      guard let parameter, let values = boundaries(of: function, parameter) else {
        note("partition function \(function.name): its boundaries are not read")
        continue
      }
      result.append(
        PartitionFunction(
          name: function.name,
          type: ColumnType(
            xtype: parameter.xtype, userType: 0, length: parameter.length,
            precision: parameter.precision, scale: parameter.scale),
          isRight: function.status & 1 != 0,
          boundaries: values.map { $0.value?.plainText(codePage: codePage) }))
    }
    return result.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// One value less than there are ranges, each of the parameter's type or NULL.
  private func boundaries(
    of function: SystemClassObject, _ parameter: SystemParameter
  ) -> [SystemRangeValue]? {
    if function.number == 1 { return [] }
    let own = system.rangeValues.filter { $0.owner == function.id }
    return Dictionary(grouping: own, by: \.valueClass).values
      .first { group in
        group.count == function.number - 1
          && group.allSatisfy { $0.value == nil || $0.value?.xtype == parameter.xtype }
      }?
      .sorted { ($0.part, $0.number) < ($1.part, $1.number) }
  }

  mutating func partitionSchemes() -> [PartitionScheme] {
    let functions = Dictionary(
      system.classObjects.filter(\.isPartitionFunction).map { ($0.id, $0) },
      uniquingKeysWith: { first, _ in first })
    var result: [PartitionScheme] = []
    for scheme in system.classObjects where scheme.isPartitionScheme {
      let own = references[scheme.id] ?? []
      let function = own.lazy.filter { $0.dependentPart == 0 }
        .compactMap { functions[$0.target] }.first
      guard let function, let filegroups = filegroups(among: own, of: function) else {
        note("partition scheme \(scheme.name): its function and filegroups are not read")
        continue
      }
      result.append(
        PartitionScheme(name: scheme.name, function: function.name, filegroups: filegroups))
    }
    return result.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// References numbered from 1 that all lead to filegroups, at least one for each range.
  private func filegroups(
    among references: [ObjectReference], of function: SystemClassObject
  ) -> [String]? {
    let names = Dictionary(
      system.classObjects.filter(\.isFilegroup).map { ($0.id, $0.name) },
      uniquingKeysWith: { first, _ in first })
    let numbered = references.filter { $0.dependentPart > 0 }
    for group in Dictionary(grouping: numbered, by: \.referenceClass).values {
      let inOrder = group.sorted { $0.dependentPart < $1.dependentPart }
      let found = inOrder.compactMap { names[$0.target] }
      if inOrder.map(\.dependentPart) == Array(1...group.count), found.count == group.count,
        found.count >= function.number
      {
        return found
      }
    }
    return nil
  }

  /// How an index, or the heap as index 0, is partitioned.
  func partitioning(of index: SystemIndex) -> Partitioning? {
    guard
      let scheme = system.classObjects.first(where: {
        $0.isPartitionScheme && $0.id == index.dataSpace
      }),
      let column = system.indexColumns[index.id]?.first(where: { $0.partitionOrdinal == 1 })
    else { return nil }
    return Partitioning(
      scheme: scheme.name, column: columnName(column.columnID, of: index.id.object))
  }
}

extension CatalogReader {
  /// Everything that `sysxprops` holds but the comments (section 10.6).
  func extendedProperties() -> [ExtendedProperty] {
    system.properties.compactMap { property in
      let place = place(of: property)
      let isComment =
        property.name == "MS_Description" && ["table", "column"].contains(place.level)
      if isComment { return nil }
      return ExtendedProperty(
        level: place.level, target: place.target, name: property.name,
        value: property.value?.plainText(codePage: codePage))
    }.sorted()
  }

  /// Classes as in `sys.extended_properties`.
  private func place(of property: SystemProperty) -> (level: String, target: String) {
    let object = system.objectByID[property.objectID]
    let name = object.map { "\(self.name(of: $0))" } ?? "object \(property.objectID)"
    switch property.propertyClass {
    case 0: return ("database", "")
    case 1 where property.part == 0: return (object?.type == "U " ? "table" : "object", name)
    case 1: return ("column", "\(name).\(columnName(property.part, of: property.objectID))")
    case 2: return ("parameter", "\(name), parameter \(property.part)")
    case 3: return ("schema", schemaName(property.objectID))
    case 6:
      guard let type = system.scalarTypes[property.objectID] else {
        return ("type", "type \(property.objectID)")
      }
      return ("type", "\(ObjectName(schemaName(type.schemaID), type.name))")
    case 7:
      let index = system.indexes[property.objectID]?.first { $0.id.index == property.part }
      return ("index", "\(name).\(index?.name ?? "index \(property.part)")")
    default:
      return ("class \(property.propertyClass)", "\(property.objectID).\(property.part)")
    }
  }
}
