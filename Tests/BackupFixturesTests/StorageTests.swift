import BackupFixtures
import Catalog
import Foundation
import Testing

@Suite("Storage as described")
struct StorageTests {
  @Test("values in rows, behind pointers and in trees of several levels")
  func largeValues() throws {
    let types = ["varchar(max)", "nvarchar(max)", "varbinary(max)", "text", "ntext", "image"]
    let places: [(String, LargeValuePlace)] = [
      ("auto", .automatic), ("pointer", .textPointer), ("tree", .tree(links: 2)),
    ]
    let tables = places.map { name, place in
      var table = FixtureTable(
        .fixture(name, key: "id", [("id", "int")] + types.map { ("c \($0)", $0) }),
        rows: Self.sizes.enumerated().map { number, size in
          [.integer(Int64(number))] + types.map { Self.value($0, size) }
        })
      for type in types { table.storage.largeValues["c \(type)"] = place }
      return table
    }
    try expectReadBack(FixtureDatabase("Large", tables: tables))
  }

  private static let sizes: [Int?] = [
    nil, 0, 1, 63, 64, 65, 3999, 4000, 8000, 8001, 8039, 8040, 8041, 40_200, 40_202, 130_000,
  ]

  private static func value(_ type: String, _ size: Int?) -> FixtureValue {
    guard let size else { return .null }
    switch type {
    case "nvarchar(max)", "ntext":
      return .utf16((0..<size / 2).map { 0x20 + UInt16($0 &* 31 % 0x2000) })
    case "varbinary(max)", "image":
      return .bytes((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 13) })
    default:
      return .text(String(decoding: (0..<size).map { 0x20 + UInt8($0 &* 31 % 95) }, as: UTF8.self))
    }
  }

  @Test("rows longer than a page")
  func rowOverflow() throws {
    let table = FixtureTable(
      .fixture(
        "Long", key: "id",
        [("id", "int"), ("a", "varchar(8000)"), ("b", "nvarchar(4000)"), ("c", "varbinary(8000)")]),
      rowCount: 40
    ) { n in
      [
        .integer(Int64(n)), .text(String(repeating: "a", count: 8000 - n)),
        .text(String(repeating: "ж", count: 100 * n)),
        .bytes([UInt8](repeating: UInt8(n), count: 200 * n)),
      ]
    }
    try expectReadBack(FixtureDatabase("Overflow", tables: [table]))
  }

  @Test(
    "dropped columns, and columns that old rows do not have",
    arguments: [FixtureStorage.Compression.none, .row, .page])
  func changedColumns(_ compression: FixtureStorage.Compression) throws {
    var definition = Table.fixture(
      "Changed", key: "id", [("id", "int"), ("a", "varchar(20)"), ("b", "int")])
    definition.columns[2].id = 7
    definition.columns += [
      .fixture(8, "later", "int", nullable: false),
      .fixture(9, "text", "nvarchar(20)", nullable: false),
      .fixture(10, "null", "datetime"), .fixture(11, "flag", "bit", nullable: false),
      .fixture(12, "second flag", "bit", nullable: false), .fixture(13, "amount", "decimal(12,3)"),
    ]
    var table = FixtureTable(definition, rowCount: 300) { n in
      [
        .integer(Int64(n)), .text("row \(n)"), .integer(Int64(n * n)),
        .integer(n < 100 ? 42 : Int64(n)), .text(n < 200 ? "früher" : "row \(n)"),
        n < 250 ? .null : .datetime(days: 700_000 + n, ticks300: n), .bool(n < 250 || n % 2 == 0),
        .bool(n < 250 || n % 3 == 0),
        n < 250 ? .decimal(12_500, isNegative: true) : .decimal(UInt128(n) * 1000 + 125),
      ]
    }
    table.storage.compression = compression
    table.storage.droppedColumns = [
      (.fixture(3, "gone", "varchar(30)"), .text("what was here")),
      (.fixture(5, "gone too", "bigint"), .integer(-1)),
      (.fixture(6, "gone bit", "bit"), .bool(true)),
    ]
    table.storage.addedColumns = [
      "later": (100, .integer(42)), "text": (200, .text("früher")), "null": (250, .null),
      "flag": (250, .bool(true)), "second flag": (250, .bool(true)),
      "amount": (250, .decimal(12_500, isNegative: true)),
    ]
    try expectReadBack(FixtureDatabase("Changed", tables: [table]))
  }

  @Test("partitions, each with its own pages", arguments: [FixtureStorage.Compression.none, .page])
  func partitions(_ compression: FixtureStorage.Compression) throws {
    var table = FixtureTable(
      .fixture("Parts", key: "id", [("id", "int"), ("a", "nvarchar(100)")]), rowCount: 2000
    ) { n in [.integer(Int64(n)), .text("the same beginning, then \(n)")] }
    table.storage.compression = compression
    table.storage.partitionRowCounts = [500, 0, 1000]
    let pages = try expectReadBack(FixtureDatabase("Parts", tables: [table]))
    // Page type 1 with the flag of a compression structure: the case is really tried.
    let compressed = pages.filter { $0[1] == 1 && $0[2] & 0x80 != 0 }
    #expect(compressed.isEmpty == (compression == .none))
  }

  @Test("pages in the second and third GAM interval, over 8 GB of holes")
  func manyIntervals() throws {
    func table(_ name: String, from extent: Int) -> FixtureTable {
      var table = FixtureTable(
        .fixture(name, key: "id", [("id", "int"), ("a", "char(400)"), ("b", "varchar(max)")]),
        rowCount: 1500
      ) { n in
        [
          .integer(Int64(n)), .text("row \(n)"),
          .text(String(repeating: "b", count: n % 100 == 0 ? 9000 : 3)),
        ]
      }
      table.storage.firstExtent = extent
      return table
    }
    // The second table begins just before an interval ends, the third in the last one.
    let database = FixtureDatabase(
      "Intervals",
      tables: [
        table("A", from: 1009), table("B", from: 63_880), table("C", from: 127_900),
      ])
    let scratch = try Scratch()
    let files = try FixtureWriter(database).writeMDF(to: scratch.file("d.mdf"))
    try ReadBack.expect(files[0], equals: database, scratch)
    let backup = try FixtureBackup(database, kind: .compressed).write(to: scratch.file("d.bak"))
    try ReadBack.expect(backup[0], equals: database, scratch)
  }

  /// - Returns: The pages of the first data file.
  @discardableResult
  private func expectReadBack(
    _ database: FixtureDatabase, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> [[UInt8]] {
    let scratch = try Scratch()
    let files = try FixtureWriter(database).writeMDF(to: scratch.file("d.mdf"))
    try ReadBack.expect(
      files.joined(separator: ","), equals: database, scratch, sourceLocation: sourceLocation)
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: files[0])))
    return stride(from: 0, to: bytes.count, by: 8192).map { Array(bytes[$0..<$0 + 8192]) }
  }
}
