// Bytes as db-lib hands them over: numbers in the machine's order, times in its own structures, text
// and binary values as they came, because the query asks for text as varbinary.

import Staging

extension CellKind {
  /// Writes one value.
  ///
  /// - Parameter codePage: Of text.
  @inline(__always)
  func write(
    _ bytes: UnsafeRawBufferPointer, codePage: CodePage, into writer: inout TableWriter
  ) throws(Fault) {
    switch self {
    case .bit:
      try require(1, bytes)
      writer.write(bool: bytes[0] != 0)
    case .int1:
      try require(1, bytes)
      writer.write(integer: Int64(bytes[0]))
    case .int2:
      try require(2, bytes)
      writer.write(integer: Int64(bytes.load16()))
    case .int4:
      try require(4, bytes)
      writer.write(integer: Int64(bytes.load32(0)))
    case .int8:
      try require(8, bytes)
      writer.write(integer: bytes.load64(0))
    case .decimal(let scale): try Numeric(bytes).write(scale: scale, into: &writer)
    case .money8:
      try require(8, bytes)
      // DBMONEY: the high half comes first.
      let high = Int64(bytes.load32(0)) << 32
      let value = high | Int64(UInt32(bitPattern: bytes.load32(4)))
      writer.write(decimal: UInt128(value.magnitude), isNegative: value < 0, scale: 4)
    case .money4:
      try require(4, bytes)
      let value = bytes.load32(0)
      writer.write(decimal: UInt128(value.magnitude), isNegative: value < 0, scale: 4)
    case .float8:
      try require(8, bytes)
      writer.write(double: Double(bitPattern: UInt64(bitPattern: bytes.load64(0))))
    case .float4:
      try require(4, bytes)
      writer.write(float: Float(bitPattern: UInt32(bitPattern: bytes.load32(0))))
    case .smallDateTime:
      try require(4, bytes)
      try Moment.write(
        smallDays: UInt16(bitPattern: bytes.load16()),
        minutes: UInt16(bitPattern: bytes.load16(2)), into: &writer)
    case .dateTime:
      try require(8, bytes)
      try Moment.write(
        daysSince1900: bytes.load32(0), thirds: UInt32(bitPattern: bytes.load32(4)), into: &writer)
    case .date:
      let moment = try Moment(bytes)
      writer.write(dateDays: moment.days)
    case .time:
      try Moment(bytes).writeTime(into: &writer)
    case .dateTime2:
      let moment = try Moment(bytes)
      writer.write(timestampDays: moment.days, ticks: moment.ticks)
    case .dateTimeOffset:
      // Date and time are UTC; the offset in minutes has no place in the target.
      let moment = try Moment(bytes)
      writer.write(instantDays: moment.days, ticks: moment.ticks)
    case .uniqueIdentifier:
      try require(16, bytes)
      writer.write(guid: bytes)
    case .bytes: writer.write(bytes: bytes)
    case .utf16(let width):
      guard bytes.count & 1 == 0 else { throw Fault("UTF-16 text of \(bytes.count) bytes") }
      writer.write(utf16: bytes, paddedTo: width)
    case .text(let width): writer.write(text: bytes, in: codePage, paddedTo: width)
    case .hierarchyID: try writeHierarchyID(bytes, into: &writer)
    case .variant: throw Fault("a sql_variant without its type")
    }
  }

  private func writeHierarchyID(
    _ bytes: UnsafeRawBufferPointer, into writer: inout TableWriter
  ) throws(Fault) {
    var text: String
    do throws(HierarchyID.Damage) {
      text = try HierarchyID(bytes).description
    } catch {
      throw Fault(error.problem)
    }
    text.withUTF8 { writer.write(utf8: UnsafeRawBufferPointer($0)) }
  }
}

/// The check before every value of a fixed width.
@inline(__always)
func require(_ expected: Int, _ bytes: UnsafeRawBufferPointer) throws(Fault) {
  guard bytes.count == expected else {
    throw Fault("expected a value of \(expected) bytes, found \(bytes.count)")
  }
}

/// DBNUMERIC: u8 precision, u8 scale, then u8 sign (1 = negative) and the magnitude, the highest byte
/// first, as wide as the precision asks for.
struct Numeric {
  private let bytes: UnsafeRawBufferPointer

  static let byteCount = 35

  init(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
    try require(Self.byteCount, bytes)
    self.bytes = bytes
  }

  func write(scale: Int, into writer: inout TableWriter) throws(Fault) {
    let precision = Int(bytes[0])
    guard (1...38).contains(precision), Int(bytes[1]) == scale else {
      throw Fault("a decimal(\(precision),\(bytes[1])) where the catalog says scale \(scale)")
    }
    let end = 3 + Self.magnitudeByteCount(precision)
    var magnitude: UInt128 = 0
    for index in 3..<end { magnitude = magnitude << 8 | UInt128(bytes[index]) }
    writer.write(decimal: magnitude, isNegative: bytes[2] != 0, scale: scale)
  }

  /// Bytes that hold 10^precision - 1: 2.4082 digits in each.
  @inline(__always)
  private static func magnitudeByteCount(_ precision: Int) -> Int {
    (precision * 10_000 + 24_081) / 24_082
  }
}

/// DBDATETIMEALL: u64 units of 100 ns since midnight, i32 days since 1900-01-01, i16 offset, u16 flags;
/// and the older structures.
struct Moment {
  let days: Int
  let ticks: Int64
  private let isEndOfDay: Bool

  private static let byteCount = 16
  /// From 0001-01-01 to 1900-01-01.
  private static let daysTo1900 = 693_595
  /// To 9999-12-31, and one day more in UTC.
  private static let dayRange = -1...3_652_059
  private static let ticksPerDay: UInt64 = 864_000_000_000

  @inline(__always)
  init(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
    try require(Self.byteCount, bytes)
    let time = UInt64(bitPattern: bytes.load64(0))
    // Babelfish rounds the last 100 ns of a day up to its end.
    guard time <= Self.ticksPerDay else { throw Fault("no such time: \(time) x 100 ns") }
    isEndOfDay = time == Self.ticksPerDay
    ticks = isEndOfDay ? 0 : Int64(time)
    days = Int(bytes.load32(8)) + Self.daysTo1900 + (isEndOfDay ? 1 : 0)
  }

  /// PostgreSQL has the end of a day as a time of its own.
  func writeTime(into writer: inout TableWriter) {
    guard isEndOfDay else { return writer.write(timeTicks: ticks) }
    let text: StaticString = "24:00:00"
    text.withUTF8Buffer { writer.write(utf8: UnsafeRawBufferPointer($0)) }
  }

  static func write(
    smallDays: UInt16, minutes: UInt16, into writer: inout TableWriter
  ) throws(Fault) {
    guard minutes < 24 * 60 else { throw Fault("no such smalldatetime: \(minutes) minutes") }
    writer.write(
      timestampDays: Int(smallDays) + daysTo1900, ticks: Int64(minutes) * 600_000_000)
  }

  static func write(
    daysSince1900: Int32, thirds: UInt32, into writer: inout TableWriter
  ) throws(Fault) {
    let days = Int(daysSince1900) + daysTo1900
    guard thirds < 300 * 86_400, dayRange.contains(days) else {
      throw Fault("no such datetime: \(thirds) ticks, \(daysSince1900) days")
    }
    // Shown as .000, .003 and .007: the nearest millisecond.
    let milliseconds = (Int64(thirds) * 10 + 1) / 3
    writer.write(timestampDays: days, ticks: milliseconds * 10_000)
  }
}
