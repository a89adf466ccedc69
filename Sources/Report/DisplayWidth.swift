extension String {
  /// Columns that the text takes in a terminal: 2 for each East Asian wide character and emoji, 0 for
  /// combining marks.
  public var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

  /// The text with control characters written as escapes, so that a name from a database can neither
  /// break a table nor steer the terminal.
  public var printable: String {
    guard unicodeScalars.contains(where: \.isControl) else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar {
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.isControl: text += "\\u{\(String(scalar.value, radix: 16))}"
      default: text.unicodeScalars.append(scalar)
      }
    }
  }
}

extension Character {
  fileprivate var displayWidth: Int {
    let scalars = unicodeScalars
    guard let first = scalars.first else { return 0 }
    if first.isWide { return 2 }
    // U+FE0F asks for the emoji form of a character that has a narrow one too.
    if first.properties.isEmoji, scalars.contains("\u{FE0F}") { return 2 }
    return scalars.allSatisfy(\.isCombining) ? 0 : 1
  }
}

extension Unicode.Scalar {
  /// C0, DEL and C1, and what changes the direction of the text after it.
  fileprivate var isControl: Bool {
    switch value {
    case 0x00...0x1F, 0x7F...0x9F, 0x2028...0x2029, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  fileprivate var isCombining: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: true
    default: false
    }
  }

  /// East_Asian_Width W or F (Unicode 15, EastAsianWidth.txt), unassigned characters of those blocks
  /// included. The standard library knows the emoji among them and not the rest.
  fileprivate var isWide: Bool {
    properties.isEmojiPresentation
      || (value >= 0x1100 && Self.wideRanges.contains { $0.contains(value) })
  }

  private static let wideRanges: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF,
    0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
    0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F2FF,
    0x20000...0x2FFFD, 0x30000...0x3FFFD,
  ]
}
