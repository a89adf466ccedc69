import Catalog
import Testing
import Translation

/// A described database, whose DDL and report stand in `Tests/Golden/Translation/<name>`.
struct GoldenCase: Sendable, CustomTestStringConvertible {
  let name: String
  let database: Database
  var mapping = ""

  var testDescription: String { name }

  func mapped() throws -> MappedDatabase {
    try Translator.map(database, by: Mapping(yaml: mapping))
  }

  /// Every file that the translation writes, by name.
  func files() throws -> [String: String] {
    let mapped = try mapped()
    var files = ["unsupported.md": UnsupportedReport.markdown(for: mapped)]
    for file in DDL.files(for: mapped) { files[file.path.replacing("ddl/", with: "")] = file.text }
    files["decisions.txt"] = mapped.tables.map { decisions($0, in: mapped) }.joined(separator: "\n")
    return files
  }

  /// What the DDL does not show: keys and where their values come from.
  private func decisions(_ table: MappedTable, in mapped: MappedDatabase) -> String {
    var lines = ["\(table.source) -> \(table.target.quoted)"]
    lines.append("  stage \(table.stage.quoted), key map \(table.keyMap.quoted)")
    switch table.sourceKey {
    case .columns(let columns):
      lines.append(
        "  source key " + columns.map { table.columns[$0].sourceName }.joined(separator: ", "))
    case .wholeRow: lines.append("  source key: the whole row")
    }
    if let surrogate = table.surrogate {
      lines.append(
        "  new keys in \(table.columns[surrogate.column].sourceName) from \(surrogate.generator)")
    }
    for column in table.columns where column.keyTable != nil {
      let parent = column.keyTable.map { mapped.tables[$0].source.description } ?? ""
      lines.append("  \(column.sourceName) follows \(parent)")
    }
    for foreignKey in table.foreignKeys {
      lines.append("  \(foreignKey.name.quoted): orphans \(foreignKey.onOrphan)")
    }
    lines.append("  changed rows: \(table.onChanged)\(table.isInCycle ? "; in a cycle" : "")")
    return lines.joined(separator: "\n") + "\n"
  }
}

extension GoldenCase {
  static let all: [GoldenCase] = [
    keys, cycles, names, longNames, types, defaults, indexes, collations, sequences, mappings,
    leftOut, conflicts, referenceTypes,
  ]

  static let keys = GoldenCase(
    name: "keys",
    database: describe([
      table(
        "dbo.Artist",
        [column("ArtistID", "int", identity: identity()), column("Name", "nvarchar(120) null")],
        primaryKey: ["ArtistID"]),
      table(
        "dbo.Album",
        [
          column("AlbumID", "int", identity: identity(100, by: 10)),
          column("Title", "nvarchar(160)"),
          column("ArtistID", "int"), column("ParentAlbumID", "int null"),
        ], primaryKey: ["AlbumID"],
        foreignKeys: [
          foreignKey(
            "FK_Album_Artist", ["ArtistID"], to: "dbo.Artist", ["ArtistID"], onDelete: .cascade),
          foreignKey(nil, ["ParentAlbumID"], to: "dbo.Album", ["AlbumID"]),
        ]),
      table(
        "dbo.AlbumNote", [column("AlbumID", "int"), column("Note", "ntext")],
        primaryKey: ["AlbumID"],
        foreignKeys: [foreignKey("FK_Note", ["AlbumID"], to: "dbo.Album", ["AlbumID"])]),
      table(
        "dbo.NoteReview",
        [column("AlbumID", "int"), column("LineNo", "int"), column("Text", "text null")],
        primaryKey: ["AlbumID", "LineNo"],
        foreignKeys: [
          foreignKey(
            "FK_Review", ["AlbumID"], to: "dbo.AlbumNote", ["AlbumID"], onUpdate: .cascade,
            notTrusted: true)
        ]),
      table(
        "dbo.ReviewVote",
        [column("Line", "int"), column("Album", "int"), column("Voter", "uniqueidentifier null")],
        foreignKeys: [
          foreignKey(
            "FK_Vote", ["Line", "Album"], to: "dbo.NoteReview", ["LineNo", "AlbumID"],
            onDelete: .cascade),
          foreignKey("FK_Voter", ["Voter"], to: "auth.Member", ["MemberID"], onDelete: .setNull),
          foreignKey("FK_Old", ["Album"], to: "dbo.Album", ["AlbumID"], disabled: true),
        ]),
      table(
        "auth.Member",
        [
          column("MemberID", "uniqueidentifier", default: "(newsequentialid())"),
          column("Code", "char(5)"), column("InvitedBy", "char(5) null"),
        ], primaryKey: ["MemberID"], unique: [key("UQ_Member_Code", ["Code"])],
        foreignKeys: [
          foreignKey("FK_Invited", ["InvitedBy"], to: "auth.Member", ["Code"]),
          foreignKey("FK_Home", ["Code"], to: "dbo.Country", ["Code"], disabled: true),
        ]),
      table(
        "dbo.Country", [column("Code", "char(2)"), column("Name", "nvarchar(50)")],
        primaryKey: ["Code"]),
      table(
        "dbo.Level", [column("LevelID", "tinyint"), column("Name", "nvarchar(50)")],
        primaryKey: ["LevelID"]),
      table("dbo.Log", [column("At", "datetime"), column("ArtistID", "int null")]),
    ]))

  static let cycles = GoldenCase(
    name: "cycles",
    database: describe([
      table(
        "dbo.Department",
        [column("ID", "int", identity: identity()), column("ManagerID", "int null")],
        primaryKey: ["ID"],
        foreignKeys: [foreignKey("FK_Manager", ["ManagerID"], to: "dbo.Employee", ["ID"])]),
      table(
        "dbo.Employee",
        [
          column("ID", "int", identity: identity()), column("DepartmentID", "int"),
          column("BossID", "int null"), column("BadgeID", "int"),
        ], primaryKey: ["ID"],
        foreignKeys: [
          foreignKey("FK_Department", ["DepartmentID"], to: "dbo.Department", ["ID"]),
          foreignKey("FK_Boss", ["BossID"], to: "dbo.Employee", ["ID"]),
          foreignKey("FK_Badge", ["BadgeID"], to: "dbo.Badge", ["ID"]),
        ]),
      table("dbo.Badge", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
      table(
        "dbo.Assignment", [column("EmployeeID", "int"), column("Since", "date")],
        primaryKey: ["EmployeeID", "Since"],
        foreignKeys: [foreignKey("FK_Assigned", ["EmployeeID"], to: "dbo.Employee", ["ID"])]),
      table(
        "dbo.One", [column("A", "char(1)"), column("B", "char(1) null")], primaryKey: ["A"],
        foreignKeys: [foreignKey("FK_One", ["B"], to: "dbo.Two", ["A"])]),
      table(
        "dbo.Two", [column("A", "char(1)"), column("B", "char(1) null")], primaryKey: ["A"],
        foreignKeys: [foreignKey("FK_Two", ["B"], to: "dbo.Three", ["A"])]),
      table(
        "dbo.Three", [column("A", "char(1)"), column("B", "char(1) null")], primaryKey: ["A"],
        foreignKeys: [foreignKey("FK_Three", ["B"], to: "dbo.One", ["A"])]),
    ]))

  static let names = GoldenCase(
    name: "names",
    database: describe(
      [
        table(
          #"dbo.Customer"ID"#,
          [
            column(#"Customer"ID"#, "int", identity: identity()),
            column("Order Details", "nvarchar(10) null"),
            column("ÑandÚ", "int null"), column("SQLText", "int null"), column("user", "int null"),
            column("2ndName", "int null"), column("%", "int null"), column("ctid", "int null"),
            column("a", "int null"), column("A", "int null"), column("客户ID", "int null"),
            column("$x", "int null", comment: "it's a \\ text"),
          ], primaryKey: [#"Customer"ID"#], comment: "first\nsecond"),
        table("dbo.Order Details", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
        table("dbo.Order_Details", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
        table("dbo.OrderDetails", [column("ID", "int", identity: identity())], primaryKey: ["ID"]),
        table(
          "dbo.Select", [column("Table", "int"), column("From", "nvarchar(5)")],
          indexes: [index("IX", on: ["Table"]), index("From", on: ["From"])]),
        table(
          "dbo.Where", [column("Table", "int")], indexes: [index("IX", on: ["Table"])]),
        table("public.Select", [column("Table", "int")]),
        table("pg_app.Table", [column("Column", "int")]),
        table("restage.Runs", [column("ID", "int")]),
        table("Sales Area.Line\nEnd", [column("Tab\tStop", "int null")], comment: "x"),
      ], name: #"C:\Data\Läden "2024".MDF"#))

  static let longNames = GoldenCase(
    name: "long-names",
    database: describe(
      [
        table(
          "dbo." + String(repeating: "n", count: 63),
          [
            column(String(repeating: "c", count: 63), "int", identity: identity()),
            column(String(repeating: "c", count: 64), "nvarchar(5)"),
            column(String(repeating: "c", count: 64) + "x", "nvarchar(5)"),
          ], primaryKey: [String(repeating: "c", count: 63)]),
        table(
          "dbo." + String(repeating: "n", count: 64),
          [
            column(String(repeating: "k", count: 60), "int"),
            column(String(repeating: "ü", count: 40), "int"),
          ],
          primaryKey: [String(repeating: "k", count: 60), String(repeating: "ü", count: 40)],
          indexes: [
            index(
              "IX_" + String(repeating: "i", count: 90), on: [String(repeating: "ü", count: 40)])
          ],
          foreignKeys: [
            foreignKey(
              nil, [String(repeating: "ü", count: 40)],
              to: "dbo." + String(repeating: "n", count: 63),
              [String(repeating: "c", count: 63)])
          ]),
      ]))

  static let types = GoldenCase(
    name: "types",
    database: describe([
      table(
        "dbo.Everything",
        [
          "bit", "tinyint", "smallint", "int", "bigint", "decimal(38,10)", "numeric(5,0)", "money",
          "smallmoney", "float", "real", "date", "time(7)", "time(3)", "smalldatetime", "datetime",
          "datetime2(7)", "datetime2(0)", "datetimeoffset(7)", "char(10)", "varchar(8000)",
          "varchar(max)", "text", "nchar(10)", "nvarchar(4000)", "nvarchar(max)", "ntext",
          "binary(16)", "varbinary(50)", "varbinary(max)", "image", "rowversion",
          "uniqueidentifier", "xml", "hierarchyid", "geometry", "geography", "json", "vector(3)",
          "sql_variant", "clr",
        ].enumerated().map { column("C\($0 + 1)", $1 + ($0.isMultiple(of: 2) ? "" : " null")) })
    ]))
}
