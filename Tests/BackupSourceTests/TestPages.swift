// Pages made byte by byte, so that tests can hold what no real file here does: compressed rows, moved
// rows, columns added later, damage.

import Catalog

@testable import BackupSource

/// Pages in memory.
final class MemoryPages: PageReading {
  let fileName = "memory"
  var byteCount: Int { pages.count * PageLayout.byteCount }
  private let pages: [PageID: [UInt8]]

  init(_ pages: [PageID: [UInt8]]) { self.pages = pages }

  func readPage(_ id: PageID, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    guard let page = pages[id] else {
      throw BackupError(
        .damaged, file: fileName, place: "page \(id)", problem: "the page is not there")
    }
    buffer.copyBytes(from: page)
  }
}

/// A page under construction.
struct TestPage {
  var id: PageID
  var type: PageType = .data
  var level: UInt8 = 0
  var previous = PageID.none
  var next = PageID.none
  var fixedByteCount = 4
  var typeFlags: UInt8 = 0
  /// Between the page header and the first record.
  var preamble: [UInt8] = []
  /// An empty record makes an empty slot.
  var records: [[UInt8]] = []

  var bytes: [UInt8] {
    var page = [UInt8](repeating: 0, count: PageLayout.byteCount)
    page[0] = 1
    page[1] = type.rawValue
    page[2] = typeFlags
    page[3] = level
    page.replaceSubrange(8..<14, with: previous.testBytes)
    page.replaceSubrange(14..<16, with: UInt16(fixedByteCount).testBytes)
    page.replaceSubrange(16..<22, with: next.testBytes)
    page.replaceSubrange(22..<24, with: UInt16(records.count).testBytes)
    page.replaceSubrange(32..<38, with: id.testBytes)
    page.replaceSubrange(96..<96 + preamble.count, with: preamble)
    var offset = 96 + preamble.count
    for (slot, record) in records.enumerated() {
      let start = record.isEmpty ? 0 : offset
      let entry = PageLayout.byteCount - 2 * (slot + 1)
      page.replaceSubrange(entry..<entry + 2, with: UInt16(start).testBytes)
      page.replaceSubrange(offset..<offset + record.count, with: record)
      offset += record.count
    }
    return page
  }
}

/// An uncompressed record.
struct TestRecord {
  var kind: UInt8 = 0
  var fixed: [UInt8] = []
  var columnCount = 1
  var nulls: Set<Int> = []
  var variable: [(bytes: [UInt8], isComplex: Bool)] = []

  var bytes: [UInt8] {
    var record: [UInt8] = [0x10 | kind << 1 | (variable.isEmpty ? 0 : 0x20), 0]
    record += UInt16(4 + fixed.count).testBytes + fixed + UInt16(columnCount).testBytes
    var bitmap = [UInt8](repeating: 0, count: (columnCount + 7) / 8)
    for bit in nulls { bitmap[bit / 8] |= 1 << UInt8(bit % 8) }
    record += bitmap
    guard !variable.isEmpty else { return record }
    record += UInt16(variable.count).testBytes
    var end = record.count + 2 * variable.count
    for value in variable {
      end += value.bytes.count
      record += UInt16(end | (value.isComplex ? 0x8000 : 0)).testBytes
    }
    return record + variable.flatMap(\.bytes)
  }
}

/// A table of one rowset whose pages are made here.
struct TestTable {
  var columns: [Column]
  var physical: [PhysicalColumn]
  var pages: [TestPage]
  var isClustered = false
  var compression = 0
  var addedDefaults: [AddedDefault] = []
  var root = PageID.none
  var firstIAM = Self.page(8)
  var rowCount = 0

  static func page(_ number: UInt32) -> PageID { PageID(file: 1, page: number) }

  var table: Table { Table(name: ObjectName("dbo", "made"), columns: columns) }

  var storage: TableStorage {
    TableStorage(
      objectID: 1, isClustered: isClustered, isKeyAscending: true,
      partitions: [
        .init(
          rowset: Rowset(
            id: 1, objectID: 1, indexID: isClustered ? 1 : 0, partition: 1, rowCount: rowCount,
            status: 0,
            compression: compression),
          unit: AllocationUnit(
            kind: .inRow, ownerID: 1, first: pages.first?.id ?? .none, root: root,
            firstIAM: firstIAM),
          columns: physical, addedDefaults: addedDefaults)
      ], refusal: nil)
  }

  /// All pages, those of the allocation maps included. Rows lie on pages 16 to 23 and text on the
  /// pages from 24 on.
  var memory: MemoryPages {
    var all: [PageID: [UInt8]] = [:]
    for page in pages { all[page.id] = page.bytes }
    var status = [UInt8](repeating: 0, count: 8088)
    for page in pages { status[Int(page.id.page)] = 0x40 }
    status[8] = 0x50
    let pfs = TestPage(
      id: Self.page(1), type: .pageFreeSpace,
      records: [[0, 0] + UInt16(8092).testBytes + status])
    all[pfs.id] = pfs.bytes
    let header =
      [UInt8](repeating: 0, count: 40) + PageID(file: 1, page: 0).testBytes
      + [UInt8](repeating: 0, count: 48)
    var bitmap = [UInt8](repeating: 0, count: 7988)
    bitmap[0] = 1 << 2
    let iam = TestPage(
      id: Self.page(8), type: .indexAllocationMap,
      records: [header, [0, 0] + UInt16(7992).testBytes + bitmap])
    all[iam.id] = iam.bytes
    return MemoryPages(all)
  }
}

extension Column {
  /// A nullable column.
  init(made id: Int, _ name: String, _ type: ColumnType) {
    self.init(id: id, name: name, type: type, isNullable: true)
  }
}

extension PhysicalColumn {
  init(
    made id: Int, _ type: PhysicalType, nullBit: Int, _ place: Place, bitPosition: Int = 0
  ) {
    self.init(
      columnID: id, number: nullBit + 1, nullBit: nullBit, place: place, bitPosition: bitPosition,
      type: type, isNullable: true, isDropped: false, isFilestream: false)
  }
}

extension PageID {
  var testBytes: [UInt8] { page.testBytes + file.testBytes }
}

extension FixedWidthInteger {
  /// Little-endian.
  var testBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}

/// Bytes from hex digits; blanks do not count.
func hex(_ text: String) -> [UInt8] {
  let digits = text.filter { $0 != " " }
  return stride(from: 0, to: digits.count, by: 2).compactMap { offset in
    let start = digits.index(digits.startIndex, offsetBy: offset)
    return UInt8(digits[start...].prefix(2), radix: 16)
  }
}
