import BackupFixtures
import Catalog
import Testing

@Suite("Data files as described")
struct DataFileTests {
  @Test("a heap and a clustered table", arguments: [false, true])
  func plainTables(usesMixedExtents: Bool) throws {
    var heap = FixtureTable(
      .fixture("Heap", [("a", "int"), ("b", "nvarchar(40)"), ("c", "datetime")]), rowCount: 1000
    ) { n in
      [
        .integer(Int64(n)), n % 7 == 0 ? .null : .text("row \(n), \"quoted\""),
        .datetime(days: 738_000, ticks300: n),
      ]
    }
    heap.storage.usesMixedExtents = usesMixedExtents
    let tree = FixtureTable(
      .fixture("Tree", key: "id", [("id", "int"), ("b", "nvarchar(400)")]), rowCount: 5000
    ) { n in [.integer(Int64(n)), .text(String(repeating: "x", count: n % 200))] }
    let empty = FixtureTable(.fixture("Empty", [("a", "int")]))
    try expectReadBack(FixtureDatabase("Plain", tables: [heap, tree, empty]))
  }

  @Test("moved rows, ghosts, empty slots, version tags and freed pages")
  func leftovers() throws {
    func table(_ name: String, key: String?) -> FixtureTable {
      var table = FixtureTable(
        .fixture(name, key: key, [("id", "int"), ("b", "varchar(100)"), ("c", "bit")]),
        rowCount: 3000
      ) { n in
        [.integer(Int64(n)), .text(String(repeating: "é", count: n % 90)), .bool(n % 3 == 0)]
      }
      table.storage.forwardedRowEvery = 10
      table.storage.ghostRowEvery = 13
      table.storage.emptySlotEvery = 17
      table.storage.versionedRowEvery = 7
      table.storage.freedPageCount = 3
      return table
    }
    try expectReadBack(
      FixtureDatabase("Leftovers", tables: [table("Heap", key: nil), table("Tree", key: "id")]))
  }

  @Test("pages with torn-page bits and without any protection", arguments: [0, 1])
  func pageVerify(_ kind: Int) throws {
    let table = FixtureTable(
      .fixture("T", key: "id", [("id", "int"), ("b", "char(300)")]), rowCount: 500
    ) { n in [.integer(Int64(n)), .text(String(repeating: "§ÿ", count: n % 150))] }
    try expectReadBack(
      FixtureDatabase("Verify", tables: [table], pageVerify: kind == 0 ? .tornPages : .none))
  }

  private func expectReadBack(
    _ database: FixtureDatabase, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let scratch = try Scratch()
    let files = try FixtureWriter(database).writeMDF(to: scratch.file("d.mdf"))
    try ReadBack.expect(
      files.joined(separator: ","), equals: database, scratch, sourceLocation: sourceLocation)
  }
}
