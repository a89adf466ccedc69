import Catalog
import Testing

@testable import BackupSource

@Suite("values in their ordinary encoding")
struct ValueTests {
  @Test("whole numbers are little-endian; tinyint has no sign")
  func integers() throws {
    #expect(try csv(ColumnType(.tinyint), [hex("00"), hex("FF")]) == ["0", "255"])
    #expect(try csv(ColumnType(.smallint), [hex("0080"), hex("FF7F")]) == ["-32768", "32767"])
    #expect(try csv(ColumnType(.int), [hex("FFFFFFFF"), hex("08280000")]) == ["-1", "10248"])
    #expect(
      try csv(ColumnType(.bigint), [hex("0000000000000080")]) == ["-9223372036854775808"])
  }

  @Test("money has four digits, the smallest one included")
  func money() throws {
    #expect(
      try csv(ColumnType(.money), [hex("0000000000000080"), hex("01 00000000000000")])
        == ["-922337203685477.5808", "0.0001"])
    #expect(try csv(ColumnType(.smallmoney), [hex("00000080")]) == ["-214748.3648"])
  }

  @Test("decimals are a sign and a magnitude as wide as the precision asks for")
  func decimals() throws {
    let type = ColumnType(.decimal, precision: 9, scale: 2)
    #expect(
      try csv(type, [hex("01 39300000"), hex("00 39300000"), hex("00 00000000")])
        == ["123.45", "-123.45", "0.00"])
    let wide = ColumnType(.numeric, precision: 38, scale: 0)
    #expect(
      try csv(wide, [hex("01 FFFFFFFF3F228A097AC4865AA84C3B4B")])
        == ["99999999999999999999999999999999999999"])
  }

  @Test("vardecimals are groups of three digits and an exponent")
  func vardecimals() throws {
    let type = ColumnType(.decimal, precision: 18, scale: 2)
    #expect(
      try csv(
        type, isVardecimal: true,
        [hex("C019"), hex("BE19"), hex("404B"), hex("C4F9FDE0"), []])
        == ["1.00", "0.01", "-3.00", "99999.00", "0.00"])
  }

  @Test("a vardecimal of 38 nines fills 128 bits and no more")
  func longestVardecimal() throws {
    // 12 groups of 999 and one of 990: 0xF9F7… is 1111100111 over and over.
    var bits = String(repeating: "1111100111", count: 12) + "1111011110"
    bits += String(repeating: "0", count: 136 - bits.count)
    let groups = stride(from: 0, to: 136, by: 8).map { start -> UInt8 in
      let from = bits.index(bits.startIndex, offsetBy: start)
      return UInt8(bits[from...].prefix(8), radix: 2) ?? 0
    }
    let type = ColumnType(.decimal, precision: 38, scale: 0)
    let nines = String(repeating: "9", count: 38)
    #expect(try csv(type, isVardecimal: true, [[0xC0 + 37] + groups]) == [nines])
    #expect(throws: Fault.self) {
      try csv(type, isVardecimal: true, [[0xC0 + 38] + groups])
    }
  }

  @Test("datetime rounds its thirds of ten milliseconds to 0, 3 and 7")
  func datetime() throws {
    let values = [
      hex("00000000 00000000"), hex("01000000 00000000"), hex("02000000 00000000"),
      hex("FF818B01 D1FFFFFF"), hex("00000000 462EFFFF"),
    ]
    #expect(
      try csv(ColumnType(.datetime), values) == [
        "1900-01-01 00:00:00", "1900-01-01 00:00:00.003", "1900-01-01 00:00:00.007",
        "1899-11-15 23:59:59.997", "1753-01-01 00:00:00",
      ])
    #expect(
      try csv(ColumnType(.smalldatetime), [hex("9F05 FFFF")]) == ["2079-06-06 23:59:00"])
  }

  @Test("dates and times count days and fractions; the seventh digit is cut off")
  func times() throws {
    #expect(
      try csv(ColumnType(.date), [hex("000000"), hex("DAB937")]) == ["0001-01-01", "9999-12-31"])
    #expect(
      try csv(ColumnType(.time, scale: 7), [hex("FFBF692AC9")]) == ["23:59:59.999999"])
    #expect(try csv(ColumnType(.time, scale: 0), [hex("7F5101")]) == ["23:59:59"])
    #expect(
      try csv(ColumnType(.datetime2, scale: 3), [hex("FF5B2605 DAB937")])
        == ["9999-12-31 23:59:59.999"])
    #expect(
      try csv(ColumnType(.datetimeoffset, scale: 0), [hex("000000 DAB937 3C00")])
        == ["9999-12-31 00:00:00+00"])
  }

  @Test("a GUID has its first three groups little-endian")
  func guid() throws {
    #expect(
      try csv(ColumnType(.uniqueidentifier), [hex("00112233 4455 6677 8899AABBCCDDEEFF")])
        == ["33221100-5544-7766-8899-aabbccddeeff"])
  }

  @Test("char is padded with blanks, varchar is not, in the collation's code page")
  func text() throws {
    let latin = CollationID(0x3400_D008).collation
    #expect(
      try csv(ColumnType(.char, length: 6), collation: latin, [hex("4DFC6E")]) == ["Mün   "])
    #expect(
      try csv(ColumnType(.varchar, length: 6), collation: latin, [hex("80 81"), []])
        == ["€\u{81}", "\"\""])
    let cyrillic = CollationID(0xD015).collation
    #expect(
      try csv(ColumnType(.varchar, length: 6), collation: cyrillic, [hex("CCE8F0")]) == ["Мир"])
    #expect(
      try csv(ColumnType(.nchar, length: 3), [hex("4100 3DD8 00DE")]) == ["A\u{1F600} "])
  }

  @Test("text in an unknown collation is read as far as it is ASCII")
  func unknownCollation() throws {
    let unknown = CollationID(0xD0FE).collation
    #expect(unknown.codePage == nil)
    let type = ColumnType(.varchar, length: 9)
    #expect(try csv(type, collation: unknown, [hex("4142")]) == ["AB"])
    #expect(throws: (any Error).self) { try csv(type, collation: unknown, [hex("41C4")]) }
  }

  @Test("a sql_variant prints as the value it holds")
  func variants() throws {
    let values = [
      hex("38 01 2A000000"), hex("68 01 01"), hex("6A 01 09 02 01 39300000"),
      hex("E7 01 401F 08D00034 4100 4200"), hex("A7 01 401F 08D00034 FC"),
      // 9 digits in 16 bytes: the value says itself how wide it is.
      hex("6C 01 09 02 00 39300000 00000000 00000000 00000000"),
      hex("A5 01 401F 0102"), hex("3D 01 00000000 00000000"), hex("2A 01 03 FF5B2605 DAB937"),
      hex("24 01 00112233 4455 6677 8899AABBCCDDEEFF"),
    ]
    #expect(
      try csv(ColumnType(.sqlVariant), values) == [
        "42", "1", "123.45", "AB", "ü", "-123.45", "\\x0102", "1900-01-01 00:00:00",
        "9999-12-31 23:59:59.999", "33221100-5544-7766-8899-aabbccddeeff",
      ])
  }

  @Test("a value of the wrong length is an error, never another value")
  func wrongLengths() throws {
    let types: [ColumnType] = [
      ColumnType(.bit), ColumnType(.tinyint), ColumnType(.int), ColumnType(.money),
      ColumnType(.decimal, precision: 18, scale: 0), ColumnType(.float), ColumnType(.date),
      ColumnType(.time, scale: 7), ColumnType(.datetime), ColumnType(.uniqueidentifier),
      ColumnType(.rowversion), ColumnType(.nvarchar, length: 5),
    ]
    for type in types {
      #expect(throws: Fault.self, "\(type)") { try csv(type, [hex("010203040506070809 0A0B")]) }
    }
    #expect(throws: Fault.self) { try csv(ColumnType(.date), [hex("DBB937")]) }
    #expect(throws: Fault.self) { try csv(ColumnType(.time, scale: 0), [hex("805101")]) }
    #expect(throws: Fault.self) { try csv(ColumnType(.datetime), [hex("00828B01 00000000")]) }
  }
}
