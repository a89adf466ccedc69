// Row and page compression. Whole records and values captured from servers by others stand beside
// pages made here; no file in ../shared/data has compressed rows.

import Catalog
import Testing

@testable import BackupSource

@Suite("compressed rows")
struct CompressedRowTests {
  /// A table of one column whose rows are the given records.
  private func lines(
    _ type: ColumnType, _ physical: PhysicalType, _ records: [[UInt8]]
  ) throws -> [String] {
    try TestTable(
      columns: [Column(made: 1, "value", type)],
      physical: [PhysicalColumn(made: 1, physical, nullBit: 0, .variable(0))],
      pages: [TestPage(id: TestTable.page(16), records: records)], compression: 1
    ).lines()
  }

  @Test("captured integers of every width")
  func capturedIntegers() throws {
    #expect(
      try lines(
        ColumnType(.tinyint), PhysicalType(xtype: XType.tinyint),
        ["0101120100000000", "0101127f", "01011280", "010112ff"].map(hex))
        == ["1", "127", "128", "255"])
    #expect(
      try lines(
        ColumnType(.smallint), PhysicalType(xtype: XType.smallint),
        [
          "01011281", "0101127f", "0101137f7e", "010112ff", "0101138080", "010113 80ff",
          "0101130000",
        ]
        .map(hex)) == ["1", "-1", "-130", "127", "128", "255", "-32768"])
    #expect(
      try lines(
        ColumnType(.int), PhysicalType(xtype: XType.int),
        [
          "0101110000000000", "01011480800000", "010114ffffff", "010115ffffffff", "01011200",
          "0101137f7f", "010114000000", "0101157f7fffff",
        ].map(hex)) == [
          "0", "32768", "8388607", "2147483647", "-128", "-129", "-8388608", "-8388609",
        ])
    #expect(
      try lines(
        ColumnType(.bigint), PhysicalType(xtype: XType.bigint),
        ["010119ffffffffffffffff", "010118ffffffffffffff", "010116ffffffffff", "0101108400000000"]
          .map(hex)) == ["9223372036854775807", "36028797018963967", "549755813887", ""])
  }

  @Test("captured datetimes")
  func capturedTimes() throws {
    #expect(
      try lines(
        ColumnType(.datetime), PhysicalType(xtype: XType.datetime),
        [
          "01011880 9FE7018A E173", "01011881 1D58018B 81FF", "0101187F 2E460000 0000",
          "01011100 01010100 01", "01011681 00000000 01", "01011681 012EB969 01",
          "01011581 6F50F200 00", "0101177E 94012EB9 69",
        ].map(hex)) == [
          "2012-01-29 23:57:42.997", "2099-12-31 23:59:59.997", "1753-01-01 00:00:00",
          "1900-01-01 00:00:00", "1900-01-02 00:00:00", "1900-01-02 18:22:11.123",
          "1900-01-01 22:17:21.447", "1899-01-02 18:22:11.123",
        ])
  }

  @Test(
    "SCSU text, as captured",
    arguments: [
      ("61", "a"), ("", ""), ("12E8E8E8E8E8E8E8E8E8E8", "ѨѨѨѨѨѨѨѨѨѨ"),
      ("08DE15A782CC08DEA782CC", "～であれ～であれ"),
      ("15A7A7A7414141414141A7A741A758", "でででAAAAAAででAでX"),
      ("3132333435363738393010", "1234567890"),
    ])
  func scsu(bytes: String, text: String) throws {
    var target = [UInt8](repeating: 0, count: 400)
    let units = try hex(bytes).withUnsafeBytes { source in
      try target.withUnsafeMutableBytes { target in
        [UInt8](try SCSU.decode(source, into: target))
      }
    }
    #expect(String(utf16: units) == text)
  }

  /// id int, name nvarchar(20), note varchar(8000), flag bit.
  private func table(_ page: TestPage) -> TestTable {
    let types: [(String, ColumnType, PhysicalType)] = [
      ("id", ColumnType(.int), PhysicalType(xtype: XType.int)),
      (
        "name", ColumnType(.nvarchar, length: 20),
        PhysicalType(xtype: XType.nvarchar, byteCount: 40)
      ),
      (
        "note", ColumnType(.varchar, length: 8000),
        PhysicalType(xtype: XType.varchar, byteCount: 8000)
      ),
      ("flag", ColumnType(.bit), PhysicalType(xtype: XType.bit)),
    ]
    return TestTable(
      columns: types.enumerated().map { Column(made: $0 + 1, $1.0, $1.1) },
      physical: types.enumerated().map {
        PhysicalColumn(made: $0 + 1, $1.2, nullBit: $0, .variable($0), bitPosition: 3)
      },
      pages: [page], compression: 2)
  }

  @Test("short and long values, bits, NULL and ghosts")
  func regions() throws {
    let long = Array("a long note".utf8)
    // Codes, low nibble first: id 2 (one byte), name 3 (two bytes), note 10 (long), flag 11 (1).
    let first =
      [0x21, 0x04, 0x32, 0xBA, 0x87, 0x41, 0x04, 0x01] + UInt16(1).testBytes
      + UInt16(long.count).testBytes + long
    let second: [UInt8] = [0x01, 0x04, 0x01, 0x10]
    let ghost: [UInt8] = [0x0D, 0x04, 0x01, 0x10]
    let page = TestPage(id: TestTable.page(16), records: [first, ghost, second])
    // Two bytes are UTF-16, not SCSU.
    #expect(try table(page).lines() == ["7,\u{441},a long note,t", "0,,,f"])
  }

  @Test("anchors give values their beginning, dictionaries whole values")
  func pageCompression() throws {
    // Anchor: id NULL, name SCSU "Anna", note "x" and nine more, flag NULL.
    let note = Array("xylophones".utf8)
    let anchor: [UInt8] =
      [0x21, 0x04, 0x50, 0x0A] + Array("Anna".utf8) + [0x01] + UInt16(1).testBytes
      + UInt16(note.count).testBytes + note
    // Entry 0: all of the anchor's name and a letter (five bytes, so SCSU). Entry 1: id 7.
    let symbols: [[UInt8]] = [[4] + Array("s".utf8), [0x87]]
    var dictionary = UInt16(symbols.count).testBytes
    var end = 2 + 2 * symbols.count
    for symbol in symbols {
      end += symbol.count
      dictionary += UInt16(end).testBytes
    }
    dictionary += symbols.flatMap { $0 }
    let anchorEnd = 7 + anchor.count
    let preamble =
      [0x06, 0, 0] + UInt16(anchorEnd).testBytes + UInt16(anchorEnd + dictionary.count).testBytes
      + anchor + dictionary
    // id 1, name entry 0, note: three bytes of the anchor and "!", flag 0.
    let first: [UInt8] = [0x01, 0x04, 0xC2, 0x13, 0x81, 0x00, 3, UInt8(ascii: "!")]
    // id entry 1, name NULL, note: the whole anchor, flag 1.
    let second: [UInt8] = [0x01, 0x04, 0x0C, 0xB1, 0x01]
    // name: no byte of the anchor.
    let third: [UInt8] = [0x01, 0x04, 0x32, 0x01, 0x82, 0, UInt8(ascii: "B")]
    let page = TestPage(
      id: TestTable.page(16), typeFlags: 0x80, preamble: preamble,
      records: [first, second, third])
    #expect(try table(page).lines() == ["1,Annas,xyl!,f", "7,,xylophones,t", "2,B,xylophones,"])
  }

  @Test("codes, lengths and flags that do not fit are errors")
  func damage() throws {
    let records: [[UInt8]] = [
      [0x01, 0x04, 0x0D, 0x00],  // code 13
      [0x00, 0x04, 0x00, 0x00],  // not the CD format
      [0x01, 0x04, 0x0A, 0x00],  // a long value without a long region
      [0x21, 0x04, 0x0A, 0x00, 0x01, 0x01, 0x00, 0xFF, 0x7F],  // ends past the page
      [0x01, 0x04, 0x0C, 0x00, 0x05],  // a dictionary entry without a dictionary
      [0x01, 0x04, 0x06, 0x00, 1, 2, 3, 4, 5],  // an int of five bytes
    ]
    for record in records {
      let page = TestPage(id: TestTable.page(16), records: [record])
      #expect(throws: BackupError.self, "\(record)") { try table(page).lines() }
    }
  }
}
