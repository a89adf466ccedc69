// Values of a bounded length: each is laid out straight into the row's buffer.

extension TableWriter {
  /// More than any value in this file needs; the longest is a decimal of 39 digits.
  private static var valueByteCountMax: Int { 64 }

  public mutating func writeNull() {
    openCell()
    closeCell()
  }

  public mutating func write(bool value: Bool) {
    openCell()
    rows.append(value ? 0x74 : 0x66)
    closeCell()
  }

  /// Writes a tinyint, smallint, int or bigint.
  public mutating func write(integer value: Int64) {
    put { DigitText.integer(value, at: $0) }
  }

  /// Writes `magnitude` x 10^-`scale`; also money and smallmoney with scale 4. Printed with exactly
  /// `scale` fractional digits, 0 to 38; zero is never negative.
  public mutating func write(decimal magnitude: UInt128, isNegative: Bool, scale: Int) {
    guard (0...38).contains(scale) else {
      return putNothing("a decimal with scale \(scale), not 0 to 38")
    }
    put { DigitText.decimal(magnitude, isNegative: isNegative, scale: scale, at: $0) }
  }

  public mutating func write(double value: Double) {
    put { FloatText.double(value, at: $0) }
  }

  public mutating func write(float value: Float) {
    put { FloatText.float(value, at: $0) }
  }

  /// Days since 0001-01-01, 0 to 3,652,058.
  public mutating func write(dateDays days: Int) {
    guard TimeText.days.contains(days) else { return putNothing("day \(days) since 0001-01-01") }
    put { TimeText.date(days, at: $0) }
  }

  /// Units of 100 ns since midnight, 0 ..< 864,000,000,000. The seventh digit is cut off.
  public mutating func write(timeTicks ticks: Int64) {
    guard TimeText.ticks.contains(ticks) else { return putNothing("\(ticks) x 100 ns of a day") }
    put { TimeText.time(ticks, at: $0) }
  }

  /// Days since 0001-01-01 and units of 100 ns since midnight. The seventh digit is cut off.
  public mutating func write(timestampDays days: Int, ticks: Int64) {
    write(days, ticks, isInstant: false)
  }

  /// As `write(timestampDays:ticks:)`, both UTC, printed with `+00`.
  public mutating func write(instantDays days: Int, ticks: Int64) {
    write(days, ticks, isInstant: true)
  }

  /// 16 bytes in SQL Server's order (first three groups little-endian).
  public mutating func write(guid bytes: UnsafeRawBufferPointer) {
    guard bytes.count == 16 else { return putNothing("a GUID of \(bytes.count) bytes") }
    put { HexText.guid(bytes, at: $0) }
  }

  private mutating func write(_ days: Int, _ ticks: Int64, isInstant: Bool) {
    // An offset moves the first and the last day of the calendar by one day more in UTC.
    let range = isInstant ? TimeText.instantDays : TimeText.days
    guard range.contains(days), TimeText.ticks.contains(ticks) else {
      return putNothing("day \(days) since 0001-01-01 with \(ticks) x 100 ns")
    }
    put { TimeText.timestamp(days, ticks, isInstant: isInstant, at: $0) }
  }

  /// Stands for a value that the source does not hand over because it is too large: makes the row a
  /// reject.
  public mutating func writeNothing(ofMoreThan byteCountMax: Int) {
    openCell()
    reject(.valueTooLarge(byteCountMax: byteCountMax))
    closeCell()
  }

  private mutating func put(_ layOut: (UnsafeMutablePointer<UInt8>) -> Int) {
    openCell()
    let target = rows.room(Self.valueByteCountMax)
    rows.advance(by: layOut(target))
    closeCell()
  }

  private mutating func putNothing(_ what: String) {
    openCell()
    refuse(.badValue, "\(what) is no \(columnTypeName)", advice: "the source is damaged")
    closeCell()
  }
}
