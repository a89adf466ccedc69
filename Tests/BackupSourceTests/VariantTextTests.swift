import Testing

@testable import BackupSource

@Suite("values of the catalog as text")
struct VariantTextTests {
  private func text(_ bytes: [UInt8]) -> String? {
    Variant(bytes)?.plainText(codePage: 1252)
  }

  @Test("numbers")
  func numbers() {
    #expect(text([48, 1, 200]) == "200")
    #expect(text([52, 1, 0xFE, 0xFF]) == "-2")
    #expect(text([56, 1, 1, 0, 0, 0]) == "1")
    #expect(text([127, 1, 0, 0, 0, 0, 0, 0, 0, 0x80]) == "-9223372036854775808")
    #expect(text([108, 1, 9, 2, 0, 0x39, 0x30, 0, 0]) == "-123.45")
    #expect(text([106, 1, 5, 5, 1, 7, 0, 0, 0]) == "0.00007")
    #expect(text([60, 1, 0x10, 0x27, 0, 0, 0, 0, 0, 0]) == "1.0000")
    #expect(text([122, 1, 0xFF, 0xFF, 0xFF, 0xFF]) == "-0.0001")
    #expect(text([62, 1, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F]) == "1.5")
  }

  @Test("dates and times, at their ends and at leap days")
  func times() {
    #expect(text([40, 1, 0, 0, 0]) == "0001-01-01")
    #expect(text([40, 1, 0xDA, 0xB9, 0x37]) == "9999-12-31")
    #expect(text([40, 1, 0x29, 0x24, 0x0B]) == "2000-02-04")
    // 2000-02-29 and the day after; 1900 has no leap day.
    #expect(text([61, 1, 0, 0, 0, 0, 0xE7, 0x8E, 0, 0]) == "2000-02-29 00:00:00.000")
    #expect(text([61, 1, 0, 0, 0, 0, 0xE8, 0x8E, 0, 0]) == "2000-03-01 00:00:00.000")
    #expect(text([61, 1, 0, 0, 0, 0, 58, 0, 0, 0]) == "1900-02-28 00:00:00.000")
    #expect(text([61, 1, 0, 0, 0, 0, 59, 0, 0, 0]) == "1900-03-01 00:00:00.000")
    // The last tick of a day, and 1753, the first year.
    #expect(text([61, 1, 0xFF, 0x81, 0x8B, 0x01, 0, 0, 0, 0]) == "1900-01-01 23:59:59.997")
    #expect(text([61, 1, 0, 0, 0, 0, 0x46, 0x2E, 0xFF, 0xFF]) == "1753-01-01 00:00:00.000")
    #expect(text([58, 1, 61, 0, 1, 0]) == "1900-01-02 01:01:00")
    #expect(text([41, 1, 0, 0x7F, 0x51, 0x01]) == "23:59:59")
    #expect(text([42, 1, 3, 0x15, 0xCD, 0x5B, 0x00, 0, 0, 0]) == "0001-01-01 01:40:16.277")
    // Stored as UTC, shown at the place: 23:30 of the day before is 01:00 at +01:30.
    #expect(
      text([43, 1, 0, 0x78, 0x4A, 0x01, 0, 0, 0, 90, 0]) == "0001-01-02 01:00:00 +01:30")
  }

  @Test("texts, bytes and what is none")
  func others() {
    #expect(text([231, 1, 40, 0, 8, 0xD0, 0, 0x34, 0xE9, 0, 0x3A, 0x04]) == "éк")
    #expect(text([167, 1, 40, 0, 8, 0xD0, 0, 0x34, 0x80]) == "€")
    #expect(text([165, 1, 10, 0, 0x0A, 0xFF]) == "0x0AFF")
    #expect(
      text([36, 1] + Array(1...16)) == "04030201-0605-0807-090A-0B0C0D0E0F10")
    for type in 0...255 as ClosedRange<UInt8> {
      for count in 0...20 { _ = text([type, 1] + [UInt8](repeating: 0xFF, count: count)) }
    }
  }
}
