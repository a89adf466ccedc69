import Catalog

/// A collation id of a data file (section 14.1).
struct CollationID: Hashable, Sendable {
  let rawValue: UInt32

  init(_ rawValue: UInt32) { self.rawValue = rawValue }

  /// Where bits 24 to 31 are not zero it is a SQL collation with that sort order.
  var sortOrder: Int { Int(rawValue >> 24) }
  var localeIndex: Int { Int(rawValue & 0xFF) }

  var isCaseSensitive: Bool { rawValue & 0x1000 == 0 }
  var isAccentSensitive: Bool { rawValue & 0x2000 == 0 }
  var isBinary: Bool { rawValue & 0x1_0800 != 0 }
  var isUTF8: Bool { rawValue & 0x100 != 0 }

  /// Windows code page of 8-bit text, nil when the locale is not known.
  var codePage: Int? {
    if isUTF8 { return 65001 }
    return sortOrder != 0 ? Self.codePage(sortOrder: sortOrder) : Self.codePages[localeIndex]
  }

  var collation: Collation {
    Collation(
      name: name, id: rawValue, codePage: codePage,
      isCaseSensitive: isCaseSensitive, isAccentSensitive: isAccentSensitive, isBinary: isBinary)
  }

  /// The name, where it is certain: of two SQL collations, and of Windows collations of the first
  /// version, whose ids have nothing above bit 15. Later versions carry their number in a way that
  /// is not established.
  var name: String? {
    if let known = Self.sqlNames[rawValue] { return known }
    guard rawValue & 0xFFFF_0F00 == 0, let locale = Self.localeNames[localeIndex] else {
      return nil
    }
    var name = locale
    name += isCaseSensitive ? "_CS" : "_CI"
    name += isAccentSensitive ? "_AS" : "_AI"
    if rawValue & 0x4000 == 0 { name += "_KS" }
    if rawValue & 0x8000 == 0 { name += "_WS" }
    return name
  }

  private static let sqlNames: [UInt32: String] = [
    0x3400_D008: "SQL_Latin1_General_CP1_CI_AS",
    0x3300_C008: "SQL_Latin1_General_CP1_CS_AS",
    0x0001_0008: "Latin1_General_BIN",
  ]

  private static let localeNames: [Int: String] = [
    0x01: "Arabic", 0x03: "Chinese_Taiwan_Stroke", 0x08: "Latin1_General", 0x0B: "French",
    0x13: "Polish", 0x15: "Cyrillic_General", 0x1A: "Turkish", 0x24: "Chinese_PRC",
    0x28: "Modern_Spanish",
  ]

  /// By locale index. The indexes ascend with the Windows LCID.
  private static let codePages: [Int: Int] = [
    0x01: 1256, 0x02: 1251, 0x03: 950, 0x04: 1250, 0x05: 1252, 0x06: 1252, 0x07: 1253,
    0x08: 1252, 0x09: 1252, 0x0A: 1252, 0x0B: 1252, 0x0C: 1255, 0x0D: 1250, 0x0E: 1252,
    0x10: 932, 0x11: 949, 0x13: 1250, 0x14: 1250, 0x15: 1251, 0x16: 1250, 0x17: 1250,
    0x18: 1250, 0x19: 874, 0x1A: 1254, 0x1B: 1251, 0x1C: 1250, 0x1D: 1257, 0x1E: 1257,
    0x1F: 1257, 0x20: 1258, 0x21: 1251, 0x24: 936, 0x28: 1252,
  ]

  private static func codePage(sortOrder: Int) -> Int? {
    switch sortOrder {
    case 30...35: 437
    case 40...44, 49, 55...61: 850
    case 51...54, 71, 72, 183...186, 210...217: 1252
    case 80...98: 1250
    case 104...108: 1251
    case 112...124: 1253
    case 128...130: 1254
    case 136...138: 1255
    case 144...146: 1256
    case 152...160: 1257
    case 192, 193: 932
    case 194, 195: 949
    case 196, 197: 950
    case 198, 199: 936
    case 204...206: 874
    default: nil
    }
  }
}
