// Dates and times in PostgreSQL's DateStyle ISO. Every function writes to memory that its caller
// owns, with room for 64 bytes, and returns how many it wrote.

/// Dates, times and timestamps.
enum TimeText {
  /// 0001-01-01 to 9999-12-31.
  static let days = 0...3_652_058
  /// The same, moved by an offset of up to 14 hours.
  static let instantDays = -1...3_652_059
  static let ticks: Range<Int64> = 0..<864_000_000_000

  static func date(_ days: Int, at target: UnsafeMutablePointer<UInt8>) -> Int {
    let (count, isBC) = calendarDate(days, at: target)
    return count + (isBC ? eraSuffix(at: target + count) : 0)
  }

  /// Hours, minutes, seconds, and the microseconds without trailing zeros.
  static func time(_ ticks: Int64, at target: UnsafeMutablePointer<UInt8>) -> Int {
    let (seconds, fraction) = UInt64(ticks).quotientAndRemainder(dividingBy: 10_000_000)
    DigitText.padded(seconds / 3600, count: 2, at: target)
    target[2] = ASCII.colon
    DigitText.padded(seconds / 60 % 60, count: 2, at: target + 3)
    target[5] = ASCII.colon
    DigitText.padded(seconds % 60, count: 2, at: target + 6)
    let microseconds = fraction / 10
    guard microseconds > 0 else { return 8 }
    target[8] = ASCII.point
    DigitText.padded(microseconds, count: 6, at: target + 9)
    var count = 15
    while target[count - 1] == ASCII.zero { count -= 1 }
    return count
  }

  static func timestamp(
    _ days: Int, _ ticks: Int64, isInstant: Bool, at target: UnsafeMutablePointer<UInt8>
  ) -> Int {
    var (count, isBC) = calendarDate(days, at: target)
    target[count] = ASCII.blank
    count += 1
    count += time(ticks, at: target + count)
    if isInstant {
      target[count] = ASCII.plus
      target[count + 1] = ASCII.zero
      target[count + 2] = ASCII.zero
      count += 3
    }
    return count + (isBC ? eraSuffix(at: target + count) : 0)
  }

  /// Year (four digits or more), month, day in the proleptic Gregorian calendar.
  private static func calendarDate(
    _ days: Int, at target: UnsafeMutablePointer<UInt8>
  ) -> (count: Int, isBC: Bool) {
    // Years begin on 1 March here, so that the leap day is a year's last. Year 0 of the first era
    // of 400 years (146,097 days) begins 306 days before 0001-01-01.
    let sinceMarch = days + 306
    let era = sinceMarch >= 0 ? sinceMarch / 146_097 : (sinceMarch - 146_096) / 146_097
    let dayOfEra = sinceMarch - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)

    // There is no year 0: the one before 1 is 1 BC.
    let isBC = year <= 0
    let shown = UInt64(isBC ? 1 - year : year)
    let yearDigitCount = shown > 9999 ? 5 : 4
    DigitText.padded(shown, count: yearDigitCount, at: target)
    let rest = target + yearDigitCount
    rest[0] = ASCII.minus
    DigitText.padded(UInt64(month), count: 2, at: rest + 1)
    rest[3] = ASCII.minus
    DigitText.padded(UInt64(day), count: 2, at: rest + 4)
    return (yearDigitCount + 6, isBC)
  }

  private static func eraSuffix(at target: UnsafeMutablePointer<UInt8>) -> Int {
    target[0] = ASCII.blank
    target[1] = 0x42
    target[2] = 0x43
    return 3
  }
}
