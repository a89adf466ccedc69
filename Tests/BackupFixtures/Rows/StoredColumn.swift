import Catalog

/// A column of a rowset as `sysrscols` describes it.
struct StoredColumn {
  enum Place: Equatable {
    case fixed(offset: Int)
    case bit(offset: Int, bit: Int)
    /// From 0; the catalog says -1 for the first.
    case variable(number: Int)
    /// In the sparse vector.
    case sparse
  }

  /// Where the value of a row comes from.
  enum Origin {
    /// Index into the table's stored columns.
    case column(Int)
    /// Index into the dropped columns of the storage.
    case dropped(Int)
    case uniquifier
  }

  var origin: Origin
  var name: String
  /// sysrscols.rscolid: the column id, or a number above 0x04000000 for a dropped column.
  var columnID: Int
  /// sysrscols.hbcolid, and the bit in the null bitmap, counted from 1.
  var physicalID: Int
  var type: StoredType
  var collation: UInt32
  var codePage: Int
  var isNullable: Bool
  var isSparse: Bool
  /// Position in the clustered key, from 1; 0 for none.
  var keyOrdinal: Int
  var leaf = Place.sparse
  /// Place in the records of the index pages above.
  var index: Place?

  /// sysrscols.status.
  var status: Int {
    var status = isNullable ? 0 : 0x80
    switch origin {
    case .uniquifier: status |= 0x10
    case .dropped: status |= 0x2
    case .column: break
    }
    return status | (isSparse ? 0x100 : 0)
  }

  /// sysrscols.offset: the leaf's in the low half, the index pages' in the high half.
  var offsets: Int {
    Self.number(leaf) & 0xFFFF | (index.map(Self.number) ?? 0) << 16
  }

  /// sysrscols.nullbit: the same halves.
  var nullBits: Int {
    guard keyOrdinal > 0, case .column = origin else { return physicalID }
    return physicalID | keyOrdinal << 16
  }

  var bitPosition: Int {
    if case .bit(_, let bit) = leaf { return bit }
    return 0
  }

  private static func number(_ place: Place) -> Int {
    switch place {
    case .fixed(let offset), .bit(let offset, _): offset
    case .variable(let number): -1 - number
    case .sparse: 0
    }
  }
}

/// The columns of a rowset in physical order, with their places.
struct RowLayout {
  var columns: [StoredColumn]
  /// Where the fixed part of a leaf record ends.
  private(set) var fixedEnd = 4
  private(set) var variableCount = 0
  /// Bytes of the fixed key columns in an index record, its status byte included.
  private(set) var indexFixedEnd = 1
  private(set) var indexVariableCount = 0

  /// - Parameter columns: In physical order, places not given yet.
  init(placing columns: [StoredColumn]) {
    self.columns = columns
    placeInLeaf()
    placeInIndex()
  }

  /// Key columns by their position in the key.
  var keyColumns: [StoredColumn] {
    columns.filter { $0.keyOrdinal > 0 }.sorted { $0.keyOrdinal < $1.keyOrdinal }
  }

  private mutating func placeInLeaf() {
    var bitsLeft = 0
    var bitOffset = 0
    for index in columns.indices {
      let column = columns[index]
      if column.isSparse {
        columns[index].leaf = .sparse
      } else if column.type.xtype == 104 {
        // Up to eight bit columns share the byte of the first.
        if bitsLeft == 0 {
          bitOffset = fixedEnd
          bitsLeft = 8
          fixedEnd += 1
        }
        columns[index].leaf = .bit(offset: bitOffset, bit: 8 - bitsLeft)
        bitsLeft -= 1
      } else if let count = column.type.fixedByteCount {
        columns[index].leaf = .fixed(offset: fixedEnd)
        fixedEnd += count
      } else {
        columns[index].leaf = .variable(number: variableCount)
        variableCount += 1
      }
    }
  }

  private mutating func placeInIndex() {
    for column in keyColumns {
      guard let index = columns.firstIndex(where: { $0.physicalID == column.physicalID }) else {
        continue
      }
      if let count = column.type.fixedByteCount {
        columns[index].index = .fixed(offset: indexFixedEnd)
        indexFixedEnd += count
      } else {
        columns[index].index = .variable(number: indexVariableCount)
        indexVariableCount += 1
      }
    }
  }
}

extension RowLayout {
  /// The physical columns of a user table: the uniquifier if it needs one, the clustered key, then
  /// what is left by column id, dropped columns included.
  init(_ table: FixtureTable) {
    let clustered = table.table.clusteredIndexColumns
    let stored = table.table.storedColumns
    var columns: [StoredColumn] = []
    if let clustered, !clustered.isUnique {
      columns.append(.uniquifier(keyOrdinal: clustered.names.count + 1))
    }
    let keyNames = clustered?.names ?? []
    for (ordinal, name) in keyNames.enumerated() {
      guard let index = stored.firstIndex(where: { $0.name == name }) else {
        preconditionFailure("\(table.table.name): the clustered key names no column '\(name)'")
      }
      columns.append(StoredColumn(stored[index], at: index, keyOrdinal: ordinal + 1))
    }
    var rest: [(id: Int, column: StoredColumn)] = []
    for (index, column) in stored.enumerated() where !keyNames.contains(column.name) {
      rest.append((column.id, StoredColumn(column, at: index, keyOrdinal: 0)))
    }
    for (number, dropped) in table.storage.droppedColumns.enumerated() {
      var column = StoredColumn(dropped.column, at: 0, keyOrdinal: 0)
      column.origin = .dropped(number)
      column.columnID = 0x0400_0000 + number + 1
      rest.append((dropped.column.id, column))
    }
    columns += rest.sorted { $0.id < $1.id }.map(\.column)
    for index in columns.indices { columns[index].physicalID = index + 1 }
    self.init(placing: columns)
  }
}

extension Table {
  /// The columns of the clustered index, if there is one.
  var clusteredIndexColumns: (names: [String], isUnique: Bool)? {
    for key in [primaryKey].compactMap({ $0 }) + uniqueConstraints where key.isClustered {
      return (key.columnNames, true)
    }
    for index in indexes where index.kind == .clustered {
      return (index.columns.map(\.name), index.isUnique)
    }
    return nil
  }
}

extension StoredColumn {
  init(_ column: Column, at index: Int, keyOrdinal: Int) {
    self.init(
      origin: .column(index), name: column.name, columnID: column.id, physicalID: 0,
      type: StoredType(column.type), collation: column.collation?.id ?? 0,
      codePage: column.collation?.codePage ?? 1252, isNullable: column.isNullable,
      isSparse: column.isSparse, keyOrdinal: keyOrdinal)
  }

  static func uniquifier(keyOrdinal: Int) -> StoredColumn {
    var type = StoredType(56, length: 4, precision: 10, isFixed: false)
    type.fixedByteCount = nil
    return StoredColumn(
      origin: .uniquifier, name: "", columnID: 0, physicalID: 0, type: type, collation: 0,
      codePage: 1252, isNullable: false, isSparse: false, keyOrdinal: keyOrdinal)
  }
}
