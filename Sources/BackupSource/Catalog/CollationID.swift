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

  /// Of a locale that is not in the table: by what Windows says of the database's default, where the
  /// collation has the locale of that.
  func codePage(ofDefault collation: CollationID, _ localeID: Int?) -> Int? {
    if let known = codePage { return known }
    guard sortOrder == 0, collation.sortOrder == 0, localeIndex == collation.localeIndex,
      let localeID
    else { return nil }
    return Self.codePagesByLocale[localeID & 0xFFFF]
  }

  var collation: Collation {
    Collation(
      name: name, id: rawValue, codePage: codePage,
      isCaseSensitive: isCaseSensitive, isAccentSensitive: isAccentSensitive, isBinary: isBinary)
  }

  /// The name, where it is certain: of some SQL collations, and of Windows collations of the first
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
    0x3600_F008: "SQL_Latin1_General_CP1_CI_AI",
    0x0001_0008: "Latin1_General_BIN",
  ]

  private static let localeNames: [Int: String] = [
    0x01: "Arabic", 0x03: "Chinese_Taiwan_Stroke", 0x08: "Latin1_General", 0x0B: "French",
    0x13: "Polish", 0x15: "Cyrillic_General", 0x16: "Croatian", 0x1A: "Turkish",
    0x20: "Vietnamese", 0x24: "Chinese_PRC", 0x28: "Modern_Spanish",
  ]

  /// By locale index. The indexes ascend with the Windows LCID.
  private static let codePages: [Int: Int] = [
    0x01: 1256, 0x02: 1251, 0x03: 950, 0x04: 1250, 0x05: 1252, 0x06: 1252, 0x07: 1253,
    0x08: 1252, 0x09: 1252, 0x0A: 1252, 0x0B: 1252, 0x0C: 1255, 0x0D: 1250, 0x0E: 1252,
    0x10: 932, 0x11: 949, 0x13: 1250, 0x14: 1250, 0x15: 1251, 0x16: 1250, 0x17: 1250,
    0x18: 1250, 0x19: 874, 0x1A: 1254, 0x1B: 1251, 0x1C: 1250, 0x1D: 1257, 0x1E: 1257,
    0x1F: 1257, 0x20: 1258, 0x21: 1251, 0x24: 936, 0x28: 1252,
  ]

  /// Windows locales, without the sort order above bit 15, that have collations beside those of the
  /// table, or variants of them with an index of their own.
  private static let codePagesByLocale: [Int: Int] = [
    0x0401: 1256, 0x0404: 950, 0x0804: 936, 0x0C04: 950, 0x1404: 950, 0x0405: 1250, 0x0406: 1252,
    0x0407: 1252, 0x0408: 1253, 0x0409: 1252, 0x040A: 1252, 0x040B: 1252, 0x040C: 1252,
    0x040D: 1255, 0x040E: 1250, 0x040F: 1252, 0x0411: 932, 0x0412: 949, 0x0414: 1252,
    0x0415: 1250, 0x0417: 1252, 0x0418: 1250, 0x0419: 1251, 0x041A: 1250, 0x041B: 1250,
    0x041C: 1250, 0x041E: 874, 0x041F: 1254, 0x0420: 1256, 0x0422: 1251, 0x0424: 1250,
    0x0425: 1257, 0x0426: 1257, 0x0427: 1257, 0x0429: 1256, 0x042A: 1258, 0x042C: 1254,
    0x042E: 1252, 0x042F: 1251, 0x043F: 1251, 0x0442: 1250, 0x0443: 1254, 0x0444: 1251,
    0x0452: 1252, 0x0462: 1252, 0x046D: 1251, 0x047A: 1252, 0x047C: 1252, 0x047E: 1252,
    0x0480: 1256, 0x0483: 1252, 0x0485: 1251, 0x048C: 1256, 0x082C: 1251, 0x0C0A: 1252,
    0x0437: 1252, 0x081A: 1250, 0x141A: 1250, 0x201A: 1251, 0x0C1A: 1251, 0x241A: 1250,
    0x281A: 1251,
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
