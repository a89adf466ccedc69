// Floating-point numbers as PostgreSQL prints them with extra_float_digits 1. Every function writes
// to memory that its caller owns, with room for 64 bytes, and returns how many it wrote.

import CShortestFloat

/// double precision and real.
enum FloatText {
  /// Plain notation up to 10^15, as `double_to_shortest_decimal_bufn` in PostgreSQL's
  /// `src/common/d2s.c` decides.
  static func double(_ value: Double, at target: UnsafeMutablePointer<UInt8>) -> Int {
    if !value.isFinite { return special(value.isNaN, value < 0, at: target) }
    return layOut(target, plainBelow: 15) { restage_shortest_double(value, $0, $1) }
  }

  /// Plain notation up to 10^6, as `src/common/f2s.c` decides.
  static func float(_ value: Float, at target: UnsafeMutablePointer<UInt8>) -> Int {
    if !value.isFinite { return special(value.isNaN, value < 0, at: target) }
    return layOut(target, plainBelow: 6) { restage_shortest_float(value, $0, $1) }
  }

  /// From `-d.ddde±xx` to PostgreSQL's layout.
  private static func layOut(
    _ target: UnsafeMutablePointer<UInt8>, plainBelow exponentMax: Int,
    _ shortest: (UnsafeMutablePointer<CChar>, Int) -> Int
  ) -> Int {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
      guard let scientific = buffer.baseAddress else { return 0 }
      let length = shortest(scientific, buffer.count)
      var number = ScientificNumber()
      var count = 0
      for index in 0..<length {
        let character = UInt8(bitPattern: buffer[index])
        if character == ASCII.minus && index == 0 {
          target[0] = ASCII.minus
          count = 1
        } else {
          number.take(character)
        }
      }
      let exponent = number.exponent
      return count
        + (exponent >= -4 && exponent < exponentMax
          ? number.plain(at: target + count) : number.scientific(at: target + count))
    }
  }

  /// `NaN`, `Infinity`, `-Infinity`, which SQL Server does not store.
  private static func special(
    _ isNaN: Bool, _ isNegative: Bool, at target: UnsafeMutablePointer<UInt8>
  ) -> Int {
    let text: StaticString = isNaN ? "NaN" : isNegative ? "-Infinity" : "Infinity"
    target.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
    return text.utf8CodeUnitCount
  }
}

/// The digits and the exponent of d.ddde±xx.
private struct ScientificNumber {
  /// At most 17 digits, the first at the highest place, as one number.
  private var digits: UInt64 = 0
  private var digitCount = 0
  private var isInExponent = false
  private var exponentMagnitude = 0
  private var isExponentNegative = false

  var exponent: Int { isExponentNegative ? -exponentMagnitude : exponentMagnitude }

  mutating func take(_ character: UInt8) {
    switch character {
    case 0x65: isInExponent = true
    case ASCII.minus: isExponentNegative = true
    case 0x30...0x39:
      let digit = character - ASCII.zero
      if isInExponent {
        exponentMagnitude = exponentMagnitude * 10 + Int(digit)
      } else {
        digits = digits * 10 + UInt64(digit)
        digitCount += 1
      }
    default: break
    }
  }

  /// 123.4, 0.0001, 100000.
  func plain(at target: UnsafeMutablePointer<UInt8>) -> Int {
    if exponent < 0 {
      let zeroCount = -exponent
      target.update(repeating: ASCII.zero, count: zeroCount + 1)
      target[1] = ASCII.point
      DigitText.padded(digits, count: digitCount, at: target + 1 + zeroCount)
      return 1 + zeroCount + digitCount
    }
    DigitText.padded(digits, count: digitCount, at: target)
    let wholeCount = exponent + 1
    guard digitCount > wholeCount else {
      (target + digitCount).update(repeating: ASCII.zero, count: wholeCount - digitCount)
      return wholeCount
    }
    (target + wholeCount + 1).update(from: target + wholeCount, count: digitCount - wholeCount)
    target[wholeCount] = ASCII.point
    return digitCount + 1
  }

  /// 1e+20, 1.5e-07: a sign and at least two digits of exponent.
  func scientific(at target: UnsafeMutablePointer<UInt8>) -> Int {
    DigitText.padded(digits, count: digitCount, at: target)
    var count = digitCount
    if digitCount > 1 {
      (target + 2).update(from: target + 1, count: digitCount - 1)
      target[1] = ASCII.point
      count += 1
    }
    target[count] = 0x65
    target[count + 1] = isExponentNegative ? ASCII.minus : ASCII.plus
    let exponentDigitCount = exponentMagnitude < 100 ? 2 : 3
    DigitText.padded(
      UInt64(exponentMagnitude), count: exponentDigitCount, at: target + count + 2)
    return count + 2 + exponentDigitCount
  }
}
