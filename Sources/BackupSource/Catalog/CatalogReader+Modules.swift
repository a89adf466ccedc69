import Catalog

extension CatalogReader {
  /// Views, procedures, functions, triggers, synonyms and table types, sorted by kind and name.
  mutating func modules() -> [Module] {
    var result: [Module] = []
    for object in system.objects where object.isUsers {
      guard let kind = Module.Kind(objectType: object.type) else { continue }
      result.append(module(object, kind))
    }
    // A table type is an object of the server with a generated name; its own name is the type's.
    for reference in system.references where reference.referenceClass == 36 {
      guard let type = system.scalarTypes[reference.dependent],
        system.objectByID[reference.target]?.type == "TT"
      else { continue }
      result.append(
        Module(kind: .tableType, name: ObjectName(schemaName(type.schemaID), type.name)))
    }
    return result.sorted {
      $0.kind == $1.kind ? $0.name < $1.name : $0.kind.rawValue < $1.kind.rawValue
    }
  }

  private mutating func module(_ object: SystemObject, _ kind: Module.Kind) -> Module {
    let key = ValueKey(
      valueClass: ValueKey.Class.definition, object: object.id, part: kind == .procedure ? 1 : 0)
    let parent = kind == .trigger ? system.objectByID[object.parentID] : nil
    return Module(
      kind: kind, name: name(of: object), table: parent.map(name(of:)),
      definition: definition(key, of: "\(kind.rawValue) \(name(of: object))"))
  }

  /// Sequences with numbers of up to 64 bits; others are noted.
  mutating func sequences() -> [SequenceGenerator] {
    var result: [SequenceGenerator] = []
    for object in system.objects where object.isUsers && object.type == "SO" {
      let key = ValueKey(valueClass: ValueKey.Class.sequence, object: object.id, part: 0)
      if let payload = system.values[key]?.value?.payload,
        let sequence = SequenceGenerator(name: name(of: object), payload: payload)
      {
        result.append(sequence)
      } else {
        note("sequence \(name(of: object)): its numbers cannot be read or do not fit 64 bits")
      }
    }
    return result.sorted { $0.name < $1.name }
  }

  func aliasTypes() -> [AliasType] {
    let tableTypes = Set(
      system.references.filter { $0.referenceClass == 36 }.map(\.dependent))
    return system.scalarTypes.values
      .filter { $0.id > 256 && !tableTypes.contains($0.id) && $0.xtype != XType.clr }
      .map { type in
        AliasType(
          name: ObjectName(schemaName(type.schemaID), type.name),
          base: ColumnType(
            xtype: type.xtype, userType: 0, length: type.length, precision: type.precision,
            scale: type.scale),
          isNullable: type.isNullable)
      }
      .sorted { $0.name < $1.name }
  }
}

extension Module.Kind {
  /// - Parameter objectType: `sysschobjs.type`.
  init?(objectType: String) {
    switch objectType {
    case "V ": self = .view
    case "P ", "PC", "X ": self = .procedure
    case "FN", "IF", "TF", "FS", "FT", "AF": self = .function
    case "TR", "TA": self = .trigger
    case "SN": self = .synonym
    default: return nil
    }
  }
}

extension SequenceGenerator {
  /// Start, increment, minimum, maximum, current, each in the sequence's width, then a flag byte
  /// (section 10.3).
  init?(name: ObjectName, payload: [UInt8]) {
    let bases: [Int: ColumnType.Base] = [1: .tinyint, 2: .smallint, 4: .int, 8: .bigint]
    guard payload.count % 5 == 1, let base = bases[payload.count / 5], let flags = payload.last
    else { return nil }
    let width = payload.count / 5
    let numbers = payload.withUnsafeBytes { bytes in
      (0..<5).map { index -> Int64 in
        let number = bytes.slice(index * width..<(index + 1) * width).unsignedNumber()
        if base == .tinyint { return Int64(number) }
        let shift = UInt64(64 - 8 * width)
        return Int64(bitPattern: number << shift) >> Int64(shift)
      }
    }
    self.init(
      name: name, type: ColumnType(base), start: numbers[0], increment: numbers[1],
      minimum: numbers[2], maximum: numbers[3], current: numbers[4], cycles: flags & 1 != 0)
  }
}
