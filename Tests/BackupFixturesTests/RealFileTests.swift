// The fixtures are held to a real file as the reader is, so that an idea of how things are cannot be
// wrong in both and right between them.

import Catalog
import Foundation
import TestSupport
import Testing

@testable import BackupFixtures
@testable import BackupSource

@Suite("Fixtures against a real file", .enabled(if: SharedData.isThere, SharedData.skipped))
struct RealFileTests {
  private static let real = "bak/mvcmusicstore-2017.bak"

  @Test("system tables and system types describe themselves as in a real file")
  func systemTables() throws {
    let scratch = try Scratch()
    try FixtureWriter(FixtureDatabase("Catalog", tables: [])).writeMDF(to: scratch.file("c.mdf"))
    let written = try catalog(scratch.file("c.mdf"))
    let real = try catalog(SharedData.path(Self.real))
    for table in SystemTable.all {
      let written = try #require(written.columns[table.id]).map(describe)
      let real = try #require(real.columns[table.id]).map(describe)
      #expect(written == real, "\(table.name)")
    }
    for (id, type) in written.scalarTypes {
      #expect("\(type)" == real.scalarTypes[id].map { "\($0)" }, "type \(id)")
    }
  }

  private func catalog(_ path: String) throws -> SystemCatalog {
    try SystemCatalog(BackupFile.open(path, setNumber: nil).pages)
  }

  private func describe(_ column: SystemColumn) -> String {
    """
    \(column.columnID) \(column.name) \(column.xtype) \(column.userType) \(column.length) \
    \(column.precision) \(column.scale) \(column.collationID) \(column.status.rawValue)
    """
  }

  @Test("a row becomes the very bytes that it is in a real file")
  func records() throws {
    let file = try Data(contentsOf: URL(fileURLWithPath: SharedData.path(Self.real)))
    var definition = Table.fixture(
      "Album", key: "AlbumId",
      [
        ("AlbumId", "int"), ("GenreId", "int"), ("ArtistId", "int"), ("Title", "nvarchar(160)"),
        ("Price", "numeric(10,2)"), ("AlbumArtUrl", "nvarchar(1024)"),
      ])
    for index in 0...4 { definition.columns[index].isNullable = false }
    let layout = RowLayout(FixtureTable(definition))
    let lines = try String(
      contentsOfFile: SharedData.path("truth/csv/mvcmusicstore-2017.bak/dbo.Album.csv"),
      encoding: .utf8
    ).split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    // Lines with quoted cells are left out: not worth a parser here.
    let plain = lines.filter { $0.count == 6 && !$0.joined().contains("\"") }
    #expect(plain.count > 200)
    for cells in plain {
      let record = PlainRecords(layout: layout).bytes(
        try values(cells, layout), columnCount: layout.columns.count, .plain)
      #expect(file.range(of: Data(record)) != nil, "album \(cells[0])")
    }
  }

  private func values(_ cells: [Substring], _ layout: RowLayout) throws -> [StoredValue] {
    try zip(layout.columns, cells).map { column, cell in
      let value: FixtureValue =
        switch column.type.xtype {
        case 56: .integer(try #require(Int64(cell)))
        case 108: .decimal(try #require(UInt128(cell.filter { $0 != "." })))
        default: cell.isEmpty ? .null : .text(String(cell))
        }
      return ValueBytes.bytes(value, column.type, codePage: 1252).map { .bytes($0) } ?? .null
    }
  }

  @Test("the records of an index page are those of a real one")
  func indexRecords() throws {
    let file = try Data(contentsOf: URL(fileURLWithPath: SharedData.path(Self.real)))
    let layout = RowLayout(
      FixtureTable(.fixture("Album", key: "AlbumId", [("AlbumId", "int")])))
    // The root of Album: keys and pages as a dump of page 1:361 shows them.
    let entries = [(450, 362), (519, 363), (594, 364), (660, 365)].flatMap { key, page in
      IndexRecord.bytes(
        layout, key: [.bytes(littleEndian(key, bytes: 4))],
        child: PageAddress(file: 1, page: UInt32(page)))
    }
    #expect(file.range(of: Data(entries)) != nil)
  }

  @Test("every page of a real file has the checksum that the fixtures would give it")
  func checksums() throws {
    let bytes = try SharedData.bytes("mdf/mvcmusicstore-2012.mdf")
    var checked = 0
    for start in stride(from: 0, to: bytes.count, by: PageImage.byteCount) {
      var page = Array(bytes[start..<start + PageImage.byteCount])
      guard page[0] == 1, page.uint16(at: 4) & 0x200 != 0 else { continue }
      let stored = page.uint32(at: 60)
      PageImage.protectByChecksum(&page)
      #expect(page.uint32(at: 60) == stored, "page \(start / PageImage.byteCount)")
      checked += 1
    }
    #expect(checked > 100)
  }

  @Test("maps of allocation pages lie where those of a real file lie")
  func allocationPages() throws {
    let scratch = try Scratch()
    try FixtureWriter(FixtureDatabase("Maps", tables: [])).writeMDF(to: scratch.file("m.mdf"))
    let written = try [UInt8](Data(contentsOf: URL(fileURLWithPath: scratch.file("m.mdf"))))
    let real = try SharedData.bytes("mdf/mvcmusicstore-2012.mdf")
    for page in [1, 2, 3, 6, 7] {
      let start = page * PageImage.byteCount
      // Type, fixed length, slot count, free bytes and the first record's head, then the slots.
      for range in [0..<2, 14..<16, 22..<24, 96..<100, 8188..<8192] {
        #expect(
          written[start + range.lowerBound..<start + range.upperBound]
            == real[start + range.lowerBound..<start + range.upperBound], "page \(page), \(range)")
      }
    }
  }
}
