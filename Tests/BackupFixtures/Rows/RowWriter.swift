import Catalog

/// Writes the rows of one partition: values to records, long values to pages of their own, records to
/// the heap or index.
struct RowWriter {
  let table: FixtureTable
  let layout: RowLayout
  let store: any RowStore
  /// Allocation unit 2 of the partition, made when the first value needs it.
  let large: () throws -> LargeValueWriter
  /// Allocation unit 3.
  let overflow: () throws -> LargeValueWriter
  private let records: any RecordFormat
  private let compressor: PageCompressor?
  private var lastKey: [StoredValue]?
  private var duplicates = 0

  init(
    table: FixtureTable, layout: RowLayout, store: any RowStore,
    large: @escaping () throws -> LargeValueWriter,
    overflow: @escaping () throws -> LargeValueWriter
  ) {
    self.table = table
    self.layout = layout
    self.store = store
    self.large = large
    self.overflow = overflow
    records =
      table.storage.compression == .none
      ? PlainRecords(layout: layout) : CompressedRecords(layout: layout)
    compressor = table.storage.compression == .page ? PageCompressor(layout: layout) : nil
  }

  mutating func write(row number: Int) throws {
    let row = table.row(number)
    precondition(
      row.count == table.table.storedColumns.count,
      "\(table.table.name), row \(number): \(row.count) values for \(table.table.storedColumns.count) columns"
    )
    let columnCount = layout.columns.prefix { isKnown($0, row: number) }.count
    var values = try layout.columns.prefix(columnCount).map { try stored($0, row) }
    numberDuplicates(&values)
    try shorten(&values)
    try place(number, values, columnCount)
  }

  /// Writes what is held back to be compressed together.
  func finish() throws {
    try compressor?.flush(to: store)
    try store.finish(freedPageCount: table.storage.freedPageCount)
  }

  /// A column that was added to the table later is the last one, and absent from older rows.
  private func isKnown(_ column: StoredColumn, row: Int) -> Bool {
    guard let added = table.storage.addedColumns[column.name] else { return true }
    return row >= added.firstRow
  }

  private func stored(_ column: StoredColumn, _ row: [FixtureValue]) throws -> StoredValue {
    let value: FixtureValue
    switch column.origin {
    case .uniquifier: return .bytes([])
    case .dropped(let index): value = table.storage.droppedColumns[index].value
    case .column(let index): value = row[index]
    }
    guard let bytes = ValueBytes.bytes(value, column.type, codePage: column.codePage) else {
      precondition(
        column.isNullable, "\(table.table.name).\(column.name): NULL in a column that is NOT NULL")
      return .null
    }
    guard column.type.isLarge else { return .bytes(bytes) }
    let place = table.storage.largeValues[column.name] ?? .automatic
    let standsInRow =
      switch place {
      case .inRow: true
      case .automatic: !column.type.isLegacyLarge && bytes.count <= 8000
      case .textPointer, .inlineRoot, .tree: false
      }
    if standsInRow { return .bytes(bytes) }
    return try large().store(bytes, place, isLegacy: column.type.isLegacyLarge)
  }

  /// Rows with the same key of an index that is not unique are told apart by a number.
  private mutating func numberDuplicates(_ values: inout [StoredValue]) {
    guard case .uniquifier? = layout.columns.first?.origin else { return }
    let key = keyValues(values)
    duplicates = key == lastKey ? duplicates + 1 : 0
    lastKey = key
    if duplicates > 0 { values[0] = .bytes(littleEndian(duplicates, bytes: 4)) }
  }

  private func keyValues(_ values: [StoredValue]) -> [StoredValue] {
    layout.keyColumns.map { values[$0.physicalID - 1] }
  }

  /// Moves the longest values of declared length out of a row that would not fit a page.
  private func shorten(_ values: inout [StoredValue]) throws {
    while records.byteCount(values, columnCount: values.count) > PageImage.recordByteCountMax - 64 {
      let candidates = zip(layout.columns, values).enumerated().filter { _, pair in
        guard case .bytes(let bytes) = pair.1, !pair.0.isSparse else { return false }
        return pair.0.type.canOverflow && bytes.count > 24 && pair.0.keyOrdinal == 0
          || pair.0.type.isLarge && bytes.count > 84
      }
      guard
        let longest = candidates.max(by: {
          ($0.element.1.bytes?.count ?? 0) < ($1.element.1.bytes?.count ?? 0)
        }), case .bytes(let bytes) = longest.element.1
      else {
        preconditionFailure("\(table.table.name): a row is too long for a page")
      }
      values[longest.offset] =
        try longest.element.0.type.isLarge
        ? large().store(bytes, .inlineRoot, isLegacy: false) : overflow().overflow(bytes)
    }
  }

  private func place(_ number: Int, _ values: [StoredValue], _ columnCount: Int) throws {
    let storage = table.storage
    if compressor != nil {
      try compressor?.append(values, key: keyValues(values), to: store)
      return
    }
    func isTurn(_ every: Int?) -> Bool { every.map { number % $0 == $0 - 1 } ?? false }
    if isTurn(storage.ghostRowEvery) {
      try store.appendGhost(records.bytes(values, columnCount: columnCount, .ghost))
    }
    if isTurn(storage.emptySlotEvery) { try store.appendEmptySlot() }
    if isTurn(storage.forwardedRowEvery), let heap = store as? Heap {
      try heap.appendForwarded { back in
        records.bytes(values, columnCount: columnCount, .forwarded(back))
      }
      return
    }
    let form: RecordForm = isTurn(storage.versionedRowEvery) ? .versioned : .plain
    try store.append(
      records.bytes(values, columnCount: columnCount, form),
      key: keyValues(values))
  }
}

/// What a record says of itself besides its values.
enum RecordForm {
  case plain
  case ghost
  case versioned
  case forwarded(StoredValue)
}

/// Makes records of the values of a row.
protocol RecordFormat {
  /// - Parameters:
  ///   - values: In physical order, as long as the record knows columns.
  ///   - columnCount: How many that is.
  func bytes(_ values: [StoredValue], columnCount: Int, _ form: RecordForm) -> [UInt8]
}

extension RecordFormat {
  func byteCount(_ values: [StoredValue], columnCount: Int) -> Int {
    bytes(values, columnCount: columnCount, .plain).count
  }
}

/// Records of the uncompressed format, with the sparse vector where there are sparse columns.
struct PlainRecords: RecordFormat {
  let layout: RowLayout

  func bytes(_ values: [StoredValue], columnCount: Int, _ form: RecordForm) -> [UInt8] {
    var record = FixedVarRecord(columnCount: columnCount)
    let sparse = zip(layout.columns, values).compactMap { column, value -> (Int, [UInt8])? in
      guard column.isSparse, let bytes = value.bytes else { return nil }
      return (column.columnID, bytes)
    }
    if !sparse.isEmpty { record.tail.append(FixedVarRecord.sparseVector(sparse)) }
    switch form {
    case .plain: break
    case .ghost: record.kind = .ghostData
    case .versioned: record.hasVersionTag = true
    case .forwarded(let back):
      record.kind = .forwarded
      record.tail.append(back)
    }
    return record.bytes(layout, values)
  }
}
