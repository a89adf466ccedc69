import BackupFixtures
import BackupSource
import Catalog
import Testing

@Suite("Catalogs as described")
struct CatalogTests {
  @Test("keys, constraints, identities, comments, alias types, sequences and modules")
  func everything() throws {
    let database = Self.database()
    let scratch = try Scratch()
    try FixtureWriter(database).writeMDF(to: scratch.file("c.mdf"))
    let found = try BackupSource(scratch.file("c.mdf")).readCatalog()
    let expected = database.expected
    #expect(found.name == expected.name)
    #expect(found.serverVersion == expected.serverVersion)
    #expect(found.collation == expected.collation)
    #expect(found.schemas == expected.schemas)
    #expect(found.sequences == expected.sequences)
    #expect(found.aliasTypes == expected.aliasTypes)
    #expect(found.modules == expected.modules)
    #expect(found.partitionFunctions == expected.partitionFunctions)
    #expect(found.partitionSchemes == expected.partitionSchemes)
    #expect(found.extendedProperties == expected.extendedProperties)
    #expect(found.notes == [])
    #expect(found.tables.map(\.name) == expected.tables.map(\.name))
    for (found, expected) in zip(found.tables, expected.tables) { compare(found, expected) }
  }

  private func compare(_ found: Table, _ expected: Table) {
    #expect(found.columns.count == expected.columns.count)
    for (found, expected) in zip(found.columns, expected.columns) { #expect(found == expected) }
    #expect(found.primaryKey == expected.primaryKey)
    #expect(found.uniqueConstraints == expected.uniqueConstraints)
    #expect(found.indexes == expected.indexes)
    #expect(found.foreignKeys == expected.foreignKeys)
    #expect(found.checks == expected.checks)
    #expect(found.comment == expected.comment)
    #expect(found.historyTable == expected.historyTable)
    #expect(found.partitioning == expected.partitioning)
    #expect(found.rowCount == expected.rowCount)
    #expect(found.refusal == nil)
  }

  private static func database() -> FixtureDatabase {
    let phone = AliasType(
      name: ObjectName("dbo", "Phone"), base: ColumnType(.nvarchar, length: 25), isNullable: false)
    var database = FixtureDatabase(
      "Every piece", tables: [parent(phone), child(), history()].map { FixtureTable($0) })
    database.catalog.aliasTypes = [phone]
    database.catalog.partitionFunctions = [
      PartitionFunction(name: "none", type: ColumnType(.int), isRight: false, boundaries: []),
      PartitionFunction(
        name: "pf_code", type: ColumnType(.char, length: 3), isRight: true,
        boundaries: ["abc", nil, "xyz"]),
      PartitionFunction(
        name: "pf_id", type: ColumnType(.int), isRight: false, boundaries: ["-5", "1000000"]),
    ]
    database.catalog.partitionSchemes = [
      PartitionScheme(
        name: "ps_code", function: "pf_code", filegroups: ["a", "b", "PRIMARY", "a", "next"]),
      PartitionScheme(
        name: "ps_id", function: "pf_id", filegroups: ["PRIMARY", "PRIMARY", "PRIMARY"]),
    ]
    database.catalog.extendedProperties = [
      ExtendedProperty(level: "column", target: "dbo.Parent.Code", name: "Owner", value: "ключ"),
      ExtendedProperty(level: "database", target: "", name: "MS_Description", value: "all of it"),
      ExtendedProperty(level: "schema", target: "sales", name: "b", value: nil),
      ExtendedProperty(level: "table", target: "dbo.Parent", name: "a", value: ""),
    ]
    database.catalog.sequences = [
      SequenceGenerator(
        name: ObjectName("sales", "Numbers"), type: ColumnType(.bigint), start: 100, increment: 5,
        minimum: -10, maximum: 1 << 40, current: 250, cycles: true),
      SequenceGenerator(
        name: ObjectName("sales", "Others"), type: ColumnType(.int), start: 1, increment: 1,
        minimum: 1, maximum: 9, current: 4, cycles: false),
    ]
    database.catalog.modules = [
      Module(
        kind: .function, name: ObjectName("dbo", "F"),
        definition: "create function F() returns nchar(4) as begin return N'ảặ中😀' end"),
      Module(
        kind: .procedure, name: ObjectName("dbo", "P"), definition: "create procedure P as select 1"
      ),
      Module(
        kind: .trigger, name: ObjectName("dbo", "T"), table: ObjectName("dbo", "Parent"),
        definition: "create trigger T on Parent for insert as select 'é'"),
      Module(
        kind: .view, name: ObjectName("sales", "V"),
        definition: "create view V as select '\(String(repeating: "long ", count: 3000))' as a"),
    ]
    return database
  }

  private static func parent(_ phone: AliasType) -> Table {
    var table = Table.fixture(
      "Parent", key: "Id",
      [
        ("Id", "int"), ("Code", "char(3)"), ("Phone", "nvarchar(25)"), ("Total", "decimal(18,2)"),
        ("Twice", "decimal(19,2)"), ("Note", "nvarchar(max)"), ("Rare", "int"),
        ("Guid", "uniqueidentifier"), ("From", "datetime2(7)"), ("To", "datetime2(7)"),
      ])
    table.columns[0].identity = Identity(seed: 10, increment: -3, lastValue: 7)
    table.columns[0].comment = "The number, größer"
    table.columns[2].aliasType = phone.name
    table.columns[2].isNullable = false
    table.columns[3].defaultConstraint = DefaultConstraint(name: "DF_Total", definition: "((0.5))")
    table.columns[4].computed = Computed(definition: "([Total]*(2))", isPersisted: false)
    table.columns[6].isSparse = true
    table.columns[7].isRowGUID = true
    table.columns[8].generatedAlways = .rowStart
    table.columns[9].generatedAlways = .rowEnd
    for index in 8...9 {
      table.columns[index].isNullable = false
      table.columns[index].isHidden = true
    }
    table.uniqueConstraints = [
      Key(
        name: "UQ_Code", isClustered: false, columns: [KeyColumn("Code", isDescending: true)],
        isDisabled: true, fillFactor: 80,
        partitioning: Partitioning(scheme: "ps_code", column: "Code"))
    ]
    table.partitioning = Partitioning(scheme: "ps_id", column: "Id")
    table.indexes = [
      Index(
        name: "IX_Total", kind: .nonclustered, isUnique: false,
        columns: [KeyColumn("Total"), KeyColumn("Code")], included: ["Phone", "Rare"],
        filter: "([Total]>(1))", isDisabled: true, fillFactor: 1,
        partitioning: Partitioning(scheme: "ps_id", column: "Id"))
    ]
    table.checks = [
      CheckConstraint(name: "CK_Total", definition: "([Total]>=(0))"),
      CheckConstraint(name: "CK_off", definition: "([Rare]<>(1))", isDisabled: true),
    ]
    table.comment = "Parents"
    table.historyTable = ObjectName("history", "Parent_History")
    return table
  }

  private static func child() -> Table {
    var table = Table.fixture(
      "Child", schema: "sales", [("A", "int"), ("B", "char(3)"), ("Small", "smallint")])
    table.columns[2].identity = Identity(seed: 1, increment: 1, lastValue: nil)
    table.indexes = [
      Index(
        name: "CX", kind: .clustered, isUnique: false, columns: [KeyColumn("B"), KeyColumn("A")])
    ]
    table.foreignKeys = [
      ForeignKey(
        name: "FK_Parent", columns: ["A"], parent: ObjectName("dbo", "Parent"),
        parentColumns: ["Id"], onDelete: .setNull, onUpdate: .cascade, isNotTrusted: true),
      ForeignKey(
        name: "FK_Self", columns: ["B"], parent: ObjectName("dbo", "Parent"),
        parentColumns: ["Code"], onDelete: .setDefault, isDisabled: true),
    ]
    return table
  }

  private static func history() -> Table {
    var table = Table.fixture(
      "Parent_History", schema: "history",
      [
        ("Id", "int"), ("Code", "char(3)"), ("From", "datetime2(7)"), ("To", "datetime2(7)"),
      ])
    // A heap has no key column that could pick the partition.
    table.partitioning = Partitioning(scheme: "ps_code", column: "Code")
    return table
  }
}
