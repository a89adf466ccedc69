/// Which pages are allocated, as the PFS pages say, section 8.2.
///
/// Only allocated pages may be read: an extent can contain freed pages whose old contents still look
/// valid. Keeps the last PFS page read, so asking in page order costs one read in 8088.
struct PageFreeSpace {
  /// A PFS page describes this many pages, beginning with its own number rounded down.
  static let pageCount = 8088

  private let pages: any PageReading
  private var page = [UInt8](repeating: 0, count: PageLayout.byteCount)
  private var loaded: PageID?
  private var statusOffset = 0

  init(_ pages: any PageReading) { self.pages = pages }

  mutating func isAllocated(_ id: PageID) throws(BackupError) -> Bool {
    try status(of: id) & 0x40 != 0
  }

  private mutating func status(of id: PageID) throws(BackupError) -> UInt8 {
    let (interval, index) = Int(id.page).quotientAndRemainder(dividingBy: Self.pageCount)
    // Page 0 is the file header, so the first PFS page is page 1.
    let number = interval == 0 ? 1 : UInt32(interval * Self.pageCount)
    try load(PageID(file: id.file, page: number))
    return page[statusOffset + index]
  }

  /// Record in slot 0: u16 status, u16 length 8092, one byte for each page.
  private mutating func load(_ id: PageID) throws(BackupError) {
    guard loaded != id else { return }
    loaded = nil
    let pages = self.pages
    try page.withBuffer { (buffer) throws(BackupError) in try pages.readPage(id, into: buffer) }
    let slot = page.span.bytes.uint16(at: PageLayout.byteCount - 2).map(Int.init) ?? 0
    guard
      PageHeader(page.span.bytes)?.type == .pageFreeSpace, slot >= PageLayout.headerByteCount,
      page.span.bytes.uint16(at: slot + 2) == UInt16(Self.pageCount + 4),
      slot + 4 + Self.pageCount <= PageLayout.byteCount
    else { throw pages.damaged(id, "holds no status of 8,088 pages") }
    statusOffset = slot + 4
    loaded = id
  }
}
