/// Finds out where each extent of a database lies in its backup, section 6.
///
/// A backup says how many pages of each file it holds and not which ones. In an unstriped full
/// backup they follow from the allocation maps, which lie at known places among them; in every
/// other case the pages' own headers tell.
struct Placement {
  let streams: StreamList
  var map = PageMap()

  init(_ streams: [any ByteStream]) { self.streams = StreamList(streams: streams) }

  /// The map of a full backup whose members are given in the order of the streams.
  ///
  /// Throws `damaged` when the pages found are not those that the backup and its allocation maps
  /// announce.
  static func ofFull(
    _ members: [BackupSet], in streams: [any ByteStream]
  ) throws(BackupError) -> PageMap {
    var placement = Placement(streams)
    let files = members[0].configuration.files.filter { $0.pageCount > 0 }
    // Regions that hold the files; those behind them repeat what changed.
    var regionCount = 1
    if members.count == 1, !members[0].regions.isEmpty {
      do throws(BackupError) {
        regionCount = try placement.placeByPlan(files, in: members[0].regions)
        try placement.requireSamples(of: files)
      } catch {
        guard error.code == .damaged else { throw error }
        // Files that interleave inside a region are not excluded by any source. Their pages then
        // tell where they belong; if they do not, the first error is the one to report.
        placement = Placement(streams)
        regionCount = 1
        do throws(BackupError) {
          try placement.placeByHeaders(members, files)
        } catch _ { throw error }
      }
    } else {
      try placement.placeByHeaders(members, files)
    }
    for (stream, member) in members.enumerated() {
      for region in member.regions.dropFirst(regionCount) {
        _ = try placement.overlay(region, in: stream)
      }
    }
    return placement.map
  }
}

extension Placement {
  var firstName: String { streams.streams[0].fileName }

  /// One file after the other, all of them in the first region. A file that is not there any more is
  /// looked for at the start of the next one.
  ///
  /// - Returns: How many regions hold files.
  mutating func placeByPlan(
    _ files: [BackupDataFile], in regions: [DataRegion]
  ) throws(BackupError) -> Int {
    var index = 0
    var cursor = 0
    for file in files {
      if index + 1 < regions.count, try isFiller(from: cursor, in: regions[index]) {
        (index, cursor) = (index + 1, 0)
      }
      let region = regions[index]
      guard file.pageCount <= region.pageCount - cursor else {
        throw damaged(
          "file \(file.id) should have \(file.pageCount) pages here, and there are "
            + "\(region.pageCount - cursor)", at: streams.streams[0].fileOffset(of: region.offset))
      }
      try place(file, from: cursor, in: region)
      cursor += file.pageCount
    }
    guard try isFiller(from: cursor, in: regions[index]) else {
      throw damaged(
        "pages that no file of the backup announces",
        at: streams.streams[0].fileOffset(of: regions[index].offset + cursor * PageLayout.byteCount)
      )
    }
    return index + 1
  }

  private mutating func place(
    _ file: BackupDataFile, from start: Int, in region: DataRegion
  ) throws(BackupError) {
    var cursor = start
    let end = start + file.pageCount
    var interval = 0
    while cursor < end {
      guard interval < AllocationInterval.countMax else {
        throw damaged("the pages of file \(file.id) reach past the largest file")
      }
      let first = ExtentID(file: file.id, interval: interval, extent: 0)
      let offset = region.offset + cursor * PageLayout.byteCount
      let plan = try AllocationPlan(
        ExtentPages(stream: streams.streams[0], offset: offset, extent: first),
        file: file.id, interval: interval)
      for extent in 0..<AllocationInterval.extentCount where plan.contains(extent) {
        guard cursor < end else { break }
        let offset = region.offset + cursor * PageLayout.byteCount
        map[ExtentID(file: file.id, interval: interval, extent: extent)] = Place(
          stream: 0, offset: offset)
        cursor += PageLayout.pagesPerExtent
      }
      interval += 1
    }
  }

  /// Whether the region ends there, or only filler stands behind it.
  private func isFiller(from cursor: Int, in region: DataRegion) throws(BackupError) -> Bool {
    guard cursor < region.pageCount else { return true }
    let offset = region.offset + cursor * PageLayout.byteCount
    let header = try streams.streams[0].structure(
      at: offset, count: PageLayout.headerByteCount, place: "filler")
    return try header.uint8(at: 1) == PageType.filler.rawValue
  }

  /// Looks at a few extents of each file: an allocated page must carry the number its place means.
  func requireSamples(of files: [BackupDataFile]) throws(BackupError) {
    let pages = BackupPages(fileName: firstName, map: map, streams: streams.streams)
    var freeSpace = PageFreeSpace(pages)
    for file in files {
      for extent in map.extents(ofFile: file.id).sample(Self.sampleCount) {
        guard let place = map[extent] else { continue }
        guard try streams.frame(at: place).extent != extent else { continue }
        for index in 0..<PageLayout.pagesPerExtent
        where try freeSpace.isAllocated(extent.page(index)) {
          try requirePage(extent.page(index), at: place, index)
        }
      }
    }
  }

  private func requirePage(_ id: PageID, at place: Place, _ index: Int) throws(BackupError) {
    let offset = place.offset + index * PageLayout.byteCount
    let header = try streams.streams[place.stream].structure(
      at: offset, count: PageLayout.headerByteCount, place: "page \(id)")
    guard let found = PageHeader(header.bytes.span.bytes)?.id, found == id else {
      throw header.damaged("another page stands where this one should be")
    }
  }

  private static let sampleCount = 64

  func damaged(
    _ problem: String, at offset: Int? = nil, of fileName: String? = nil
  ) -> BackupError {
    BackupError(
      .damaged, file: fileName ?? firstName, offset: offset, place: "data region", problem: problem,
      advice: "take the backup again or fetch the file again")
  }
}

extension Array {
  /// Some of the elements, evenly spread, the last among them.
  fileprivate func sample(_ sampleCount: Int) -> [Element] {
    guard count > sampleCount else { return self }
    return (1...sampleCount).map { self[$0 * count / sampleCount - 1] }
  }
}
