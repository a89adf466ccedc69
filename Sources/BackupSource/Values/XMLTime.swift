/// Dates and times inside binary XML of typed columns, as the server prints them.
enum XMLTime {
  private static let ticksPerSecond = 10_000_000
  private static let ticksPerMinute = 60 * ticksPerSecond
  private static let ticksPerDay = 24 * 60 * ticksPerMinute

  /// The forms of SQL Server 2008 and later: u8 scale, then the encoding of datetime2 or datetimeoffset,
  /// also where there is a date or a time only; a date without zone is three bytes.
  ///
  /// - Parameter type: The token, 0x7A to 0x7F.
  static func text(type: UInt8, _ input: inout BinaryXML.Input) throws(Fault) -> String {
    if type == 0x7F { return Variant.date(days: try Time.days(input.take(3))) }
    let scale = Int(try input.take(1).uint8(at: 0))
    guard scale <= 7 else { throw .damaged("a time of scale \(scale) in an xml value") }
    let ticks = Int(try Time.ticks(input.take(Time.byteCount(scale: scale)), scale: scale))
    let days = try Time.days(input.take(3))
    let hasZone = type <= 0x7C
    // Stored is the time in UTC; printed is the time at the place.
    let zone = hasZone ? Int(try input.take(2).int16(at: 0)) : 0
    guard abs(zone) <= 14 * 60 else {
      throw .damaged("a zone of \(zone) minutes in an xml value")
    }
    let local = days * ticksPerDay + ticks + zone * ticksPerMinute
    guard local >= 0, Time.dayRange.contains(local / ticksPerDay) else {
      throw .damaged("no such date in an xml value")
    }
    let (date, time) = (
      Variant.date(days: local / ticksPerDay), Self.time(local % ticksPerDay)
    )
    let end = hasZone ? Self.zone(minutes: zone) : ""
    switch type {
    case 0x7A, 0x7D: return time + end
    case 0x7C: return date + end
    default: return "\(date)T\(time)\(end)"
    }
  }

  /// The forms of SQL Server 2005: one number of 64 bits whose two lowest bits only say what it is.
  /// Months count as 31 days, and year -9999 is zero.
  ///
  /// - Parameter type: The token: 0x81 a time, 0x82 date and time, both in UTC, 0x83 a date with its zone.
  static func text2005(type: UInt8, _ input: inout BinaryXML.Input) throws(Fault) -> String {
    let stored = try input.take(8).int64(at: 0)
    guard stored >= 0 else { throw .damaged("no such date in an xml value") }
    var rest = Int(stored / 4)
    if type == 0x83 {
      // From 14:00 on; what has to be added to come to UTC.
      let minutes = 14 * 60 - next(&rest, 29 * 60)
      return try date(&rest) + zone(minutes: minutes)
    }
    let milliseconds = next(&rest, 24 * 60 * 60 * 1000)
    let time = time(milliseconds * (ticksPerSecond / 1000)) + "Z"
    if type == 0x82 { return try date(&rest) + "T" + time }
    guard rest == 0 else { throw .damaged("no such time in an xml value") }
    return time
  }

  /// Takes the lowest part of a number in mixed bases.
  private static func next(_ rest: inout Int, _ base: Int) -> Int {
    defer { rest /= base }
    return rest % base
  }

  private static func date(_ rest: inout Int) throws(Fault) -> String {
    let day = next(&rest, 31) + 1
    let month = next(&rest, 12) + 1
    let year = rest - 9999
    guard year <= 9999 else { throw .damaged("no such date in an xml value") }
    return (year < 0 ? "-" : "") + Variant.padded(abs(year), 4)
      + "-\(Variant.padded(month))-\(Variant.padded(day))"
  }

  /// Zeros at the end of the fraction are not printed.
  private static func time(_ ticks: Int) -> String {
    let seconds = ticks / ticksPerSecond
    let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { Variant.padded($0) }
    let whole = parts.joined(separator: ":")
    var fraction = ticks % ticksPerSecond
    if fraction == 0 { return whole }
    var width = 7
    while fraction % 10 == 0 { (fraction, width) = (fraction / 10, width - 1) }
    return "\(whole).\(Variant.padded(fraction, width))"
  }

  private static func zone(minutes: Int) -> String {
    if minutes == 0 { return "Z" }
    let hours = Variant.padded(abs(minutes) / 60)
    return (minutes < 0 ? "-" : "+") + "\(hours):\(Variant.padded(abs(minutes) % 60))"
  }
}
