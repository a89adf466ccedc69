// Text of the source as UTF-8. Pointers are valid for the length of a call; whoever calls has made
// room for `growthMax` bytes for each byte of the piece, and 16 more.

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

/// How the bytes of a value become UTF-8. It has no state: a character that a piece ends in is left
/// to the next piece.
struct TextDecoder: Sendable {
  enum Kind { case bytes, utf16, utf8, ascii, single, double }

  struct Decoded {
    var consumed = 0
    var written = 0
    var findings: TextFindings = []
  }

  /// No byte of text grows to more: a byte of an 8-bit page to 3, a quote to 2.
  static let growthMax = 3

  static let bytes = TextDecoder(kind: .bytes, codePage: 0, tables: .ascii)
  static let utf16 = TextDecoder(kind: .utf16, codePage: 1200, tables: .ascii)
  static let utf8 = TextDecoder(kind: .utf8, codePage: 65001, tables: .ascii)
  static let ascii = TextDecoder(kind: .ascii, codePage: 20127, tables: .ascii)

  let kind: Kind
  let codePage: Int
  let tables: CodePageTables

  func decode(
    _ piece: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>
  ) -> Decoded {
    guard let source = piece.baseAddress else { return Decoded() }
    let target = UnsafeMutableRawPointer(target)
    return switch kind {
    case .utf16: Self.utf16(source, piece.count, target)
    case .utf8: Self.utf8(source, piece.count, target)
    case .double: Self.double(source, piece.count, target, tables)
    case .single, .ascii, .bytes: Self.single(source, piece.count, target, tables)
    }
  }

  /// Code points in UTF-8.
  static func characterCount(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
    var characterCount = 0
    for index in 0..<count where bytes[index] & 0xC0 != 0x80 { characterCount += 1 }
    return characterCount
  }
}

extension TextDecoder {
  /// UTF-16LE. Half a surrogate pair becomes the three bytes that UTF-8 would give it.
  private static func utf16(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer
  ) -> Decoded {
    let end = count & ~1
    var result = Decoded()
    while true {
      asciiUnits(source, end, target, &result)
      while true {
        guard result.consumed < end else { return result }
        let unit = UInt32(source.loadUnaligned(fromByteOffset: result.consumed, as: UInt16.self))
        if unit < 0x80 { break }
        var scalar = unit
        var unitByteCount = 2
        if unit & 0xF800 == 0xD800 {
          // The other half may come with the next piece.
          if unit < 0xDC00 && result.consumed + 4 > end { return result }
          if let pair = surrogatePair(unit, source + result.consumed + 2) {
            scalar = pair
            unitByteCount = 4
          } else {
            result.findings.insert(.unpairedSurrogate)
          }
        }
        result.written += put(scalar, at: target + result.written)
        result.consumed += unitByteCount
      }
    }
  }

  /// The character of two halves, the second of which lies at `next`; nil when they are none.
  private static func surrogatePair(_ high: UInt32, _ next: UnsafeRawPointer) -> UInt32? {
    guard high < 0xDC00 else { return nil }
    let low = UInt32(next.loadUnaligned(as: UInt16.self))
    guard low & 0xFC00 == 0xDC00 else { return nil }
    return 0x10000 + ((high & 0x3FF) << 10 | low & 0x3FF)
  }

  /// Copies ASCII up to the first unit that is none, eight at a time.
  @inline(__always)
  private static func asciiUnits(
    _ source: UnsafeRawPointer, _ end: Int, _ target: UnsafeMutableRawPointer,
    _ result: inout Decoded
  ) {
    var index = result.consumed
    var written = result.written
    while index + 16 <= end {
      let low = UInt64(
        littleEndian: source.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let high = UInt64(
        littleEndian: source.loadUnaligned(fromByteOffset: index + 8, as: UInt64.self))
      guard (low | high) & 0xFF80_FF80_FF80_FF80 == 0 else { break }
      let bytes = lowBytes(low) | lowBytes(high) << 32
      target.storeBytes(of: bytes.littleEndian, toByteOffset: written, as: UInt64.self)
      result.findings.formUnion(TextFindings(eightASCII: bytes))
      index += 16
      written += 8
    }
    while index + 2 <= end {
      let unit = source.loadUnaligned(fromByteOffset: index, as: UInt16.self)
      guard unit < 0x80 else { break }
      let byte = UInt8(truncatingIfNeeded: unit)
      target.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
      result.findings.formUnion(TextFindings(ascii: byte))
      index += 2
      written += 1
    }
    result.consumed = index
    result.written = written
  }

  /// The lower bytes of four units side by side; the upper ones are 0.
  @inline(__always)
  private static func lowBytes(_ units: UInt64) -> UInt64 {
    let pairs = (units | units >> 8) & 0x0000_FFFF_0000_FFFF
    return (pairs | pairs >> 16) & 0xFFFF_FFFF
  }

  /// An 8-bit code page.
  private static func single(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer,
    _ tables: CodePageTables
  ) -> Decoded {
    var result = Decoded()
    while true {
      asciiBytes(source, count, target, &result)
      while true {
        guard result.consumed < count else { return result }
        let byte = source.load(fromByteOffset: result.consumed, as: UInt8.self)
        if byte < 0x80 { break }
        put(tables.singles[Int(byte)], at: target, &result)
        result.consumed += 1
      }
    }
  }

  /// A code page whose lead bytes are followed by one more byte.
  private static func double(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer,
    _ tables: CodePageTables
  ) -> Decoded {
    var result = Decoded()
    while true {
      asciiBytes(source, count, target, &result)
      guard result.consumed < count else { return result }
      let byte = source.load(fromByteOffset: result.consumed, as: UInt8.self)
      guard tables.isLead(byte) else {
        put(tables.singles[Int(byte)], at: target, &result)
        result.consumed += 1
        continue
      }
      guard result.consumed + 1 < count else { return result }
      let trail = source.load(fromByteOffset: result.consumed + 1, as: UInt8.self)
      let packed = tables.doubles[Int(byte) << 8 | Int(trail)]
      put(packed, at: target, &result)
      // A trail byte that does not belong to its lead is a character of its own.
      result.consumed += packed == 0 ? 1 : 2
    }
  }

  /// UTF-8, checked as RFC 3629, section 4 has it.
  private static func utf8(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer
  ) -> Decoded {
    var result = Decoded()
    while true {
      asciiBytes(source, count, target, &result)
      guard result.consumed < count else { return result }
      let rest = UnsafeRawBufferPointer(
        start: source + result.consumed, count: min(4, count - result.consumed))
      switch UTF8Sequence(rest) {
      case .whole(let length):
        (target + result.written).copyMemory(
          from: source + result.consumed, byteCount: length)
        result.consumed += length
        result.written += length
      case .unfinished: return result
      case .invalid:
        put(0, at: target, &result)
        result.consumed += 1
      }
    }
  }

  /// Copies ASCII up to the first byte that is none, eight at a time.
  @inline(__always)
  private static func asciiBytes(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer,
    _ result: inout Decoded
  ) {
    var index = result.consumed
    var written = result.written
    while index + 8 <= count {
      let bytes = UInt64(
        littleEndian: source.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      guard bytes & 0x8080_8080_8080_8080 == 0 else { break }
      target.storeBytes(of: bytes.littleEndian, toByteOffset: written, as: UInt64.self)
      result.findings.formUnion(TextFindings(eightASCII: bytes))
      index += 8
      written += 8
    }
    while index < count {
      let byte = source.load(fromByteOffset: index, as: UInt8.self)
      guard byte < 0x80 else { break }
      target.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
      result.findings.formUnion(TextFindings(ascii: byte))
      index += 1
      written += 1
    }
    result.consumed = index
    result.written = written
  }

  /// A character of a code page's table; 0 is none and becomes U+FFFD.
  @inline(__always)
  private static func put(
    _ packed: UInt32, at target: UnsafeMutableRawPointer, _ result: inout Decoded
  ) {
    guard packed != 0 else {
      result.findings.insert(.undefined)
      result.written += put(0xFFFD, at: target + result.written)
      return
    }
    // Four bytes are stored, of which the highest is a length and will be overwritten.
    target.storeBytes(of: packed.littleEndian, toByteOffset: result.written, as: UInt32.self)
    result.written += Int(packed >> 24)
  }

  @inline(__always)
  private static func put(_ scalar: UInt32, at target: UnsafeMutableRawPointer) -> Int {
    func byte(_ value: UInt32, _ offset: Int) {
      target.storeBytes(of: UInt8(truncatingIfNeeded: value), toByteOffset: offset, as: UInt8.self)
    }
    if scalar < 0x80 {
      byte(scalar, 0)
      return 1
    }
    if scalar < 0x800 {
      byte(0xC0 | scalar >> 6, 0)
      byte(0x80 | scalar & 0x3F, 1)
      return 2
    }
    if scalar < 0x10000 {
      byte(0xE0 | scalar >> 12, 0)
      byte(0x80 | scalar >> 6 & 0x3F, 1)
      byte(0x80 | scalar & 0x3F, 2)
      return 3
    }
    byte(0xF0 | scalar >> 18, 0)
    byte(0x80 | scalar >> 12 & 0x3F, 1)
    byte(0x80 | scalar >> 6 & 0x3F, 2)
    byte(0x80 | scalar & 0x3F, 3)
    return 4
  }
}

/// What stands at the beginning of some bytes that should be UTF-8 and are not ASCII.
private enum UTF8Sequence {
  case whole(Int)
  case unfinished
  case invalid

  /// - Parameter bytes: At most 4, at least 1.
  init(_ bytes: UnsafeRawBufferPointer) {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch bytes[0] {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default:
      self = .invalid
      return
    }
    for index in 1..<length {
      guard index < bytes.count else {
        self = .unfinished
        return
      }
      guard (index == 1 ? second : 0x80...0xBF).contains(bytes[index]) else {
        self = .invalid
        return
      }
    }
    self = .whole(length)
  }
}
