import CSybDB

/// What db-lib says of a column of a result: the type of the bytes that it hands over.
enum ServerType: Hashable {
  case bit, int1, int2, int4, int8, float4, float8, money4, money8, numeric
  case dateTime4, dateTime8, date, time, dateTime2, dateTimeOffset
  case char, text, binary, image, uniqueIdentifier
  case other(Int)

  init(_ number: Int32) {
    self = Self.types[Int(number)] ?? .other(Int(number))
  }

  /// SYBUNIQUE, which the public header leaves out.
  private static let uniqueIdentifierNumber = 36

  private static let types: [Int: ServerType] = [
    Int(SYBBIT): .bit, Int(SYBINT1): .int1, Int(SYBINT2): .int2, Int(SYBINT4): .int4,
    Int(SYBINT8): .int8, Int(SYBREAL): .float4, Int(SYBFLT8): .float8, Int(SYBMONEY4): .money4,
    Int(SYBMONEY): .money8, Int(SYBNUMERIC): .numeric, Int(SYBDECIMAL): .numeric,
    Int(SYBDATETIME4): .dateTime4, Int(SYBDATETIME): .dateTime8, Int(SYBMSDATE): .date,
    Int(SYBMSTIME): .time, Int(SYBMSDATETIME2): .dateTime2,
    Int(SYBMSDATETIMEOFFSET): .dateTimeOffset, Int(SYBCHAR): .char, Int(SYBVARCHAR): .char,
    Int(SYBNVARCHAR): .char, Int(SYBTEXT): .text, Int(SYBNTEXT): .text, Int(SYBBINARY): .binary,
    Int(SYBVARBINARY): .binary, Int(SYBIMAGE): .image, uniqueIdentifierNumber: .uniqueIdentifier,
  ]
}
