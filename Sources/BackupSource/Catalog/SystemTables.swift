/// The catalog's own tables, read by what the catalog says of itself (section 9).
///
/// Five layouts are known from the start; with them `syscolpars` is read, which describes the system
/// tables too, so differences between server versions take care of themselves.
final class SystemTables {
  let pages: any PageReading
  let allocation: AllocationReader
  /// By the rowset that they belong to.
  private(set) var allocationUnits: [Int: [AllocationUnit]] = [:]
  private(set) var rowsets: [Rowset] = []
  private var layouts: [String: SystemLayout] = [:]
  private var objectIDs: [String: Int] = [:]
  private let buffer = PageBuffer()
  private let offRow: OffRowReader

  private static let rowsetsRowset = 5 << 16
  private static let columnsObject = 41
  private static let objectsObject = 34

  init(_ pages: any PageReading, boot: BootPage) throws(BackupError) {
    self.pages = pages
    allocation = AllocationReader(pages)
    // Some tables are read twice, and some columns of a row.
    offRow = OffRowReader(pages, readCount: 4)
    try readAllocationUnits(first: boot.firstAllocationUnitPage)
    rowsets = try rows(ofRowset: Self.rowsetsRowset, .sysrowsets, Rowset.init)
    try describe()
  }

  /// Whether this version of the catalog has the table.
  func has(_ table: String) -> Bool { layouts[table] != nil }

  /// Whether the table has the column.
  func has(_ table: String, column: String) -> Bool { layouts[table]?.columns[column] != nil }

  /// Reads all rows of a system table, in no particular order; none where this version has no such
  /// table.
  func rows<Row>(
    _ table: String, _ make: (SystemRow) throws(BackupError) -> Row?
  ) throws(BackupError) -> [Row] {
    guard let layout = layouts[table], let object = objectIDs[table],
      let rowset = rowsets.first(where: { $0.objectID == object && $0.indexID <= 1 })
    else { return [] }
    return try rows(ofRowset: rowset.id, layout, make)
  }

  /// Learns the columns of every system table from `syscolpars`.
  private func describe() throws(BackupError) {
    let columns = try rows(ofObject: Self.columnsObject, .syscolpars, SystemColumn.init)
    let byObject = Dictionary(grouping: columns, by: \.objectID)
    let objects = try rows(ofObject: Self.objectsObject, .sysschobjs) {
      (row) throws(BackupError) -> (id: Int, name: String)? in
      let id = try row.int("id")
      guard id > 0 && id < 100, try row.ascii("type") == "S " else { return nil }
      return (id, try row.string("name"))
    }
    for object in objects {
      let own = (byObject[object.id] ?? []).sorted { $0.columnID < $1.columnID }
      guard !own.isEmpty else { continue }
      layouts[object.name] = SystemLayout(table: object.name, own.map(\.declaration))
      objectIDs[object.name] = object.id
    }
    for name in ["syscolpars", "sysschobjs", "sysidxstats", "sysiscols", "sysobjvalues"]
    where layouts[name] == nil {
      throw BackupError(
        .unknown, file: pages.fileName, place: "system table \(name)",
        problem: "the catalog does not describe itself as SQL Server 2005 to 2022 does")
    }
  }

  private func rows<Row>(
    ofObject object: Int, _ layout: SystemLayout,
    _ make: (SystemRow) throws(BackupError) -> Row?
  ) throws(BackupError) -> [Row] {
    guard let rowset = rowsets.first(where: { $0.objectID == object && $0.indexID == 1 }) else {
      throw BackupError(
        .damaged, file: pages.fileName, place: "system table \(layout.table)",
        problem: "the catalog has no rowset for it")
    }
    return try rows(ofRowset: rowset.id, layout, make)
  }

  private func rows<Row>(
    ofRowset rowset: Int, _ layout: SystemLayout,
    _ make: (SystemRow) throws(BackupError) -> Row?
  ) throws(BackupError) -> [Row] {
    var result: [Row] = []
    for unit in allocationUnits[rowset] ?? [] where unit.kind == .inRow {
      let set = try PageSet(firstIAM: unit.firstIAM, allocation: allocation)
      for page in set.pages {
        try buffer.load(page, from: pages)
        guard buffer.type == .data else { continue }
        try appendRows(layout, make, to: &result)
      }
    }
    return result
  }

  /// `sysallocunits` finds the pages of all others, so it is read along its own chain.
  private func readAllocationUnits(first: PageID) throws(BackupError) {
    var units: [AllocationUnit] = []
    var visited: Set<PageID> = []
    var page = first
    while page != .none {
      guard visited.insert(page).inserted else {
        throw pages.damaged(page, "closes a circle in the chain of sysallocunits")
      }
      try buffer.load(page, from: pages)
      guard buffer.type == .data else {
        throw pages.damaged(page, "is of type \(buffer.type.rawValue), not 1 (data)")
      }
      try appendRows(.sysallocunits, AllocationUnit.init, to: &units)
      page = buffer.nextPage
    }
    allocationUnits = Dictionary(grouping: units, by: \.ownerID)
  }

  /// Appends the rows of the page in the buffer.
  private func appendRows<Row>(
    _ layout: SystemLayout, _ make: (SystemRow) throws(BackupError) -> Row?, to list: inout [Row]
  ) throws(BackupError) {
    guard let page = buffer.id else { return }
    for slot in 0..<buffer.slotCount {
      let place = "system table \(layout.table), page \(page), slot \(slot)"
      let row: SystemRow?
      do throws(Fault) {
        row = try systemRow(layout, slot: slot, place: place)
      } catch {
        throw error.at(place, file: pages.fileName)
      }
      if let row, let made = try make(row) { list.append(made) }
    }
  }

  private func systemRow(
    _ layout: SystemLayout, slot: Int, place: String
  ) throws(Fault) -> SystemRow? {
    guard let bytes = try buffer.record(slot: slot), bytes.count > 0 else { return nil }
    switch RecordKind(statusA: bytes.uint8(at: 0)) {
    case .primary, .forwarded: break
    default: return nil
    }
    return SystemRow(
      layout: layout, record: try FixedVarRecord(bytes), offRow: offRow, fileName: pages.fileName,
      place: place)
  }
}

/// A row of `sysallocunits`.
struct AllocationUnit: Sendable {
  enum Kind: Int, Sendable {
    case inRow = 1
    case large = 2
    case rowOverflow = 3
  }

  /// Nil for kinds that this version does not know.
  let kind: Kind?
  let ownerID: Int
  let first: PageID
  let root: PageID
  let firstIAM: PageID
}

extension AllocationUnit {
  init(_ row: SystemRow) throws(BackupError) {
    kind = Kind(rawValue: try row.int("type"))
    ownerID = try row.int("ownerid")
    first = try row.pageID("pgfirst")
    root = try row.pageID("pgroot")
    firstIAM = try row.pageID("pgfirstiam")
  }
}

/// A row of `sysrowsets`: one partition of a heap or index.
struct Rowset: Sendable {
  let id: Int
  let objectID: Int
  /// 0 for a heap, 1 for a clustered index.
  let indexID: Int
  let partition: Int
  let rowCount: Int
  let status: Int
  /// 0 none, 1 row, 2 page, 3 columnstore, 4 columnstore archive.
  let compression: Int
}

extension Rowset {
  init(_ row: SystemRow) throws(BackupError) {
    id = try row.int("rowsetid")
    objectID = try row.int("idmajor")
    indexID = try row.int("idminor")
    partition = try row.int("numpart")
    rowCount = try row.int("rcrows")
    status = try row.int("status")
    compression = try row.int("cmprlevel")
  }
}

extension SystemLayout {
  static let sysallocunits = SystemLayout(
    table: "sysallocunits",
    [
      .init("auid", XType.bigint), .init("type", XType.tinyint), .init("ownerid", XType.bigint),
      .init("status", XType.int), .init("fgid", XType.smallint),
      .init("pgfirst", XType.binary, 6), .init("pgroot", XType.binary, 6),
      .init("pgfirstiam", XType.binary, 6),
    ])

  static let sysrowsets = SystemLayout(
    table: "sysrowsets",
    [
      .init("rowsetid", XType.bigint), .init("ownertype", XType.tinyint),
      .init("idmajor", XType.int), .init("idminor", XType.int), .init("numpart", XType.int),
      .init("status", XType.int), .init("fgidfs", XType.smallint), .init("rcrows", XType.bigint),
      .init("cmprlevel", XType.tinyint),
    ])

  static let syscolpars = SystemLayout(
    table: "syscolpars",
    [
      .init("id", XType.int), .init("number", XType.smallint), .init("colid", XType.int),
      .init("name", XType.nvarchar), .init("xtype", XType.tinyint), .init("utype", XType.int),
      .init("length", XType.smallint), .init("prec", XType.tinyint),
      .init("scale", XType.tinyint), .init("collationid", XType.int),
      .init("status", XType.int), .init("maxinrow", XType.smallint),
      .init("xmlns", XType.int), .init("dflt", XType.int), .init("chk", XType.int),
      .init("idtval", XType.varbinary),
    ])

  static let sysschobjs = SystemLayout(
    table: "sysschobjs",
    [
      .init("id", XType.int), .init("name", XType.nvarchar), .init("nsid", XType.int),
      .init("nsclass", XType.tinyint), .init("status", XType.int),
      .init("type", XType.char, 2), .init("pid", XType.int), .init("pclass", XType.tinyint),
      .init("intprop", XType.int), .init("created", XType.datetime),
      .init("modified", XType.datetime),
    ])
}
