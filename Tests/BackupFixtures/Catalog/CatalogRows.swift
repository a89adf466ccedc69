import Catalog

/// Turns the description of a database into rows of the system tables.
struct CatalogRows {
  let database: FixtureDatabase
  let catalog: CatalogWriter
  private(set) var schemaIDs = ["dbo": 1, "guest": 2, "INFORMATION_SCHEMA": 3, "sys": 4]
  private(set) var tableIDs: [ObjectName: Int] = [:]
  private var aliasTypeIDs: [ObjectName: Int] = [:]
  /// Filegroups and partition schemes by name.
  private var dataSpaceIDs = ["PRIMARY": 1]

  init(_ database: FixtureDatabase, _ catalog: CatalogWriter) {
    self.database = database
    self.catalog = catalog
    addSchemas()
    addTypes()
    for table in database.tables { tableIDs[table.table.name] = catalog.newObjectID() }
    addPartitions()
    for table in database.tables { add(table.table) }
    for table in database.tables { addForeignKeys(of: table.table) }
    for (number, sequence) in database.catalog.sequences.enumerated() {
      // Real files have 0 here, or 2616.
      add(sequence, valueNumber: number * 2616)
    }
    for module in database.catalog.modules { add(module) }
    for property in database.catalog.extendedProperties { add(property) }
  }

  /// The rows of an index's sysidxstats row are known when its rowset is.
  func addIndexes(of table: Table, firstRowset: Int) {
    let id = tableIDs[table.name] ?? 0
    if table.clusteredIndexColumns == nil {
      addIndex(
        id, 0, name: nil, status: 1, type: 0, rowset: firstRowset, on: table.partitioning)
      addKeyColumns(id, 0, table, [], included: [], table.partitioning)
    }
    var next = 2
    for key in [table.primaryKey].compactMap({ $0 }) + table.uniqueConstraints {
      let isPrimary = key == table.primaryKey
      let number = key.isClustered ? 1 : next
      next += key.isClustered ? 0 : 1
      let partitioning = key.isClustered ? table.partitioning : key.partitioning
      addIndex(
        id, number, name: key.name,
        status: 3 | 8 | (isPrimary ? 0x20 : 0x40) | (key.isDisabled == true ? 0x80 : 0),
        type: key.isClustered ? 1 : 2, rowset: rowset(of: id, number, firstRowset, table),
        fillFactor: key.fillFactor, on: partitioning)
      addKeyColumns(id, number, table, key.columns, included: [], partitioning)
      catalog.addObject(
        catalog.newObjectID(), key.name ?? "PK_\(table.name.name)", schema: schema(table.name),
        type: isPrimary ? "PK" : "UQ", status: 0, parent: id)
    }
    for index in table.indexes {
      let number = index.kind == .clustered ? 1 : next
      next += index.kind == .clustered ? 0 : 1
      let partitioning = index.kind == .clustered ? table.partitioning : index.partitioning
      addIndex(
        id, number, name: index.name,
        status: 3 | (index.isUnique ? 8 : 0) | (index.isDisabled ? 0x80 : 0)
          | (index.filter == nil ? 0 : 0x20000),
        type: index.kind == .clustered ? 1 : 2, rowset: rowset(of: id, number, firstRowset, table),
        fillFactor: index.fillFactor, on: partitioning)
      addKeyColumns(id, number, table, index.columns, included: index.included, partitioning)
      if let filter = index.filter {
        catalog.addText(filter, valclass: 66, object: id, sub: number)
      }
    }
  }

  /// Nonclustered indexes get a rowset without pages: nobody reads them.
  private func rowset(of table: Int, _ index: Int, _ first: Int, _ definition: Table) -> Int {
    if index == 1 { return first }
    let id = catalog.newRowsetID()
    catalog.addRowset(id, object: table, index: index, partition: 1, rowCount: 0, compression: 0)
    catalog.addEmptyUnit(rowset: id)
    return id
  }

  private func addIndex(
    _ table: Int, _ number: Int, name: String?, status: Int, type: Int, rowset: Int,
    fillFactor: Int? = nil, on partitioning: Partitioning?
  ) {
    catalog.add(
      .idxstats,
      [
        .int(table), .int(number), name.map(SystemCell.name) ?? .null, .int(status), .int(0),
        .int(fillFactor ?? 0), .int(type), .int(0),
        .int(partitioning.flatMap { dataSpaceIDs[$0.scheme] } ?? 1), .int(0), .int(rowset),
      ])
  }

  private func addKeyColumns(
    _ table: Int, _ index: Int, _ definition: Table, _ columns: [KeyColumn], included: [String],
    _ partitioning: Partitioning?
  ) {
    func partition(_ name: String) -> Int { name == partitioning?.column ? 1 : 0 }
    for (ordinal, column) in columns.enumerated() {
      let status = 3 | (column.isDescending ? 4 : 0)
      let cells = [
        table, index, ordinal + 1, status, columnID(column.name, definition), ordinal + 1,
        partition(column.name), 0, 0,
      ]
      catalog.add(.iscols, cells.map(SystemCell.int))
    }
    for (number, name) in included.enumerated() {
      let cells = [
        table, index, columns.count + number + 1, 0x12, columnID(name, definition), 0,
        partition(name), 0, 0,
      ]
      catalog.add(.iscols, cells.map(SystemCell.int))
    }
    guard let column = partitioning?.column, !columns.contains(where: { $0.name == column }),
      !included.contains(column)
    else { return }
    // The server adds the column that picks the partition to an index that has it not.
    let cells = [
      table, index, columns.count + included.count + 1, 2, columnID(column, definition), 0, 1, 0, 0,
    ]
    catalog.add(.iscols, cells.map(SystemCell.int))
  }

  /// Partition functions, schemes and the filegroups that these name. The numbers of their classes are
  /// a guess; the reader does not know them.
  private mutating func addPartitions() {
    var functionIDs: [String: Int] = [:]
    for (number, function) in database.catalog.partitionFunctions.enumerated() {
      let id = 65_536 + number
      functionIDs[function.name] = id
      addClassObject(
        30, id, function.name, type: "R ", status: function.isRight ? 1 : 0,
        number: function.boundaries.count + 1)
      add(function, id)
    }
    for (number, scheme) in database.catalog.partitionSchemes.enumerated() {
      let id = 65_601 + number
      addClassObject(31, id, scheme.name, type: "PS", status: 0)
      catalog.addReference(31, id, 0, on: functionIDs[scheme.function] ?? 0, 0)
      for (range, filegroup) in scheme.filegroups.enumerated() {
        catalog.addReference(32, id, range + 1, on: dataSpace(filegroup), 0)
      }
      dataSpaceIDs[scheme.name] = id
    }
  }

  private func add(_ function: PartitionFunction, _ id: Int) {
    let type = StoredType(function.type)
    catalog.add(
      .typedsubobjs,
      [
        .int(30), .int(id), .int(1), .null, .int(type.xtype), .int(type.utype), .int(type.length),
        .int(type.precision), .int(type.scale), .int(0), .int(0), .int(0),
      ])
    for (number, boundary) in function.boundaries.enumerated() {
      let value: FixtureValue =
        switch boundary {
        case nil: .null
        case let text? where function.type.isInteger: .integer(Int64(text) ?? 0)
        case let text?: .text(text)
        }
      let bytes = ValueBytes.bytes(value, type, codePage: 1252)
      catalog.add(
        .objvalues,
        [
          .int(30), .int(id), .int(1), .int(number + 1),
          bytes.map { .bytes(Variant.of($0, type)) } ?? .null, .null,
        ])
    }
    // An assembly can have the same number, and rows of its own.
    catalog.add(
      .objvalues,
      [.int(20), .int(id), .int(0), .int(1), .bytes(Variant.nvarchar("not a boundary")), .null])
  }

  private mutating func dataSpace(_ filegroup: String) -> Int {
    if let known = dataSpaceIDs[filegroup] { return known }
    let id = dataSpaceIDs.count + 1
    dataSpaceIDs[filegroup] = id
    addClassObject(31, id, filegroup, type: "FG", status: 0)
    return id
  }

  private func add(_ property: ExtendedProperty) {
    func table(_ name: String) -> FixtureTable? {
      database.tables.first { "\($0.table.name)" == name }
    }
    let place: (objectClass: Int, id: Int, part: Int)? =
      switch property.level {
      case "database": (0, 0, 0)
      case "schema": (3, schemaIDs[property.target] ?? 0, 0)
      case "table": table(property.target).map { (1, tableIDs[$0.table.name] ?? 0, 0) }
      case "column":
        database.tables.lazy.flatMap { fixture in
          fixture.table.columns.map { (fixture.table.name, $0) }
        }.first { "\($0.0).\($0.1.name)" == property.target }
          .map { (1, tableIDs[$0.0] ?? 0, $0.1.id) }
      default: nil
      }
    guard let place else { preconditionFailure("no place for property \(property)") }
    catalog.add(
      .xprops,
      [
        .int(place.objectClass), .int(place.id), .int(place.part), .name(property.name),
        property.value.map { .bytes(Variant.nvarchar($0)) } ?? .null,
      ])
  }

  private mutating func addSchemas() {
    let names = Set(
      database.catalog.schemas + database.tables.map(\.table.name.schema)
        + database.catalog.sequences.map(\.name.schema)
        + database.catalog.aliasTypes.map(\.name.schema)
        + database.catalog.modules.map(\.name.schema))
    for name in names.sorted() where schemaIDs[name] == nil {
      schemaIDs[name] = schemaIDs.count + 1
    }
    for (name, id) in schemaIDs { addClassObject(50, id, name, type: "\0\0", status: 0) }
    addClassObject(50, 16384, "db_owner", type: "\0\0", status: 0)
    addClassObject(31, 1, "PRIMARY", type: "FG", status: 1)
  }

  private func addClassObject(
    _ objectClass: Int, _ id: Int, _ name: String, type: String, status: Int, number: Int = 0
  ) {
    catalog.add(
      .clsobjs,
      [
        .int(objectClass), .int(id), .name(name), .int(status), .name(type), .int(number),
        CatalogWriter.created, CatalogWriter.created,
      ])
  }

  private mutating func addTypes() {
    let spelled = [
      "image", "text", "uniqueidentifier", "date", "time(7)", "datetime2(7)", "datetimeoffset(7)",
      "tinyint", "smallint", "int", "smalldatetime", "real", "money", "datetime", "float",
      "sql_variant", "ntext", "bit", "decimal(38,38)", "numeric(38,38)", "smallmoney", "bigint",
      "varbinary(8000)", "varchar(8000)", "binary(8000)", "char(8000)", "rowversion",
      "nvarchar(4000)", "nchar(4000)", "xml", "hierarchyid", "geometry", "geography",
    ]
    for text in spelled {
      guard let type = ColumnType(text) else { continue }
      let name = type.base == .rowversion ? "timestamp" : type.base.rawValue
      let status = type.base == .rowversion ? 1 : 0
      addType(StoredType(type).utype, schema: 4, name, type, status: status)
    }
    addType(256, schema: 4, "sysname", ColumnType(.nvarchar, length: 128), status: 1)
    for (number, alias) in database.catalog.aliasTypes.enumerated() {
      aliasTypeIDs[alias.name] = 257 + number
      addType(
        257 + number, schema: schema(alias.name), alias.name.name, alias.base,
        status: alias.isNullable ? 0 : 1)
    }
  }

  private func addType(_ id: Int, schema: Int, _ name: String, _ type: ColumnType, status: Int) {
    let stored = StoredType(type)
    catalog.add(
      .scalartypes,
      [
        .int(id), .int(schema), .name(name), .int(stored.xtype), .int(stored.length),
        .int(stored.precision), .int(stored.scale), .int(type.isText ? 0x3400_D008 : 0),
        .int(status), CatalogWriter.created, CatalogWriter.created, .int(0), .int(0),
      ])
  }

  private func add(_ table: Table) {
    let id = tableIDs[table.name] ?? 0
    let owner = schema(table.name)
    catalog.addObject(
      id, table.name.name, schema: owner, type: "U ", status: 0xE0000,
      intprop: table.columns.map(\.id).max() ?? 0)
    for column in table.columns { add(column, of: id, schema: owner) }
    for (number, check) in table.checks.enumerated() {
      let object = catalog.newObjectID()
      catalog.addObject(
        object, check.name ?? "CK_\(table.name.name)_\(number)", schema: owner, type: "C ",
        status: 0x120000 | (check.isDisabled ? 0x100 : 0), parent: id)
      catalog.addText(check.definition, object: object)
    }
    if let comment = table.comment { addComment(comment, id, 0) }
    if let history = table.historyTable, let historyID = tableIDs[history] {
      catalog.addReference(112, historyID, 0, on: id, 0)
    }
  }

  private func add(_ column: Column, of table: Int, schema: Int) {
    let type = StoredType(column.type)
    var defaultID = 0
    if let constraint = column.defaultConstraint {
      defaultID = catalog.newObjectID()
      catalog.addObject(
        defaultID, constraint.name ?? "DF_\(column.name)", schema: schema, type: "D ",
        status: 0x20000, parent: table, intprop: column.id)
      catalog.addText(constraint.definition, object: defaultID)
    }
    if let computed = column.computed {
      catalog.addText(computed.definition, valclass: 2, object: table, sub: column.id)
    }
    let userType = column.aliasType.flatMap { aliasTypeIDs[$0] } ?? type.utype
    catalog.add(
      .colpars,
      [
        .int(table), .int(0), .int(column.id), .name(column.name), .int(type.xtype),
        .int(userType), .int(type.length), .int(type.precision), .int(type.scale),
        .int(Int(column.collation?.id ?? 0)), .int(Self.status(column, type)),
        .int(type.length == -1 ? 8000 : type.length), .int(0), .int(defaultID), .int(0),
        column.identity.map { .bytes(Self.identity($0, type)) } ?? .null,
      ])
    if let comment = column.comment { addComment(comment, table, column.id) }
  }

  private static func status(_ column: Column, _ type: StoredType) -> Int {
    var status = column.isNullable ? 0 : 1
    if [165, 167, 173, 175, 231, 239].contains(type.xtype) { status |= 2 }
    if column.identity != nil { status |= 4 }
    if column.isRowGUID { status |= 8 }
    if column.computed != nil { status |= 0x90 }
    if column.isHidden { status |= 0x2000 }
    if column.isSparse { status |= 0x100_0000 }
    if column.isColumnSet { status |= 0x200_0000 }
    switch column.generatedAlways {
    case .rowStart: status |= 0x1000_0000
    case .rowEnd: status |= 0x2000_0000
    case nil: break
    }
    return status
  }

  /// Last value, increment, seed, each as wide as the type; then a flag for "none generated yet".
  private static func identity(_ identity: Identity, _ type: StoredType) -> [UInt8] {
    func number(_ value: Int64) -> [UInt8] {
      guard [106, 108].contains(type.xtype) else { return littleEndian(value, bytes: type.length) }
      return [5, UInt8(type.precision), UInt8(type.scale), value < 0 ? 0 : 1]
        + littleEndian(value.magnitude, bytes: 16)
    }
    return number(identity.lastValue ?? identity.seed) + number(identity.increment)
      + number(identity.seed) + [identity.lastValue == nil ? 1 : 0]
  }

  private func addComment(_ text: String, _ object: Int, _ column: Int) {
    catalog.add(
      .xprops,
      [
        .int(1), .int(object), .int(column), .name("MS_Description"),
        .bytes(Variant.nvarchar(text)),
      ])
  }

  private func addForeignKeys(of table: Table) {
    let id = tableIDs[table.name] ?? 0
    for (number, key) in table.foreignKeys.enumerated() {
      guard let parent = database.tables.first(where: { $0.table.name == key.parent }),
        let parentID = tableIDs[key.parent]
      else { preconditionFailure("\(table.name): no table \(key.parent) to reference") }
      let object = catalog.newObjectID()
      let actions = Self.number(key.onUpdate) << 12 | Self.number(key.onDelete) << 14
      catalog.addObject(
        object, key.name ?? "FK_\(table.name.name)_\(number)", schema: schema(table.name),
        type: "F ",
        status: actions | (key.isDisabled ? 0x100 : 0) | (key.isNotTrusted ? 0x400 : 0), parent: id)
      catalog.addReference(27, object, 0, on: parentID, 1)
      for (index, names) in zip(key.columns, key.parentColumns).enumerated() {
        catalog.addReference(28, object, index + 1, on: id, columnID(names.0, table))
        catalog.addReference(29, object, index + 1, on: parentID, columnID(names.1, parent.table))
      }
    }
  }

  private static func number(_ action: ForeignKey.Action) -> Int {
    switch action {
    case .noAction: 0
    case .cascade: 1
    case .setNull: 2
    case .setDefault: 3
    }
  }

  private func add(_ sequence: SequenceGenerator, valueNumber: Int) {
    let object = catalog.newObjectID()
    catalog.addObject(
      object, sequence.name.name, schema: schema(sequence.name), type: "SO", status: 0)
    let width = StoredType(sequence.type).length
    let numbers = [
      sequence.start, sequence.increment, sequence.minimum, sequence.maximum, sequence.current,
    ]
    var bytes: [UInt8] = []
    for number in numbers { bytes.append(number, bytes: width) }
    bytes.append(sequence.cycles ? 1 : 0)
    catalog.add(
      .objvalues,
      [
        .int(63), .int(object), .int(0), .int(valueNumber), .bytes(Variant.varbinary(bytes)), .null,
      ])
  }

  private func add(_ module: Module) {
    let object = catalog.newObjectID()
    let type =
      switch module.kind {
      case .view: "V "
      case .procedure: "P "
      case .function: "FN"
      case .trigger: "TR"
      case .synonym: "SN"
      case .tableType: preconditionFailure("the fixtures do not write table types")
      }
    catalog.addObject(
      object, module.name.name, schema: schema(module.name), type: type, status: 0xC0000,
      parent: module.table.flatMap { tableIDs[$0] } ?? 0)
    if let text = module.definition {
      catalog.addText(text, object: object, sub: module.kind == .procedure ? 1 : 0)
    }
  }

  private func schema(_ name: ObjectName) -> Int { schemaIDs[name.schema] ?? 1 }

  private func columnID(_ name: String, _ table: Table) -> Int {
    guard let column = table.column(named: name) else {
      preconditionFailure("\(table.name) has no column '\(name)'")
    }
    return column.id
  }
}
