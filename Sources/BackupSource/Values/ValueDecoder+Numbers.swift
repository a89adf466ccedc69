import Catalog
import Staging

extension ValueDecoder {
  /// i64 in 1/10000.
  static var money: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(8, bytes)
      let value = bytes.int64(at: 0)
      writer.write(decimal: UInt128(value.magnitude), isNegative: value < 0, scale: 4)
    }
  }

  static var smallMoney: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(4, bytes)
      let value = bytes.int32(at: 0)
      writer.write(decimal: UInt128(value.magnitude), isNegative: value < 0, scale: 4)
    }
  }

  /// u8 sign (1 = positive), then a magnitude. How wide it is the place of the value says: by the column's
  /// precision, or inside of a sql_variant by the value itself.
  static func decimal(scale: Int) throws(Fault) -> ValueDecoder {
    try requireScale(scale, of: "decimal", max: 38)
    return ValueDecoder { (bytes, writer) throws(Fault) in
      guard (5...17).contains(bytes.count), bytes.count % 4 == 1 else {
        throw .damaged("a decimal of \(bytes.count) bytes")
      }
      let sign = bytes.uint8(at: 0)
      guard sign <= 1 else { throw .damaged("a decimal with the sign byte \(sign)") }
      writer.write(
        decimal: magnitude(bytes.slice(1..<bytes.count)), isNegative: sign == 0, scale: scale)
    }
  }

  /// 4, 8, 12 or 16 bytes, the lowest first.
  private static func magnitude(_ bytes: UnsafeRawBufferPointer) -> UInt128 {
    var magnitude: UInt128 = 0
    var offset = bytes.count
    while offset > 0 {
      offset -= 4
      magnitude = magnitude << 32 | UInt128(bytes.uint32(at: offset))
    }
    return magnitude
  }

  /// Vardecimal (section 12.3): in compressed rows, and in ordinary ones with the table option of
  /// SQL Server 2005.
  static func vardecimal(scale: Int) throws(Fault) -> ValueDecoder {
    try requireScale(scale, of: "decimal", max: 38)
    return ValueDecoder { (bytes, writer) throws(Fault) in
      let value = try Vardecimal(bytes)
      writer.write(
        decimal: try value.magnitude(scale: scale), isNegative: value.isNegative, scale: scale)
    }
  }
}

/// A decimal as d.ddd… × 10^exponent: byte 0 has the sign in bit 7 (set = positive) and the
/// exponent + 64 below it; then 10-bit groups of three digits each, trailing zero bytes dropped.
struct Vardecimal {
  let isNegative: Bool
  private let exponent: Int
  private let groups: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
    guard bytes.count > 0 else {
      isNegative = false
      exponent = 0
      groups = bytes
      return
    }
    // 38 digits take 13 groups, 17 bytes.
    guard bytes.count <= 18 else {
      throw .damaged("a vardecimal of \(bytes.count) bytes")
    }
    let head = bytes.uint8(at: 0)
    isNegative = head & 0x80 == 0
    exponent = Int(head & 0x7F) - 64
    groups = bytes.slice(1..<bytes.count)
  }

  /// The value × 10^scale.
  ///
  /// - Throws: `damaged` when it has more digits than the column can hold.
  func magnitude(scale: Int) throws(Fault) -> UInt128 {
    var magnitude: UInt128 = 0
    var digits = 0
    let last = lastGroup
    for index in 0..<last + 1 {
      var value = group(index)
      guard value <= 999 else { throw .damaged("a vardecimal with the digit group \(value)") }
      // 38 digits fill 13 groups to 39: zeros at the very end would not fit 128 bits.
      var width = 3
      while index == last && value % 10 == 0 {
        value /= 10
        width -= 1
      }
      magnitude = try Self.scaled(magnitude, by: width)
      magnitude += UInt128(value)
      digits += width
    }
    return try shifted(magnitude, by: exponent + 1 - digits + scale)
  }

  /// The last group that is not zero, -1 when there is none.
  private var lastGroup: Int {
    var index = (groups.count * 8 + 9) / 10 - 1
    while index >= 0 && group(index) == 0 { index -= 1 }
    return index
  }

  /// Ten bits, the most significant first; bits past the end are zero.
  private func group(_ index: Int) -> Int {
    var value = 0
    for bit in index * 10..<index * 10 + 10 {
      let byte = bit >> 3
      let isSet =
        byte < groups.count && groups.uint8(at: byte) >> UInt8(7 - bit & 7) & 1 != 0
      value = value << 1 | (isSet ? 1 : 0)
    }
    return value
  }

  private func shifted(_ magnitude: UInt128, by powerOfTen: Int) throws(Fault) -> UInt128 {
    if magnitude == 0 || powerOfTen >= 0 { return try Self.scaled(magnitude, by: powerOfTen) }
    var result = magnitude
    for _ in powerOfTen..<0 {
      let (quotient, rest) = result.quotientAndRemainder(dividingBy: 10)
      guard rest == 0 else { throw .damaged("a vardecimal with more digits than its scale") }
      result = quotient
    }
    return result
  }

  private static func scaled(_ magnitude: UInt128, by powerOfTen: Int) throws(Fault) -> UInt128 {
    if magnitude == 0 { return 0 }
    var result = magnitude
    for _ in 0..<powerOfTen {
      guard result < tenth else { throw .damaged("a vardecimal of more than 38 digits") }
      result *= 10
    }
    return result
  }

  /// 10^37: ten times a smaller number still has 38 digits at most, and fits 128 bits.
  private static let tenth: UInt128 = 10_000_000_000_000_000_000_000_000_000_000_000_000
}
