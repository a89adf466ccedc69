/// Where a rowset keeps one column (section 11), by the catalog and not by the declaration order.
struct PhysicalColumn: Sendable {
  enum Place: Sendable, Equatable {
    /// Byte offset from the record's start.
    case fixed(offset: Int, byteCount: Int)
    /// Number among the variable columns, from 0.
    case variable(Int)
    /// In the sparse vector.
    case sparse
  }

  /// Of the table; ids above `syscolpars` stand for dropped and internal columns.
  var columnID: Int
  /// Physical number of the column in the rowset, from 1.
  var number: Int
  /// From 0. In a compressed record it is the number of the column.
  var nullBit: Int
  var place: Place
  /// Of bit columns: which bit of the byte at `place`.
  var bitPosition: Int
  var type: PhysicalType
  var isNullable: Bool
  var isDropped: Bool
  var isFilestream: Bool
}

/// A type as rowsets note it: the `xtype` number of the catalog and its arguments.
struct PhysicalType: Sendable, Equatable {
  var xtype: UInt8
  /// In bytes, 0 for (max).
  var byteCount: Int = 0
  var precision: Int = 0
  var scale: Int = 0

  /// Bytes that a value of a fixed-length type takes in a record; nil for variable-length types.
  var fixedByteCount: Int? {
    switch xtype {
    case XType.tinyint, XType.bit: 1
    case XType.smallint: 2
    case XType.int, XType.real, XType.smallmoney, XType.smalldatetime: 4
    case XType.bigint, XType.float, XType.money, XType.datetime, XType.rowversion: 8
    case XType.date: 3
    case XType.time: timeByteCount
    case XType.datetime2: timeByteCount + 3
    case XType.datetimeoffset: timeByteCount + 5
    case XType.uniqueidentifier: 16
    case XType.decimal, XType.numeric: Self.decimalByteCount(precision: precision)
    case XType.char, XType.nchar, XType.binary: byteCount
    default: nil
    }
  }

  static func decimalByteCount(precision: Int) -> Int {
    switch precision {
    case ...9: 5
    case ...19: 9
    case ...28: 13
    default: 17
    }
  }

  private var timeByteCount: Int {
    switch scale {
    case ...2: 3
    case ...4: 4
    default: 5
    }
  }
}

/// The type numbers of the catalog (section 10.2).
enum XType {
  static let image: UInt8 = 34
  static let text: UInt8 = 35
  static let uniqueidentifier: UInt8 = 36
  static let date: UInt8 = 40
  static let time: UInt8 = 41
  static let datetime2: UInt8 = 42
  static let datetimeoffset: UInt8 = 43
  static let tinyint: UInt8 = 48
  static let smallint: UInt8 = 52
  static let int: UInt8 = 56
  static let smalldatetime: UInt8 = 58
  static let real: UInt8 = 59
  static let money: UInt8 = 60
  static let datetime: UInt8 = 61
  static let float: UInt8 = 62
  static let sqlVariant: UInt8 = 98
  static let ntext: UInt8 = 99
  static let bit: UInt8 = 104
  static let decimal: UInt8 = 106
  static let numeric: UInt8 = 108
  static let smallmoney: UInt8 = 122
  static let bigint: UInt8 = 127
  static let varbinary: UInt8 = 165
  static let varchar: UInt8 = 167
  static let binary: UInt8 = 173
  static let char: UInt8 = 175
  static let rowversion: UInt8 = 189
  static let nvarchar: UInt8 = 231
  static let nchar: UInt8 = 239
  static let clr: UInt8 = 240
  static let xml: UInt8 = 241
  static let json: UInt8 = 244
}
