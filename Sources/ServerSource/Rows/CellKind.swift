import Catalog
import Staging

/// How the bytes of one column become cells. It is picked once for a column and is trivial to copy, so
/// that the row loop neither allocates nor counts references.
enum CellKind: Hashable {
  case bit, int1, int2, int4, int8
  case decimal(scale: Int)
  case money8, money4
  case float8, float4
  case smallDateTime, dateTime, date, time, dateTime2, dateTimeOffset
  case uniqueIdentifier
  case bytes
  case utf16(width: Int?)
  /// 8-bit text in the code page that the reader keeps for the column.
  case text(width: Int?)
  case hierarchyID
  /// Three columns of the result: base type, code page, value.
  case variant
}

extension CellKind {
  /// - Throws: `Fault` for a type whose values are not read.
  init(_ type: ColumnType) throws(Fault) {
    switch type.base {
    case .bit: self = .bit
    case .tinyint: self = .int1
    case .smallint: self = .int2
    case .int: self = .int4
    case .bigint: self = .int8
    case .decimal, .numeric: self = .decimal(scale: type.scale ?? 0)
    case .money: self = .money8
    case .smallmoney: self = .money4
    case .float: self = .float8
    case .real: self = .float4
    case .date: self = .date
    case .time: self = .time
    case .smalldatetime: self = .smallDateTime
    case .datetime: self = .dateTime
    case .datetime2: self = .dateTime2
    case .datetimeoffset: self = .dateTimeOffset
    case .char: self = .text(width: type.length)
    case .varchar, .text: self = .text(width: nil)
    case .nchar: self = .utf16(width: type.length)
    case .nvarchar, .ntext, .xml: self = .utf16(width: nil)
    case .binary, .varbinary, .image, .rowversion, .geometry, .geography, .clr: self = .bytes
    case .uniqueidentifier: self = .uniqueIdentifier
    case .hierarchyid: self = .hierarchyID
    case .sqlVariant: self = .variant
    case .json, .vector: throw Fault("values of type \(type) are not read")
    }
  }

  /// The same where text comes as UTF-8, or as nvarchar, which db-lib makes UTF-8.
  var asUTF8: CellKind {
    switch self {
    case .utf16(let width), .text(let width): .text(width: width)
    default: self
    }
  }

  /// The types in which db-lib may hand over the values.
  var serverTypes: Set<ServerType> {
    switch self {
    case .bit: [.bit]
    case .int1: [.int1]
    case .int2: [.int2]
    case .int4: [.int4]
    case .int8: [.int8]
    case .decimal: [.numeric]
    case .money8: [.money8]
    case .money4: [.money4]
    case .float8: [.float8]
    case .float4: [.float4]
    case .smallDateTime: [.dateTime4]
    case .dateTime: [.dateTime8]
    case .date: [.date]
    case .time: [.time]
    case .dateTime2: [.dateTime2]
    case .dateTimeOffset: [.dateTimeOffset]
    case .uniqueIdentifier: [.uniqueIdentifier]
    case .bytes, .utf16, .hierarchyID, .variant: [.binary, .image]
    case .text: [.binary, .image, .char, .text]
    }
  }
}

/// What is wrong with a value or a column. It knows no place: the loop that reads the row adds it.
struct Fault: Error, Hashable {
  var problem: String

  init(_ problem: String) { self.problem = problem }
}
