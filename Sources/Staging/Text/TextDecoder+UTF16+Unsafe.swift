// Pointers are valid for the length of a call, and there is room as `TextDecoder.decode` demands.

extension TextDecoder {
  /// UTF-16LE. Half a surrogate pair becomes the three bytes that UTF-8 would give it.
  static func utf16(
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
}
