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
  /// Values that their decoder needs whole.
  private var gathered: [UInt8] = []
  private var counts = RowCounts()

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
    guard let unit = partition.unit else { return }
    let columns = try RowColumn.columns(of: table, in: partition, file: pages.fileName)
    let set = try PageSet(firstIAM: unit.firstIAM, allocation: allocation)
    let isCompressed = partition.rowset.compression > 0
    if storage.isClustered {
      var chain = try LeafChain(
        unit, set: set, pages: pages, isCompressed: isCompressed, buffer: buffer)
      while try chain.next(into: buffer) {
        try readPage(columns, into: &writer)
      }
      return
    }
    for page in set.pages {
      try buffer.load(page, from: pages)
      guard buffer.type == .data else {
        // An IAM page can lie in an extent that it owns; nothing else belongs into a heap.
        guard buffer.type == .indexAllocationMap else {
          throw pages.damaged(page, "is of type \(buffer.type.rawValue) and belongs to a heap")
        }
        continue
      }
      try readPage(columns, into: &writer)
    }
  }

  /// Writes the rows of the page in the buffer.
  private mutating func readPage(
    _ columns: [RowColumn], into writer: inout TableWriter
  ) throws {
    for slot in 0..<buffer.slotCount {
      guard let record = try record(slot: slot) else { continue }
      writer.beginRow()
      for index in columns.indices {
        try writeCell(of: record, columns[index], slot: slot, into: &writer)
      }
      try writer.endRow()
      counts.rows += 1
    }
  }

  /// The record in a slot; nil for an empty slot and for a record that holds no row.
  private mutating func record(slot: Int) throws(BackupError) -> FixedVarRecord? {
    do throws(Fault) {
      guard let bytes = try buffer.record(slot: slot) else { return nil }
      guard try counts.note(RecordKind(statusA: bytes.uint8(at: 0))) else { return nil }
      return try FixedVarRecord(bytes)
    } catch {
      throw error.at(place(slot), file: pages.fileName)
    }
  }

  private mutating func writeCell(
    of record: FixedVarRecord, _ column: RowColumn, slot: Int, into writer: inout TableWriter
  ) throws(BackupError) {
    let pointer: UnsafeRawBufferPointer
    do throws(Fault) {
      switch try record.cell(column.physical) {
      case .inRow(let bytes): return try column.decoder.decode(bytes, &writer)
      case .null: return writer.writeNull()
      case .missing: return try column.writeMissing(into: &writer)
      case .offRow(let value): pointer = value
      }
    } catch {
      throw error.at(place(slot, column), file: pages.fileName)
    }
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
    while let piece = try offRow.next() { gathered.append(contentsOf: piece) }
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
