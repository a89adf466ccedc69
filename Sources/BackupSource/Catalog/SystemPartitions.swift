/// A row of `systypedsubobjs`.
struct SystemParameter: Sendable {
  let owner: Int
  let number: Int
  let xtype: UInt8
  let length: Int
  let precision: Int
  let scale: Int

  init(_ row: SystemRow) throws(BackupError) {
    owner = try row.int("idmajor")
    number = try row.int("subid")
    xtype = UInt8(truncatingIfNeeded: try row.int("xtype"))
    length = Int(Int16(truncatingIfNeeded: try row.int("length")))
    precision = Int(UInt8(truncatingIfNeeded: try row.int("prec")))
    scale = Int(UInt8(truncatingIfNeeded: try row.int("scale")))
  }
}

/// A row of `sysobjvalues` that belongs to a partition function, as far as its id tells: ids of other
/// classes can be the same.
struct SystemRangeValue: Sendable {
  let valueClass: Int
  let owner: Int
  let part: Int
  let number: Int
  /// Nil for NULL.
  let value: Variant?

  static func of(
    _ functions: [SystemClassObject], in tables: SystemTables
  ) throws(BackupError) -> [SystemRangeValue] {
    guard !functions.isEmpty else { return [] }
    let ids = Set(functions.map(\.id))
    return try tables.rows("sysobjvalues") { (row) throws(BackupError) -> SystemRangeValue? in
      let owner = try row.int("objid")
      guard ids.contains(owner), try row.bytes("imageval") == nil else { return nil }
      return SystemRangeValue(
        valueClass: try row.int("valclass"), owner: owner, part: try row.int("subobjid"),
        number: try row.int("valnum"), value: try row.bytes("value").flatMap { Variant($0) })
    }
  }
}
