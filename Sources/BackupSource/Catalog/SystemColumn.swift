/// A row of `syscolpars` with number 0: a column of a table, view or system table.
struct SystemColumn: Sendable {
  /// Bits of `status` (section 10.2).
  struct Status: OptionSet, Sendable {
    let rawValue: Int
    static let notNull = Status(rawValue: 0x1)
    static let identity = Status(rawValue: 0x4)
    static let rowGUID = Status(rawValue: 0x8)
    static let computed = Status(rawValue: 0x10)
    static let filestream = Status(rawValue: 0x20)
    static let hidden = Status(rawValue: 0x2000)
    static let sparse = Status(rawValue: 0x100_0000)
    static let columnSet = Status(rawValue: 0x200_0000)
    static let rowStart = Status(rawValue: 0x1000_0000)
    static let rowEnd = Status(rawValue: 0x2000_0000)
  }

  let objectID: Int
  let columnID: Int
  let name: String
  let xtype: UInt8
  let userType: Int
  /// In bytes; -1 = max.
  let length: Int
  let precision: Int
  let scale: Int
  let collationID: UInt32
  let status: Status
  let defaultID: Int
  let ruleID: Int
  let identityBytes: [UInt8]?

  /// As a system table declares it.
  var declaration: SystemLayout.Declaration {
    .init(name, xtype, max(length, 0))
  }
}

extension SystemColumn {
  /// - Returns: nil for a parameter.
  init?(_ row: SystemRow) throws(BackupError) {
    guard try row.int("number") == 0 else { return nil }
    objectID = try row.int("id")
    columnID = try row.int("colid")
    name = try row.string("name")
    xtype = UInt8(truncatingIfNeeded: try row.int("xtype"))
    userType = try row.int("utype")
    length = Int(Int16(truncatingIfNeeded: try row.int("length")))
    precision = Int(UInt8(truncatingIfNeeded: try row.int("prec")))
    scale = Int(UInt8(truncatingIfNeeded: try row.int("scale")))
    collationID = UInt32(truncatingIfNeeded: try row.int("collationid"))
    status = Status(rawValue: try row.int("status"))
    defaultID = try row.int("dflt")
    ruleID = try row.int("chk")
    identityBytes = try row.bytes("idtval")
  }
}
