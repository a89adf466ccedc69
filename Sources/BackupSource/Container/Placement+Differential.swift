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
    let owner = try placement.bindingID()
    var overlays: [Overlay] = []
    for (index, part) in parts.enumerated() {
      guard let region = part.regions.first else { continue }
      overlays.append(try placement.overlay(region, in: full.count + index))
    }
    guard try placement.bindingID() == owner else {
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

  /// The 16 bytes by which SQL Server knows that a file belongs to its database: the first
  /// variable-length column of the file header record.
  private func bindingID() throws(BackupError) -> [UInt8] {
    let pages = BackupPages(fileName: firstName, map: map, streams: streams.streams)
    let id = PageID(file: 1, page: 0)
    var page = [UInt8](repeating: 0, count: PageLayout.byteCount)
    try page.withBuffer { (buffer) throws(BackupError) in try pages.readPage(id, into: buffer) }
    let bytes = page.span.bytes
    let record = PageLayout.headerByteCount
    guard
      let fixedEnd = bytes.uint16(at: record + 2).map(Int.init),
      let columnCount = bytes.uint16(at: record + fixedEnd).map(Int.init),
      case let variable = record + fixedEnd + 2 + (columnCount + 7) / 8,
      let variableCount = bytes.uint16(at: variable).map(Int.init),
      case let start = variable + 2 + 2 * variableCount, bytes.holds(16, at: start)
    else { throw pages.damaged(id, "holds no file header record") }
    return Array(page[start..<start + 16])
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
