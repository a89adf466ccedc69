// Whole and decimal numbers as digits. Every function writes to memory that its caller owns, with
// room for 64 bytes, and returns how many it wrote.

/// Numbers in decimal digits.
enum DigitText {
  private static let pairs: StaticString = """
    0001020304050607080910111213141516171819\
    2021222324252627282930313233343536373839\
    4041424344454647484950515253545556575859\
    6061626364656667686970717273747576777879\
    8081828384858687888990919293949596979899
    """

  static func integer(_ value: Int64, at target: UnsafeMutablePointer<UInt8>) -> Int {
    guard value < 0 else { return digits(value.magnitude, at: target) }
    target[0] = ASCII.minus
    return 1 + digits(value.magnitude, at: target + 1)
  }

  /// Without leading zeros; at most 20 bytes.
  static func digits(_ value: UInt64, at target: UnsafeMutablePointer<UInt8>) -> Int {
    let count = digitCount(value)
    padded(value, count: count, at: target)
    return count
  }

  /// With leading zeros up to `count` digits, which suffice.
  static func padded(_ value: UInt64, count: Int, at target: UnsafeMutablePointer<UInt8>) {
    let table = pairs.utf8Start
    var rest = value
    var end = count
    while end >= 2 {
      let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
      target[end - 2] = table[Int(pair) * 2]
      target[end - 1] = table[Int(pair) * 2 + 1]
      rest = quotient
      end -= 2
    }
    if end == 1 { target[0] = ASCII.zero + UInt8(truncatingIfNeeded: rest % 10) }
  }

  /// `magnitude` x 10^-`scale` with exactly `scale` fractional digits, `scale` from 0 to 38.
  static func decimal(
    _ magnitude: UInt128, isNegative: Bool, scale: Int, at target: UnsafeMutablePointer<UInt8>
  ) -> Int {
    var count = 0
    if isNegative && magnitude != 0 {
      target[0] = ASCII.minus
      count = 1
    }
    let number = target + count
    var digitCount = digits(magnitude, at: number)
    if digitCount <= scale {
      let zeroCount = scale + 1 - digitCount
      (number + zeroCount).update(from: number, count: digitCount)
      number.update(repeating: ASCII.zero, count: zeroCount)
      digitCount = scale + 1
    }
    if scale > 0 {
      let whole = digitCount - scale
      (number + whole + 1).update(from: number + whole, count: scale)
      number[whole] = ASCII.point
      digitCount += 1
    }
    return count + digitCount
  }

  private static func digits(_ value: UInt128, at target: UnsafeMutablePointer<UInt8>) -> Int {
    guard value > UInt128(UInt64.max) else {
      return digits(UInt64(truncatingIfNeeded: value), at: target)
    }
    // Two parts of 19 digits would not hold all 39 digits of UInt128, hence the recursion.
    let (high, low) = value.quotientAndRemainder(dividingBy: 10_000_000_000_000_000_000)
    let count = digits(high, at: target)
    padded(UInt64(truncatingIfNeeded: low), count: 19, at: target + count)
    return count + 19
  }

  private static func digitCount(_ value: UInt64) -> Int {
    var count = 1
    var rest = value
    while rest >= 10_000 {
      rest /= 10_000
      count += 4
    }
    if rest >= 1000 { return count + 3 }
    if rest >= 100 { return count + 2 }
    return rest >= 10 ? count + 1 : count
  }
}
