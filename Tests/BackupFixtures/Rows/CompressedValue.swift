/// The bytes of a value under row compression (section 12.3), from its ordinary stored bytes.
enum CompressedValue {
  static func bytes(_ stored: [UInt8], _ type: StoredType) -> [UInt8] {
    switch type.xtype {
    case 48: stored == [0] ? [] : stored
    case 52, 56, 127, 60, 122: integer(stored)
    case 61: datetime(stored)
    case 58, 59, 62: Array(stored.drop { $0 == 0 })
    case 106, 108: decimal(stored, scale: type.scale)
    case 189: Array(stored.drop { $0 == 0 })
    case 175: trimmed(stored, of: [0x20])
    case 173: trimmed(stored, of: [0])
    case 239: unicode(trimmed(stored, of: [0x20, 0]))
    case 231: type.isLarge ? stored : unicode(stored)
    default: stored
    }
  }

  /// Big-endian in as few bytes as hold it, moved up by half their range; zero is nothing.
  private static func integer(_ stored: [UInt8]) -> [UInt8] {
    if stored.isEmpty { return [] }
    var value: Int64 = stored[stored.count - 1] & 0x80 == 0 ? 0 : -1
    for byte in stored.reversed() { value = value << 8 | Int64(byte) }
    return biased(value)
  }

  private static func biased(_ value: Int64) -> [UInt8] {
    if value == 0 { return [] }
    for count in 1...8 {
      let half = Int128(1) << Int128(8 * count - 1)
      let moved = Int128(value) + half
      guard (0..<2 * half).contains(moved) else { continue }
      return littleEndian(moved, bytes: count).reversed()
    }
    return []
  }

  /// Days and ticks as one number, days on top.
  private static func datetime(_ stored: [UInt8]) -> [UInt8] {
    let ticks = Int64(stored.uint32(at: 0))
    let days = Int64(Int32(bitPattern: stored.uint32(at: 4)))
    return biased(days << 32 + ticks)
  }

  /// Vardecimal: sign and exponent, then three decimal digits in each 10 bits.
  private static func decimal(_ stored: [UInt8], scale: Int) -> [UInt8] {
    var magnitude: UInt128 = 0
    for byte in stored.dropFirst().reversed() { magnitude = magnitude << 8 | UInt128(byte) }
    if magnitude == 0 { return [] }
    var digits = String(magnitude).utf8.map { Int($0) - 0x30 }
    let exponent = digits.count - 1 - scale
    while digits.count % 3 != 0 { digits.append(0) }
    var bits: [Bool] = []
    for start in stride(from: 0, to: digits.count, by: 3) {
      let group = digits[start] * 100 + digits[start + 1] * 10 + digits[start + 2]
      bits += (0..<10).map { group >> (9 - $0) & 1 == 1 }
    }
    while bits.count % 8 != 0 { bits.append(false) }
    var bytes = [UInt8(exponent + 64) | (stored[0] == 1 ? 0x80 : 0)]
    for start in stride(from: 0, to: bits.count, by: 8) {
      bytes.append((0..<8).reduce(0) { $0 << 1 | (bits[start + $1] ? 1 : 0) })
    }
    return trimmed(bytes, of: [0])
  }

  private static func trimmed(_ bytes: [UInt8], of filler: [UInt8]) -> [UInt8] {
    var bytes = bytes
    while bytes.suffix(filler.count) == filler[...] { bytes.removeLast(filler.count) }
    return bytes
  }

  /// SCSU where that is shorter, made odd in length to tell it from UTF-16.
  private static func unicode(_ utf16: [UInt8]) -> [UInt8] {
    let units = stride(from: 0, to: utf16.count, by: 2).map { utf16.uint16(at: $0) }
    var packed = SCSU.bytes(units)
    // Selecting window 0 at the end means nothing.
    if packed.count % 2 == 0 { packed.append(0x10) }
    return packed.count < utf16.count ? packed : utf16
  }
}

/// The Standard Compression Scheme for Unicode (UTS #6), single-byte mode with the default windows.
enum SCSU {
  static func bytes(_ units: [UInt16]) -> [UInt8] {
    var bytes: [UInt8] = []
    var selected = 0
    for unit in units {
      let number = Int(unit)
      switch number {
      case 0, 0x09, 0x0A, 0x0D, 0x20...0x7F: bytes.append(UInt8(number))
      case _ where (0..<0x80).contains(number - windows[selected]):
        bytes.append(UInt8(0x80 + number - windows[selected]))
      default:
        if let window = windows.firstIndex(where: { (0..<0x80).contains(number - $0) }) {
          selected = window
          bytes += [0x10 + UInt8(window), UInt8(0x80 + number - windows[window])]
        } else {
          // SQU: one UTF-16 unit as it is.
          bytes += [0x0E, UInt8(number >> 8), UInt8(number & 0xFF)]
        }
      }
    }
    return bytes
  }

  /// Where the eight dynamic windows begin at first.
  private static let windows = [0x80, 0xC0, 0x400, 0x600, 0x900, 0x3040, 0x30A0, 0xFF00]
}
