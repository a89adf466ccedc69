// Placing extents by what their pages' headers say: striped backups, whose members hold the extents
// in an arbitrary distribution, later regions, which repeat what changed, and differentials.

extension Placement {
  /// Places the first regions of all members, then holds the result against the allocation maps.
  ///
  /// Twelve bytes are kept for each extent of a member while it is placed.
  mutating func placeByHeaders(
    _ members: [BackupSet], _ files: [BackupDataFile]
  ) throws(BackupError) {
    var frameCount = 0
    var loose: [Place] = []
    for (stream, member) in members.enumerated() {
      guard let region = member.regions.first else { continue }
      let claims = try claims(of: region, in: stream)
      frameCount += claims.count
      for (index, isTrusted) in claims.ascending().enumerated() {
        let place = Place(stream: stream, offset: region.frameOffset(index))
        if isTrusted, let extent = claims[index] {
          if let loser = try claim(extent, at: place) { loose.append(loser) }
        } else {
          loose.append(place)
        }
      }
    }
    try requireCount(frameCount, files)
    try requirePlanned(files, loose)
  }

  /// Lays a later region over what is placed already.
  ///
  /// A frame whose headers are leftovers of a deallocated extent can name an extent that is
  /// elsewhere. Log sequence numbers never go back, so an older frame never replaces a newer one,
  /// and an extent that only a minority of headers names must be newer.
  mutating func overlay(_ region: DataRegion, in stream: Int) throws(BackupError) -> Overlay {
    var overlay = Overlay()
    let streams = self.streams
    try streams.forEachFrame(of: region, in: stream) { (frame) throws(BackupError) in
      guard !frame.isFiller else { return false }
      overlay.frameCount += 1
      for vote in frame.votes {
        let old = try map[vote.extent].map { (place) throws(BackupError) in
          try streams.frame(at: place).vote(for: vote.extent)?.lsn
        }
        if let lsn = old ?? nil, lsn > vote.lsn || lsn == vote.lsn && vote.extent != frame.extent {
          continue
        }
        map[vote.extent] = frame.place
        overlay.extents.insert(vote.extent)
      }
      return true
    }
    return overlay
  }

  /// The extent that most headers name, for each frame of a region up to the filler at its end.
  private func claims(of region: DataRegion, in stream: Int) throws(BackupError) -> [ExtentID?] {
    var claims: [ExtentID?] = []
    try streams.forEachFrame(of: region, in: stream) { frame in
      if !frame.isFiller { claims.append(frame.extent) }
      return !frame.isFiller
    }
    return claims
  }

  private func requireCount(
    _ frameCount: Int, _ files: [BackupDataFile]
  ) throws(BackupError) {
    let extentCount = files.reduce(0) {
      $0 + ($1.pageCount + PageLayout.pagesPerExtent - 1) / PageLayout.pagesPerExtent
    }
    guard frameCount == extentCount else {
      throw damaged(
        "\(frameCount) extents are there, and the backup announces \(extentCount) in its files")
    }
  }

  /// Places an extent; of two frames that claim it the one with more headers wins. Returns the
  /// other.
  private mutating func claim(
    _ extent: ExtentID, at place: Place
  ) throws(BackupError) -> Place? {
    guard let rival = map[extent] else {
      map[extent] = place
      return nil
    }
    let votes = try streams.frame(at: place).vote(for: extent)?.count ?? 0
    let rivalVotes = try streams.frame(at: rival).vote(for: extent)?.count ?? 0
    guard votes != rivalVotes else {
      throw damaged("two extents of the backup both name themselves page \(extent.page(0))")
    }
    guard votes > rivalVotes else { return place }
    map[extent] = place
    return rival
  }

  /// Every extent that the allocation maps plan must be there, those past the end of the file
  /// excepted.
  ///
  /// One that is missing is placed at a loose frame with a header that names it. One that no header
  /// names has no formatted page, so its frame need not be known.
  private mutating func requirePlanned(
    _ files: [BackupDataFile], _ loose: [Place]
  ) throws(BackupError) {
    var (missing, unplanned) = try compareWithPlan(files)
    for place in loose + unplanned {
      guard !missing.isEmpty else { return }
      for vote in try streams.frame(at: place).votes where missing.remove(vote.extent) != nil {
        map[vote.extent] = place
      }
    }
    try requireNoneAllocated(missing, of: firstName)
  }

  /// Extents that could not be found are no loss where the PFS calls all their pages free.
  func requireNoneAllocated(
    _ missing: Set<ExtentID>, of fileName: String
  ) throws(BackupError) {
    let pages = BackupPages(fileName: fileName, map: map, streams: streams.streams)
    var freeSpace = PageFreeSpace(pages)
    for extent in missing.sorted() {
      for index in 0..<PageLayout.pagesPerExtent
      where try freeSpace.isAllocated(extent.page(index)) {
        throw damaged(
          "page \(extent.page(index)) is in use and not there, in one of \(missing.count) "
            + "extents that are missing", of: fileName)
      }
    }
  }

  /// Extents that are planned and not placed, and places of those that are placed and not planned.
  private func compareWithPlan(
    _ files: [BackupDataFile]
  ) throws(BackupError) -> (missing: Set<ExtentID>, unplanned: [Place]) {
    let pages = BackupPages(fileName: firstName, map: map, streams: streams.streams)
    var missing: Set<ExtentID> = []
    var unplanned: [Place] = []
    for file in files {
      for interval in file.intervals {
        let plan = try AllocationPlan(pages, file: file.id, interval: interval)
        for extent in file.extents(ofInterval: interval) {
          let id = ExtentID(file: file.id, interval: interval, extent: extent)
          switch (plan.contains(extent), map[id]) {
          case (true, nil): missing.insert(id)
          case (false, let place?): unplanned.append(place)
          default: break
          }
        }
      }
    }
    return (missing, unplanned)
  }
}

/// What a later region held.
struct Overlay: Sendable {
  var frameCount = 0
  /// Every extent that it gave a new place.
  var extents: Set<ExtentID> = []
}

extension BackupDataFile {
  var intervals: Range<Int> {
    0..<AllocationInterval.count(forPages: extentCount * PageLayout.pagesPerExtent)
  }

  /// Extents of an interval up to the end of the file, counted from the interval's first.
  func extents(ofInterval interval: Int) -> Range<Int> {
    let first = interval * AllocationInterval.extentCount
    return 0..<min(extentCount - first, AllocationInterval.extentCount)
  }

  private var extentCount: Int { byteCount / PageLayout.extentByteCount }
}

extension [ExtentID?] {
  /// Which frames belong to the longest ascending row of extents, for each file by itself.
  ///
  /// A member holds its extents in ascending order, so a frame out of order bears old headers.
  fileprivate func ascending() -> [Bool] {
    var isTrusted = [Bool](repeating: false, count: count)
    for file in Set(lazy.compactMap(\.?.file)) {
      let members = indices.filter { self[$0]?.file == file }
      for member in longestAscending(members.map { self[$0]?.number ?? 0 }) {
        isTrusted[members[member]] = true
      }
    }
    return isTrusted
  }
}

/// Indexes of a longest strictly ascending subsequence (patience sorting).
func longestAscending(_ numbers: [UInt32]) -> [Int] {
  // tails[n]: the index of the smallest number that ends an ascending row of n + 1.
  var tails: [Int] = []
  var previous = [Int](repeating: -1, count: numbers.count)
  for (index, number) in numbers.enumerated() {
    var (low, high) = (0, tails.count)
    while low < high {
      let middle = (low + high) / 2
      if numbers[tails[middle]] < number { low = middle + 1 } else { high = middle }
    }
    if low > 0 { previous[index] = tails[low - 1] }
    if low == tails.count { tails.append(index) } else { tails[low] = index }
  }
  var row: [Int] = []
  var next = tails.last ?? -1
  while next >= 0 {
    row.append(next)
    next = previous[next]
  }
  return row.reversed()
}
