import Catalog
import Foundation

/// Writes a described database as SQL Server files of version 869 (SQL Server 2017).
public struct FixtureWriter {
  let database: FixtureDatabase

  public init(_ database: FixtureDatabase) { self.database = database }

  /// Databases of different names have different ones (FNV-1a).
  var bindingID: UInt32 {
    database.catalog.name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }

  /// Writes the data file, and `NAME_2.ndf`, … beside it where the database has several.
  ///
  /// - Returns: Paths of all data files, the first one first.
  @discardableResult
  public func writeMDF(to path: String) throws -> [String] {
    try writeDataFiles(at: path).map(\.path)
  }

  func writeDataFiles(at path: String) throws -> [DataFile] {
    precondition((1...8).contains(database.dataFileCount), "1 to 8 data files")
    let lsn = 280 + 1000 * database.state
    let files = try (0..<database.dataFileCount).map { number in
      // File id 2 is the log's.
      try DataFile(
        id: UInt16(number == 0 ? 1 : number + 2), path: Self.path(path, number),
        verify: database.pageVerify, lsn: lsn)
    }
    let catalog = CatalogWriter()
    let description = CatalogRows(database, catalog)
    for table in database.tables {
      try write(table, id: description.tableIDs[table.table.name] ?? 0, description, files)
    }
    let first = try catalog.write(to: files)
    try files[0].write(
      BootPage.image(database, allocationUnits: first, in: files[0]))
    for (number, file) in files.enumerated() {
      let name = number == 0 ? database.catalog.name : "\(database.catalog.name)_\(number + 1)"
      try file.finish(name: name, database: bindingID)
    }
    return files
  }

  private static func path(_ path: String, _ number: Int) -> String {
    if number == 0 { return path }
    return (path as NSString).deletingPathExtension + "_\(number + 1).ndf"
  }

  private func write(
    _ table: FixtureTable, id: Int, _ description: CatalogRows, _ files: [DataFile]
  ) throws {
    let catalog = description.catalog
    let isClustered = table.table.clusteredIndexColumns != nil
    let layout = RowLayout(table)
    var firstRowset: Int?
    for (number, rows) in partitions(of: table).enumerated() {
      let rowset = catalog.newRowsetID()
      firstRowset = firstRowset ?? rowset
      catalog.addRowset(
        rowset, object: id, index: isClustered ? 1 : 0, partition: number + 1,
        rowCount: rows.count, compression: table.storage.compression.rawValue)
      catalog.addPhysicalColumns(layout, rowset: rowset)
      addStoredDefaults(of: table, layout, rowset: rowset, catalog)
      try PartitionWriter(table: table, layout: layout, rowset: rowset, files: files, catalog)
        .write(rows)
    }
    description.addIndexes(of: table.table, firstRowset: firstRowset ?? 0)
  }

  private func partitions(of table: FixtureTable) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    for count in table.storage.partitionRowCounts {
      let end = min(start + count, table.rowCount)
      ranges.append(start..<end)
      start = end
    }
    return ranges + [start..<table.rowCount]
  }

  /// What rows without an added column read as (sysseobjvalues, section 11).
  private func addStoredDefaults(
    of table: FixtureTable, _ layout: RowLayout, rowset: Int, _ catalog: CatalogWriter
  ) {
    for column in layout.columns {
      guard let added = table.storage.addedColumns[column.name],
        let bytes = ValueBytes.bytes(added.storedDefault, column.type, codePage: column.codePage)
      else { continue }
      var variant: [UInt8] = [UInt8(column.type.xtype), 1]
      switch column.type.xtype {
      case 106, 108: variant += [UInt8(column.type.precision), UInt8(column.type.scale)]
      case 165, 173: variant += littleEndian(column.type.length, bytes: 2)
      case 167, 175, 231, 239:
        variant +=
          littleEndian(column.type.length, bytes: 2) + littleEndian(column.collation, bytes: 4)
      case 41, 42, 43: variant.append(UInt8(column.type.scale))
      default: break
      }
      let isLarge = column.type.isLarge
      catalog.add(
        .seobjvalues,
        [
          .int(1), .int(rowset), .int(column.physicalID), .int(0),
          isLarge ? .null : .bytes(variant + bytes), isLarge ? .bytes(bytes) : .null,
        ])
    }
  }
}

/// Writes one partition of a table: rows, long values, and what the catalog says of their pages.
struct PartitionWriter {
  let table: FixtureTable
  let layout: RowLayout
  let rowset: Int
  let files: [DataFile]
  let catalog: CatalogWriter

  init(
    table: FixtureTable, layout: RowLayout, rowset: Int, files: [DataFile], _ catalog: CatalogWriter
  ) {
    self.table = table
    self.layout = layout
    self.rowset = rowset
    self.files = files
    self.catalog = catalog
  }

  func write(_ rows: Range<Int>) throws {
    let rowsUnit = unit(.inRow)
    var others: [AllocationUnit.Kind: (unit: AllocationUnit, writer: LargeValueWriter)] = [:]
    func writer(_ kind: AllocationUnit.Kind) -> LargeValueWriter {
      if let known = others[kind] { return known.writer }
      let unit = self.unit(kind)
      let writer = LargeValueWriter(unit)
      others[kind] = (unit, writer)
      return writer
    }
    let store: any RowStore =
      table.table.clusteredIndexColumns == nil
      ? Heap(rowsUnit, fixedEnd: layout.fixedEnd) : ClusteredIndex(rowsUnit, layout)
    var rowWriter = RowWriter(
      table: table, layout: layout, store: store, large: { writer(.large) },
      overflow: { writer(.rowOverflow) })
    for row in rows { try rowWriter.write(row: row) }
    try rowWriter.finish()
    catalog.addUnit(rowsUnit)
    for kind in [AllocationUnit.Kind.large, .rowOverflow] {
      guard let other = others[kind] else { continue }
      try other.writer.finish()
      catalog.addUnit(other.unit)
    }
  }

  private func unit(_ kind: AllocationUnit.Kind) -> AllocationUnit {
    AllocationUnit(
      id: catalog.newUnitID(), kind: kind, rowset: rowset, files: files, table.storage)
  }
}
