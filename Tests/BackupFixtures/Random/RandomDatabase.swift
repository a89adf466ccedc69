import Catalog

/// Databases of any tables, types, storage and values, made from a seed.
package struct RandomDatabase {
  private let seed: UInt64
  private let compressions: [FixtureStorage.Compression]
  private var generator: SeededGenerator

  package init(seed: UInt64, compressions: [FixtureStorage.Compression]) {
    self.seed = seed
    self.compressions = compressions
    generator = SeededGenerator(seed)
  }

  package mutating func make() -> FixtureDatabase {
    var database = FixtureDatabase(
      "Random \(seed)", tables: [], dataFileCount: generator.pick([1, 1, 1, 2, 4]),
      pageVerify: generator.pick([.checksum, .checksum, .tornPages, .none]))
    for number in 0..<1 + generator.below(4) { database.tables.append(table(number)) }
    addForeignKey(to: &database)
    addPartitions(to: &database)
    addProperties(to: &database)
    return database
  }

  /// Tables whose rows lie in three partitions get a scheme of three ranges.
  private mutating func addPartitions(to database: inout FixtureDatabase) {
    for index in database.tables.indices
    where !database.tables[index].storage.partitionRowCounts.isEmpty {
      let isText = generator.chance(3)
      database.catalog.partitionFunctions.append(
        PartitionFunction(
          name: "pf \(index)",
          type: isText ? ColumnType(.nvarchar, length: 20) : ColumnType(.bigint),
          isRight: generator.chance(2),
          boundaries: isText ? ["é", generator.chance(2) ? nil : "z'"] : ["-7", "90"]))
      database.catalog.partitionSchemes.append(
        PartitionScheme(
          name: "ps \(index)", function: "pf \(index)",
          filegroups: [
            "PRIMARY", generator.pick(["PRIMARY", "old"]), generator.pick(["PRIMARY", "new"]),
          ]))
      let columns = database.tables[index].table.columns
      database.tables[index].table.partitioning = Partitioning(
        scheme: "ps \(index)", column: columns[generator.below(columns.count)].name)
    }
  }

  private mutating func addProperties(to database: inout FixtureDatabase) {
    if generator.chance(2) {
      database.catalog.extendedProperties.append(
        ExtendedProperty(level: "database", target: "", name: "Version", value: "ß"))
    }
    for fixture in database.tables {
      if generator.chance(2) { continue }
      let target = "\(fixture.table.name)"
      database.catalog.extendedProperties.append(
        ExtendedProperty(level: "table", target: target, name: "Owner", value: "somebody"))
    }
    database.catalog.extendedProperties.sort()
  }

  private mutating func table(_ number: Int) -> FixtureTable {
    let name = ObjectName(
      generator.pick(["dbo", "sales", "ünïcode"]),
      generator.pick(["T\(number)", "Table \(number)!"]))
    var table = Table(name: name, columns: [])
    let kind = generator.below(4)
    var id = 1
    if kind > 0 {
      table.columns.append(.fixture(id, "Key", "int", nullable: false))
      id += 1
    }
    var storage = FixtureStorage(compression: generator.pick(compressions))
    let columnCount = generator.chance(8) ? 40 + generator.below(60) : 1 + generator.below(12)
    for _ in 0..<columnCount {
      var column = self.column(id)
      id += 1
      if generator.chance(12) {
        var values = RandomValues(generator: SeededGenerator(seed, number, id))
        values.largeByteCountMax = 1000
        storage.droppedColumns.append((column, values.value(column)))
        continue
      }
      if storage.compression == .none && column.isNullable && generator.chance(10)
        && Self.canBeSparse(column.type)
      {
        column.isSparse = true
      }
      table.columns.append(column)
    }
    if table.columns.isEmpty { table.columns.append(.fixture(id, "Only", "int")) }
    addKey(kind, to: &table)
    choose(&storage, table)
    return FixtureTable(
      table, storage: storage, rowCount: rowCount(columnCount),
      row: rows(table, number, kind, storage))
  }

  private mutating func rowCount(_ columnCount: Int) -> Int {
    generator.chance(6) ? generator.below(3) : generator.below(columnCount > 30 ? 60 : 400)
  }

  /// 1 primary key, 2 unique index, 3 not unique: each clustered; 0 none.
  private mutating func addKey(_ kind: Int, to table: inout Table) {
    switch kind {
    case 1:
      table.primaryKey = Key(
        name: "PK \(table.name.name)", isClustered: true, columns: [KeyColumn("Key")],
        fillFactor: generator.pick([nil, nil, 90]))
    case 2, 3:
      table.indexes.append(
        Index(name: "CX", kind: .clustered, isUnique: kind == 2, columns: [KeyColumn("Key")]))
    default: break
    }
  }

  private mutating func choose(_ storage: inout FixtureStorage, _ table: Table) {
    storage.usesMixedExtents = generator.chance(2)
    if generator.chance(5) {
      storage.partitionRowCounts = [generator.below(50), generator.below(50)]
    }
    if generator.chance(6) { storage.firstExtent = 1000 + generator.below(40) }
    if generator.chance(4) { storage.freedPageCount = 1 + generator.below(3) }
    if generator.chance(3) { storage.ghostRowEvery = 5 + generator.below(20) }
    if generator.chance(3) { storage.versionedRowEvery = 5 + generator.below(20) }
    if storage.compression == .none && !table.columns.contains(where: \.isSparse) {
      if generator.chance(3) { storage.forwardedRowEvery = 3 + generator.below(20) }
      if generator.chance(3) { storage.emptySlotEvery = 3 + generator.below(20) }
    }
    for column in table.columns where Self.isLarge(column.type) {
      let isLegacy = [.text, .ntext, .image].contains(column.type.base)
      storage.largeValues[column.name] = generator.pick([
        .automatic, .automatic, .textPointer, isLegacy ? .automatic : .inlineRoot, .tree(links: 3),
      ])
    }
  }

  private func rows(
    _ table: Table, _ number: Int, _ kind: Int, _ storage: FixtureStorage
  ) -> @Sendable (Int) -> [FixtureValue] {
    let seed = seed
    let columns = table.storedColumns
    let largeByteCountMax = columns.count > 30 ? 500 : 60_000
    return { row in
      var values = RandomValues(generator: SeededGenerator(seed, number, row + 1))
      values.largeByteCountMax = largeByteCountMax
      return columns.map { column in
        column.name == "Key" && kind > 0
          ? .integer(Int64(kind == 3 ? row / 3 : row) - 7) : values.value(column)
      }
    }
  }

  private mutating func column(_ id: Int) -> Column {
    let type = generator.pick(Self.types)
    var column = Column.fixture(
      id, generator.pick(["C\(id)", "Column \(id)", "spalte_ä\(id)"]), type,
      nullable: type == "rowversion" ? false : !generator.chance(4))
    if generator.chance(10) {
      column.defaultConstraint = DefaultConstraint(
        name: "DF_\(id)_\(generator.below(1000))", definition: "((0))")
    }
    if generator.chance(10) { column.comment = "What it is for: \(id) é" }
    return column
  }

  private mutating func addForeignKey(to database: inout FixtureDatabase) {
    guard let parent = database.tables.firstIndex(where: { $0.table.primaryKey != nil }),
      let child = database.tables.firstIndex(where: { $0.table.column(named: "Key") != nil })
    else { return }
    database.tables[child].table.foreignKeys.append(
      ForeignKey(
        name: "FK", columns: ["Key"], parent: database.tables[parent].table.name,
        parentColumns: ["Key"], onDelete: generator.pick([.noAction, .cascade, .setNull]),
        onUpdate: generator.pick([.noAction, .setDefault]), isDisabled: generator.chance(2),
        isNotTrusted: generator.chance(2)))
    database.tables[child].table.checks.append(
      CheckConstraint(name: "CK", definition: "([Key]>(-10))"))
  }

  private static func isLarge(_ type: ColumnType) -> Bool {
    type.isMax || [.text, .ntext, .image, .xml, .geometry, .geography].contains(type.base)
  }

  private static func canBeSparse(_ type: ColumnType) -> Bool {
    !isLarge(type) && (type.length ?? 0) <= 30
      && ![.rowversion, .sqlVariant, .hierarchyid].contains(type.base)
  }

  private static let types = [
    "bit", "bit", "tinyint", "smallint", "int", "bigint", "decimal(9,0)", "decimal(18,4)",
    "numeric(28,10)", "numeric(38,0)", "decimal(38,38)", "money", "smallmoney", "float", "real",
    "date", "time(0)", "time(3)", "time(7)", "smalldatetime", "datetime", "datetime2(0)",
    "datetime2(4)", "datetime2(7)", "datetimeoffset(2)", "datetimeoffset(7)", "char(1)", "char(20)",
    "varchar(30)", "varchar(8000)", "varchar(max)", "text", "nchar(10)", "nvarchar(30)",
    "nvarchar(4000)", "nvarchar(max)", "ntext", "binary(12)", "varbinary(30)", "varbinary(max)",
    "image", "rowversion", "uniqueidentifier", "xml", "sql_variant", "hierarchyid", "geometry",
  ]
}
