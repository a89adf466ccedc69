/// What a piece of text holds that its writer must know of.
struct TextFindings: OptionSet {
  let rawValue: UInt8

  /// A comma, a quote, a line feed or a carriage return.
  static let needsQuotes = TextFindings(rawValue: 1)
  static let quote = TextFindings(rawValue: 2)
  static let nul = TextFindings(rawValue: 4)
  static let unpairedSurrogate = TextFindings(rawValue: 8)
  /// Bytes that are no character.
  static let undefined = TextFindings(rawValue: 16)
  /// What PostgreSQL cannot store.
  static let fault: TextFindings = [.nul, .unpairedSurrogate, .undefined]

  /// What an ASCII character is to CSV.
  @inline(__always)
  init(ascii byte: UInt8) {
    // One comparison tells almost all text apart: the characters that matter lie below '-'.
    guard byte < ASCII.minus, byte != ASCII.blank else {
      self = []
      return
    }
    switch byte {
    case ASCII.quote: self = [.needsQuotes, .quote]
    case ASCII.comma, ASCII.lineFeed, ASCII.carriageReturn: self = .needsQuotes
    case 0: self = .nul
    default: self = []
    }
  }

  /// What eight ASCII characters are to CSV.
  @inline(__always)
  init(eightASCII bytes: UInt64) {
    let others =
      Self.differs(bytes, ASCII.comma) & Self.differs(bytes, ASCII.lineFeed)
      & Self.differs(bytes, ASCII.carriageReturn)
    let quotes = Self.differs(bytes, ASCII.quote)
    let nuls = Self.differs(bytes, 0)
    let tops: UInt64 = 0x8080_8080_8080_8080
    guard others & quotes & nuls & tops != tops else {
      self = []
      return
    }
    self = (others & quotes & tops != tops) ? .needsQuotes : []
    if quotes & tops != tops { insert(.quote) }
    if nuls & tops != tops { insert(.nul) }
  }

  /// The top bit of each byte tells whether it is another than `byte`. No sum carries into the next
  /// byte, since ASCII leaves the top bits free.
  @inline(__always)
  private static func differs(_ bytes: UInt64, _ byte: UInt8) -> UInt64 {
    (bytes ^ 0x0101_0101_0101_0101 &* UInt64(byte)) &+ 0x7F7F_7F7F_7F7F_7F7F
  }

  init(rawValue: UInt8) {
    self.rawValue = rawValue
  }
}
