import Catalog
import Staging

/// Reads every row of one table. For one thread; nothing is allocated for a row or cell that lies in
/// its page.
struct TableReader {
  private let pages: any PageReading
  private let table: Table
  private let storage: TableStorage
  private let allocation: AllocationReader
  private let buffer = PageBuffer()
  private let offRow: OffRowReader
  private let compressed = CompressedRows()
  /// Values that their decoder needs whole.
  private var gathered: [UInt8] = []
  private var counts = RowCounts()
  /// Damaged pages and records are skipped and listed among the rejects.
  private let skipsDamaged: Bool
  private var isOrderLost = false

  private static let gatheredByteCountMax = 1 << 30

  init(
    _ table: Table, _ storage: TableStorage, pages: any PageReading, skipsDamaged: Bool = false
  ) {
    self.skipsDamaged = skipsDamaged
    self.pages = pages
    self.table = table
    self.storage = storage
    allocation = AllocationReader(pages)
    offRow = OffRowReader(pages)
  }

  /// Writes all rows, partition after partition.
  ///
  /// - Returns: How many there were, and what is odd about them.
  mutating func read(into writer: inout TableWriter) throws -> RowCounts {
    for partition in storage.partitions {
      try read(partition, into: &writer)
    }
    return counts
  }

  /// Key order holds for one partition; several follow each other by their number.
  var order: RowOrder {
    storage.isClustered && storage.isKeyAscending && storage.partitions.count == 1 && !isOrderLost
      ? .key : .physical
  }

  private mutating func read(
    _ partition: TableStorage.Partition, into writer: inout TableWriter
  ) throws {
    guard let unit = partition.unit, unit.firstIAM != .none else {
      return try requireEmpty(partition)
    }
    let isCompressed = partition.rowset.compression > 0
    let columns = try RowColumn.columns(of: table, in: partition, file: pages.fileName)
    let set: PageSet
    do throws(BackupError) {
      set = try PageSet(firstIAM: unit.firstIAM, allocation: allocation)
    } catch {
      // Without the pages that say what belongs to the table, none of it can be found.
      return try skip(error, into: &writer)
    }
    guard storage.isClustered else {
      return try readHeap(set, columns, isCompressed: isCompressed, into: &writer)
    }
    var read = PageBits()
    do {
      var chain = try LeafChain(
        unit, set: set, pages: pages, isCompressed: isCompressed, buffer: buffer)
      while try chain.next(into: buffer) {
        if skipsDamaged, let page = buffer.id { read.insert(page) }
        try readPage(columns, isCompressed: isCompressed, into: &writer)
      }
    } catch let error as BackupError where skipsDamaged && error.isSkippable {
      try readOutsideChain(
        set, but: read, columns, isCompressed: isCompressed, after: error, into: &writer)
    }
  }

  /// Reads the leaves that a broken chain does not lead to, in the order of their numbers.
  private mutating func readOutsideChain(
    _ set: PageSet, but read: PageBits, _ columns: [RowColumn], isCompressed: Bool,
    after error: BackupError, into writer: inout TableWriter
  ) throws {
    isOrderLost = true
    let skippedBefore = counts.skipped
    for page in set.pages where !read.contains(page) {
      do throws(BackupError) { try buffer.load(page, from: pages) } catch {
        try skip(error, into: &writer)
        continue
      }
      guard buffer.type == .data, buffer.level == 0 else { continue }
      try readPage(columns, isCompressed: isCompressed, into: &writer)
    }
    // The chain itself is wrong where all of its pages can be read.
    if counts.skipped == skippedBefore { try skip(error, into: &writer) }
  }

  /// Lists what cannot be read among the rejects, or stops there.
  private mutating func skip(_ error: BackupError, into writer: inout TableWriter) throws {
    guard skipsDamaged, error.isSkippable else { throw error }
    try writer.noteUnreadable(error.description)
    counts.skipped += 1
  }

  /// A table without pages has no rows; if the catalog counts some, they are kept in some other way.
  private func requireEmpty(_ partition: TableStorage.Partition) throws(BackupError) {
    guard partition.rowset.rowCount <= 0 else {
      throw BackupError(
        .unknown, file: pages.fileName, place: "\(table.name)",
        problem: "the catalog counts \(partition.rowset.rowCount) rows and names no page of them")
    }
  }

  private mutating func readHeap(
    _ set: PageSet, _ columns: [RowColumn], isCompressed: Bool, into writer: inout TableWriter
  ) throws {
    for page in set.pages {
      do throws(BackupError) { try buffer.load(page, from: pages) } catch {
        try skip(error, into: &writer)
        continue
      }
      // An IAM page can lie in an extent that it owns; nothing else belongs into a heap.
      if buffer.type == .indexAllocationMap { continue }
      guard buffer.type == .data else {
        let type = buffer.type.rawValue
        try skip(pages.damaged(page, "is of type \(type) and belongs to a heap"), into: &writer)
        continue
      }
      try readPage(columns, isCompressed: isCompressed, into: &writer)
    }
    // A stub without its row is a lost row, unless the row was deleted and is still there as ghost.
    guard counts.stubs <= counts.forwarded + counts.ghosts || counts.skipped > 0 else {
      throw BackupError(
        .damaged, file: pages.fileName, place: "\(table.name)",
        problem: "\(counts.stubs) rows have moved within the heap, \(counts.forwarded) were found")
    }
  }

  /// Writes the rows of the page in the buffer.
  private mutating func readPage(
    _ columns: [RowColumn], isCompressed: Bool, into writer: inout TableWriter
  ) throws {
    guard isCompressed else {
      for slot in 0..<buffer.slotCount {
        do {
          guard let record = try record(slot: slot) else { continue }
          try writeRow(record, slot: slot, columns, into: &writer)
        } catch {
          try skipRow(error, into: &writer)
        }
      }
      return
    }
    do throws(Fault) { try compressed.load(buffer) } catch {
      let place = "\(table.name), page \(buffer.id ?? .none)"
      return try skip(error.at(place, file: pages.fileName), into: &writer)
    }
    for slot in 0..<buffer.slotCount {
      do {
        guard try parseCompressed(slot: slot) else { continue }
        try writeRow(compressed, slot: slot, columns, into: &writer)
      } catch {
        try skipRow(error, into: &writer)
      }
    }
  }

  /// Gives up one record: its unfinished row is forgotten and its place listed.
  private mutating func skipRow(_ error: any Error, into writer: inout TableWriter) throws {
    guard skipsDamaged else { throw error }
    switch error {
    case let error as BackupError: try skip(error, into: &writer)
    case let error as StagingError where error.code == .badValue:
      try writer.noteUnreadable(error.description)
      counts.skipped += 1
    default: throw error
    }
  }

  @inline(__always)
  private mutating func writeRow(
    _ record: some RowRecord, slot: Int, _ columns: [RowColumn], into writer: inout TableWriter
  ) throws {
    writer.beginRow()
    do throws(BackupError) {
      try writeCells(of: record, slot: slot, columns, into: &writer)
    } catch {
      writer.cancelRow()
      throw error
    }
    try writer.endRow()
    counts.rows += 1
  }

  @inline(__always)
  private mutating func writeCells(
    of record: some RowRecord, slot: Int, _ columns: [RowColumn], into writer: inout TableWriter
  ) throws(BackupError) {
    for column in columns {
      let pointer: UnsafeRawBufferPointer?
      do throws(Fault) {
        pointer = try column.write(try record.cell(column), into: &writer)
      } catch {
        throw error.at(place(slot, column), file: pages.fileName)
      }
      if let pointer { try writeOffRow(pointer, column, slot: slot, into: &writer) }
    }
  }

  /// The record in a slot; nil for an empty slot and for a record that holds no row.
  private mutating func record(slot: Int) throws(BackupError) -> FixedVarRecord? {
    do throws(Fault) {
      guard let bytes = try buffer.record(slot: slot),
        try counts.note(RecordKind(statusA: bytes.uint8(at: 0)))
      else { return nil }
      return try FixedVarRecord(bytes)
    } catch {
      throw error.at(place(slot), file: pages.fileName)
    }
  }

  /// - Returns: `false` for an empty slot and for a record that holds no row.
  private mutating func parseCompressed(slot: Int) throws(BackupError) -> Bool {
    do throws(Fault) {
      guard let bytes = try buffer.record(slot: slot),
        try counts.note(RecordKind(try CDRecord.kind(of: bytes)))
      else { return false }
      try compressed.parse(bytes)
      return true
    } catch {
      throw error.at(place(slot), file: pages.fileName)
    }
  }

  private mutating func writeOffRow(
    _ pointer: UnsafeRawBufferPointer, _ column: RowColumn, slot: Int,
    into writer: inout TableWriter
  ) throws(BackupError) {
    do throws(BackupError) {
      try writeOffRow(pointer, column, into: &writer)
    } catch {
      throw error.within(place(slot, column))
    }
  }

  private mutating func writeOffRow(
    _ pointer: UnsafeRawBufferPointer, _ column: RowColumn, into writer: inout TableWriter
  ) throws(BackupError) {
    guard try offRow.open(pointer) else {
      writer.writeNull()
      return
    }
    switch column.decoder.streaming {
    case .bytes: writer.beginBytes()
    case .utf16: writer.beginUTF16()
    case .text(let codePage): writer.beginText(in: codePage)
    case .whole: return try writeGathered(column, into: &writer)
    }
    while let piece = try offRow.next() { writer.append(piece) }
    writer.endValue()
  }

  private mutating func writeGathered(
    _ column: RowColumn, into writer: inout TableWriter
  ) throws(BackupError) {
    gathered.removeAll(keepingCapacity: true)
    while let piece = try offRow.next() {
      guard gathered.count + piece.count <= Self.gatheredByteCountMax else {
        throw BackupError(
          .unknown, file: pages.fileName,
          problem: "the value has more than 1 GiB, which PostgreSQL cannot hold",
          advice: "leave the table out with --tables")
      }
      gathered.append(contentsOf: piece)
    }
    do throws(Fault) {
      try column.decoder.decode(gathered, into: &writer)
    } catch {
      throw BackupError(
        error.code, file: pages.fileName, problem: error.problem, advice: error.advice)
    }
  }

  private func place(_ slot: Int, _ column: RowColumn? = nil) -> String {
    let row = "\(table.name), page \(buffer.id ?? .none), slot \(slot)"
    return column.map { "\(row), column \($0.name)" } ?? row
  }
}

/// What was met while a table was read.
struct RowCounts {
  var rows = 0
  /// Heap rows that have moved, and the stubs that say where to.
  var forwarded = 0
  var stubs = 0
  /// Records of deleted rows that the server had not removed yet.
  var ghosts = 0
  /// Pages and records that could not be read and were listed instead.
  var skipped = 0

  /// Counts a record and says whether it holds a row.
  mutating func note(_ kind: RecordKind) throws(Fault) -> Bool {
    switch kind {
    case .primary: return true
    case .forwarded:
      forwarded += 1
      return true
    case .forwardingStub:
      stubs += 1
      return false
    case .ghostIndex, .ghostData, .ghostVersion:
      ghosts += 1
      return false
    case .index, .blobFragment:
      throw .damaged("a record of kind \(kind.rawValue) on a data page")
    }
  }
}
