// A sql_variant is asked for as three columns: the name of its base type, the code page of its
// collation, and its bytes as CAST(… AS varbinary(8000)) makes them. In that form numbers have their
// highest byte first, as CONVERT documents it for binary; times keep the order of their storage.

import Staging

/// One value of a sql_variant column.
struct VariantValue {
  let baseType: UnsafeRawBufferPointer
  /// Windows code page of 8-bit text.
  let codePage: Int?
  let bytes: UnsafeRawBufferPointer

  /// Writes the value's text.
  ///
  /// - Throws: `Fault` for a base type that is not known, and for bytes that are none of its values.
  func write(into writer: inout TableWriter) throws(Fault) {
    let name = String(decoding: baseType, as: UTF8.self)
    switch name {
    // The column's text form is that of text: a bit prints as the number that SQL Server shows.
    case "bit", "tinyint": try writer.write(integer: Int64(number(1)))
    case "smallint": try writer.write(integer: Int64(Int16(truncatingIfNeeded: number(2))))
    case "int": try writer.write(integer: Int64(Int32(truncatingIfNeeded: number(4))))
    case "bigint": try writer.write(integer: Int64(bitPattern: number(8)))
    case "money": try writeMoney(Int64(bitPattern: number(8)), into: &writer)
    case "smallmoney":
      try writeMoney(Int64(Int32(truncatingIfNeeded: number(4))), into: &writer)
    case "decimal", "numeric": try writeDecimal(into: &writer)
    case "real": try writer.write(float: Float(bitPattern: UInt32(truncatingIfNeeded: number(4))))
    case "float": try writer.write(double: Double(bitPattern: number(8)))
    case "smalldatetime":
      let value = try number(4)
      try Moment.write(
        smallDays: UInt16(value >> 16), minutes: UInt16(truncatingIfNeeded: value), into: &writer)
    case "datetime":
      let value = try number(8)
      try Moment.write(
        daysSince1900: Int32(truncatingIfNeeded: value >> 32),
        thirds: UInt32(truncatingIfNeeded: value), into: &writer)
    case "date":
      try require(3, bytes)
      writer.write(dateDays: Int(littleEndian(bytes)))
    case "time": try writer.write(timeTicks: ticks(trailing: 0).ticks)
    case "datetime2":
      let value = try ticks(trailing: 3)
      writer.write(timestampDays: value.days, ticks: value.ticks)
    case "datetimeoffset":
      let value = try ticks(trailing: 5)
      writer.write(instantDays: value.days, ticks: value.ticks)
    case "char", "varchar": try writeText(into: &writer)
    case "nchar", "nvarchar", "sysname":
      guard bytes.count & 1 == 0 else { throw Fault("UTF-16 text of \(bytes.count) bytes") }
      writer.write(utf16: bytes)
    case "binary", "varbinary": writer.write(bytes: bytes)
    case "uniqueidentifier":
      try require(16, bytes)
      writer.write(guid: bytes)
    default: throw Fault("a sql_variant of type \(name)")
    }
  }

  private func number(_ byteCount: Int) throws(Fault) -> UInt64 {
    try require(byteCount, bytes)
    return bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func littleEndian(_ bytes: some BidirectionalCollection<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func writeMoney(_ value: Int64, into writer: inout TableWriter) {
    writer.write(decimal: UInt128(value.magnitude), isNegative: value < 0, scale: 4)
  }

  /// u8 precision, u8 scale, a zero, u8 sign (1 = positive), then the magnitude, lowest byte first.
  private func writeDecimal(into writer: inout TableWriter) throws(Fault) {
    guard (5...20).contains(bytes.count), bytes[1] <= 38, bytes[2] == 0, bytes[3] <= 1 else {
      throw Fault("no decimal in a sql_variant")
    }
    let magnitude = bytes[4...].reversed().reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    writer.write(decimal: magnitude, isNegative: bytes[3] == 0, scale: Int(bytes[1]))
  }

  /// u8 scale, the time of day in 3 to 5 bytes, then `trailing` bytes of which the first three are
  /// the day; the offset of datetimeoffset comes last and has no place in the target.
  private func ticks(trailing: Int) throws(Fault) -> (days: Int, ticks: Int64) {
    guard let scale = bytes.first, scale <= 7 else { throw Fault("no time in a sql_variant") }
    let timeByteCount = scale <= 2 ? 3 : scale <= 4 ? 4 : 5
    try require(1 + timeByteCount + trailing, bytes)
    var ticks = littleEndian(bytes[1..<1 + timeByteCount])
    for _ in Int(scale)..<7 { ticks *= 10 }
    guard ticks < 864_000_000_000 else { throw Fault("no such time: \(ticks) x 100 ns") }
    let day = trailing == 0 ? 0 : littleEndian(bytes[(1 + timeByteCount)..<(4 + timeByteCount)])
    return (Int(day), Int64(ticks))
  }

  private func writeText(into writer: inout TableWriter) throws(Fault) {
    guard let codePage else {
      writer.write(text: bytes, in: .ascii)
      return
    }
    guard let known = CodePage(number: codePage) else {
      throw Fault("code page \(codePage) is not known here")
    }
    writer.write(text: bytes, in: known)
  }
}
