// Dates and times as CONVERT(varchar, …, 121) writes them: the full precision of the column.

import Staging

/// A date, a time of day, or both, as db-lib would have it (DBDATETIMEALL).
struct ISOTime {
  /// Units of 100 ns since midnight; a whole day for the end of a day.
  private var ticks = 0
  /// Since 1900-01-01.
  private var days = 0

  private static let ticksPerMinute = 600_000_000
  private static let ticksPerDay = 864_000_000_000

  /// - Parameter kind: Of the types that are asked for in this form.
  /// - Throws: `Fault` for anything that is not, to the last character, such a text.
  init(_ bytes: UnsafeRawBufferPointer, _ kind: CellKind) throws(Fault) {
    var rest = Scanner(bytes)
    switch kind {
    case .date: days = try rest.date()
    case .time: ticks = try rest.time()
    case .dateTime2:
      days = try rest.date()
      try rest.take(" ")
      ticks = try rest.time()
    default:
      days = try rest.date()
      try rest.take(" ")
      ticks = try rest.time() - rest.offsetMinutes() * Self.ticksPerMinute
      if ticks < 0 {
        ticks += Self.ticksPerDay
        days -= 1
      } else if ticks >= Self.ticksPerDay {
        ticks -= Self.ticksPerDay
        days += 1
      }
    }
    guard rest.isAtEnd else { throw rest.fault }
  }

  /// Lends the value in the form in which db-lib gives it.
  func withMoment(_ body: (UnsafeRawBufferPointer) throws(Fault) -> Void) throws(Fault) {
    let moment = (UInt64(ticks), Int32(days), UInt32(0))
    try withUnsafeBytes(of: moment, body)
  }

  private struct Scanner {
    private let bytes: UnsafeRawBufferPointer
    private var index = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { index == bytes.count }
    var fault: Fault { Fault("no date or time at character \(index + 1) of \(bytes.count)") }

    mutating func date() throws(Fault) -> Int {
      let year = try number(4)
      try take("-")
      let month = try number(2)
      try take("-")
      let day = try number(2)
      guard year > 0, (1...12).contains(month), (1...31).contains(day) else { throw fault }
      return Self.daysSince1900(year, month, day)
    }

    mutating func time() throws(Fault) -> Int {
      let hour = try number(2)
      try take(":")
      let minute = try number(2)
      try take(":")
      let second = try number(2)
      guard hour <= 24, minute < 60, second < 60 else { throw fault }
      var ticks = ((hour * 60 + minute) * 60 + second) * 10_000_000
      if index < bytes.count, bytes[index] == 0x2E {
        index += 1
        var unit = 1_000_000
        let start = index
        while index < bytes.count, index - start < 7, (0x30...0x39).contains(bytes[index]) {
          ticks += Int(bytes[index] - 0x30) * unit
          unit /= 10
          index += 1
        }
        guard index > start else { throw fault }
      }
      guard ticks <= ISOTime.ticksPerDay else { throw fault }
      return ticks
    }

    mutating func offsetMinutes() throws(Fault) -> Int {
      try take(" ")
      guard index < bytes.count, bytes[index] == 0x2B || bytes[index] == 0x2D else { throw fault }
      let isNegative = bytes[index] == 0x2D
      index += 1
      let hours = try number(2)
      try take(":")
      let minutes = hours * 60 + (try number(2))
      guard minutes <= 14 * 60 else { throw fault }
      return isNegative ? -minutes : minutes
    }

    mutating func take(_ character: Unicode.Scalar) throws(Fault) {
      guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { throw fault }
      index += 1
    }

    private mutating func number(_ digits: Int) throws(Fault) -> Int {
      var value = 0
      for _ in 0..<digits {
        guard index < bytes.count, (0x30...0x39).contains(bytes[index]) else { throw fault }
        value = value * 10 + Int(bytes[index] - 0x30)
        index += 1
      }
      return value
    }

    /// The proleptic Gregorian calendar, in years that begin in March.
    private static func daysSince1900(_ year: Int, _ month: Int, _ day: Int) -> Int {
      let marchYear = month > 2 ? year : year - 1
      let marchMonth = (month + 9) % 12
      let daysBefore = marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400
      return daysBefore + (marchMonth * 153 + 2) / 5 + day - 1 - 693_901
    }
  }
}
