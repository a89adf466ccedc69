// What Windows code pages have beyond the C library's tables. SQL Server converts by Microsoft's
// tables, which give every byte a character: published as "WindowsBestFit" with the mappings of
// the Unicode Consortium (bestfit874.txt … bestfit1258.txt).

/// Characters for bytes that a code page leaves undefined.
struct CodePageSupplement {
  private let codePage: Int

  init(codePage: Int) {
    self.codePage = codePage
  }

  /// Whether the byte is the first of two, by Windows' own ranges: the C library knows only those
  /// that its table has characters for.
  func isLead(_ byte: UInt8) -> Bool {
    switch codePage {
    case 932: (0x81...0x9F).contains(byte) || (0xE0...0xFC).contains(byte)
    case 936, 949, 950: (0x81...0xFE).contains(byte)
    default: false
    }
  }

  /// The control character of the same number, or one from the private use area; nil for none.
  func scalar(for byte: UInt8) -> UInt32? {
    if (0x80...0x9F).contains(byte) { return UInt32(byte) }
    for (bytes, first) in Self.privateBytes[codePage] ?? [] where bytes.contains(byte) {
      return first + UInt32(byte - bytes.lowerBound)
    }
    return nil
  }

  /// Calls `body` with each pair of bytes for characters that users define, in the order in which
  /// Windows numbers them. A pair that has a character already takes no number.
  func forEachUserDefined(
    isFree: (UInt8, UInt8) -> Bool, _ body: (UInt8, UInt8, _ scalar: UInt32) -> Void
  ) {
    for area in Self.userDefined[codePage] ?? [] {
      var scalar = area.first
      for lead in area.leads {
        for trail in area.trails.joined() where isFree(lead, trail) {
          body(lead, trail, scalar)
          scalar += 1
        }
      }
    }
  }

  private static let privateBytes: [Int: [(ClosedRange<UInt8>, UInt32)]] = [
    874: [(0xDB...0xDE, 0xF8C1), (0xFC...0xFF, 0xF8C5)],
    932: [(0xA0...0xA0, 0xF8F0), (0xFD...0xFF, 0xF8F1)],
    936: [(0xFF...0xFF, 0xF8F5)],
    949: [(0xFF...0xFF, 0xF8F7)],
    950: [(0xFF...0xFF, 0xF8F8)],
    1253: [(0xAA...0xAA, 0xF8F9), (0xD2...0xD2, 0xF8FA), (0xFF...0xFF, 0xF8FB)],
    1255: [
      (0xCA...0xCA, 0x05BA), (0xD9...0xDF, 0xF88D), (0xFB...0xFC, 0xF894), (0xFF...0xFF, 0xF896),
    ],
    1257: [(0xA1...0xA1, 0xF8FC), (0xA5...0xA5, 0xF8FD)],
  ]

  private struct Area {
    var leads: ClosedRange<UInt8>
    var trails: [ClosedRange<UInt8>]
    var first: UInt32
  }

  /// Code page 932 has all of its user-defined characters in the C library's table.
  private static let userDefined: [Int: [Area]] = [
    936: [
      Area(leads: 0xAA...0xAF, trails: [0xA1...0xFE], first: 0xE000),
      Area(leads: 0xF8...0xFE, trails: [0xA1...0xFE], first: 0xE234),
      Area(leads: 0xA1...0xA7, trails: [0x40...0x7E, 0x80...0xA0], first: 0xE4C6),
      Area(leads: 0x81...0xFE, trails: [0x40...0x7E, 0x80...0xFE], first: 0xE766),
    ],
    949: [
      Area(leads: 0xC9...0xC9, trails: [0xA1...0xFE], first: 0xE000),
      Area(leads: 0xFE...0xFE, trails: [0xA1...0xFE], first: 0xE05E),
    ],
    950: [
      Area(leads: 0xFA...0xFE, trails: [0x40...0x7E, 0xA1...0xFE], first: 0xE000),
      Area(leads: 0x8E...0xA0, trails: [0x40...0x7E, 0xA1...0xFE], first: 0xE311),
      Area(leads: 0x81...0x8D, trails: [0x40...0x7E, 0xA1...0xFE], first: 0xEEB8),
    ],
  ]
}
