import Catalog

/// A date and time constant.
struct Moment: Hashable {
  enum Kind: Hashable {
    case date, time, timestamp, instant
  }

  /// Days since 0001-01-01, 0 to 3,652,058.
  var days: Int
  /// Units of 100 ns since midnight.
  var ticks: Int64
  /// Minutes east of UTC; nil where none is written.
  var offsetMinutes: Int?

  static let daysMax = 3_652_058
  static let ticksPerSecond: Int64 = 10_000_000
  static let ticksPerMinute: Int64 = 600_000_000
  static let ticksPerDay: Int64 = 864_000_000_000
  /// 1900-01-01, where SQL Server counts days from.
  static let epochDays = 693_595
  /// 1753-01-01, the first day of datetime.
  static let legacyDaysMin = 639_905

  /// Nil for a date that no calendar has.
  init?(year: Int, month: Int, day: Int, ticks: Int64 = 0) {
    guard (1...9999).contains(year), (1...12).contains(month),
      (1...Self.dayCount(year, month)).contains(day)
    else { return nil }
    let before = year - 1
    days = before * 365 + before / 4 - before / 100 + before / 400
    for earlier in 1..<month { days += Self.dayCount(year, earlier) }
    days += day - 1
    self.ticks = ticks
  }

  /// Nil outside of the years 1 to 9999.
  init?(days: Int, ticks: Int64 = 0) {
    guard (0...Self.daysMax).contains(days) else { return nil }
    self.days = days
    self.ticks = ticks
  }

  private static func dayCount(_ year: Int, _ month: Int) -> Int {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

// MARK: - As PostgreSQL writes it

extension Moment {
  /// A typed constant: `timestamp '1900-01-01'`, `time '08:30:00'`.
  func sql(as kind: Kind) -> String {
    switch kind {
    case .date: "date \(SQLLiteral.quoted(dateText))"
    case .time: "time \(SQLLiteral.quoted(timeText))"
    case .timestamp:
      "timestamp \(SQLLiteral.quoted(ticks == 0 ? dateText : "\(dateText) \(timeText)"))"
    case .instant: "timestamptz \(SQLLiteral.quoted("\(dateText) \(timeText)\(offsetText)"))"
    }
  }

  private var dateText: String {
    var year = 1 + days / 366
    // An estimate that is never too high; a year has 365.2425 days.
    while let next = Moment(year: year + 1, month: 1, day: 1), next.days <= days { year += 1 }
    var rest = days - (Moment(year: year, month: 1, day: 1)?.days ?? 0)
    var month = 1
    while rest >= Self.dayCount(year, month) {
      rest -= Self.dayCount(year, month)
      month += 1
    }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(rest + 1, 2))"
  }

  /// Six fractional digits at most: PostgreSQL keeps microseconds.
  private var timeText: String {
    let seconds = Int(ticks / Self.ticksPerSecond)
    let micros = Int(ticks % Self.ticksPerSecond / 10)
    let whole =
      "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    guard micros > 0 else { return whole }
    var fraction = padded(micros, 6)
    while fraction.last == "0" { fraction.removeLast() }
    return "\(whole).\(fraction)"
  }

  private var offsetText: String {
    let minutes = offsetMinutes ?? 0
    let size = abs(minutes)
    return "\(minutes < 0 ? "-" : "+")\(padded(size / 60, 2)):\(padded(size % 60, 2))"
  }

  private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

// MARK: - As the types of SQL Server keep it

extension Moment {
  /// Rounded as a column of the type would keep it; nil where the type has no such value.
  func stored(as type: ColumnType) -> Moment? {
    switch type.base {
    case .datetime:
      guard days >= Self.legacyDaysMin else { return nil }
      let units = (ticks * 300 + Self.ticksPerSecond / 2) / Self.ticksPerSecond
      return adding(ticks: (units * 10 + 1) / 3 * 10_000)
    case .smalldatetime:
      guard (Self.epochDays...Self.epochDays + 65_535).contains(days) else { return nil }
      return adding(
        ticks: (ticks + Self.ticksPerMinute / 2) / Self.ticksPerMinute * Self.ticksPerMinute)
    case .time, .datetime2, .datetimeoffset:
      var unit: Int64 = 1
      for _ in min(type.scale ?? 7, 7)..<7 { unit *= 10 }
      let rounded = (ticks + unit / 2) / unit * unit
      // A time of day stays below midnight; a date and time goes on to the next day.
      if type.base == .time, rounded >= Self.ticksPerDay {
        return Moment(days: days, ticks: Self.ticksPerDay - unit)
      }
      var moment = adding(ticks: rounded)
      moment?.offsetMinutes = offsetMinutes
      return moment
    default: return self
    }
  }

  /// The same day with another time, or the next day when the time reaches midnight.
  private func adding(ticks: Int64) -> Moment? {
    ticks < Self.ticksPerDay
      ? Moment(days: days, ticks: ticks)
      : Moment(days: days + 1, ticks: ticks - Self.ticksPerDay)
  }
}
