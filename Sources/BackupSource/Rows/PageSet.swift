/// The pages of one allocation unit: what its IAM chain owns, less what the PFS pages call free
/// (sections 8.2, 8.3). Needs no root or first-page pointer, which can be stale.
struct PageSet {
  /// Ascending by file and page.
  let pages: [PageID]

  /// - Parameter first: The unit's first IAM page; `.none` for a unit without pages.
  init(firstIAM first: PageID, allocation: AllocationReader) throws(BackupError) {
    var pages: [PageID] = []
    var visited: Set<PageID> = []
    var current = first
    while current != .none {
      guard visited.insert(current).inserted else {
        throw allocation.pages.damaged(current, slot: nil, "the chain of IAM pages runs in a circle")
      }
      current = try allocation.appendPages(ofIAM: current, to: &pages)
    }
    pages.sort()
    self.pages = pages
  }

  /// - Complexity: O(log n).
  func contains(_ page: PageID) -> Bool {
    var low = 0
    var high = pages.count
    while low < high {
      let middle = (low + high) / 2
      if pages[middle] < page { low = middle + 1 } else { high = middle }
    }
    return low < pages.count && pages[low] == page
  }
}

/// Reads IAM and PFS pages; keeps each PFS page it has met. For one thread.
final class AllocationReader {
  /// One PFS page says what 8088 pages are used for.
  private static let pagesPerPFS: UInt32 = 8088
  private static let allocatedBit: UInt8 = 0x40

  let pages: any PageReading
  private let buffer = PageBuffer()
  private let pfsBuffer = PageBuffer()
  private var pfsBytes: [PageID: [UInt8]] = [:]

  init(_ pages: any PageReading) {
    self.pages = pages
  }

  /// Appends the allocated pages that one IAM page owns.
  ///
  /// - Returns: The next IAM page of the chain, or `.none`.
  func appendPages(ofIAM id: PageID, to list: inout [PageID]) throws(BackupError) -> PageID {
    try buffer.load(id, from: pages)
    guard buffer.type == .indexAllocationMap else {
      throw pages.damaged(id, slot: nil, "expected page type 10 (IAM), found \(buffer.type.rawValue)")
    }
    let header = try record(slot: 0, of: id, byteCount: 46 + 8 * 6)
    let bitmap = try record(slot: 1, of: id, byteCount: 4 + AllocationInterval.extentCount / 8)
    for entry in 0..<8 {
      let page = header.pageID(at: 46 + 6 * entry)
      if page != .none { try append(page, to: &list) }
    }
    let start = header.pageID(at: 40)
    for index in 0..<AllocationInterval.extentCount / 8 {
      let bits = bitmap.uint8(at: 4 + index)
      if bits == 0 { continue }
      for bit in 0..<8 where bits >> UInt8(bit) & 1 != 0 {
        try appendExtent(index * 8 + bit, after: start, to: &list)
      }
    }
    return buffer.nextPage
  }

  /// Whether the PFS page says that a page is in use. Only such pages may be read: a freed page can
  /// still look valid.
  func isAllocated(_ id: PageID) throws(BackupError) -> Bool {
    let number = id.page / Self.pagesPerPFS
    let pfs = PageID(file: id.file, page: number == 0 ? 1 : number * Self.pagesPerPFS)
    let bytes = try status(of: pfs)
    return bytes[Int(id.page % Self.pagesPerPFS)] & Self.allocatedBit != 0
  }

  private func appendExtent(
    _ extent: Int, after start: PageID, to list: inout [PageID]
  ) throws(BackupError) {
    let (first, overflow) = start.page.addingReportingOverflow(UInt32(extent * 8))
    guard !overflow && first <= UInt32.max - 8 else {
      throw pages.damaged(start, slot: nil, "an IAM page owns an extent past the last possible page")
    }
    for page in first..<first + 8 {
      try append(PageID(file: start.file, page: page), to: &list)
    }
  }

  private func append(_ page: PageID, to list: inout [PageID]) throws(BackupError) {
    if try isAllocated(page) { list.append(page) }
  }

  private func status(of pfs: PageID) throws(BackupError) -> [UInt8] {
    if let known = pfsBytes[pfs] { return known }
    try pfsBuffer.load(pfs, from: pages)
    guard pfsBuffer.type == .pageFreeSpace else {
      throw pages.damaged(pfs, slot: nil, "expected page type 11 (PFS), found \(pfsBuffer.type.rawValue)")
    }
    // The one record starts right after the page header; u16 status and u16 length come first.
    let start = PageLayout.headerByteCount + 4
    let bytes = [UInt8](pfsBuffer.bytes.slice(start..<start + Int(Self.pagesPerPFS)))
    pfsBytes[pfs] = bytes
    return bytes
  }

  private func record(
    slot: Int, of id: PageID, byteCount: Int
  ) throws(BackupError) -> UnsafeRawBufferPointer {
    do throws(Fault) {
      guard let record = try buffer.record(slot: slot), record.count >= byteCount else {
        throw Fault.damaged("expected a record of at least \(byteCount) bytes")
      }
      return record
    } catch {
      throw error.at(pages.place(id, slot: slot), file: pages.fileName)
    }
  }
}
