// Placing extents by what their pages' headers say: striped backups, whose members hold the extents
// in an arbitrary distribution, later regions, which repeat what changed, and differentials.

extension Placement {
  /// Places the first regions of all members, then holds the result against the allocation maps.
  mutating func placeByHeaders(
    _ members: [BackupSet], _ files: [BackupDataFile]
  ) throws(BackupError) {
    var frames: [[Frame]] = []
    for (stream, member) in members.enumerated() {
      var list: [Frame] = []
      if let region = member.regions.first {
        try streams.forEachFrame(of: region, in: stream) { (frame) throws(BackupError) in
          if !frame.isFiller { list.append(frame) }
          return !frame.isFiller
        }
      }
      frames.append(list)
    }
    try requireCount(of: frames.reduce(0) { $0 + $1.count }, files)
    let leftovers = try placeClaims(of: frames, files)
    try requirePlanned(files, leftoverCount: leftovers)
  }

  /// Lays a later region over what is placed already.
  ///
  /// A frame whose headers are leftovers of a deallocated extent can name an extent that is
  /// elsewhere. Log sequence numbers never go back, so an older frame never replaces a newer one.
  mutating func overlay(_ region: DataRegion, in stream: Int) throws(BackupError) -> Overlay {
    var overlay = Overlay()
    var places: [(ExtentID, Place)] = []
    try streams.forEachFrame(of: region, in: stream) { (frame) throws(BackupError) in
      guard !frame.isFiller else { return false }
      overlay.frameCount += 1
      guard let extent = frame.extent else { return true }
      overlay.extents.insert(extent)
      if let old = map[extent] {
        let standing = try streams.frame(at: old)
        guard standing.extent != extent || standing.lsn <= frame.lsn else { return true }
      }
      places.append((extent, frame.place))
      return true
    }
    for (extent, place) in places { map[extent] = place }
    return overlay
  }

  private func requireCount(
    of frameCount: Int, _ files: [BackupDataFile]
  ) throws(BackupError) {
    let extentCount = files.reduce(0) {
      $0 + ($1.pageCount + PageLayout.pagesPerExtent - 1) / PageLayout.pagesPerExtent
    }
    guard frameCount == extentCount else {
      throw damaged(
        "\(frameCount) extents are there, and the backup announces \(extentCount) in its files")
    }
  }

  /// Places each frame at the extent it names. Returns how many frames could not be placed.
  private mutating func placeClaims(
    of members: [[Frame]], _ files: [BackupDataFile]
  ) throws(BackupError) -> Int {
    var claims: [ExtentID: [Claim]] = [:]
    var leftoverCount = 0
    let known = Set(files.map(\.id))
    for frames in members {
      for (index, frame) in frames.enumerated() {
        guard let extent = frame.extent, known.contains(extent.file) else {
          leftoverCount += 1
          continue
        }
        let isInOrder = Claim.isInOrder(extent, at: index, of: frames)
        claims[extent, default: []].append(Claim(frame: frame, isInOrder: isInOrder))
      }
    }
    for (extent, rivals) in claims {
      guard let winner = Claim.winner(of: rivals) else {
        throw damaged("two extents of the backup both name themselves page \(extent.page(0))")
      }
      map[extent] = winner.place
      leftoverCount += rivals.count - 1
    }
    return leftoverCount
  }

  /// Every extent that the allocation maps plan must be there, those past the end of the file
  /// excepted; frames with no plausible header may account for some.
  private func requirePlanned(
    _ files: [BackupDataFile], leftoverCount: Int
  ) throws(BackupError) {
    let pages = BackupPages(fileName: firstName, map: map, streams: streams.streams)
    var missing: [ExtentID] = []
    for file in files {
      let extentCount = file.byteCount / PageLayout.extentByteCount
      let pageCount = extentCount * PageLayout.pagesPerExtent
      for interval in 0..<AllocationInterval.count(forPages: pageCount) {
        let plan = try AllocationPlan(pages, file: file.id, interval: interval)
        let first = interval * AllocationInterval.extentCount
        let end = min(extentCount - first, AllocationInterval.extentCount)
        for extent in 0..<end where plan.contains(extent) {
          let id = ExtentID(file: file.id, interval: interval, extent: extent)
          if map[id] == nil { missing.append(id) }
        }
      }
    }
    guard missing.count <= leftoverCount else {
      throw damaged(
        "\(missing.count) extents are missing, the first one begins with page "
          + "\(missing.first?.page(0) ?? .none)")
    }
  }
}

/// What a later region held.
struct Overlay: Sendable {
  var frameCount = 0
  var extents: Set<ExtentID> = []
}

/// A frame that names an extent, and whether it stands in the ascending order of its member.
private struct Claim {
  let frame: Frame
  let isInOrder: Bool

  var place: Place { frame.place }

  /// Compares with the frames before and after, which may be leftovers themselves: fitting to one
  /// side is enough.
  static func isInOrder(_ extent: ExtentID, at index: Int, of frames: [Frame]) -> Bool {
    let before = index > 0 ? frames[index - 1].extent : nil
    let after = index + 1 < frames.count ? frames[index + 1].extent : nil
    return (before.map { $0 < extent } ?? true) && (after.map { extent < $0 } ?? true)
  }

  /// The one in order, else the one with most votes; nil where that does not decide.
  static func winner(of rivals: [Claim]) -> Claim? {
    let inOrder = rivals.filter(\.isInOrder)
    if inOrder.count == 1 { return inOrder[0] }
    let candidates = inOrder.isEmpty ? rivals : inOrder
    let votes = candidates.map(\.frame.votes).max() ?? 0
    let best = candidates.filter { $0.frame.votes == votes }
    return best.count == 1 ? best[0] : nil
  }
}
