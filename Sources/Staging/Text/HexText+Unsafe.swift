// Bytes as hexadecimal digits. Every function writes to memory that its caller owns and has made
// room in, and returns how many bytes it wrote.

/// Bytes in lower-case hex.
enum HexText {
  /// Two digits for each byte.
  static func bytes(
    _ source: UnsafeRawBufferPointer, at target: UnsafeMutablePointer<UInt8>
  ) -> Int {
    let raw = UnsafeMutableRawPointer(target)
    var index = 0
    while index + 4 <= source.count {
      let four = UInt32(littleEndian: source.loadUnaligned(fromByteOffset: index, as: UInt32.self))
      raw.storeBytes(of: digits(four).littleEndian, toByteOffset: index * 2, as: UInt64.self)
      index += 4
    }
    while index < source.count {
      target[index * 2] = digit(source[index] >> 4)
      target[index * 2 + 1] = digit(source[index] & 0x0F)
      index += 1
    }
    return source.count * 2
  }

  /// 16 bytes, the first three groups little-endian, as 8-4-4-4-12 digits.
  static func guid(
    _ source: UnsafeRawBufferPointer, at target: UnsafeMutablePointer<UInt8>
  ) -> Int {
    let order: StaticString =
      "\u{3}\u{2}\u{1}\u{0}\u{5}\u{4}\u{7}\u{6}\u{8}\u{9}\u{A}\u{B}\u{C}\u{D}\u{E}\u{F}"
    var count = 0
    for index in 0..<16 {
      if index == 4 || index == 6 || index == 8 || index == 10 {
        target[count] = ASCII.minus
        count += 1
      }
      let byte = source[Int(order.utf8Start[index])]
      target[count] = digit(byte >> 4)
      target[count + 1] = digit(byte & 0x0F)
      count += 2
    }
    return count
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? ASCII.zero + value : 0x57 + value
  }

  /// The eight digits of four bytes, the first lowest.
  @inline(__always)
  private static func digits(_ four: UInt32) -> UInt64 {
    // Each byte into 16 bits of its own, then its upper half into the lower 8 of them.
    var bytes = UInt64(four)
    bytes = (bytes | bytes << 16) & 0x0000_FFFF_0000_FFFF
    bytes = (bytes | bytes << 8) & 0x00FF_00FF_00FF_00FF
    let halves = bytes >> 4 & 0x000F_000F_000F_000F | (bytes & 0x000F_000F_000F_000F) << 8
    // 0x27 leads from the character behind '9' to 'a'.
    let letters = (halves &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return halves &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
  }
}
