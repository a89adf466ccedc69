/// One page in memory, read again and again into the same 8 KiB.
final class PageBuffer {
  private let memory: UnsafeMutableRawBufferPointer
  /// The page that is in the buffer, nil when there is none.
  private(set) var id: PageID?
  private(set) var type = PageType(rawValue: 0)
  /// 0 is the leaf.
  private(set) var level: UInt8 = 0
  private(set) var previousPage = PageID.none
  private(set) var nextPage = PageID.none
  private(set) var slotCount = 0
  /// Bytes of the fixed part of the page's records.
  private(set) var fixedByteCount = 0
  /// The page carries a compression information structure.
  private(set) var hasCompressionInformation = false

  init() {
    memory = .allocate(byteCount: PageLayout.byteCount, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { memory.deallocate() }

  /// The page's bytes; valid until the next `load`.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

  /// Reads a page, unless it is in the buffer already.
  func load(_ wanted: PageID, from pages: any PageReading) throws(BackupError) {
    if id == wanted { return }
    id = nil
    try pages.readPage(wanted, into: memory)
    guard let header = PageHeader(bytes.bytes), header.id == wanted else {
      throw pages.damaged(wanted, "names itself another page")
    }
    type = header.type
    level = header.level
    previousPage = header.previousPage
    nextPage = header.nextPage
    slotCount = Int(header.slotCount)
    fixedByteCount = Int(header.fixedByteCount)
    hasCompressionInformation = header.typeFlags & 0x80 != 0
    guard PageLayout.headerByteCount + 2 * slotCount <= PageLayout.byteCount else {
      throw pages.damaged(wanted, "cannot hold the \(slotCount) slots it claims")
    }
    id = wanted
  }

  /// The bytes from a record's start to the slot array: no record reaches further.
  ///
  /// - Parameter slot: 0 ..< `slotCount`.
  /// - Returns: nil for an empty slot.
  func record(slot: Int) throws(Fault) -> UnsafeRawBufferPointer? {
    guard slot >= 0 && slot < slotCount else {
      throw .damaged("there is no slot \(slot) on a page of \(slotCount) slots")
    }
    let start = Int(bytes.uint16(at: PageLayout.byteCount - 2 * (slot + 1)))
    if start == 0 { return nil }
    let end = PageLayout.byteCount - 2 * slotCount
    guard start >= PageLayout.headerByteCount && start < end else {
      throw .damaged("the record would start at byte \(start) of the page")
    }
    return bytes.slice(start..<end)
  }
}
