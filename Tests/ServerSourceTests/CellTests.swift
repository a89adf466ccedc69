import Catalog
import Staging
import Testing

@testable import ServerSource

@Suite("values as db-lib hands them over")
struct CellTests {
  @Test("NULL is nothing, and an empty text is two quotes")
  func null() throws {
    #expect(try cells(ColumnType(.nvarchar, length: 5), [nil, []]) == ["", "\"\""])
  }

  @Test("whole numbers are in the machine's order; tinyint has no sign")
  func integers() throws {
    #expect(try cells(ColumnType(.bit), [[0], [1]]) == ["f", "t"])
    #expect(try cells(ColumnType(.tinyint), [[0], [255]]) == ["0", "255"])
    #expect(
      try cells(ColumnType(.smallint), [native(Int16.min), native(Int16.max)])
        == ["-32768", "32767"])
    #expect(try cells(ColumnType(.int), [native(Int32.min)]) == ["-2147483648"])
    #expect(try cells(ColumnType(.bigint), [native(Int64.min)]) == ["-9223372036854775808"])
  }

  @Test("money has its high half first")
  func money() throws {
    let smallest = native(Int32.min) + native(UInt32(0))
    let minusOne = native(Int32(-1)) + native(UInt32.max)
    let large = native(Int32(1)) + native(UInt32(0x8000_0001))
    #expect(
      try cells(ColumnType(.money), [smallest, minusOne, large])
        == ["-922337203685477.5808", "-0.0001", "644245.0945"])
    #expect(try cells(ColumnType(.smallmoney), [native(Int32.min)]) == ["-214748.3648"])
  }

  /// DBNUMERIC: precision, scale, sign and magnitude, the rest of 33 bytes zero.
  private func numeric(_ precision: UInt8, _ scale: UInt8, _ digits: String) -> [UInt8] {
    let value = [precision, scale] + hex(digits)
    return value + [UInt8](repeating: 0, count: 35 - value.count)
  }

  @Test("decimals are a sign and a magnitude, the highest byte first")
  func decimals() throws {
    let type = ColumnType(.decimal, precision: 9, scale: 2)
    #expect(
      try cells(type, [numeric(9, 2, "00 00003039"), numeric(9, 2, "01 00003039")])
        == ["123.45", "-123.45"])
    #expect(
      try cells(
        ColumnType(.numeric, precision: 38, scale: 0),
        [numeric(38, 0, "00 4B3B4CA85A86C47A098A223FFFFFFFFF")])
        == ["99999999999999999999999999999999999999"])
    #expect(
      try cells(ColumnType(.numeric, precision: 1, scale: 0), [numeric(1, 0, "01 09")]) == ["-9"])
  }

  @Test("a decimal of another scale than the catalog's is refused")
  func decimalScale() {
    let type = ColumnType(.decimal, precision: 9, scale: 2)
    #expect(throws: Fault.self) { try cells(type, [numeric(9, 3, "00 00003039")]) }
    #expect(throws: Fault.self) { try cells(type, [numeric(39, 2, "00")]) }
    #expect(throws: Fault.self) { try cells(type, [hex("0902000000")]) }
  }

  @Test("floats are printed with as many digits as they need")
  func floats() throws {
    #expect(
      try cells(ColumnType(.float), [native(0.1.bitPattern), native((-0.0).bitPattern)])
        == ["0.1", "-0"])
    #expect(try cells(ColumnType(.real), [native(Float(0.1).bitPattern)]) == ["0.1"])
  }

  @Test("datetime rounds its thirds of ten milliseconds to 0, 3 and 7")
  func datetime() throws {
    func value(_ days: Int32, _ thirds: UInt32) -> [UInt8] { native(days) + native(thirds) }
    #expect(
      try cells(
        ColumnType(.datetime),
        [value(0, 1), value(0, 2), value(-53_690, 0), value(-47, 25_919_999)])
        == [
          "1900-01-01 00:00:00.003", "1900-01-01 00:00:00.007", "1753-01-01 00:00:00",
          "1899-11-15 23:59:59.997",
        ])
    #expect(
      try cells(ColumnType(.smalldatetime), [native(UInt16.max, UInt16(1439))])
        == ["2079-06-06 23:59:00"])
    #expect(throws: Fault.self) {
      try cells(ColumnType(.datetime), [value(0, 25_920_000)])
    }
    #expect(throws: Fault.self) {
      try cells(ColumnType(.smalldatetime), [native(UInt16(0), UInt16(1440))])
    }
  }

  /// DBDATETIMEALL.
  private func moment(_ ticks: UInt64, _ days: Int32, offset: Int16 = 0) -> [UInt8] {
    native(ticks) + native(days) + native(offset) + [0, 0]
  }

  @Test("dates and times count days from 1900 and units of 100 ns; the seventh digit is cut off")
  func times() throws {
    let last: UInt64 = 863_999_999_999
    #expect(
      try cells(ColumnType(.date), [moment(0, -693_595), moment(0, 2_958_463)])
        == ["0001-01-01", "9999-12-31"])
    #expect(
      try cells(ColumnType(.time, scale: 7), [moment(last, 0), moment(0, 0)])
        == ["23:59:59.999999", "00:00:00"])
    #expect(
      try cells(ColumnType(.datetime2, scale: 7), [moment(last, 2_958_463)])
        == ["9999-12-31 23:59:59.999999"])
    #expect(
      try cells(
        ColumnType(.datetimeoffset, scale: 7), [moment(360_000_000_000, 0, offset: 840)])
        == ["1900-01-01 10:00:00+00"])
    #expect(try cells(ColumnType(.time, scale: 7), [moment(last + 1, 0)]) == ["24:00:00"])
    #expect(
      try cells(ColumnType(.datetime2, scale: 7), [moment(last + 1, 0)])
        == ["1900-01-02 00:00:00"])
    #expect(throws: Fault.self) {
      try cells(ColumnType(.time, scale: 7), [moment(last + 2, 0)])
    }
    #expect(throws: StagingError.self) { try cells(ColumnType(.date), [moment(0, 2_958_464)]) }
  }

  @Test("a GUID has its first three groups little-endian")
  func guid() throws {
    #expect(
      try cells(ColumnType(.uniqueidentifier), [hex("33221100554477668899AABBCCDDEEFF")])
        == ["00112233-4455-6677-8899-aabbccddeeff"])
  }

  @Test("text comes as its bytes: UTF-16, or the column's code page, fixed widths padded")
  func text() throws {
    #expect(
      try cells(ColumnType(.nvarchar, isMax: true), [hex("3D D8 00 DE 2C 00 E9 00")])
        == ["\"😀,é\""])
    #expect(try cells(ColumnType(.nchar, length: 3), [hex("E900")]) == ["é  "])
    let cyrillic = try #require(CodePage(number: 1251))
    #expect(
      try cells(ColumnType(.varchar, length: 9), [hex("CF F0 E8")], codePage: cyrillic) == ["При"])
    #expect(throws: Fault.self) { try cells(ColumnType(.nvarchar, length: 3), [[0x41]]) }
    #expect(throws: StagingError.self) { try cells(ColumnType(.varchar, length: 3), [[0xE9]]) }
  }

  @Test("an unpaired surrogate makes the row a reject, not another character")
  func surrogate() throws {
    #expect(try cells(ColumnType(.nvarchar, length: 3), [hex("4100"), hex("00D8")]) == ["A"])
  }

  @Test("bytes are hex; a hierarchyid is its path")
  func bytes() throws {
    #expect(try cells(ColumnType(.varbinary, length: 4), [hex("00FF"), []]) == ["\\x00ff", "\\x"])
    #expect(try cells(ColumnType(.hierarchyid), [hex("5B40"), []]) == ["/1/2/", "/"])
    #expect(throws: Fault.self) { try cells(ColumnType(.hierarchyid), [hex("01")]) }
  }

  @Test(
    "a value of the wrong length is refused",
    arguments: [
      "bit", "tinyint", "smallint", "int", "bigint", "money", "smallmoney", "float", "real", "date",
      "time(7)", "datetime", "smalldatetime", "datetime2(7)", "datetimeoffset(7)",
      "uniqueidentifier",
      "decimal(5,2)",
    ])
  func lengths(_ name: String) throws {
    let type = try #require(ColumnType(name))
    for bytes in [[], hex("000000"), [UInt8](repeating: 0, count: 36)] {
      #expect(throws: Fault.self) { try cells(type, [bytes]) }
    }
  }

  @Test("types whose values are not read are refused by name")
  func unknown() {
    #expect(throws: Fault("values of type json are not read")) { try CellKind(ColumnType(.json)) }
    #expect(throws: Fault.self) { try CellKind(ColumnType(.vector)) }
  }
}

@Suite("sql_variant")
struct VariantTests {
  @Test("numbers have their highest byte first")
  func numbers() throws {
    let values: [(type: String, codePage: Int?, bytes: [UInt8])] = [
      ("bit", nil, hex("01")), ("tinyint", nil, hex("FF")), ("smallint", nil, hex("8000")),
      ("int", nil, hex("FFFFFFFE")), ("bigint", nil, hex("8000000000000000")),
      ("money", nil, hex("0000000000000001")), ("smallmoney", nil, hex("FFFFFFFF")),
      ("float", nil, hex("3FB999999999999A")), ("real", nil, hex("3DCCCCCD")),
      ("numeric", nil, hex("05020001 39300000")), ("decimal", nil, hex("05020000 39300000")),
    ]
    #expect(
      try variants(values) == [
        "1", "255", "-32768", "-2", "-9223372036854775808", "0.0001", "-0.0001", "0.1", "0.1",
        "123.45", "-123.45",
      ])
  }

  @Test("times begin with their scale")
  func times() throws {
    let values: [(type: String, codePage: Int?, bytes: [UInt8])] = [
      ("datetime", nil, hex("00000000 00000001")), ("smalldatetime", nil, hex("FFFF 059F")),
      ("date", nil, hex("DAB937")), ("time", nil, hex("00 7F5101")),
      ("datetime2", nil, hex("07 FFBF692AC9 DAB937")),
      ("datetimeoffset", nil, hex("03 00000000 5B950A 4803")),
    ]
    #expect(
      try variants(values) == [
        "1900-01-01 00:00:00.003", "2079-06-06 23:59:00", "9999-12-31", "23:59:59",
        "9999-12-31 23:59:59.999999", "1900-01-01 00:00:00+00",
      ])
  }

  @Test("texts come in their own code page, and bytes as they are")
  func texts() throws {
    let values: [(type: String, codePage: Int?, bytes: [UInt8])] = [
      ("varchar", 1251, hex("CFF0E8")), ("char", 65001, hex("C3A9")),
      ("nvarchar", 1252, hex("E900")),
      ("varbinary", nil, hex("00FF")),
      ("uniqueidentifier", nil, hex("33221100554477668899AABBCCDDEEFF")),
    ]
    #expect(
      try variants(values) == [
        "При", "é", "é", "\\x00ff", "00112233-4455-6677-8899-aabbccddeeff",
      ])
  }

  @Test("an unknown type, and bytes that are none of it, are refused")
  func refused() {
    for (type, digits) in [
      ("xml", "00"), ("int", "00"), ("numeric", "0502"), ("numeric", "05020101 00"),
      ("time", "08 000000"), ("time", "07 0000"), ("time", "00 805101"), ("nvarchar", "00"),
    ] {
      #expect(throws: Fault.self) { try variants([(type, nil, hex(digits))]) }
    }
  }
}
