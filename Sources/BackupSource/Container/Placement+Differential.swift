extension Placement {
  /// The map of a full backup with a differential laid over it; the streams are the members of the
  /// one, then of the other.
  ///
  /// Throws `damaged` when the differential does not hold the extents that its own differential map
  /// marks, `refusedKind` when it is from another database.
  static func ofDifferential(
    _ parts: [BackupSet], over full: [BackupSet], in streams: [any ByteStream]
  ) throws(BackupError) -> PageMap {
    var placement = Placement(streams)
    placement.map = try ofFull(full, in: streams)
    let owner = try placement.placed.bindingID(ofFile: 1)
    var overlays: [Overlay] = []
    for (index, part) in parts.enumerated() {
      guard let region = part.regions.first else { continue }
      overlays.append(try placement.overlay(region, in: full.count + index))
    }
    guard try placement.placed.bindingID(ofFile: 1) == owner else {
      throw BackupError(
        .refusedKind, file: streams[full.count].fileName,
        problem: "is a differential of another database than \(streams[0].fileName)",
        advice: "give the full backup and the differential of one database")
    }
    try placement.requireMarked(
      parts[0].configuration.files, overlays, fileName: streams[full.count].fileName)
    for (index, part) in parts.enumerated() {
      for region in part.regions.dropFirst() {
        _ = try placement.overlay(region, in: full.count + index)
      }
    }
    return placement.map
  }

  /// The pages as far as they are placed.
  private var placed: BackupPages {
    BackupPages(fileName: firstName, map: map, streams: streams.streams)
  }

  /// The differential must hold as many extents as it announces, and every extent that changed
  /// since the full backup.
  private func requireMarked(
    _ files: [BackupDataFile], _ overlays: [Overlay], fileName: String
  ) throws(BackupError) {
    let frameCount = overlays.reduce(0) { $0 + $1.frameCount }
    let pageCount = files.reduce(0) { $0 + $1.pageCount }
    guard frameCount * PageLayout.pagesPerExtent == pageCount else {
      throw damaged(
        "\(frameCount * PageLayout.pagesPerExtent) pages are there, and the differential "
          + "announces \(pageCount)", of: fileName)
    }
    let named = overlays.reduce(into: Set<ExtentID>()) { $0.formUnion($1.extents) }
    let pages = BackupPages(fileName: firstName, map: map, streams: streams.streams)
    var missing: Set<ExtentID> = []
    for file in files {
      for interval in file.intervals {
        var changed = AllocationBitmap()
        let page = AllocationInterval.mapPage(.differential, interval)
        try changed.load(pages, PageID(file: file.id, page: page))
        for extent in file.extents(ofInterval: interval) where changed[extent] {
          let id = ExtentID(file: file.id, interval: interval, extent: extent)
          if !named.contains(id) { missing.insert(id) }
        }
      }
    }
    // A changed extent that has been deallocated since may hold no page that names it.
    try requireNoneAllocated(missing, of: fileName)
  }
}
