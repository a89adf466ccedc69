import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport
import Testing

@testable import ServerSource

@Suite("rows of a live server")
struct RowTests {
  private static let day = 737_000
  private static let lastTick: Int64 = 863_999_999_999

  /// Every type with its edges: the first value of each column, then the second and so on.
  static let allTypes: FixtureTable = {
    let columns: [(name: String, type: String, values: [FixtureValue])] = [
      ("bit", "bit", [.bool(true), .bool(false)]),
      ("tinyint", "tinyint", [.integer(0), .integer(255)]),
      ("smallint", "smallint", [.integer(-32_768), .integer(32_767)]),
      ("int", "int", [.integer(Int64(Int32.min)), .integer(Int64(Int32.max))]),
      ("bigint", "bigint", [.integer(.min), .integer(.max)]),
      (
        "decimal", "decimal(38,10)",
        [
          .decimal(99_999_999_999_999_999_999_999_999_999_999_999_999, isNegative: true),
          .decimal(0),
        ]
      ),
      ("numeric", "numeric(5,0)", [.decimal(99_999), .decimal(1, isNegative: true)]),
      (
        "money", "money",
        [
          .decimal(9_223_372_036_854_775_808, isNegative: true),
          .decimal(9_223_372_036_854_775_807),
        ]
      ),
      (
        "smallmoney", "smallmoney",
        [
          .decimal(2_147_483_648, isNegative: true), .decimal(1),
        ]
      ),
      ("float", "float", [.double(0.1), .double(-1.7976931348623157e308)]),
      ("real", "real", [.float(3.4028235e38), .float(-0.0)]),
      ("date", "date", [.date(days: 0), .date(days: 3_652_058)]),
      ("time0", "time(0)", [.time(ticks: 0), .time(ticks: 863_990_000_000)]),
      ("time7", "time(7)", [.time(ticks: 1), .time(ticks: lastTick)]),
      (
        "smalldatetime", "smalldatetime",
        [
          .timestamp(days: 693_595, ticks: 0), .timestamp(days: day, ticks: 600_000_000),
        ]
      ),
      (
        "datetime", "datetime",
        [
          .datetime(days: 639_905, ticks300: 1), .datetime(days: 3_652_058, ticks300: 25_919_999),
        ]
      ),
      (
        "datetime2", "datetime2(7)",
        [
          .timestamp(days: 0, ticks: 0), .timestamp(days: 3_652_058, ticks: lastTick),
        ]
      ),
      (
        "datetime23", "datetime2(3)",
        [
          .timestamp(days: day, ticks: 10_000), .timestamp(days: day, ticks: 20_000),
        ]
      ),
      (
        "datetimeoffset", "datetimeoffset(7)",
        [
          .instant(days: day, ticks: 1, offset: 840), .instant(days: day, ticks: 0, offset: -840),
        ]
      ),
      ("char", "char(5)", [.text("é"), .text("")]),
      ("varchar", "varchar(20)", [.text("€uro, \"ä\""), .text("")]),
      ("varcharmax", "varchar(max)", [.text(String(repeating: "ÿ", count: 70_000)), .text("x")]),
      ("text", "text", [.text("line\nline"), .text("")]),
      ("nchar", "nchar(5)", [.text("😀"), .text("Ж")]),
      ("nvarchar", "nvarchar(40)", [.text("日本, \r\n"), .text("")]),
      (
        "nvarcharmax", "nvarchar(max)",
        [
          .text(String(repeating: "Ж😀", count: 40_000)), .text(""),
        ]
      ),
      ("ntext", "ntext", [.text("тест"), .text("")]),
      ("binary", "binary(4)", [.bytes([1, 2, 3, 4]), .bytes([0, 0, 0, 255])]),
      ("varbinary", "varbinary(10)", [.bytes([]), .bytes([0xFF])]),
      (
        "varbinarymax", "varbinary(max)",
        [
          .bytes([UInt8](repeating: 0xAB, count: 100_000)), .bytes([]),
        ]
      ),
      ("image", "image", [.bytes([0, 1]), .bytes([2])]),
      (
        "rowversion", "rowversion",
        [
          .bytes([0, 0, 0, 0, 0, 0, 7, 0xD1]), .bytes([0, 0, 0, 0, 0, 0, 7, 0xD2]),
        ]
      ),
      (
        "guid", "uniqueidentifier",
        [
          .bytes((0..<16).map { $0 }), .bytes([UInt8](repeating: 255, count: 16)),
        ]
      ),
      (
        "xml", "xml",
        [
          .xml(.element("a", attributes: [.init("b", "<\"é\">")], children: [.text("x & y")])),
          .text("only text"),
        ]
      ),
      (
        "hierarchyid", "hierarchyid",
        [
          .encoded([0x5B, 0x40], text: "/1/2/"), .encoded([], text: "/"),
        ]
      ),
      ("geography", "geography", [.bytes([0xE6, 0x10, 0, 0, 1]), .bytes([0])]),
      (
        "variant", "sql_variant",
        [
          .encoded([56, 1, 0xFE, 0xFF, 0xFF, 0xFF], text: "-2"),
          .encoded([231, 1, 0x40, 0x1F, 0, 0, 0, 0, 0xE9, 0], text: "é"),
        ]
      ),
    ]
    var table = Table.fixture(
      "AllTypes", key: "id", [("id", "int")] + columns.map { ($0.name, $0.type) })
    let rows: [[FixtureValue]] = [
      [.integer(1)] + columns.map { $0.values[0] }, [.integer(2)] + columns.map { $0.values[1] },
      [.integer(3)] + columns.map { _ in .null },
    ]
    return FixtureTable(table, rows: rows)
  }()

  private func expectSame(
    _ fixture: FixtureTable, _ answers: DatabaseAnswers, _ faults: FaultPlan = FaultPlan()
  ) throws {
    let server = try answers.serve(faults: faults)
    defer { server.stop() }
    let source = try ServerSource(
      try server.address(answers.database.catalog.name), password: TDSServer.password)
    let folder = try TemporaryFolder()
    let (manifest, lines) = try exportLines(source, fixture.table.name, into: folder)
    let expected = (0..<fixture.rowCount).map(fixture.csvLine)
    #expect(manifest.rows == expected.count { $0 != nil })
    #expect(manifest.rejects == expected.count { $0 == nil })
    #expect(lines == expected.compactMap(\.self).map { $0 + "\n" }.joined())
    #expect(server.notes.isEmpty)
  }

  @Test("every type becomes what PostgreSQL prints", arguments: [false, true])
  func allTypes(usesNullBitmap: Bool) throws {
    var answers = DatabaseAnswers(FixtureDatabase("types", tables: [Self.allTypes]))
    answers.form.usesNullBitmap = usesNullBitmap
    try expectSame(Self.allTypes, answers)
  }

  @Test("a server that stores UTF-8 is asked for it, and every type is the same")
  func unicodeForm() throws {
    // A sql_variant has a column for each kind of type there.
    var fixture = Self.allTypes
    let dropped = fixture.table.columns.count - 1
    #expect(fixture.table.columns.removeLast().type.base == .sqlVariant)
    let row = fixture.row
    fixture.row = { Array(row($0).prefix(dropped)) }
    var answers = DatabaseAnswers(FixtureDatabase("types", tables: [fixture]))
    answers.isBabelfish = true
    try expectSame(fixture, answers)
  }

  @Test("text that the server has converted to 8 bits is refused")
  func convertedText() throws {
    let table = Table.fixture("T", key: "id", [("id", "int"), ("v", "varchar(10)")])
    let fixture = FixtureTable(table, rows: [[.integer(1), .text("x")]])
    for isBabelfish in [true, false] {
      var answers = DatabaseAnswers(FixtureDatabase("d", tables: [fixture]))
      answers.isBabelfish = isBabelfish
      answers.overrides["rows dbo.T"] = ResultSet(
        [ResultColumn("id", "int"), ResultColumn("v", "varchar(10)")],
        rows: [[.integer(1), .text("?")]])
      let error = #expect(throws: ServerError.self) { try expectSame(fixture, answers) }
      #expect(error?.description.contains("may be converted") == true)
    }
  }

  @Test("unpaired surrogates and U+0000 make a row a reject, and no other")
  func rejects() throws {
    let table = Table.fixture("T", key: "id", [("id", "int"), ("v", "nvarchar(10)")])
    let fixture = FixtureTable(
      table,
      rows: [
        [.integer(1), .utf16([0x41, 0xD800, 0x42])], [.integer(2), .text("ok")],
        [.integer(3), .utf16([0])], [.integer(4), .utf16([0xD83D, 0xDE00])],
      ])
    try expectSame(fixture, DatabaseAnswers(FixtureDatabase("d", tables: [fixture])))
  }

  @Test("many rows over many packets arrive, also byte by byte")
  func manyRows() throws {
    let table = Table.fixture(
      "T", key: "id", [("id", "int"), ("v", "nvarchar(100)"), ("n", "decimal(9,2)")])
    func fixture(_ count: Int) -> FixtureTable {
      FixtureTable(table, rowCount: count) { row in
        [
          .integer(Int64(row)), .text(String(repeating: "wörd ", count: row % 20)),
          row % 7 == 0 ? .null : .decimal(UInt128(row)),
        ]
      }
    }
    try expectSame(
      fixture(20_000), DatabaseAnswers(FixtureDatabase("d", tables: [fixture(20_000)])))
    try expectSame(
      fixture(20), DatabaseAnswers(FixtureDatabase("d", tables: [fixture(20)])),
      FaultPlan([.init("rows dbo.T", .drip(byteCount: 7, milliseconds: 0))]))
  }

  @Test("a table of all columns computed on the fly, and an empty one")
  func emptyTables() throws {
    let table = Table.fixture("T", key: "id", [("id", "int")])
    let fixture = FixtureTable(table, rows: [])
    try expectSame(fixture, DatabaseAnswers(FixtureDatabase("d", tables: [fixture])))
  }

  @Test("a column that comes in another type than the catalog says is refused")
  func wrongType() throws {
    let table = Table.fixture("T", key: "id", [("id", "int"), ("v", "money")])
    let fixture = FixtureTable(table, rows: [[.integer(1), .decimal(1)]])
    for columns in [
      [ResultColumn("id", "int"), ResultColumn("v", "nvarchar(10)")],
      [ResultColumn("id", "int"), ResultColumn("v", "money"), ResultColumn("w", "money")],
      [ResultColumn("id", "int")],
    ] {
      var answers = DatabaseAnswers(FixtureDatabase("d", tables: [fixture]))
      answers.overrides["rows dbo.T"] = ResultSet(columns, rows: [])
      answers.overrides["count dbo.T"] = ResultSet.of(["row_count:b"], [[.integer(0)]])
      let error = #expect(throws: ServerError.self) { try expectSame(fixture, answers) }
      #expect(error?.code == .badAnswer)
    }
  }

  @Test("all tables of one connection are read in one transaction of SNAPSHOT isolation")
  func snapshot() throws {
    let tables = ["A", "B", "C"].map { name in
      FixtureTable(
        Table.fixture(name, key: "id", [("id", "int")]), rows: [[.integer(1)], [.integer(2)]])
    }
    let server = try DatabaseAnswers(FixtureDatabase("d", tables: tables)).serve()
    defer { server.stop() }
    let source = try ServerSource(try server.address("d"), password: TDSServer.password)
    for table in try source.readCatalog().tables {
      let folder = try TemporaryFolder()
      #expect(try exportLines(source, table.name, into: folder).1 == "1\n2\n")
    }
    #expect(server.connectionCount == 1)
    #expect(source.identity.consistency.hasSuffix("all tables are of one moment"))
  }
}

/// Exports one table of a source and gives back its lines.
func exportLines(
  _ source: ServerSource, _ name: ObjectName, into folder: TemporaryFolder
) throws -> (TableManifest, String) {
  let database = try source.readCatalog()
  let table = try #require(database.tables.first { $0.name == name })
  let snapshot = try SnapshotWriter(folder: folder.path + "/s")
  try snapshot.begin(database)
  var writer = try snapshot.makeTableWriter(for: table)
  let order = try source.readRows(of: table, into: &writer)
  let manifest = try writer.finish(order: order)
  var text = ""
  for chunk in manifest.chunks {
    text += try String(
      contentsOfFile: "\(folder.path)/s/data/\(manifest.folder)/\(chunk.file)", encoding: .utf8)
  }
  return (manifest, text)
}
