/// The records of a compressed container, found by walking their prefixes, section 4.
///
/// Nothing is decoded for it: each prefix tells how far the next one is and how much its data
/// expand to.
struct RecordIndex: Sendable {
  private(set) var records: [CompressedRecord] = []
  private(set) var expandedByteCount = 0

  /// Throws `truncated` when the last record ends past the file, `refusedKind` when the records are
  /// of a kind that is not known, which encrypted ones are.
  init(_ file: some ByteStream) throws(BackupError) {
    let format = try ContainerFormat(file)
    var offset = format.firstRecordOffset
    while offset < file.byteCount {
      offset = try take(file, at: offset, format)
    }
  }

  /// The record that holds a byte of the expanded stream.
  func index(ofByte offset: Int) -> Int {
    var (low, high) = (0, records.count)
    while low < high {
      let middle = (low + high) / 2
      if records[middle].expandedOffset <= offset { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  /// Takes the record at `offset` and returns where the next one begins.
  private mutating func take(
    _ file: some ByteStream, at offset: Int, _ format: ContainerFormat
  ) throws(BackupError) -> Int {
    let prefix = try file.structure(
      at: offset, count: min(format.prefixByteCount, file.byteCount - offset), place: "record")
    if try prefix.tag(at: 0) == "SFMB" { return try takeVerbatim(file, at: offset) }
    try file.requireBytes(format.prefixByteCount, at: offset, place: "record")
    let body = offset + format.prefixByteCount
    let size = Int(try prefix.uint16(at: 2))
    switch ContainerFormat.Mark(try prefix.uint8(at: 0), format) {
    case .data:
      let units = Int(try prefix.uint8(at: 1))
      guard (1...CompressedRecord.unitCountMax).contains(units),
        size >= XpressHuffman.tableByteCount
      else { throw prefix.damaged("a record of \(size) bytes for \(units) units") }
      try file.requireBytes(4 + size, at: body, place: "record")
      append(body, storedByteCount: size, expandedByteCount: units * 512, isVerbatim: false)
      return body + 4 + size
    case .padding:
      try file.requireBytes(size, at: body, place: "padding record")
      return body + size
    case .directory:
      let head = try file.structure(at: body, count: 12, place: "directory record")
      let count = Int(try head.uint32(at: 8))
      guard count >= 12 else { throw head.damaged("a directory of \(count) bytes", at: 8) }
      try file.requireBytes(count, at: body, place: "directory record")
      return body + count
    case .unknown(let mark): throw refusal(of: mark, prefix)
    }
  }

  /// Physical blocks that end a tape file stay uncompressed.
  private mutating func takeVerbatim(
    _ file: some ByteStream, at offset: Int
  ) throws(BackupError) -> Int {
    let block = try file.structure(
      at: offset, count: TapeBlock.commonByteCount, place: "backup block SFMB")
    let count = Int(try block.uint16(at: 8))
    guard count >= TapeBlock.commonByteCount else {
      throw block.damaged("a block of \(count) bytes", at: 8)
    }
    try file.requireBytes(count, at: offset, place: "backup block SFMB")
    append(offset, storedByteCount: count, expandedByteCount: count, isVerbatim: true)
    return offset + count
  }

  private mutating func append(
    _ offset: Int, storedByteCount: Int, expandedByteCount: Int, isVerbatim: Bool
  ) {
    records.append(
      CompressedRecord(
        offset: offset, expandedOffset: self.expandedByteCount,
        storedByteCount: UInt16(clamping: storedByteCount),
        expandedByteCount: UInt32(clamping: expandedByteCount), isVerbatim: isVerbatim))
    self.expandedByteCount += expandedByteCount
  }

  private func refusal(of mark: UInt8, _ prefix: ByteReader) -> BackupError {
    BackupError(
      records.isEmpty ? .refusedKind : .unknown, file: prefix.fileName, offset: prefix.baseOffset,
      place: "record",
      problem: "a record is marked 0x\(hex(mark)): the backup is encrypted, or compressed in a way "
        + "this reader does not know",
      advice: "back up again WITH NO_COMPRESSION and without ENCRYPTION")
  }
}

/// One record: where its data lie, and which bytes of the expanded stream they are.
struct CompressedRecord: Hashable, Sendable {
  /// Of the checksum that precedes the data, or of a verbatim block.
  let offset: Int
  let expandedOffset: Int
  let storedByteCount: UInt16
  let expandedByteCount: UInt32
  let isVerbatim: Bool

  /// A record expands to at most 128 units of 512 bytes.
  static let unitCountMax = 128
}

/// What the two versions of the container differ in.
private struct ContainerFormat {
  let firstRecordOffset: Int
  let prefixByteCount: Int
  let markBase: UInt8

  enum Mark {
    case data, padding, directory
    case unknown(UInt8)

    init(_ mark: UInt8, _ format: ContainerFormat) {
      switch mark ^ format.markBase {
      case 0x01: self = .data
      case 0x04: self = .padding
      case 0x0C: self = .directory
      default: self = .unknown(mark)
      }
    }
  }

  init(_ file: some ByteStream) throws(BackupError) {
    let header = try file.structure(at: 0, count: 16, place: "container header")
    switch (try header.uint32(at: 8), try header.uint32(at: 12)) {
    case (1, 1): (firstRecordOffset, prefixByteCount, markBase) = (0x10, 4, 0x80)
    case (2, 3): (firstRecordOffset, prefixByteCount, markBase) = (0x1E0, 24, 0x20)
    case (let version, let second):
      throw BackupError(
        .unknown, file: file.fileName, offset: 8, place: "container header",
        problem: "version \(version).\(second) of the compressed container is not known",
        advice: "back up again WITH NO_COMPRESSION")
    }
    try file.requireBytes(0, at: firstRecordOffset, place: "container header")
  }
}
