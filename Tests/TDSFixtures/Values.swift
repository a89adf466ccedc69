// The bytes of values on the wire ([MS-TDS] 2.2.5.5), without their frame.

import BackupFixtures
import Catalog

enum WireValue {
  /// - Parameter textSize: Bytes after which large values are cut, as `SET TEXTSIZE` has it.
  /// - Returns: nil for NULL.
  static func bytes(
    _ value: FixtureValue, _ column: ResultColumn, textSize: Int = .max
  ) -> [UInt8]? {
    guard let bytes = whole(value, column.type, column.collation.codePage ?? 1252) else {
      return nil
    }
    return column.type.isCutByTextSize && bytes.count > textSize
      ? Array(bytes.prefix(textSize)) : bytes
  }

  private static func whole(
    _ value: FixtureValue, _ type: ColumnType, _ codePage: Int
  ) -> [UInt8]? {
    switch value {
    case .null: return nil
    case .bool(let bool): return [bool ? 1 : 0]
    case .integer(let number): return littleEndian(number, bytes: byteCount(type))
    case .decimal(let magnitude, let isNegative):
      return decimal(magnitude, isNegative: isNegative, type)
    case .double(let double): return littleEndian(double.bitPattern, bytes: 8)
    case .float(let float): return littleEndian(float.bitPattern, bytes: 4)
    case .date(let days): return littleEndian(days, bytes: 3)
    case .time(let ticks): return time(ticks, type)
    case .timestamp(let days, let ticks):
      if type.base == .smalldatetime {
        return littleEndian(days - daysTo1900, bytes: 2)
          + littleEndian(ticks / 600_000_000, bytes: 2)
      }
      return time(ticks, type) + littleEndian(days, bytes: 3)
    case .datetime(let days, let ticks300):
      return littleEndian(days - daysTo1900, bytes: 4) + littleEndian(ticks300, bytes: 4)
    case .instant(let days, let ticks, let offset):
      return time(ticks, type) + littleEndian(days, bytes: 3) + littleEndian(offset, bytes: 2)
    case .text(let text): return padded(self.text(text, type, codePage), type)
    case .utf16(let units): return padded(utf16Bytes(units), type)
    case .bytes(let bytes): return padded(bytes, type)
    case .encoded(let bytes, _):
      return type.base == .sqlVariant ? variant(stored: bytes) : padded(bytes, type)
    case .xml(let document): return utf16Bytes(XMLText.text(document))
    }
  }

  /// Days from 0001-01-01 to 1900-01-01.
  private static let daysTo1900 = 693_595

  private static func byteCount(_ type: ColumnType) -> Int {
    switch type.base {
    case .tinyint, .bit: 1
    case .smallint: 2
    case .int: 4
    default: 8
    }
  }

  /// The money types are whole numbers, of eight bytes with the high half first.
  private static func decimal(
    _ magnitude: UInt128, isNegative: Bool, _ type: ColumnType
  ) -> [UInt8] {
    let number = isNegative ? -Int128(magnitude) : Int128(magnitude)
    switch type.base {
    case .smallmoney: return littleEndian(number, bytes: 4)
    case .money: return littleEndian(number >> 32, bytes: 4) + littleEndian(number, bytes: 4)
    default:
      let count = WireType.decimalByteCount(type.precision ?? 18)
      return [isNegative ? 0 : 1] + littleEndian(magnitude, bytes: count - 1)
    }
  }

  /// Counted in units of the scale, in 3 bytes up to scale 2, 4 up to scale 4, else 5.
  private static func time(_ ticks: Int64, _ type: ColumnType) -> [UInt8] {
    let scale = type.scale ?? 7
    var unit: Int64 = 1
    for _ in scale..<7 { unit *= 10 }
    precondition(ticks % unit == 0, "time of \(ticks) x 100 ns does not fit scale \(scale)")
    return littleEndian(ticks / unit, bytes: scale <= 2 ? 3 : scale <= 4 ? 4 : 5)
  }

  private static func text(_ text: String, _ type: ColumnType, _ codePage: Int) -> [UInt8] {
    switch type.base {
    case .nchar, .nvarchar, .ntext: utf16Bytes(text)
    case .xml: utf16Bytes(XMLText.text(.text(text)))
    default: EightBitText.bytes(text, codePage)
    }
  }

  /// Fixed-length text is filled with blanks, binary with zeros.
  private static func padded(_ bytes: [UInt8], _ type: ColumnType) -> [UInt8] {
    let length = type.length ?? 1
    let (count, filler): (Int, [UInt8]) =
      switch type.base {
      case .char: (length, [0x20])
      case .nchar: (2 * length, [0x20, 0])
      case .binary: (length, [0])
      default: (0, [0])
      }
    var bytes = bytes
    while bytes.count < count { bytes += filler }
    return bytes
  }

  /// A sql_variant as rows store it (type, version 1, properties, value), as the wire has it: type,
  /// number of bytes of the properties, properties, value.
  private static func variant(stored bytes: [UInt8]) -> [UInt8] {
    let type = bytes[0]
    var rest = bytes[2...]
    func take(_ count: Int) -> [UInt8] {
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    switch type {
    case 0xA7, 0xAF, 0xE7, 0xEF:
      // Stored: byte count and collation id; on the wire the collation comes first and has 5 bytes.
      let length = take(2)
      _ = take(4)
      return [type, 7] + wireCollation(.sqlLatin1) + length + rest
    case 0xA5, 0xAD, 0x6A, 0x6C: return [type, 2] + take(2) + rest
    case 0x29, 0x2A, 0x2B: return [type, 1] + take(1) + rest
    case 0x3C, 0x3D: return [type, 0] + rest.dropFirst(4) + rest.prefix(4)
    case 0x3A: return [type, 0] + rest.dropFirst(2) + rest.prefix(2)
    default: return [type, 0] + rest
    }
  }
}

extension ColumnType {
  fileprivate var isCutByTextSize: Bool {
    isMax || base == .text || base == .ntext || base == .image
  }
}
