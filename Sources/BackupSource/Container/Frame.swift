/// Eight pages of a region, and the extent that their headers say they are, section 6.
///
/// Formatted pages know their number. Unallocated pages inside a copied extent keep old headers or
/// are zero, so the majority decides.
struct Frame: Sendable {
  let place: Place
  /// Nil where no header is plausible.
  let extent: ExtentID?
  /// How many of the eight headers name `extent`.
  let votes: Int
  /// The newest of the pages that name `extent`.
  let lsn: LogSequenceNumber
  /// Filler between the last extent and the end of a region.
  let isFiller: Bool

  /// - Parameter bytes: The frame's 64 KiB.
  init(_ bytes: UnsafeRawBufferPointer, at place: Place) {
    self.place = place
    var ballot = Ballot()
    for index in 0..<PageLayout.pagesPerExtent {
      let start = index * PageLayout.byteCount
      guard start + PageLayout.headerByteCount <= bytes.count else { break }
      let page = UnsafeRawBufferPointer(rebasing: bytes[start...])
      if let header = PageHeader(page.bytes) { ballot.take(header, index) }
    }
    isFiller = ballot.fillerCount > 0 && ballot.votes.isEmpty
    let winner = ballot.votes.max { ($0.count, $1.extent) < ($1.count, $0.extent) }
    extent = winner?.extent
    votes = winner?.count ?? 0
    lsn = winner?.lsn ?? .none
  }
}

private struct Ballot {
  var votes: [(extent: ExtentID, count: Int, lsn: LogSequenceNumber)] = []
  var fillerCount = 0

  mutating func take(_ header: PageHeader, _ index: Int) {
    guard header.version == 1 else { return }
    guard header.type != .filler else {
      fillerCount += 1
      return
    }
    guard header.id.file > 0, Int(header.id.page) % PageLayout.pagesPerExtent == index else {
      return
    }
    let extent = ExtentID(of: header.id)
    if let known = votes.firstIndex(where: { $0.extent == extent }) {
      votes[known].count += 1
      votes[known].lsn = max(votes[known].lsn, header.lsn)
    } else {
      votes.append((extent, 1, header.lsn))
    }
  }
}

/// The streams of an opened backup: its members, then those of the differential.
struct StreamList: Sendable {
  var streams: [any ByteStream]

  /// Reads the frames of a region in order, as long as `body` asks for more.
  func forEachFrame(
    of region: DataRegion, in stream: Int, _ body: (Frame) throws(BackupError) -> Bool
  ) throws(BackupError) {
    var bytes = [UInt8](repeating: 0, count: PageLayout.extentByteCount)
    for index in 0..<region.frameCount {
      let place = Place(stream: stream, offset: region.frameOffset(index))
      guard try body(try frame(at: place, using: &bytes)) else { return }
    }
  }

  func frame(at place: Place) throws(BackupError) -> Frame {
    var bytes = [UInt8](repeating: 0, count: PageLayout.extentByteCount)
    return try frame(at: place, using: &bytes)
  }

  private func frame(at place: Place, using bytes: inout [UInt8]) throws(BackupError) -> Frame {
    let stream = streams[place.stream]
    try bytes.withBuffer { (buffer) throws(BackupError) in
      try stream.read(at: place.offset, into: buffer)
    }
    return bytes.withUnsafeBytes { Frame($0, at: place) }
  }
}
