/// The rows of the system tables, gathered while a database is written and then written themselves.
final class CatalogWriter {
  private var rows: [Int: [[SystemCell]]] = [:]
  private var nextObject = 245_575_913
  private var nextRowset = 72_057_594_043_105_280
  private var nextUnit: UInt64 = 72_057_594_049_527_808

  /// 2017-11-09 and some time: when everything was made.
  static let created = SystemCell.bytes([0x93, 0x80, 0xAC, 0x00, 0x70, 0xA9, 0x00, 0x00])

  init() { describeSystemTables() }

  func add(_ table: SystemTable, _ row: [SystemCell]) {
    precondition(row.count == table.columns.count, "\(table.name): \(row.count) cells")
    rows[table.id, default: []].append(row)
  }

  func newObjectID() -> Int {
    defer { nextObject += 16 }
    return nextObject
  }

  func newRowsetID() -> Int {
    defer { nextRowset += 0x10000 }
    return nextRowset
  }

  func newUnitID() -> UInt64 {
    defer { nextUnit += 0x10000 }
    return nextUnit
  }

  /// A row of sysschobjs.
  func addObject(
    _ id: Int, _ name: String, schema: Int, type: String, status: Int, parent: Int = 0,
    intprop: Int = 0
  ) {
    add(
      .schobjs,
      [
        .int(id), .name(name), .int(schema), .int(0), .int(status), .name(type), .int(parent),
        .int(1), .int(intprop), Self.created, Self.created, .int(0),
      ])
  }

  /// A definition's text: 8-bit in the code page of the database where that has all its characters,
  /// else UTF-16.
  func addText(_ text: String, valclass: Int = 1, object: Int, sub: Int = 0) {
    let isEightBit = EightBitText.windows1252Has(text)
    add(
      .objvalues,
      [
        .int(valclass), .int(object), .int(sub), .int(0), .bytes(Variant.int(isEightBit ? 2 : 0)),
        .bytes(isEightBit ? EightBitText.bytes(text, 1252) : utf16Bytes(text)),
      ])
  }

  func addReference(_ valclass: Int, _ dependent: Int, _ sub: Int, on object: Int, _ objectSub: Int)
  {
    add(
      .singleobjrefs,
      [.int(valclass), .int(dependent), .int(sub), .int(object), .int(objectSub), .int(0)])
  }

  func addRowset(
    _ id: Int, object: Int, index: Int, partition: Int, rowCount: Int, compression: Int
  ) {
    add(
      .rowsets,
      [
        .int(id), .int(1), .int(object), .int(index), .int(partition), .int(0x202), .int(0),
        .int(rowCount), .int(compression), .int(0), .int(0), .int(0), .int(0), .int(0), .int(0),
        .null, .null, .int(1),
      ])
  }

  func addUnit(_ unit: AllocationUnit) {
    let count = SystemCell.int(unit.pageCount)
    add(
      .allocunits,
      [
        .int(Int(unit.id)), .int(unit.kind.rawValue), .int(unit.rowset), .int(0), .int(1),
        .bytes(unit.first.bytes), .bytes(unit.root.bytes), .bytes(unit.firstIAM.bytes), count,
        count, count,
      ])
  }

  /// An allocation unit without pages.
  func addEmptyUnit(rowset: Int) {
    let none = SystemCell.bytes([UInt8](repeating: 0, count: 6))
    add(
      .allocunits,
      [
        .int(Int(newUnitID())), .int(1), .int(rowset), .int(0), .int(1), none, none, none, .int(0),
        .int(0), .int(0),
      ])
  }

  /// Writes all system tables.
  ///
  /// - Returns: The first page of sysallocunits, which the boot page names.
  func write(to files: [DataFile]) throws -> PageAddress {
    for table in SystemTable.all {
      addRowset(
        table.rowset, object: table.id, index: 1, partition: 1, rowCount: 0, compression: 0)
    }
    setSystemRowCounts()
    for table in SystemTable.all where table.id != SystemTable.allocunits.id {
      for unit in try write(table, to: files) { addUnit(unit) }
    }
    return try writeAllocationUnits(to: files)
  }

  /// The unit of sysallocunits is described by itself: it is written twice, the second time over the
  /// pages of the first.
  private func writeAllocationUnits(to files: [DataFile]) throws -> PageAddress {
    let table = SystemTable.allocunits
    let unit = newUnit(table, to: files)
    addUnit(unit)
    let recorder = PageRecorder(unit)
    try fill(table, ClusteredIndex(unit, table.layout, pages: recorder.allocate), unit: unit)
    rows[table.id]?.removeLast()
    addUnit(unit)
    recorder.rewind()
    try fill(table, ClusteredIndex(unit, table.layout, pages: recorder.allocate), unit: unit)
    return unit.first
  }

  private func write(_ table: SystemTable, to files: [DataFile]) throws -> [AllocationUnit] {
    let unit = newUnit(table, to: files)
    let large = AllocationUnit(
      id: 0xFF << 48 | UInt64(table.id) << 16, kind: .large, rowset: table.rowset,
      files: [files[0]], FixtureStorage())
    let values = LargeValueWriter(large)
    try fill(table, ClusteredIndex(unit, table.layout), unit: unit, values)
    guard large.pageCount > 0 else { return [unit] }
    try values.finish()
    return [unit, large]
  }

  private func fill(
    _ table: SystemTable, _ index: ClusteredIndex, unit: AllocationUnit,
    _ values: LargeValueWriter? = nil
  ) throws {
    let layout = table.layout
    let records = PlainRecords(layout: layout)
    for row in sortedRows(table) {
      let stored = try zip(layout.columns, row).map { column, cell -> StoredValue in
        if column.type.isLarge, case .bytes(let bytes) = cell, bytes.count > 6000, let values {
          return try values.store(bytes, .automatic, isLegacy: false)
        }
        return cell.stored(column.type)
      }
      try index.append(
        records.bytes(stored, columnCount: stored.count, .plain),
        key: layout.keyColumns.map { stored[$0.physicalID - 1] })
    }
    try index.finish(freedPageCount: 0)
  }

  private func sortedRows(_ table: SystemTable) -> [[SystemCell]] {
    let key = table.layout.keyColumns.map { $0.physicalID - 1 }
    return (rows[table.id] ?? []).sorted { left, right in
      for index in key where left[index] != right[index] {
        return SystemCell.precedes(left[index], right[index])
      }
      return false
    }
  }

  private func newUnit(_ table: SystemTable, to files: [DataFile]) -> AllocationUnit {
    var storage = FixtureStorage()
    storage.usesMixedExtents = true
    return AllocationUnit(
      id: UInt64(table.rowset), kind: .inRow, rowset: table.rowset, files: [files[0]], storage)
  }

  private func setSystemRowCounts() {
    let places = SystemTable.rowsets.columns.map(\.name)
    guard let object = places.firstIndex(of: "idmajor"), let count = places.firstIndex(of: "rcrows")
    else { return }
    let counts = rows.mapValues(\.count)
    rows[SystemTable.rowsets.id] = rows[SystemTable.rowsets.id]?.map { row in
      guard case .int(let id) = row[object], id < 100 else { return row }
      var row = row
      row[count] = .int(counts[id] ?? 0)
      return row
    }
  }

  /// The catalog describes its own tables: objects, columns, indexes.
  private func describeSystemTables() {
    for table in SystemTable.all {
      addObject(table.id, table.name, schema: 4, type: "S ", status: 0xE0001)
      addColumns(of: table)
      add(
        .idxstats,
        [
          .int(table.id), .int(1), .name("clst"), .int(0x8000B), .int(0), .int(0), .int(1), .int(0),
          .int(0), .int(0), .int(table.rowset),
        ])
      let layout = table.layout
      for column in layout.keyColumns {
        let cells = [
          table.id, 1, column.keyOrdinal, 3, column.columnID, column.keyOrdinal, 0, 0, 0,
        ]
        add(.iscols, cells.map(SystemCell.int))
      }
      addPhysicalColumns(layout, rowset: table.rowset)
    }
  }

  private func addColumns(of table: SystemTable) {
    for (index, column) in table.columns.enumerated() {
      let type = SystemTable.type(column.type)
      let isPadded = [165, 173, 175, 231].contains(type.xtype)
      let status = (column.isNullable ? 0 : 1) | (isPadded ? 2 : 0)
      let userType = column.type.hasPrefix("sysname") ? 256 : type.utype
      let inRow = type.length == -1 ? 8000 : type.length
      add(
        .colpars,
        [
          .int(table.id), .int(0), .int(index + 1), .name(column.name), .int(type.xtype),
          .int(userType), .int(type.length), .int(type.precision), .int(type.scale),
          .int(Int(SystemTable.collation(column.type))), .int(status), .int(inRow), .int(0),
          .int(0), .int(0), .null,
        ])
    }
  }

  /// The rows of sysrscols for a rowset.
  func addPhysicalColumns(_ layout: RowLayout, rowset: Int) {
    for column in layout.columns {
      add(
        .rscols,
        [
          .int(rowset), .int(column.columnID), .int(column.physicalID), .int(0),
          .int(column.type.typeInfo), .int(Int(column.collation)), .int(column.keyOrdinal), .int(0),
          .int(column.status), .int(column.offsets), .int(column.nullBits),
          .int(column.bitPosition), .null,
        ])
    }
  }
}

/// Gives pages of a unit and, rewound, the same pages once more.
final class PageRecorder {
  private let unit: AllocationUnit
  private var pages: [PageAddress] = []
  private var position = 0

  init(_ unit: AllocationUnit) { self.unit = unit }

  func allocate() -> PageAddress {
    if position == pages.count { pages.append(unit.allocatePage()) }
    position += 1
    return pages[position - 1]
  }

  func rewind() { position = 0 }
}
