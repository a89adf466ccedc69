// Dates and times as CONVERT(varchar, …, 121) writes them.

import Foundation

enum ISOText {
  /// - Parameter days: Since 0001-01-01.
  static func date(_ days: Int) -> String {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = .gmt
    // The proleptic Gregorian calendar repeats after 400 years, so that no calendar reform matters.
    let cycles = days / 146_097
    let seconds = Double(days % 146_097 + 11_323) * 86_400
    let parts = calendar.dateComponents(
      [.year, .month, .day], from: Date(timeIntervalSince1970: seconds))
    let year = (parts.year ?? 0) - 2000 + 400 * cycles
    return padded(year, 4) + "-" + padded(parts.month ?? 0, 2) + "-" + padded(parts.day ?? 0, 2)
  }

  /// - Parameter ticks: Units of 100 ns since midnight.
  static func time(_ ticks: Int64, scale: Int) -> String {
    let seconds = Int(ticks / 10_000_000)
    let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }
    let fraction = padded(Int(ticks % 10_000_000), 7).prefix(scale)
    return clock.joined(separator: ":") + (scale == 0 ? "" : "." + fraction)
  }

  /// The local time of a moment in UTC, and how far it is from that.
  ///
  /// - Parameter offset: Minutes.
  static func local(_ days: Int, _ ticks: Int64, offset: Int, scale: Int) -> String {
    let ticksPerDay: Int64 = 864_000_000_000
    var (days, ticks) = (days, ticks + Int64(offset) * 600_000_000)
    if ticks < 0 { (days, ticks) = (days - 1, ticks + ticksPerDay) }
    if ticks >= ticksPerDay { (days, ticks) = (days + 1, ticks - ticksPerDay) }
    let sign = offset < 0 ? "-" : "+"
    let clock = padded(abs(offset) / 60, 2) + ":" + padded(abs(offset) % 60, 2)
    return "\(date(days)) \(time(ticks, scale: scale)) \(sign)\(clock)"
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
