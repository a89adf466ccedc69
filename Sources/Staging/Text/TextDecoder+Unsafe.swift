// Text of the source as UTF-8. Pointers are valid for the length of a call; whoever calls has made
// room for `growthMax` bytes for each byte of the piece, and 16 more.

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

  /// Copies ASCII up to the first byte that is none, eight at a time.
  @inline(__always)
  static func asciiBytes(
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
  static func put(
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
  static func put(_ scalar: UInt32, at target: UnsafeMutableRawPointer) -> Int {
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
