@testable import BackupSource

/// A database made up by rule, for what no sample here has: files over 4 GB, several data files,
/// leftovers of old pages where they hurt. Its pages are computed when they are read.
struct SyntheticDatabase: Sendable {
  struct File: Sendable {
    let id: UInt16
    let extentCount: Int
    /// Extents all of whose pages are allocated.
    let allocated: Set<Int>
    /// Unallocated by the GAM, but marked in the SGAM.
    var mixed: Set<Int> = []
  }

  let files: [File]

  /// The extents a full backup holds, by the words of section 6.
  func planned(_ file: File) -> [ExtentID] {
    (0..<file.extentCount).filter { extent in
      let pages = extent * 8..<extent * 8 + 8
      return file.allocated.contains(extent) || file.mixed.contains(extent)
        || extent % 63_904 == 0 || pages.contains { $0 % 8088 == 0 }
    }.map { ExtentID(file: file.id, number: UInt32($0)) }
  }

  var planned: [ExtentID] { files.flatMap { planned($0) } }

  func page(_ id: PageID, lsn: UInt32) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: PageLayout.byteCount)
    guard let file = files.first(where: { $0.id == id.file }) else { return page }
    let number = Int(id.page)
    (page[0], page[1]) = (1, 1)
    page.put(id.page, at: 32)
    page.put(UInt32(id.file), at: 36, byteCount: 2)
    page.put(lsn, at: 40)
    page.put(96, at: 8190, byteCount: 2)
    page.put(194, at: 8188, byteCount: 2)
    let inInterval = number % (63_904 * 8)
    let map = number < 63_904 * 8 ? inInterval - 2 : inInterval
    if number == 0 {
      page[1] = 15
    } else if number == 1 || number % 8088 == 0 {
      page[1] = 11
      page.put(8092, at: 98, byteCount: 2)
      for index in 0..<8088 where file.allocated.contains((number / 8088 * 8088 + index) / 8) {
        page[100 + index] = 0x40
      }
      page.put(96, at: 8190, byteCount: 2)
    } else if map == 0 || map == 1 {
      page[1] = map == 0 ? 8 : 9
      page.put(0x1F38, at: 196, byteCount: 2)
      let first = number / (63_904 * 8) * 63_904
      for index in 0..<63_904 {
        let isMarked =
          map == 0
          ? !file.allocated.contains(first + index) : file.mixed.contains(first + index)
        if isMarked { page[198 + index / 8] |= 1 << UInt8(index % 8) }
      }
    }
    return page
  }
}

/// A stretch of pages behind one another, as a region of a backup or a data file.
struct SyntheticStream: ByteStream {
  enum Content: Sendable {
    /// The extent's pages; the first `leftoverCount` of them unless they are allocation pages bear
    /// headers of another extent.
    case extent(
      ExtentID, lsn: UInt32 = 1, leftovers: (of: ExtentID, count: Int, lsn: UInt32)? = nil)
    case filler
  }

  let fileName: String
  let database: SyntheticDatabase
  let frames: [Content]

  init(_ database: SyntheticDatabase, _ frames: [Content], named fileName: String = "made-up.bak") {
    self.fileName = fileName
    self.database = database
    self.frames = frames
  }

  var byteCount: Int { frames.count * PageLayout.extentByteCount }

  var region: DataRegion { DataRegion(offset: 0, pageCount: frames.count * 8) }

  func set(_ files: [(id: UInt16, pageCount: Int)]) -> BackupSet {
    var configuration = BackupConfiguration()
    configuration.setType = .full
    configuration.files = files.map { file in
      let extentCount = database.files.first { $0.id == file.id }?.extentCount ?? 0
      return BackupDataFile(
        id: file.id, pageCount: file.pageCount,
        byteCount: extentCount * PageLayout.extentByteCount, logicalName: "made up")
    }
    return BackupSet(number: 1, configuration: configuration, regions: [region])
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    try requireBytes(buffer.count, at: offset, place: nil)
    var done = 0
    while done < buffer.count {
      let (number, start) = (offset + done).quotientAndRemainder(dividingBy: PageLayout.byteCount)
      let page = page(number)
      let count = min(buffer.count - done, page.count - start)
      UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
        .copyBytes(from: page[start..<start + count])
      done += count
    }
  }

  private func page(_ number: Int) -> [UInt8] {
    let index = number % 8
    switch frames[number / 8] {
    case .filler:
      var page = [UInt8](repeating: 0, count: PageLayout.byteCount)
      (page[0], page[1]) = (1, 0x65)
      return page
    case .extent(let extent, let lsn, let leftovers):
      if let leftovers, index < leftovers.count {
        return database.page(leftovers.of.page(index), lsn: leftovers.lsn)
      }
      return database.page(extent.page(index), lsn: lsn)
    }
  }
}

extension [UInt8] {
  fileprivate mutating func put(_ value: UInt32, at offset: Int, byteCount: Int = 4) {
    for index in 0..<byteCount { self[offset + index] = UInt8(value >> UInt32(8 * index) & 255) }
  }
}
