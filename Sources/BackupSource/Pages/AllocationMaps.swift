/// The stretch of 511,232 pages that one GAM page describes, sections 6 and 8.3.
enum AllocationInterval {
  static let extentCount = 63_904
  static let pageCount = extentCount * PageLayout.pagesPerExtent

  /// The map pages at the start of each interval; in interval 0 they follow file header and PFS.
  enum Map: UInt32 {
    case global = 0
    case shared = 1
    case differential = 4
  }

  /// A data file has 16 TiB at most, 2^31 pages; numbers up to there need no checks.
  static let fileByteCountMax = 1 << 44

  static let countMax = count(forPages: fileByteCountMax / PageLayout.byteCount)

  static func count(forPages pages: Int) -> Int { (pages + pageCount - 1) / pageCount }

  static func firstPage(_ interval: Int) -> UInt32 { UInt32(clamping: interval * pageCount) }

  static func mapPage(_ map: Map, _ interval: Int) -> UInt32 {
    firstPage(interval) + map.rawValue + (interval == 0 ? 2 : 0)
  }
}

/// One GAM, SGAM or differential-map page: a bit for each extent of its interval.
struct AllocationBitmap: Sendable {
  private var page = [UInt8](repeating: 0, count: PageLayout.byteCount)
  private var bitsOffset = 0

  /// Reads the page and finds its bitmap.
  mutating func load(_ pages: some PageReading, _ id: PageID) throws(BackupError) {
    try page.withBuffer { (buffer) throws(BackupError) in try pages.readPage(id, into: buffer) }
    bitsOffset = try foundBits(id, of: pages)
  }

  /// The bit of an extent, counted from the interval's first and below 63,904.
  subscript(extent: Int) -> Bool {
    page[bitsOffset + extent >> 3] >> UInt8(extent & 7) & 1 == 1
  }

  func lastExtent(marked: Bool) -> Int? {
    (0..<AllocationInterval.extentCount).last { self[$0] == marked }
  }

  /// Finds the bitmap, the record in slot 1: u16 status, u16 length 7992, then the bits.
  ///
  /// Its last 32 bits are not extents.
  private func foundBits(_ id: PageID, of pages: some PageReading) throws(BackupError) -> Int {
    let bytes = page.span.bytes
    guard
      let slot = bytes.uint16(at: PageLayout.byteCount - 4).map(Int.init),
      slot >= PageLayout.headerByteCount, bytes.uint16(at: slot + 2) == 0x1F38,
      slot + 4 + 7992 <= PageLayout.byteCount
    else {
      throw BackupError(
        .unknown, file: pages.fileName, place: "page \(id)",
        problem: "the page holds no bitmap of 63,904 extents: encrypted, or of another layout",
        advice: "turn off database encryption (TDE) at the source and take a new backup")
    }
    return slot + 4
  }
}

extension [UInt8] {
  /// Lends the array as a buffer, keeping the type of the error.
  mutating func withBuffer(
    _ body: (UnsafeMutableRawBufferPointer) throws(BackupError) -> Void
  ) throws(BackupError) {
    var failure: BackupError?
    withUnsafeMutableBytes { buffer in
      do throws(BackupError) { try body(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
