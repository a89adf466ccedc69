import Catalog

extension CatalogReader {
  mutating func columns(
    of object: SystemObject, in table: ObjectName
  ) throws(BackupError) -> [Column] {
    var result: [Column] = []
    for column in system.columns[object.id] ?? [] {
      result.append(sourceColumn(column, of: object, in: table))
    }
    return result
  }

  private mutating func sourceColumn(
    _ column: SystemColumn, of object: SystemObject, in table: ObjectName
  ) -> Column {
    let type = ColumnType(column)
    let status = column.status
    var result = Column(
      id: column.columnID, name: column.name, type: type,
      isNullable: !status.contains(.notNull), aliasType: aliasName(column.userType),
      isSparse: status.contains(.sparse), isColumnSet: status.contains(.columnSet),
      isRowGUID: status.contains(.rowGUID), isHidden: status.contains(.hidden))
    let place = "\(table), column \(column.name)"
    if type.isText { result.collation = collation(CollationID(column.collationID)) }
    if status.contains(.identity) { result.identity = identity(column, at: place) }
    if status.contains(.computed) { result.computed = computed(column, at: place) }
    if status.contains(.rowStart) { result.generatedAlways = .rowStart }
    if status.contains(.rowEnd) { result.generatedAlways = .rowEnd }
    result.defaultConstraint = defaultConstraint(column, at: place)
    result.comment = comment(on: object.id, part: column.columnID)
    noteRule(column, at: place)
    return result
  }

  /// `sysname` is the server's own alias type; ids above 256 are the users'.
  private func aliasName(_ userType: Int) -> ObjectName? {
    if userType == 256 { return ObjectName("sys", "sysname") }
    guard userType > 256, let type = system.scalarTypes[userType] else { return nil }
    return ObjectName(schemaName(type.schemaID), type.name)
  }

  private mutating func identity(_ column: SystemColumn, at place: String) -> Identity? {
    guard let bytes = column.identityBytes, let identity = Identity(idtval: bytes, column) else {
      note("\(place): the identity's numbers cannot be read or do not fit 64 bits")
      return nil
    }
    return identity
  }

  /// Whether it is stored is seen by the rowset: a computed column that is not persisted has no
  /// physical column there.
  private mutating func computed(_ column: SystemColumn, at place: String) -> Computed {
    let key = ValueKey(
      valueClass: ValueKey.Class.computedColumn, object: column.objectID, part: column.columnID)
    let rowset = system.rowsets[column.objectID]?.first { $0.indexID <= 1 }
    let physical = rowset.flatMap { system.physicalColumns[$0.id] } ?? []
    return Computed(
      definition: definition(key, of: place) ?? "",
      isPersisted: physical.contains { $0.columnID == column.columnID && !$0.isDropped })
  }

  private mutating func defaultConstraint(
    _ column: SystemColumn, at place: String
  ) -> DefaultConstraint? {
    guard column.defaultID != 0, let object = system.objectByID[column.defaultID] else {
      return nil
    }
    let key = ValueKey(valueClass: ValueKey.Class.definition, object: object.id, part: 0)
    guard let text = definition(key, of: "the default of \(place)") else { return nil }
    if object.parentID == column.objectID {
      return DefaultConstraint(name: object.name, definition: text)
    }
    return DefaultConstraint(boundObject: text)
  }

  private mutating func noteRule(_ column: SystemColumn, at place: String) {
    let bound = system.scalarTypes[column.userType]?.ruleID ?? 0
    let ruleID = column.ruleID != 0 ? column.ruleID : bound
    guard ruleID != 0, let rule = system.objectByID[ruleID], rule.type == "R " else { return }
    note("\(place): the bound rule \(name(of: rule)) is not carried over")
  }
}

extension Identity {
  /// Three numbers, each as wide as the type, then a flag byte: last value, increment, seed
  /// (section 10.2).
  ///
  /// - Returns: nil when a number does not fit 64 bits or the bytes are something else.
  init?(idtval bytes: [UInt8], _ column: SystemColumn) {
    guard let width = Self.width(column.xtype), bytes.count == 3 * width + 1,
      let flags = bytes.last
    else { return nil }
    let isUnsigned = column.xtype == XType.tinyint
    let numbers = (0..<3).map { index in
      Self.number(Array(bytes[index * width..<(index + 1) * width]), isUnsigned: isUnsigned)
    }
    guard let last = numbers[0], let increment = numbers[1], let seed = numbers[2] else {
      return nil
    }
    // Bit 0 of the flags: no value was handed out yet, and "last" repeats the seed.
    self.init(seed: seed, increment: increment, lastValue: flags & 1 != 0 ? nil : last)
  }

  private static func width(_ xtype: UInt8) -> Int? {
    switch xtype {
    case XType.tinyint: 1
    case XType.smallint: 2
    case XType.int: 4
    case XType.bigint: 8
    case XType.decimal, XType.numeric: 20
    default: nil
    }
  }

  private static func number(_ bytes: [UInt8], isUnsigned: Bool) -> Int64? {
    bytes.withUnsafeBytes { raw in
      switch raw.count {
      case 1 where isUnsigned: return Int64(raw.uint8(at: 0))
      case 1: return Int64(Int8(bitPattern: raw.uint8(at: 0)))
      case 2: return Int64(raw.int16(at: 0))
      case 4: return Int64(raw.int32(at: 0))
      case 8: return raw.int64(at: 0)
      case 20:
        // Decimal: u8 5, u8 precision, u8 scale, u8 sign (1 = positive), 16 bytes of magnitude.
        guard raw.uint8(at: 2) == 0, raw.uint64(at: 12) == 0,
          let magnitude = Int64(exactly: raw.uint64(at: 4))
        else { return nil }
        return raw.uint8(at: 3) == 1 ? magnitude : -magnitude
      default: return nil
      }
    }
  }
}

extension ColumnType {
  init(_ column: SystemColumn) {
    self.init(
      xtype: column.xtype, userType: column.userType, length: column.length,
      precision: column.precision, scale: column.scale)
  }

  /// - Parameters:
  ///   - length: In bytes, -1 for (max).
  init(xtype: UInt8, userType: Int, length: Int, precision: Int, scale: Int) {
    switch xtype {
    case XType.char: self.init(.char, length: length)
    case XType.binary: self.init(.binary, length: length)
    case XType.nchar: self.init(.nchar, length: length / 2)
    case XType.varchar: self.init(variable: .varchar, length: length, unit: 1)
    case XType.varbinary where userType == 255: self.init(.vector)
    case XType.varbinary: self.init(variable: .varbinary, length: length, unit: 1)
    case XType.nvarchar: self.init(variable: .nvarchar, length: length, unit: 2)
    case XType.decimal: self.init(.decimal, precision: precision, scale: scale)
    case XType.numeric: self.init(.numeric, precision: precision, scale: scale)
    case XType.time: self.init(.time, scale: scale)
    case XType.datetime2: self.init(.datetime2, scale: scale)
    case XType.datetimeoffset: self.init(.datetimeoffset, scale: scale)
    case XType.clr: self.init(Self.systemCLRTypes[userType] ?? .clr)
    default: self.init(Self.plainTypes[xtype] ?? .clr)
    }
  }

  private init(variable base: Base, length: Int, unit: Int) {
    self.init(base, length: length < 0 ? nil : length / unit, isMax: length < 0)
  }

  private static let systemCLRTypes: [Int: Base] = [
    128: .hierarchyid, 129: .geometry, 130: .geography,
  ]

  /// Types without arguments.
  private static let plainTypes: [UInt8: Base] = [
    XType.image: .image, XType.text: .text, XType.uniqueidentifier: .uniqueidentifier,
    XType.date: .date, XType.tinyint: .tinyint, XType.smallint: .smallint, XType.int: .int,
    XType.smalldatetime: .smalldatetime, XType.real: .real, XType.money: .money,
    XType.datetime: .datetime, XType.float: .float, XType.sqlVariant: .sqlVariant,
    XType.ntext: .ntext, XType.bit: .bit, XType.smallmoney: .smallmoney, XType.bigint: .bigint,
    XType.rowversion: .rowversion, XType.xml: .xml, XType.json: .json,
  ]
}
