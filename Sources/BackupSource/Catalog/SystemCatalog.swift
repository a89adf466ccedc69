/// The rows of the system tables that describe user tables, as they are: no joins, no judgement.
struct SystemCatalog {
  let boot: BootPage
  let objects: [SystemObject]
  let objectByID: [Int: SystemObject]
  /// Constraints and triggers, by the object that they belong to.
  let children: [Int: [SystemObject]]
  /// In column-id order, by object.
  let columns: [Int: [SystemColumn]]
  let schemas: [Int: String]
  let scalarTypes: [Int: SystemScalarType]
  let indexes: [Int: [SystemIndex]]
  /// By object and index.
  let indexColumns: [SystemIndex.ID: [SystemIndexColumn]]
  let values: [ValueKey: ObjectValue]
  let references: [ObjectReference]
  let properties: [SystemProperty]
  /// Partition functions and schemes, filegroups and the like.
  let classObjects: [SystemClassObject]
  /// Parameters of partition functions; nothing else is among them.
  let parameters: [SystemParameter]
  /// Numbered values of partition functions.
  let rangeValues: [SystemRangeValue]
  /// By object.
  let rowsets: [Int: [Rowset]]
  let allocationUnits: [Int: [AllocationUnit]]
  /// By rowset; physical columns in order of their number.
  let physicalColumns: [Int: [PhysicalColumn]]
  let addedDefaults: [Int: [AddedDefault]]

  init(_ pages: any PageReading) throws(BackupError) {
    boot = try BootPage(from: pages)
    let tables = try SystemTables(pages, boot: boot)
    objects = try tables.rows("sysschobjs", SystemObject.init)
    objectByID = Dictionary(objects.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    children = Dictionary(grouping: objects, by: \.parentID)
    columns = Dictionary(
      grouping: try tables.rows("syscolpars", SystemColumn.init), by: \.objectID
    ).mapValues { $0.sorted { $0.columnID < $1.columnID } }
    let classes = try tables.rows("sysclsobjs", SystemClassObject.init)
    schemas = Dictionary(
      classes.filter { $0.objectClass == SystemClassObject.schemaClass }.map { ($0.id, $0.name) },
      uniquingKeysWith: { first, _ in first })
    let types = try tables.rows("sysscalartypes", SystemScalarType.init)
    scalarTypes = Dictionary(types.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    indexes = Dictionary(
      grouping: try tables.rows("sysidxstats", SystemIndex.init), by: \.id.object
    ).mapValues { $0.sorted { $0.id.index < $1.id.index } }
    indexColumns = Dictionary(
      grouping: try tables.rows("sysiscols", SystemIndexColumn.init), by: \.index)
    values = Dictionary(
      try tables.rows("sysobjvalues", ObjectValue.init).map { ($0.key, $0) },
      uniquingKeysWith: { first, _ in first })
    references =
      try tables.rows("syssingleobjrefs", ObjectReference.init)
      + tables.rows("sysmultiobjrefs", ObjectReference.init)
    properties = try tables.rows("sysxprops", SystemProperty.init)
    classObjects = classes
    parameters = try tables.rows("systypedsubobjs", SystemParameter.init)
    rangeValues = try SystemRangeValue.of(classes.filter(\.isPartitionFunction), in: tables)
    rowsets = Dictionary(grouping: tables.rowsets, by: \.objectID)
    allocationUnits = tables.allocationUnits
    physicalColumns = try PhysicalColumn.byRowset(tables)
    addedDefaults = Dictionary(
      grouping: try tables.rows("sysseobjvalues", AddedDefault.init), by: \.rowset)
  }
}

/// A row of `sysschobjs`.
struct SystemObject: Sendable {
  struct Status: OptionSet, Sendable {
    let rawValue: Int
    static let shipped = Status(rawValue: 0x1)
    static let disabled = Status(rawValue: 0x100)
    static let notTrusted = Status(rawValue: 0x400)
  }

  let id: Int
  let name: String
  let schemaID: Int
  /// Two letters, such as "U " for a user table.
  let type: String
  let parentID: Int
  let status: Status
  let isMemoryOptimized: Bool

  init(_ row: SystemRow) throws(BackupError) {
    id = try row.int("id")
    name = try row.string("name")
    schemaID = try row.int("nsid")
    type = try row.ascii("type")
    parentID = try row.int("pid")
    status = Status(rawValue: try row.int("status"))
    isMemoryOptimized = try row.int("status2") & 0x8 != 0
  }

  /// Made by users, not shipped with the server.
  var isUsers: Bool { id > 0 && !status.contains(.shipped) }

  /// 0 no action, 1 cascade, 2 set null, 3 set default.
  var updateAction: Int { status.rawValue >> 12 & 3 }
  var deleteAction: Int { status.rawValue >> 14 & 3 }
}

/// A row of `sysclsobjs`.
struct SystemClassObject {
  static let schemaClass = 50

  let objectClass: Int
  let id: Int
  let name: String
  /// Two letters, as `sys.partition_functions` and `sys.data_spaces` have them.
  let type: String
  let status: Int
  /// Of a partition function the number of ranges.
  let number: Int

  init(_ row: SystemRow) throws(BackupError) {
    objectClass = try row.int("class")
    id = try row.int("id")
    name = try row.string("name")
    type = try row.ascii("type")
    status = try row.int("status")
    number = Int(Int32(truncatingIfNeeded: try row.int("intprop")))
  }

  var isPartitionFunction: Bool { type == "R " }
  var isPartitionScheme: Bool { type == "PS" }
  var isFilegroup: Bool { type == "FG" || type == "FD" }
}

/// A row of `sysscalartypes`.
struct SystemScalarType: Sendable {
  let id: Int
  let schemaID: Int
  let name: String
  let xtype: UInt8
  let length: Int
  let precision: Int
  let scale: Int
  let isNullable: Bool
  let defaultID: Int
  let ruleID: Int

  init(_ row: SystemRow) throws(BackupError) {
    id = try row.int("id")
    schemaID = try row.int("schid")
    name = try row.string("name")
    xtype = UInt8(truncatingIfNeeded: try row.int("xtype"))
    length = Int(Int16(truncatingIfNeeded: try row.int("length")))
    precision = Int(UInt8(truncatingIfNeeded: try row.int("prec")))
    scale = Int(UInt8(truncatingIfNeeded: try row.int("scale")))
    isNullable = try row.int("status") & 0x1 == 0
    defaultID = try row.int("dflt")
    ruleID = try row.int("chk")
  }
}

/// A row of `sysidxstats`: an index, a heap or mere statistics.
struct SystemIndex: Sendable {
  struct ID: Hashable, Sendable {
    var object: Int
    var index: Int
  }

  struct Status: OptionSet, Sendable {
    let rawValue: Int
    static let index = Status(rawValue: 0x1)
    static let unique = Status(rawValue: 0x8)
    static let primaryKey = Status(rawValue: 0x20)
    static let uniqueConstraint = Status(rawValue: 0x40)
    static let disabled = Status(rawValue: 0x80)
    static let hypothetical = Status(rawValue: 0x100)
    static let filtered = Status(rawValue: 0x20000)
  }

  let id: ID
  let name: String
  let status: Status
  /// 0 heap, 1 clustered, 2 nonclustered, 3 xml, 4 spatial, 5 clustered columnstore,
  /// 6 nonclustered columnstore, 7 hash.
  let type: Int
  /// In percent, 0 for the server's own.
  let fillFactor: Int
  /// The filegroup or partition scheme that it lies on.
  let dataSpace: Int

  init(_ row: SystemRow) throws(BackupError) {
    id = ID(object: try row.int("id"), index: try row.int("indid"))
    name = try row.string("name")
    status = Status(rawValue: try row.int("status"))
    type = try row.int("type")
    fillFactor = try row.int("fillfact")
    dataSpace = try row.int("dataspace")
  }
}

/// A row of `sysiscols`.
struct SystemIndexColumn: Sendable {
  let index: SystemIndex.ID
  let ordinal: Int
  let columnID: Int
  let keyOrdinal: Int
  let partitionOrdinal: Int
  let belongsToIndex: Bool
  let isDescending: Bool
  let isIncluded: Bool

  init(_ row: SystemRow) throws(BackupError) {
    index = .init(object: try row.int("idmajor"), index: try row.int("idminor"))
    ordinal = try row.int("subid")
    columnID = try row.int("intprop")
    keyOrdinal = try row.int("tinyprop1")
    partitionOrdinal = try row.int("tinyprop2")
    let status = try row.int("status")
    belongsToIndex = status & 0x2 != 0
    isDescending = status & 0x4 != 0
    isIncluded = status & 0x10 != 0
  }
}

/// A row of `syssingleobjrefs` or `sysmultiobjrefs`.
struct ObjectReference: Sendable {
  let referenceClass: Int
  let dependent: Int
  let dependentPart: Int
  let target: Int
  let targetPart: Int

  init(_ row: SystemRow) throws(BackupError) {
    referenceClass = try row.int("class")
    dependent = try row.int("depid")
    dependentPart = try row.int("depsubid")
    target = try row.int("indepid")
    targetPart = try row.int("indepsubid")
  }
}

/// A row of `sysxprops`.
struct SystemProperty: Sendable {
  let propertyClass: Int
  let objectID: Int
  let part: Int
  let name: String
  let value: Variant?

  init(_ row: SystemRow) throws(BackupError) {
    propertyClass = try row.int("class")
    objectID = try row.int("id")
    part = try row.int("subid")
    name = try row.string("name")
    value = try row.bytes("value").flatMap { Variant($0) }
  }
}
