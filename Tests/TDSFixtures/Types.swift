// How columns and values look on the wire ([MS-TDS] 2.2.5.4 to 2.2.5.6).

import BackupFixtures
import Catalog

/// A type of the wire: its description in COLMETADATA and the frame that its values come in.
struct WireType {
  /// TYPE_INFO.
  var info: [UInt8]
  var frame: Frame
  var userType: UInt32 = 0

  enum Frame {
    /// The bytes alone; never NULL.
    case fixed
    /// One byte of length, 0 for NULL.
    case byteLength
    /// Two bytes of length, FFFF for NULL.
    case shortLength
    /// A text pointer and a timestamp before the length; a single 0 for NULL.
    case textPointer
    /// Four bytes of length, 0 for NULL.
    case longLength
    /// Partially length-prefixed: parts, whose sum may be unknown.
    case parts
  }

  init(_ column: ResultColumn) {
    let type = column.type
    let length = type.length ?? 1
    let isFixed = !column.isNullable
    switch type.base {
    case .bit: self.init(isFixed ? 0x32 : nil, orNullable: 0x68, 1)
    case .tinyint: self.init(isFixed ? 0x30 : nil, orNullable: 0x26, 1)
    case .smallint: self.init(isFixed ? 0x34 : nil, orNullable: 0x26, 2)
    case .int: self.init(isFixed ? 0x38 : nil, orNullable: 0x26, 4)
    case .bigint: self.init(isFixed ? 0x7F : nil, orNullable: 0x26, 8)
    case .real: self.init(isFixed ? 0x3B : nil, orNullable: 0x6D, 4)
    case .float: self.init(isFixed ? 0x3E : nil, orNullable: 0x6D, 8)
    case .smallmoney: self.init(isFixed ? 0x7A : nil, orNullable: 0x6E, 4)
    case .money: self.init(isFixed ? 0x3C : nil, orNullable: 0x6E, 8)
    case .smalldatetime: self.init(isFixed ? 0x3A : nil, orNullable: 0x6F, 4)
    case .datetime: self.init(isFixed ? 0x3D : nil, orNullable: 0x6F, 8)
    case .decimal, .numeric:
      let precision = type.precision ?? 18
      self.init(
        [
          type.base == .decimal ? 0x6A : 0x6C, UInt8(Self.decimalByteCount(precision)),
          UInt8(precision), UInt8(type.scale ?? 0),
        ], .byteLength)
    case .date: self.init([0x28], .byteLength)
    case .time: self.init([0x29, UInt8(type.scale ?? 7)], .byteLength)
    case .datetime2: self.init([0x2A, UInt8(type.scale ?? 7)], .byteLength)
    case .datetimeoffset: self.init([0x2B, UInt8(type.scale ?? 7)], .byteLength)
    case .uniqueidentifier: self.init([0x24, 16], .byteLength)
    case .char: self.init(0xAF, byteCount: length, column.collation)
    case .varchar: self.init(0xA7, byteCount: type.isMax ? nil : length, column.collation)
    case .nchar: self.init(0xEF, byteCount: 2 * length, column.collation)
    case .nvarchar: self.init(0xE7, byteCount: type.isMax ? nil : 2 * length, column.collation)
    case .binary: self.init(0xAD, byteCount: length)
    case .varbinary: self.init(0xA5, byteCount: type.isMax ? nil : length)
    case .rowversion:
      self.init(0xAD, byteCount: 8)
      userType = 0x50
    case .text: self.init(legacy: 0x23, column.collation, column.name)
    case .ntext: self.init(legacy: 0x63, column.collation, column.name)
    case .image: self.init(legacy: 0x22, nil, column.name)
    // 0: no schema collection.
    case .xml: self.init([0xF1, 0], .parts)
    case .sqlVariant: self.init([0x62] + littleEndian(8009, bytes: 4), .longLength)
    case .hierarchyid: self.init(assemblyType: "hierarchyid", "SqlHierarchyId", byteCount: 892)
    case .geometry: self.init(assemblyType: "geometry", "SqlGeometry", byteCount: 0xFFFF)
    case .geography: self.init(assemblyType: "geography", "SqlGeography", byteCount: 0xFFFF)
    case .clr, .json, .vector:
      preconditionFailure("the fixtures do not send columns of type \(type)")
    }
  }

  /// Bytes of a decimal value, its sign included.
  static func decimalByteCount(_ precision: Int) -> Int {
    precision <= 9 ? 5 : precision <= 19 ? 9 : precision <= 28 ? 13 : 17
  }

  private init(_ info: [UInt8], _ frame: Frame) {
    self.info = info
    self.frame = frame
  }

  private init(_ fixed: UInt8?, orNullable nullable: UInt8, _ byteCount: UInt8) {
    if let fixed {
      self.init([fixed], .fixed)
    } else {
      self.init([nullable, byteCount], .byteLength)
    }
  }

  /// - Parameter byteCount: nil for (max).
  private init(_ token: UInt8, byteCount: Int?, _ collation: Collation? = nil) {
    self.init(
      [token] + littleEndian(byteCount ?? 0xFFFF, bytes: 2) + (collation.map(wireCollation) ?? []),
      byteCount == nil ? .parts : .shortLength)
  }

  /// text, ntext and image, which name their table.
  private init(legacy token: UInt8, _ collation: Collation?, _ column: String) {
    let table = "dbo"
    self.init(
      [token] + littleEndian(0x7FFF_FFFF, bytes: 4) + (collation.map(wireCollation) ?? [])
        + [1] + littleEndian(table.utf16.count, bytes: 2) + utf16Bytes(table),
      .textPointer)
  }

  private init(assemblyType name: String, _ className: String, byteCount: Int) {
    let assembly =
      "Microsoft.SqlServer.Types.\(className), Microsoft.SqlServer.Types, Version=14.0.0.0, "
      + "Culture=neutral, PublicKeyToken=89845dcd8080cc91"
    self.init(
      [0xF0] + littleEndian(byteCount, bytes: 2) + shortText("master") + shortText("sys")
        + shortText(name) + littleEndian(assembly.utf16.count, bytes: 2) + utf16Bytes(assembly),
      .parts)
  }
}

extension WireType {
  /// Appends a value in its frame.
  ///
  /// - Parameter isOmitted: NULL leaves no trace, because a bitmap tells of it.
  func append(
    _ bytes: [UInt8]?, to row: inout [UInt8], _ form: ResultSet.Form
  ) {
    guard let bytes else {
      if !form.usesNullBitmap { row += null }
      return
    }
    switch frame {
    case .fixed: row += bytes
    case .byteLength: row += [UInt8(bytes.count)] + bytes
    case .shortLength: row += littleEndian(bytes.count, bytes: 2) + bytes
    case .longLength: row += littleEndian(bytes.count, bytes: 4) + bytes
    case .textPointer:
      row += [16] + Array(repeating: 0x64, count: 16) + Array(repeating: 0x74, count: 8)
      row += littleEndian(bytes.count, bytes: 4) + bytes
    case .parts:
      row += littleEndian(form.knowsLengths ? UInt64(bytes.count) : .max - 1, bytes: 8)
      for start in stride(from: 0, to: bytes.count, by: form.partByteCount) {
        let end = min(start + form.partByteCount, bytes.count)
        row += littleEndian(end - start, bytes: 4) + bytes[start..<end]
      }
      row += [0, 0, 0, 0]
    }
  }

  private var null: [UInt8] {
    switch frame {
    case .fixed: preconditionFailure("NULL in a column that is not nullable")
    case .byteLength, .textPointer: [0]
    case .shortLength: [0xFF, 0xFF]
    case .longLength: [0, 0, 0, 0]
    case .parts: Array(repeating: 0xFF, count: 8)
    }
  }
}

/// The five bytes of a collation: locale and what it ignores, then the sort id of SQL collations.
func wireCollation(_ collation: Collation) -> [UInt8] {
  var bits: UInt32 = collation.codePage.flatMap { locales[$0] } ?? 0x409
  let ignores: [(UInt32, Bool)] = [
    (20, !collation.isCaseSensitive && !collation.isBinary),
    (21, !collation.isAccentSensitive && !collation.isBinary),
    (22, !collation.isBinary), (23, !collation.isBinary), (25, collation.isBinary),
    (26, collation.codePage == 65001),
  ]
  for (bit, isSet) in ignores where isSet { bits |= 1 << bit }
  let isSQL = collation.name?.hasPrefix("SQL_") == true
  return littleEndian(bits, bytes: 4) + [isSQL ? 52 : 0]
}

/// A locale for each code page, from which the client must know the code page again.
private let locales: [Int: UInt32] = [
  874: 0x41E, 932: 0x411, 936: 0x804, 949: 0x412, 950: 0x404, 1250: 0x405, 1251: 0x419,
  1252: 0x409, 1253: 0x408, 1254: 0x41F, 1255: 0x40D, 1256: 0x401, 1257: 0x425, 1258: 0x42A,
  65001: 0x409,
]

/// B_VARCHAR: one byte with the number of UTF-16 units, then these.
func shortText(_ text: String) -> [UInt8] {
  [UInt8(text.utf16.count)] + utf16Bytes(text)
}

/// US_VARCHAR: two bytes with the number of UTF-16 units, then these.
func longText(_ text: String) -> [UInt8] {
  littleEndian(text.utf16.count, bytes: 2) + utf16Bytes(text)
}
