/// The records of a compressed container, found by walking their prefixes, section 4.
///
/// Nothing is decoded for it: each prefix tells how far the next one is and how much its data
/// expand to.
struct RecordIndex: Sendable {
  private(set) var records: [CompressedRecord] = []
  private(set) var expandedByteCount = 0
  let format: ContainerFormat
  /// Whether a stored piece was met whose checksum fits: they are read rightly in this file.
  private var hasProvenStored = false
  /// Where the last padding ended, and how many stood there one behind the other.
  private var padding = (end: 0, count: 0)

  /// Throws `truncated` when the last record ends past the file, `refusedKind` when the records are
  /// of a kind that is not known, which encrypted ones are.
  init(_ file: some ByteStream) throws(BackupError) {
    format = try ContainerFormat(file)
    var offset = format.firstRecordOffset
    while offset < file.byteCount { offset = try take(file, at: offset) }
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
  private mutating func take(_ file: some ByteStream, at offset: Int) throws(BackupError) -> Int {
    let prefix = try file.structure(
      at: offset, count: min(format.prefixByteCount, file.byteCount - offset), place: "record")
    if try prefix.tag(at: 0) == "SFMB" { return try takeVerbatim(file, at: offset) }
    try file.requireBytes(format.prefixByteCount, at: offset, place: "record")
    let body = offset + format.prefixByteCount
    let size = Int(try prefix.uint16(at: 2))
    switch format.mark(prefix.bytes[0]) {
    case .data(let isCompressed):
      let count = Int(try prefix.uint8(at: 1)) * CompressedRecord.unitByteCount
      guard 1...CompressedRecord.pieceByteCountMax ~= count else {
        throw prefix.damaged("a record of \(size) bytes for \(count / 512) units")
      }
      if !isCompressed || size == 0 {
        return try takeStored(file, at: body, prefix, size: size, byteCount: count)
      }
      guard format.codec != .xpressHuffman || size >= XpressHuffman.tableByteCount else {
        throw prefix.damaged("a record of \(size) bytes for \(count / 512) units")
      }
      try file.requireBytes(4 + size, at: body, place: "record")
      append(.compressed, body, storedByteCount: size, expandedByteCount: count)
      return body + 4 + size
    case .padding:
      // Padding leads to a physical block, of 64 KiB at most: a second record may be needed for that.
      // Without this, a few zeros a record could go on for hours.
      padding.count = padding.end == offset ? padding.count + 1 : 1
      guard padding.count <= 2 else { throw prefix.damaged("padding behind padding") }
      try file.requireBytes(size, at: body, place: "padding record")
      padding.end = body + size
      return body + size
    case .directory:
      let head = try file.structure(at: body, count: 12, place: "directory record")
      let count = Int(try head.uint32(at: 8))
      guard count >= 12 else { throw head.damaged("a directory of \(count) bytes", at: 8) }
      try file.requireBytes(count, at: body, place: "directory record")
      return body + count
    case .unknown: throw refusal(of: prefix, because: nil)
    }
  }

  /// Takes a piece that was not made smaller and stands in the file as it is.
  ///
  /// No server's file with one was at hand, so the file itself has to show that this is right: the
  /// size is that of the expanded piece, or 0 where its 16 bits cannot hold that; another record or
  /// the end stands exactly behind it; and the checksum fits, here for the first of a file, for each
  /// when it is read.
  private mutating func takeStored(
    _ file: some ByteStream, at body: Int, _ prefix: ByteReader, size: Int, byteCount: Int
  ) throws(BackupError) -> Int {
    guard size == byteCount || size == 0 && byteCount > UInt16.max else {
      throw refusal(of: prefix, because: "it has \(size) bytes for \(byteCount)")
    }
    guard file.byteCount - body >= 4 + byteCount else {
      throw refusal(of: prefix, because: "the file ends within its \(byteCount) bytes")
    }
    let end = body + 4 + byteCount
    guard try isRecord(file, at: end) else {
      throw refusal(of: prefix, because: "no record follows its \(byteCount) bytes")
    }
    if !hasProvenStored {
      let stored = try file.structure(at: body, count: 4 + byteCount, place: "record")
      guard try stored.uint32(at: 0) == rotatingXOR(stored.bytes.dropFirst(4)) else {
        throw refusal(of: prefix, because: "its checksum does not fit \(byteCount) bytes")
      }
      hasProvenStored = true
    }
    append(.stored, body, storedByteCount: byteCount, expandedByteCount: byteCount)
    return end
  }

  /// Whether a record begins here, or the file ends.
  private func isRecord(_ file: some ByteStream, at offset: Int) throws(BackupError) -> Bool {
    guard offset < file.byteCount else { return true }
    let prefix = try file.structure(
      at: offset, count: min(4, file.byteCount - offset), place: "record")
    if prefix.bytes.starts(with: "SFMB".utf8) { return true }
    guard file.byteCount - offset >= format.prefixByteCount else { return false }
    switch format.mark(prefix.bytes[0]) {
    case .data: return 1...128 ~= prefix.bytes[1]
    case .padding, .directory: return true
    case .unknown: return false
    }
  }

  /// Physical blocks that end a tape file stay uncompressed.
  private mutating func takeVerbatim(
    _ file: some ByteStream, at offset: Int
  ) throws(BackupError) -> Int {
    let block = try file.structure(
      at: offset, count: TapeBlock.commonByteCount, place: "backup block SFMB")
    let count = TapeBlock.headerByteCount(try block.uint16(at: 8), of: "SFMB")
    guard count >= TapeBlock.commonByteCount else {
      throw block.damaged("a block of \(count) bytes", at: 8)
    }
    try file.requireBytes(count, at: offset, place: "backup block SFMB")
    append(.block, offset, storedByteCount: count, expandedByteCount: count)
    return offset + count
  }

  private mutating func append(
    _ form: CompressedRecord.Form, _ offset: Int, storedByteCount: Int, expandedByteCount: Int
  ) {
    records.append(
      CompressedRecord(
        offset: offset, expandedOffset: self.expandedByteCount,
        storedByteCount: UInt32(clamping: storedByteCount),
        expandedByteCount: UInt32(clamping: expandedByteCount), form: form))
    self.expandedByteCount += expandedByteCount
  }

  private func refusal(of prefix: ByteReader, because reason: String?) -> BackupError {
    let found = reason.map { " (not stored as it is: \($0))" } ?? ""
    return BackupError(
      records.isEmpty ? .refusedKind : .unknown, file: prefix.fileName, offset: prefix.baseOffset,
      place: "record",
      problem: "a record is marked 0x\(hex(prefix.bytes[0]))\(found): the backup is encrypted, or "
        + "compressed in a way this reader does not know",
      advice: "back up again WITH NO_COMPRESSION and without ENCRYPTION")
  }
}

/// One record: where its data lie, and which bytes of the expanded stream they are.
struct CompressedRecord: Hashable, Sendable {
  enum Form: UInt8, Sendable {
    /// A physical block between records, without prefix and checksum.
    case block
    /// A checksum and the bytes of the stream as they are.
    case stored
    /// A checksum and compressed bytes.
    case compressed
  }

  /// Of the checksum that precedes the data, or of a block.
  let offset: Int
  let expandedOffset: Int
  /// Without the checksum.
  let storedByteCount: UInt32
  let expandedByteCount: UInt32
  let form: Form

  /// A record counts what it expands to in units of 512 bytes, 128 at most.
  static let unitByteCount = 512
  static let pieceByteCountMax = 128 * unitByteCount
}
