import Catalog

/// Where the rows of one table are, or why they cannot be read.
struct TableStorage: Sendable {
  /// One partition of the heap or clustered index.
  struct Partition: Sendable {
    var rowset: Rowset
    /// The in-row allocation unit; nil for a rowset that has none.
    var unit: AllocationUnit?
    var columns: [PhysicalColumn]
    var addedDefaults: [AddedDefault]
  }

  let objectID: Int
  let isClustered: Bool
  /// All columns of the clustered key ascend.
  let isKeyAscending: Bool
  let partitions: [Partition]
  let refusal: String?

  /// By the source's own bookkeeping.
  var rowCount: Int { partitions.reduce(0) { $0 &+ $1.rowset.rowCount } }
}

extension TableStorage {
  init(_ object: SystemObject, table: Table, in system: SystemCatalog) {
    objectID = object.id
    let rowsets = (system.rowsets[object.id] ?? [])
      .filter { $0.indexID <= 1 }
      .sorted { $0.partition < $1.partition }
    isClustered = rowsets.first?.indexID == 1
    let clustered = SystemIndex.ID(object: object.id, index: 1)
    isKeyAscending = !(system.indexColumns[clustered] ?? []).contains { $0.isDescending }
    partitions = rowsets.map { rowset in
      Partition(
        rowset: rowset,
        unit: system.allocationUnits[rowset.id]?.first { $0.kind == .inRow },
        columns: system.physicalColumns[rowset.id] ?? [],
        addedDefaults: system.addedDefaults[rowset.id] ?? [])
    }
    refusal = Self.refusal(object, table, partitions, in: system)
  }

  private static func refusal(
    _ object: SystemObject, _ table: Table, _ partitions: [Partition], in system: SystemCatalog
  ) -> String? {
    if object.isMemoryOptimized {
      return "memory-optimized: its rows are not in the pages of the file"
    }
    let indexes = system.indexes[object.id] ?? []
    if indexes.contains(where: { $0.type == 5 })
      || partitions.contains(where: { $0.rowset.compression >= 3 })
    {
      return "columnstore: its rows are kept in a form that is not read"
    }
    for column in system.columns[object.id] ?? [] {
      if let reason = refusal(column, in: system) { return "column \(column.name): \(reason)" }
    }
    if table.columns.isEmpty { return "the catalog has no columns for it" }
    if partitions.isEmpty { return "the catalog has no rowset for it" }
    return partitions.lazy.compactMap { refusal($0, table, in: system) }.first
  }

  private static func refusal(_ column: SystemColumn, in system: SystemCatalog) -> String? {
    if column.status.contains(.filestream) {
      return "FILESTREAM: its values are files outside the pages"
    }
    let encrypted = ValueKey(
      valueClass: ValueKey.Class.encryptedColumn, object: column.objectID, part: column.columnID)
    if system.values[encrypted] != nil {
      return "Always Encrypted: its values can only be read with the client's key"
    }
    switch ColumnType(column).base {
    case .json: return "the binary form of json is not read"
    case .vector: return "the binary form of vector is not read"
    default: return nil
    }
  }

  /// Every stored column must be where the rowset says, in the declared type.
  private static func refusal(
    _ partition: Partition, _ table: Table, in system: SystemCatalog
  ) -> String? {
    let physical = Dictionary(
      partition.columns.filter { !$0.isDropped }.map { ($0.columnID, $0) },
      uniquingKeysWith: { first, _ in first })
    let declared = Dictionary(
      (system.columns[partition.rowset.objectID] ?? []).map { ($0.columnID, $0.xtype) },
      uniquingKeysWith: { first, _ in first })
    for column in table.storedColumns {
      guard let place = physical[column.id] else {
        return "column \(column.name): rowset \(partition.rowset.id) does not say where it is"
      }
      let xtype = declared[column.id]
      guard let xtype, place.type.xtype == xtype || isSameForm(place.type.xtype, xtype) else {
        return "column \(column.name): kept as type \(place.type.xtype), declared as "
          + (xtype.map { "\($0)" } ?? "nothing")
      }
    }
    return nil
  }

  /// Types that one can be altered to from the other without a change to the rows: values are kept in
  /// the same form.
  private static func isSameForm(_ left: UInt8, _ right: UInt8) -> Bool {
    let forms: [Set<UInt8>] = [
      [XType.text, XType.varchar], [XType.ntext, XType.nvarchar], [XType.image, XType.varbinary],
      [XType.decimal, XType.numeric],
    ]
    return forms.contains { $0.isSuperset(of: [left, right]) }
  }
}
