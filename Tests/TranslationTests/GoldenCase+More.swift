import Catalog

extension GoldenCase {
  static let defaults = GoldenCase(
    name: "defaults",
    database: describe([
      table(
        "dbo.T",
        [
          column("ID", "int", identity: identity()),
          column("IsActive", "bit", default: "((1))"), column("Count", "int", default: "((0))"),
          column("Empty", "int", default: "('')"), column("Price", "money", default: "((0.00))"),
          column("Rate", "decimal(5,2)", default: "((-1.5))"),
          column("Name", "nvarchar(20)", default: "(N'it''s')"),
          column("Path", "varchar(20)", default: #"('C:\x')"#),
          column("Created", "datetime", default: "(getdate())"),
          column("CreatedUTC", "datetime2(7)", default: "(sysutcdatetime())"),
          column("Zone", "datetimeoffset(7)", default: "(sysdatetimeoffset())"),
          column("Day", "date", default: "(CONVERT([date],getdate()))"),
          column("Old", "datetime", default: "('')"),
          column("GUID", "uniqueidentifier", default: "(newid())"),
          column("Author", "nvarchar(128)", default: "(suser_sname())"),
          column("Raw", "varbinary(8)", default: "(0x00FF)"),
          column("Nothing", "int null", default: "(NULL)"),
          column("Own", "int null", default: "([dbo].[NextNumber]())"),
          column("Unclear", "datetime null", default: "('2010-05-06')"),
        ], primaryKey: ["ID"])
    ]))

  static let indexes = GoldenCase(
    name: "indexes",
    database: describe([
      table(
        "dbo.Parent", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
      table(
        "dbo.Item",
        [
          column("ID", "int", identity: identity()), column("A", "int"), column("B", "int null"),
          column("C", "nvarchar(400) null"), column("Body", "nvarchar(max) null"),
          column("IsOpen", "bit"), column("ParentID", "int"), column("Doc", "xml null"),
          column(
            "Twice", "int null", computed: Computed(definition: "([A]*(2))", isPersisted: false)),
          column(
            "Thrice", "int null", computed: Computed(definition: "([A]*(3))", isPersisted: true)),
          column("Wide1", "nvarchar(400) null"), column("Wide2", "nvarchar(400) null"),
        ], primaryKey: ["ID"],
        unique: [
          key("UQ_B", ["B"]), key(nil, ["A"]), key("UQ__Item__3214EC27A1B2C3D4", ["A", "B"]),
        ],
        indexes: [
          index("IX_Plain", on: ["A", "B desc"], included: ["IsOpen", "Body", "C"]),
          index("IX_Wide", on: ["A"], included: ["C", "Wide1", "Wide2"]),
          index("UX_B", on: ["B"], unique: true),
          index("UX_NotNull", on: ["B"], unique: true, where: "([B] IS NOT NULL)"),
          index("IX_Open", on: ["A"], where: "([IsOpen]=(1) AND [A]>=(10) AND [B] IN ((1), (2)))"),
          index("IX_OfParent", on: ["A"], where: "([ParentID]=(7))"),
          index("IX_Text", on: ["A"], where: "([C]=N'x')"),
          index("IX_Twice", on: ["Twice"]), index("IX_Thrice", on: ["Thrice"]),
          index("IX_Doc", on: ["Doc"], kind: .xml),
          index("IX_Column", on: ["A"], kind: .columnstore),
          index("IX_Disabled", on: ["A"], disabled: true),
          index("IX_Clustered", on: ["C"], kind: .clustered),
        ],
        foreignKeys: [foreignKey("FK_Parent", ["ParentID"], to: "dbo.Parent", ["ID"])]),
      table(
        "dbo.ByIndex", [column("Code", "int null"), column("X", "int")],
        indexes: [index("UX_X", on: ["X"], unique: true)],
        foreignKeys: [
          foreignKey("FK_ToConstraint", ["Code"], to: "dbo.Item", ["B"]),
          foreignKey("FK_ToIndex", ["X"], to: "dbo.ByIndex", ["X"]),
          foreignKey("FK_ToNothing", ["Code"], to: "dbo.Item", ["ParentID"]),
        ]),
    ]))

  static let collations = GoldenCase(
    name: "collations",
    database: describe([
      table(
        "dbo.Word",
        [
          column("Word", "nvarchar(50)"), column("Plain", "nvarchar(50) null"),
          column("AI", "varchar(10)", collation: accentInsensitive),
          column("CS", "varchar(10)", collation: caseSensitive),
          column("CSAI", "char(10)", collation: onlyCaseSensitive),
          column("Bin", "nchar(10)", collation: binary),
        ], primaryKey: ["Word"],
        indexes: [
          index("UX_AI", on: ["AI"], unique: true), index("UX_CS", on: ["CS"], unique: true),
          index("UX_CSAI", on: ["CSAI"], unique: true), index("UX_Bin", on: ["Bin"], unique: true),
          index("IX_Plain", on: ["Plain"]),
          index("IX_Filtered", on: ["Plain"], where: "([Word]=N'x' AND [CS]<>'y')"),
        ]),
      table(
        "dbo.Use", [column("ID", "int"), column("Word", "nvarchar(50) null")], primaryKey: ["ID"],
        foreignKeys: [foreignKey("FK_Word", ["Word"], to: "dbo.Word", ["Word"])]),
    ]))

  static let sequences = GoldenCase(
    name: "sequences",
    database: describe(
      [
        table(
          "dbo.Down", [column("ID", "int", identity: identity(-5, by: -5))], primaryKey: ["ID"]),
        table(
          "dbo.Low", [column("ID", "int", identity: identity(-2_147_483_648))], primaryKey: ["ID"]),
        table("dbo.Tiny", [column("ID", "tinyint", identity: identity(0))], primaryKey: ["ID"]),
        table(
          "dbo.Falling", [column("ID", "bigint", identity: identity(1000, by: -1))],
          primaryKey: ["ID"]),
        table(
          "dbo.Decimal", [column("ID", "decimal(38,0)", identity: identity())], primaryKey: ["ID"]),
        table("dbo.Numeric", [column("ID", "numeric(9,0)")], primaryKey: ["ID"]),
        table("dbo.Huge", [column("ID", "numeric(38,0)")], primaryKey: ["ID"]),
        table(
          "dbo.NotKey",
          [column("Code", "char(3)"), column("Number", "int", identity: identity(10))],
          primaryKey: ["Code"]),
        table(
          "Sales.Order",
          [
            column("ID", "int", default: "(NEXT VALUE FOR [Sales].[OrderNumber])"),
            column("Number", "int", default: "(NEXT VALUE FOR [Sales].[OrderNumber])"),
            column("Other", "bigint", default: "(NEXT VALUE FOR [dbo].[Round])"),
            column("Gone", "int", default: "(NEXT VALUE FOR [dbo].[Missing])"),
          ], primaryKey: ["ID"]),
      ],
      sequences: [
        sequence("Sales.OrderNumber", "int", current: 71_780, -2_147_483_648...2_147_483_647),
        sequence("dbo.Round", "tinyint", current: 7, 1...10, cycles: true),
        sequence("dbo.Unused"),
      ]))

  static let mappings = GoldenCase(
    name: "mappings",
    database: describe([
      table(
        "dbo.Artist",
        [column("ArtistID", "int", identity: identity()), column("Name", "nvarchar(120)")],
        primaryKey: ["ArtistID"]),
      table(
        "dbo.Track",
        [
          column("TrackID", "int", identity: identity()), column("ArtistID", "int null"),
          column("Bytes", "int"), column("IsLive", "bit", default: "((0))"),
          column("Note", "nvarchar(20)", default: "(N'none')"),
        ], primaryKey: ["TrackID"]),
      table(
        "dbo.Genre",
        [column("GenreID", "int", identity: identity()), column("Name", "nvarchar(120)")],
        primaryKey: ["GenreID"]),
      table(
        "dbo.TrackGenre", [column("TrackID", "int"), column("GenreID", "int")],
        primaryKey: ["TrackID", "GenreID"],
        foreignKeys: [
          foreignKey("FK_Track", ["TrackID"], to: "dbo.Track", ["TrackID"]),
          foreignKey("FK_Genre", ["GenreID"], to: "dbo.Genre", ["GenreID"]),
        ]),
      table("dbo.AuditOld", [column("ID", "int")]), table("dbo.AuditNew", [column("ID", "int")]),
      table(
        "dbo.Plays", [column("At", "datetime2(3)"), column("TrackID", "int"), column("N", "int")]),
      table("Sales.Area", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
    ]),
    mapping: """
      source: stride
      names: lower
      keys: remap
      on_changed: report
      on_vanished: mark
      mark_column: gone_at
      on_orphan: reject
      schemas: { Sales: trade, dbo: music }
      tables:
        dbo.*: { on_changed: ignore }
        dbo.Artist: { rename: performer, on_changed: update }
        dbo.Audit*: { skip: "not needed any more" }
        dbo.Genre: { keys: preserve }
        dbo.Track:
          columns:
            ArtistID: { references: dbo.Artist, rename: performerid }
            Bytes: { type: bigint, default: "1 + 1" }
            IsLive: { type: text }
            Note: { type: text, default: null }
        dbo.TrackGenre:
          rename: archive.track_genre
          on_orphan: fail
          foreign_keys: { FK_Genre: { on_orphan: reject } }
        dbo.Plays: { key: [TrackID, At], keys: remap }
      """)

  static let leftOut = GoldenCase(
    name: "left-out",
    database: describe(
      [
        table("dbo.Memory", [column("ID", "int")], refusal: "it is memory-optimized"),
        table(
          "dbo.Child",
          [
            column("ID", "int", identity: identity()), column("MemoryID", "int"),
            column("Version", "rowversion"),
            column(
              "Total", "money null", computed: Computed(definition: "([a]+[b])", isPersisted: false)
            ),
          ], primaryKey: ["ID"],
          foreignKeys: [foreignKey("FK_Memory", ["MemoryID"], to: "dbo.Memory", ["ID"])],
          checks: [
            CheckConstraint(name: "CK_Positive", definition: "([MemoryID]>(0))"),
            CheckConstraint(name: nil, definition: "([ID]<>(0))", isDisabled: true),
          ], historyTable: ObjectName("dbo", "ChildHistory")),
        table("dbo.Broken", [column("N\0L", "int")]),
        table("dbo.ChildHistory", [column("ID", "int"), column("MemoryID", "int")]),
      ],
      aliasTypes: [
        AliasType(
          name: ObjectName("dbo", "Phone"), base: ColumnType(.nvarchar, length: 25),
          isNullable: true)
      ],
      modules: [
        Module(
          kind: .view, name: ObjectName("dbo", "Fence"),
          definition: "CREATE VIEW [dbo].[Fence] AS -- ```sql\r\nSELECT '````' AS x"),
        Module(kind: .procedure, name: ObjectName("dbo", "Secret")),
        Module(
          kind: .trigger, name: ObjectName("dbo", "OnChange"), table: ObjectName("dbo", "Child"),
          definition: "CREATE TRIGGER OnChange ON dbo.Child AFTER UPDATE AS RETURN;\n"),
        Module(
          kind: .synonym, name: ObjectName("dbo", "S*x*<b>"),
          definition: "CREATE SYNONYM [dbo].[S] FOR [other].[dbo].[T]"),
        Module(kind: .tableType, name: ObjectName("dbo", "IDList"), definition: nil),
        Module(kind: .function, name: ObjectName("dbo", "F"), definition: ""),
      ]))

  static let conflicts = GoldenCase(
    name: "conflicts",
    database: describe([
      table("dbo.A", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
      table("dbo.B", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
      table(
        "dbo.C", [column("ID", "int", identity: identity()), column("Code", "int")],
        primaryKey: ["ID"], unique: [key("UQ_Code", ["Code"])]),
      table("dbo.D", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
      table(
        "dbo.Twins",
        [column("ID", "int", identity: identity()), column("X", "int"), column("Y", "int")],
        primaryKey: ["ID"],
        foreignKeys: [
          foreignKey("FK_A", ["X"], to: "dbo.A", ["ID"]),
          foreignKey("FK_B", ["X"], to: "dbo.B", ["ID"]),
          foreignKey("FK_C", ["Y"], to: "dbo.C", ["Code"]),
          foreignKey("FK_D", ["Y"], to: "dbo.D", ["ID"]),
        ]),
      table("dbo.Tenant", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
      table(
        "dbo.Invoice",
        [column("TenantID", "int"), column("No", "int"), column("Corrects", "int null")],
        primaryKey: ["TenantID", "No"],
        foreignKeys: [
          foreignKey("FK_Tenant", ["TenantID"], to: "dbo.Tenant", ["ID"]),
          foreignKey(
            "FK_Corrects", ["TenantID", "Corrects"], to: "dbo.Invoice", ["TenantID", "No"]),
        ]),
      table(
        "dbo.Line", [column("TenantID", "int"), column("No", "int"), column("Line", "int")],
        primaryKey: ["TenantID", "No", "Line"],
        foreignKeys: [
          foreignKey("FK_Invoice", ["No", "TenantID"], to: "dbo.Invoice", ["No", "TenantID"]),
          foreignKey("FK_LineTenant", ["TenantID"], to: "dbo.Tenant", ["ID"]),
          foreignKey("FK_Itself", ["No"], to: "dbo.Line", ["No"]),
        ]),
    ]))

  static let referenceTypes = GoldenCase(
    name: "reference-types",
    database: describe([
      table(
        "dbo.Parent", [column("ID", "decimal(18,0)", identity: identity())], primaryKey: ["ID"]),
      table(
        "dbo.Child",
        [column("ID", "int", identity: identity()), column("ParentID", "decimal(18,0) null")],
        primaryKey: ["ID"],
        foreignKeys: [foreignKey("FK_Parent", ["ParentID"], to: "dbo.Parent", ["ID"])]),
      table(
        "dbo.Grandchild", [column("ChildID", "int"), column("ParentID", "decimal(18,0)")],
        primaryKey: ["ChildID", "ParentID"],
        foreignKeys: [
          foreignKey("FK_Child", ["ChildID"], to: "dbo.Child", ["ID"]),
          foreignKey("FK_GrandParent", ["ParentID"], to: "dbo.Parent", ["ID"]),
        ]),
    ]),
    mapping: "tables: { dbo.Child: { columns: { ID: { type: bigint } } } }")
}
