import Catalog

extension Moment {
  /// Reads a date and time constant as SQL Server would.
  ///
  /// - Parameters:
  ///   - style: Of CONVERT; nil or 0 where none is given.
  ///   - isLegacy: Whether the type is datetime or smalldatetime, which read `2000-05-06` by the
  ///     session's language.
  /// - Throws: `Untranslatable` for a text that is none, and for one that different sessions would
  ///   read differently.
  init(
    parsing text: String, style: Int?, isLegacy: Bool
  ) throws(Untranslatable) {
    var scanner = MomentScanner(text)
    scanner.skipBlanks()
    var date = Moment(days: Self.epochDays)
    if !scanner.startsWithTime {
      date = try scanner.date(style: style ?? 0, isLegacy: isLegacy)
    }
    guard var moment = date else { throw Untranslatable("'\(text)' is no date") }
    moment.ticks = try scanner.time()
    moment.offsetMinutes = try scanner.offset()
    scanner.skipBlanks()
    guard scanner.isAtEnd else { throw Untranslatable("'\(text)' is no date and time") }
    self = moment
  }
}

private struct MomentScanner {
  private let bytes: [UInt8]
  private let text: String
  private var place = 0

  init(_ text: String) {
    self.text = text
    bytes = Array(text.uppercased().utf8)
  }

  var isAtEnd: Bool { place == bytes.count }

  /// `08:30`: digits and a colon, or nothing at all.
  var startsWithTime: Bool {
    var ahead = place
    while ahead < bytes.count, Self.isDigit(bytes[ahead]) { ahead += 1 }
    return ahead == bytes.count ? ahead == place : bytes[ahead] == 0x3A && ahead > place
  }

  mutating func skipBlanks() {
    while peek == 0x20 { place += 1 }
  }

  // MARK: Date

  mutating func date(style: Int, isLegacy: Bool) throws(Untranslatable) -> Moment? {
    guard let first = digits() else { throw unreadable }
    if first.count == 8 {
      return Moment(
        year: first.value / 10_000, month: first.value / 100 % 100, day: first.value % 100)
    }
    guard let separator = peek, [0x2D, 0x2F, 0x2E].contains(separator) else { throw unreadable }
    place += 1
    guard let second = digits(), peek == separator else { throw unreadable }
    place += 1
    guard let third = digits() else { throw unreadable }
    if first.count == 4 {
      return try yearFirst(first.value, second.value, third.value, style: style, isLegacy: isLegacy)
    }
    guard third.count == 4, first.count <= 2, second.count <= 2 else {
      throw Untranslatable("'\(text)' has no year of four digits")
    }
    return try yearLast(first.value, second.value, third.value, style: style)
  }

  private func yearFirst(
    _ year: Int, _ second: Int, _ third: Int, style: Int, isLegacy: Bool
  ) throws(Untranslatable) -> Moment? {
    guard [0, 20, 21, 23, 25, 102, 111, 120, 121, 126, 127].contains(style) else {
      throw Untranslatable("'\(text)' is not written in style \(style)")
    }
    let isISO = peek == 0x54
    guard !isLegacy || isISO || style != 0 || second == third || third > 12 else {
      throw Untranslatable("'\(text)' means another day where the login's language is not English")
    }
    return Moment(year: year, month: second, day: third)
  }

  private func yearLast(
    _ first: Int, _ second: Int, _ year: Int, style: Int
  ) throws(Untranslatable) -> Moment? {
    switch style {
    case 101, 110: return Moment(year: year, month: first, day: second)
    case 103, 104, 105: return Moment(year: year, month: second, day: first)
    case 0 where first == second || second > 12:
      return Moment(year: year, month: first, day: second)
    case 0 where first > 12: return Moment(year: year, month: second, day: first)
    case 0:
      throw Untranslatable("'\(text)' means different days where the login's language differs")
    default: throw Untranslatable("'\(text)' is not written in style \(style)")
    }
  }

  // MARK: Time

  /// Units of 100 ns since midnight; 0 where no time is written.
  mutating func time() throws(Untranslatable) -> Int64 {
    if peek == 0x54 { place += 1 }
    skipBlanks()
    guard !isAtEnd, peek.map(Self.isDigit) == true else { return 0 }
    guard var hour = digits()?.value, take(0x3A), let minute = digits()?.value, minute < 60 else {
      throw unreadable
    }
    var second = 0
    var fraction: Int64 = 0
    if take(0x3A) {
      guard let value = digits()?.value, value < 60 else { throw unreadable }
      second = value
      if take(0x2E) { fraction = try fractionTicks() }
    }
    skipBlanks()
    for (letter, isAfternoon) in [(UInt8(0x41), false), (0x50, true)] where peek == letter {
      place += 1
      guard take(0x4D), (1...12).contains(hour) else { throw unreadable }
      hour = hour % 12 + (isAfternoon ? 12 : 0)
    }
    guard hour < 24 else { throw unreadable }
    return Int64(hour * 3600 + minute * 60 + second) * Moment.ticksPerSecond + fraction
  }

  private mutating func fractionTicks() throws(Untranslatable) -> Int64 {
    guard let digits = digits(), digits.count <= 7 else { throw unreadable }
    var ticks = Int64(digits.value)
    for _ in digits.count..<7 { ticks *= 10 }
    return ticks
  }

  /// Minutes east of UTC; nil where none is written.
  mutating func offset() throws(Untranslatable) -> Int? {
    skipBlanks()
    if take(0x5A) { return 0 }
    guard peek == 0x2B || peek == 0x2D else { return nil }
    let sign = peek == 0x2D ? -1 : 1
    place += 1
    guard let hours = digits()?.value, take(0x3A), let minutes = digits()?.value, hours <= 14,
      minutes < 60
    else { throw unreadable }
    return sign * (hours * 60 + minutes)
  }

  // MARK: Bytes

  private var peek: UInt8? { place < bytes.count ? bytes[place] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    place += 1
    return true
  }

  /// At most nine digits, so that the value fits.
  private mutating func digits() -> (value: Int, count: Int)? {
    var value = 0
    let start = place
    while place < bytes.count, place - start < 9, Self.isDigit(bytes[place]) {
      value = value * 10 + Int(bytes[place] - 0x30)
      place += 1
    }
    return place == start ? nil : (value, place - start)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private var unreadable: Untranslatable { Untranslatable("'\(text)' is no date and time") }
}
