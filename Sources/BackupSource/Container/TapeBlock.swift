/// A descriptor block of Microsoft Tape Format and the streams that follow it, section 2.
struct TapeBlock: Sendable {
  /// From the block's start to its first stream; string references point into it.
  let header: ByteReader
  let type: Tag
  let streams: [TapeStream]
  /// Where the next block starts.
  let end: Int

  /// Reads the block at `offset`, its header's checksum and those of its streams verified.
  init(_ source: some ByteStream, at offset: Int) throws(BackupError) {
    let common = try source.structure(
      at: offset, count: Self.commonByteCount, place: "backup block")
    type = try common.tag(at: 0)
    guard try xorOfWords(common, count: 25) == common.uint16(at: 50) else {
      throw common.damaged("a block header is expected and its checksum does not fit", at: 50)
    }
    let headerByteCount = Self.headerByteCount(try common.uint16(at: 8), of: type)
    guard headerByteCount >= Self.commonByteCount else {
      throw common.damaged("a block header of \(headerByteCount) bytes", at: 8)
    }
    header = try source.structure(
      at: offset, count: headerByteCount, place: "backup block \(type)")
    guard type != "SFMB", type != "EOTM" else {
      // These two have no streams; the number is the size of a physical block.
      streams = []
      end = offset + headerByteCount
      return
    }
    (streams, end) = try Self.readStreams(source, from: offset + headerByteCount, of: type)
  }

  /// File marks fill a physical block, and 16 bits cannot hold the size of the largest: 64 KiB.
  static func headerByteCount(_ stored: UInt16, of type: Tag) -> Int {
    stored == 0 && (type == "SFMB" || type == "EOTM") ? 64 << 10 : Int(stored)
  }

  private static func readStreams(
    _ source: some ByteStream, from start: Int, of type: Tag
  ) throws(BackupError) -> ([TapeStream], end: Int) {
    var streams: [TapeStream] = []
    var offset = start
    while true {
      let stream = try TapeStream(source, at: offset, of: type)
      if stream.id == "SPAD" { return (streams, stream.end) }
      streams.append(stream)
      guard streams.count <= streamCountMax else {
        throw BackupError(
          .damaged, file: source.fileName, offset: offset, place: "backup block \(type)",
          problem: "more than \(streamCountMax) streams in one block")
      }
      offset = (stream.end + 3) & ~3
    }
  }

  func string(at offset: Int) throws(BackupError) -> String {
    try header.string(referencedAt: offset, isUTF16: header.uint8(at: 48) == 2)
  }

  func stream(_ id: Tag) -> TapeStream? { streams.first { $0.id == id } }

  static let commonByteCount = 52
  /// Blocks of SQL Server have up to five.
  private static let streamCountMax = 1000
}

/// A stream of a block: where its data lie.
struct TapeStream: Hashable, Sendable {
  let id: Tag
  let offset: Int
  let byteCount: Int

  var end: Int { offset + byteCount }

  init(_ source: some ByteStream, at offset: Int, of block: Tag) throws(BackupError) {
    let header = try source.structure(
      at: offset, count: Self.headerByteCount, place: "stream of backup block \(block)")
    guard try xorOfWords(header, count: 10) == header.uint16(at: 20) else {
      throw header.damaged("a stream header is expected and its checksum does not fit", at: 20)
    }
    id = try header.tag(at: 0)
    byteCount = try header.length64(at: 8)
    self.offset = offset + Self.headerByteCount
    try source.requireBytes(
      byteCount, at: self.offset, place: "stream \(id) of backup block \(block)")
  }

  private static let headerByteCount = 22
}

/// The checksum of block and stream headers.
private func xorOfWords(_ bytes: ByteReader, count: Int) throws(BackupError) -> UInt16 {
  var sum: UInt16 = 0
  for word in 0..<count { sum ^= try bytes.uint16(at: 2 * word) }
  return sum
}
