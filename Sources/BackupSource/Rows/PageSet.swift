/// The pages of one allocation unit: what its IAM chain owns, less what the PFS pages call free
/// (sections 8.2, 8.3). Needs no root or first-page pointer, which can be stale.
struct PageSet {
  /// Ascending by file and page.
  let pages: PageBits

  /// - Parameter first: The unit's first IAM page; `.none` for a unit without pages.
  init(firstIAM first: PageID, allocation: AllocationReader) throws(BackupError) {
    var pages = PageBits()
    var visited: Set<PageID> = []
    var current = first
    while current != .none {
      guard visited.insert(current).inserted else {
        throw allocation.pages.damaged(current, "closes a circle in the chain of IAM pages")
      }
      current = try allocation.appendPages(ofIAM: current, to: &pages)
    }
    self.pages = pages
  }

  func contains(_ page: PageID) -> Bool { pages.contains(page) }
}

/// Reads IAM pages and asks the PFS pages which of the pages they own are in use. For one thread.
final class AllocationReader {
  let pages: any PageReading
  private let buffer = PageBuffer()
  private var freeSpace: PageFreeSpace

  init(_ pages: any PageReading) {
    self.pages = pages
    freeSpace = PageFreeSpace(pages)
  }

  /// Appends the allocated pages that one IAM page owns.
  ///
  /// - Returns: The next IAM page of the chain, or `.none`.
  func appendPages(ofIAM id: PageID, to list: inout PageBits) throws(BackupError) -> PageID {
    try buffer.load(id, from: pages)
    guard buffer.type == .indexAllocationMap else {
      throw pages.damaged(id, "is of type \(buffer.type.rawValue), not 10 (IAM)")
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

  private func appendExtent(
    _ extent: Int, after start: PageID, to list: inout PageBits
  ) throws(BackupError) {
    let (first, overflow) = start.page.addingReportingOverflow(UInt32(extent * 8))
    guard !overflow && first <= UInt32.max - 8 else {
      throw pages.damaged(start, "begins an IAM interval that reaches past the last possible page")
    }
    for page in first..<first + 8 {
      try append(PageID(file: start.file, page: page), to: &list)
    }
  }

  private func append(_ page: PageID, to list: inout PageBits) throws(BackupError) {
    if try freeSpace.isAllocated(page) { list.insert(page) }
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
