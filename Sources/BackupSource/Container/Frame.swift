/// Eight pages of a region, and the extents that their headers name, section 6.
///
/// Formatted pages know their number. Unallocated pages inside a copied extent keep old headers,
/// which can name other extents, or are zero; so the majority is heard first and the rest kept.
struct Frame: Sendable {
  /// An extent that one of the headers names.
  struct Vote: Hashable, Sendable {
    let extent: ExtentID
    /// How many of the eight headers name it.
    var count: Int
    /// The newest of the pages that name it.
    var lsn: LogSequenceNumber
  }

  let place: Place
  /// The one with most headers first; empty where no header is plausible.
  let votes: [Vote]
  /// Filler between the last extent and the end of a region.
  let isFiller: Bool

  /// The extent that most headers name.
  var extent: ExtentID? { votes.first?.extent }

  /// Takes the frame's 64 KiB.
  init(_ bytes: UnsafeRawBufferPointer, at place: Place) {
    self.place = place
    var votes: [Vote] = []
    var fillerCount = 0
    for index in 0..<PageLayout.pagesPerExtent {
      let start = index * PageLayout.byteCount
      guard start + PageLayout.headerByteCount <= bytes.count else { break }
      let page = UnsafeRawBufferPointer(rebasing: bytes[start...])
      guard let header = PageHeader(page.bytes), header.version == 1 else { continue }
      if header.type == .filler {
        fillerCount += 1
      } else if header.id.file > 0, Int(header.id.page) % PageLayout.pagesPerExtent == index {
        votes.count(header)
      }
    }
    votes.sort { ($1.count, $0.extent) < ($0.count, $1.extent) }
    self.votes = votes
    isFiller = fillerCount > 0 && votes.isEmpty
  }

  func vote(for extent: ExtentID) -> Vote? { votes.first { $0.extent == extent } }
}

extension [Frame.Vote] {
  fileprivate mutating func count(_ header: PageHeader) {
    let extent = ExtentID(of: header.id)
    if let known = firstIndex(where: { $0.extent == extent }) {
      self[known].count += 1
      self[known].lsn = Swift.max(self[known].lsn, header.lsn)
    } else {
      append(Frame.Vote(extent: extent, count: 1, lsn: header.lsn))
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
