package import Catalog

/// How a column type is stored and how the catalog writes it down.
package struct StoredType: Hashable {
  var xtype: Int
  var utype: Int
  /// syscolpars.length: bytes, -1 for (max).
  package var length: Int
  package var precision = 0
  package var scale = 0
  /// Bytes in the fixed part of a record; nil for variable-length types. A bit has 1.
  var fixedByteCount: Int?

  init(
    _ xtype: Int, utype: Int? = nil, length: Int, precision: Int = 0, scale: Int = 0, isFixed: Bool
  ) {
    self.xtype = xtype
    self.utype = utype ?? xtype
    self.length = length
    self.precision = precision
    self.scale = scale
    fixedByteCount = isFixed ? length : nil
  }

  /// sysrscols.ti.
  var typeInfo: Int {
    switch xtype {
    case 106, 108: xtype | precision << 8 | scale << 16
    case 41, 42, 43: xtype | scale << 8
    case 34, 35, 99, 98, 165, 167, 173, 175, 231, 239, 240, 241: xtype | max(length, 0) << 8
    default: xtype
    }
  }

  /// Whether values may stand outside the row in an allocation unit for large values.
  var isLarge: Bool { length == -1 || [34, 35, 99, 241].contains(xtype) }

  /// text, ntext, image.
  var isLegacyLarge: Bool { [34, 35, 99].contains(xtype) }

  /// Whether a long row may push values of the type into row-overflow pages.
  var canOverflow: Bool { !isLarge && [165, 167, 231, 98, 240].contains(xtype) }
}

extension StoredType {
  package init(_ type: ColumnType) {
    let length = type.length ?? 1
    let scale = type.scale ?? 0
    switch type.base {
    case .bit: self.init(104, length: 1, precision: 1, isFixed: true)
    case .tinyint: self.init(48, length: 1, precision: 3, isFixed: true)
    case .smallint: self.init(52, length: 2, precision: 5, isFixed: true)
    case .int: self.init(56, length: 4, precision: 10, isFixed: true)
    case .bigint: self.init(127, length: 8, precision: 19, isFixed: true)
    case .decimal, .numeric:
      let precision = type.precision ?? 18
      let bytes = precision <= 9 ? 5 : precision <= 19 ? 9 : precision <= 28 ? 13 : 17
      self.init(
        type.base == .decimal ? 106 : 108, length: bytes, precision: precision, scale: scale,
        isFixed: true)
    case .money: self.init(60, length: 8, precision: 19, scale: 4, isFixed: true)
    case .smallmoney: self.init(122, length: 4, precision: 10, scale: 4, isFixed: true)
    case .float: self.init(62, length: 8, precision: 53, isFixed: true)
    case .real: self.init(59, length: 4, precision: 24, isFixed: true)
    case .date: self.init(40, length: 3, precision: 10, isFixed: true)
    case .time:
      let tail = scale == 0 ? 0 : scale + 1
      self.init(
        41, length: Self.timeByteCount(scale), precision: 8 + tail, scale: scale, isFixed: true)
    case .datetime2:
      let tail = scale == 0 ? 0 : scale + 1
      self.init(
        42, length: Self.timeByteCount(scale) + 3, precision: 19 + tail, scale: scale, isFixed: true
      )
    case .datetimeoffset:
      let tail = scale == 0 ? 0 : scale + 1
      self.init(
        43, length: Self.timeByteCount(scale) + 5, precision: 26 + tail, scale: scale, isFixed: true
      )
    case .smalldatetime: self.init(58, length: 4, precision: 16, isFixed: true)
    case .datetime: self.init(61, length: 8, precision: 23, scale: 3, isFixed: true)
    case .char: self.init(175, length: length, isFixed: true)
    case .nchar: self.init(239, length: 2 * length, isFixed: true)
    case .binary: self.init(173, length: length, isFixed: true)
    case .varchar: self.init(167, length: type.isMax ? -1 : length, isFixed: false)
    case .nvarchar: self.init(231, length: type.isMax ? -1 : 2 * length, isFixed: false)
    case .varbinary: self.init(165, length: type.isMax ? -1 : length, isFixed: false)
    case .text: self.init(35, length: 16, isFixed: false)
    case .ntext: self.init(99, length: 16, isFixed: false)
    case .image: self.init(34, length: 16, isFixed: false)
    case .rowversion: self.init(189, length: 8, isFixed: true)
    case .uniqueidentifier: self.init(36, length: 16, isFixed: true)
    case .xml: self.init(241, length: -1, isFixed: false)
    case .sqlVariant: self.init(98, length: 8016, isFixed: false)
    case .hierarchyid: self.init(240, utype: 128, length: 892, isFixed: false)
    case .geometry: self.init(240, utype: 129, length: -1, isFixed: false)
    case .geography: self.init(240, utype: 130, length: -1, isFixed: false)
    case .clr, .json, .vector:
      preconditionFailure("the fixtures do not write columns of type \(type)")
    }
  }

  /// 3 bytes for 0 to 2 fractional digits, 4 for 3 and 4, 5 for 5 to 7.
  static func timeByteCount(_ scale: Int) -> Int { scale <= 2 ? 3 : scale <= 4 ? 4 : 5 }
}
