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

  private static let gatheredByteCountMax = 1 << 30

  init(_ table: Table, _ storage: TableStorage, pages: any PageReading) {
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
    storage.isClustered && storage.isKeyAscending && storage.partitions.count == 1
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
    let set = try PageSet(firstIAM: unit.firstIAM, allocation: allocation)
    guard storage.isClustered else {
      return try readHeap(set, columns, isCompressed: isCompressed, into: &writer)
    }
    var chain = try LeafChain(
      unit, set: set, pages: pages, isCompressed: isCompressed, buffer: buffer)
    while try chain.next(into: buffer) {
      try readPage(columns, isCompressed: isCompressed, into: &writer)
    }
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
      try buffer.load(page, from: pages)
      // An IAM page can lie in an extent that it owns; nothing else belongs into a heap.
      if buffer.type == .indexAllocationMap { continue }
      guard buffer.type == .data else {
        throw pages.damaged(page, "is of type \(buffer.type.rawValue) and belongs to a heap")
      }
      try readPage(columns, isCompressed: isCompressed, into: &writer)
    }
    // A stub without its row is a lost row, unless the row was deleted and is still there as ghost.
    guard counts.stubs <= counts.forwarded + counts.ghosts else {
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
        guard let record = try record(slot: slot) else { continue }
        try writeRow(record, slot: slot, columns, into: &writer)
      }
      return
    }
    do throws(Fault) { try compressed.load(buffer) } catch {
      throw error.at("\(table.name), page \(buffer.id ?? .none)", file: pages.fileName)
    }
    for slot in 0..<buffer.slotCount where try parseCompressed(slot: slot) {
      try writeRow(compressed, slot: slot, columns, into: &writer)
    }
  }

  @inline(__always)
  private mutating func writeRow(
    _ record: some RowRecord, slot: Int, _ columns: [RowColumn], into writer: inout TableWriter
  ) throws {
    writer.beginRow()
    for index in columns.indices {
      let pointer: UnsafeRawBufferPointer?
      do throws(Fault) {
        pointer = try columns[index].write(try record.cell(columns[index]), into: &writer)
      } catch {
        throw error.at(place(slot, columns[index]), file: pages.fileName)
      }
      if let pointer { try writeOffRow(pointer, columns[index], slot: slot, into: &writer) }
    }
    try writer.endRow()
    counts.rows += 1
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
      try column.decode(gathered, into: &writer)
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
