/// Which extents of one GAM interval a full backup holds, section 6: those that are allocated, the
/// interval's first, mixed ones with a free page, and those with a PFS page.
struct AllocationPlan {
  private let firstExtent: Int
  private var free = AllocationBitmap()
  private var mixed = AllocationBitmap()

  /// Reads the interval's GAM and SGAM pages, which lie in its first extent.
  init(
    _ pages: some PageReading, file: UInt16, interval: Int
  ) throws(BackupError) {
    firstExtent = interval * AllocationInterval.extentCount
    try free.load(pages, PageID(file: file, page: AllocationInterval.mapPage(.global, interval)))
    try mixed.load(pages, PageID(file: file, page: AllocationInterval.mapPage(.shared, interval)))
  }

  /// - Parameter extent: Counted from the interval's first, below 63,904.
  func contains(_ extent: Int) -> Bool {
    extent == 0 || !free[extent] || mixed[extent] || Self.hasPFSPage(firstExtent + extent)
  }

  private static func hasPFSPage(_ extent: Int) -> Bool {
    let firstPage = extent * PageLayout.pagesPerExtent
    let lastPage = firstPage + PageLayout.pagesPerExtent - 1
    return lastPage / PageFreeSpace.pageCount * PageFreeSpace.pageCount >= firstPage
  }
}

/// The pages of one extent at a known place, for reading allocation maps before there is a map.
struct ExtentPages: PageReading {
  let stream: any ByteStream
  let offset: Int
  let extent: ExtentID

  var fileName: String { stream.fileName }
  var byteCount: Int { PageLayout.extentByteCount }

  func readPage(_ id: PageID, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    guard ExtentID(of: id) == extent else { throw damaged(id, "is not where it should be") }
    let place = offset + Int(id.page) % PageLayout.pagesPerExtent * PageLayout.byteCount
    try stream.read(at: place, into: buffer)
    try check(buffer, is: id, at: place, of: stream)
  }
}
