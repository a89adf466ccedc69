/// Where rowsets keep their columns, as `sysrscols` says (section 11), or `sysrowsetcolumns` with
/// `syshobtcolumns` in SQL Server 2005.
extension PhysicalColumn {
  /// Column ids from here on stand for dropped (0x0400_0000) and internal (0x0800_0000) columns.
  static let reservedIDs = 0x0400_0000

  /// The columns of every rowset, in order of their physical number.
  static func byRowset(_ tables: SystemTables) throws(BackupError) -> [Int: [PhysicalColumn]] {
    let pairs =
      tables.has("sysrscols")
      ? try tables.rows("sysrscols", fromRowsetColumn) : try joined2005(tables)
    return Dictionary(grouping: pairs, by: \.rowset).mapValues { own in
      own.map(\.column).sorted { $0.number < $1.number }
    }
  }

  private typealias Pair = (rowset: Int, column: PhysicalColumn)

  private static func fromRowsetColumn(_ row: SystemRow) throws(BackupError) -> Pair? {
    let status = try row.int("status")
    let type = PhysicalType(
      typeInformation: UInt32(truncatingIfNeeded: try row.int("ti")))
    let column = PhysicalColumn(
      columnID: try row.int("rscolid"), number: try row.int("hbcolid"),
      nullBit: Int(UInt16(truncatingIfNeeded: try row.int("nullbit"))) - 1,
      place: place(offset: Int16(truncatingIfNeeded: try row.int("offset")), type),
      bitPosition: Int(UInt8(truncatingIfNeeded: try row.int("bitpos"))), type: type,
      isNullable: status & 0x80 == 0, isDropped: status & 0x2 != 0,
      isFilestream: status & 0x20 != 0)
    return (try row.int("rsid"), column)
  }

  private static func joined2005(_ tables: SystemTables) throws(BackupError) -> [Pair] {
    struct Key: Hashable {
      var hobt: Int
      var column: Int
    }
    let links = try tables.rows("sysrowsetcolumns") {
      (row) throws(BackupError) -> (key: Key, columnID: Int)? in
      (
        Key(hobt: try row.int("rowsetid"), column: try row.int("hobtcolid")),
        try row.int("rowsetcolid")
      )
    }
    let columns = try tables.rows("syshobtcolumns") {
      (row) throws(BackupError) -> (key: Key, column: PhysicalColumn)? in
      (
        Key(hobt: try row.int("hobtid"), column: try row.int("hobtcolumnid")),
        try fromHobtColumn(row)
      )
    }
    let byKey = Dictionary(columns.map { ($0.key, $0.column) }, uniquingKeysWith: { $1 })
    return links.compactMap { link in
      guard var column = byKey[link.key] else { return nil }
      column.columnID = link.columnID
      return (link.key.hobt, column)
    }
  }

  private static func fromHobtColumn(_ row: SystemRow) throws(BackupError) -> PhysicalColumn {
    let type = PhysicalType(
      xtype: UInt8(truncatingIfNeeded: try row.int("xtype")),
      byteCount: max(Int(Int16(truncatingIfNeeded: try row.int("length"))), 0),
      precision: Int(UInt8(truncatingIfNeeded: try row.int("prec"))),
      scale: Int(UInt8(truncatingIfNeeded: try row.int("scale"))))
    let status = try row.int("status")
    return PhysicalColumn(
      columnID: 0, number: try row.int("hobtcolumnid"),
      nullBit: Int(Int16(truncatingIfNeeded: try row.int("nullbitleaf"))) - 1,
      place: place(offset: Int16(truncatingIfNeeded: try row.int("offsetleaf")), type),
      bitPosition: Int(UInt8(truncatingIfNeeded: try row.int("bitposleaf"))), type: type,
      isNullable: status & 0x20 == 0,
      isDropped: status & 0x2 != 0, isFilestream: false)
  }

  /// - Parameter offset: > 0 a place in the fixed part, < 0 a variable column (-1 is the first),
  ///   0 sparse.
  private static func place(offset: Int16, _ type: PhysicalType) -> Place {
    let offset = Int(offset)
    if offset == 0 { return .sparse }
    if offset < 0 { return .variable(-offset - 1) }
    return .fixed(offset: offset, byteCount: type.fixedByteCount ?? 0)
  }
}

extension PhysicalType {
  /// - Parameter typeInformation: `ti`: low byte xtype, the arguments above it.
  init(typeInformation: UInt32) {
    let xtype = UInt8(truncatingIfNeeded: typeInformation)
    let upper = Int(typeInformation >> 8)
    switch xtype {
    case XType.decimal, XType.numeric:
      self.init(xtype: xtype, precision: upper & 0xFF, scale: upper >> 8 & 0xFF)
    case XType.time, XType.datetime2, XType.datetimeoffset:
      self.init(xtype: xtype, scale: upper & 0xFF)
    default:
      self.init(xtype: xtype, byteCount: upper & 0xFFFF)
    }
  }
}
