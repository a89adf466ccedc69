import Staging

extension ValueDecoder {
  /// u24 days since 0001-01-01.
  static var date: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(3, bytes)
      writer.write(dateDays: try Time.days(bytes))
    }
  }

  static func time(scale: Int) throws(Fault) -> ValueDecoder {
    try requireScale(scale, of: "time", max: 7)
    let byteCount = Time.byteCount(scale: scale)
    return ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(byteCount, bytes)
      writer.write(timeTicks: try Time.ticks(bytes, scale: scale))
    }
  }

  static func dateTime2(scale: Int) throws(Fault) -> ValueDecoder {
    try requireScale(scale, of: "datetime2", max: 7)
    let timeByteCount = Time.byteCount(scale: scale)
    return ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(timeByteCount + 3, bytes)
      let ticks = try Time.ticks(bytes.slice(0..<timeByteCount), scale: scale)
      let days = try Time.days(bytes.slice(timeByteCount..<timeByteCount + 3))
      writer.write(timestampDays: days, ticks: ticks)
    }
  }

  /// Time and date are UTC; the offset in minutes has no place in the target.
  static func dateTimeOffset(scale: Int) throws(Fault) -> ValueDecoder {
    try requireScale(scale, of: "datetimeoffset", max: 7)
    let timeByteCount = Time.byteCount(scale: scale)
    return ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(timeByteCount + 5, bytes)
      let ticks = try Time.ticks(bytes.slice(0..<timeByteCount), scale: scale)
      let days = try Time.days(bytes.slice(timeByteCount..<timeByteCount + 3))
      writer.write(instantDays: days, ticks: ticks)
    }
  }

  /// u32 ticks of 1/300 s, then i32 days since 1900-01-01.
  static var dateTime: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(8, bytes)
      let thirds = Int64(bytes.uint32(at: 0))
      let days = Int(bytes.int32(at: 4)) + Time.daysTo1900
      guard thirds < 300 * 86_400, Time.dayRange.contains(days) else {
        throw .damaged("no such datetime: \(thirds) ticks, \(days - Time.daysTo1900) days")
      }
      // Shown as .000, .003 and .007: the nearest millisecond.
      let milliseconds = (thirds * 10 + 1) / 3
      writer.write(timestampDays: days, ticks: milliseconds * 10_000)
    }
  }

  /// u16 minutes, then u16 days since 1900-01-01.
  static var smallDateTime: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(4, bytes)
      let minutes = Int64(bytes.uint16(at: 0))
      guard minutes < 24 * 60 else { throw .damaged("no such smalldatetime: \(minutes) minutes") }
      writer.write(
        timestampDays: Int(bytes.uint16(at: 2)) + Time.daysTo1900, ticks: minutes * 600_000_000)
    }
  }
}

/// Parts of date and time values.
enum Time {
  /// From 0001-01-01 to 1900-01-01.
  static let daysTo1900 = 693_595
  /// To 9999-12-31.
  static let dayRange = 0...3_652_058
  static let ticksPerDay: Int64 = 864_000_000_000

  /// Bytes of a time of day with 0 to 7 fractional digits.
  static func byteCount(scale: Int) -> Int {
    switch scale {
    case ...2: 3
    case ...4: 4
    default: 5
    }
  }

  /// - Parameter bytes: Three bytes.
  static func days(_ bytes: UnsafeRawBufferPointer) throws(Fault) -> Int {
    let days = Int(bytes.unsignedNumber())
    guard dayRange.contains(days) else { throw .damaged("no such date: day \(days)") }
    return days
  }

  /// Units of 100 ns since midnight.
  static func ticks(_ bytes: UnsafeRawBufferPointer, scale: Int) throws(Fault) -> Int64 {
    let units = Int64(bytes.unsignedNumber())
    let ticks = units * powersOfTen(7 - scale)
    guard ticks < ticksPerDay else { throw .damaged("no such time: \(units) units") }
    return ticks
  }

  private static func powersOfTen(_ exponent: Int) -> Int64 {
    switch exponent {
    case ...0: 1
    case 1: 10
    case 2: 100
    case 3: 1_000
    case 4: 10_000
    case 5: 100_000
    case 6: 1_000_000
    default: 10_000_000
    }
  }
}
