/// The configuration that a backup set carries, stream MQCI, section 3.1: what was backed up, by
/// which server, and how many pages of each file.
struct BackupConfiguration: Sendable {
  var setType = BackupSetType(code: 0)
  var server = ServerVersion(major: 0, minor: 0, build: 0)
  var internalVersion = 0
  var databaseName = ""
  var localeID = 0
  var finishedAt: TapeDate?
  var checkpointLSN = LogSequenceNumber.none
  /// The checkpoint of the full backup that a differential builds on.
  var databaseBackupLSN = LogSequenceNumber.none
  /// Data files in the order in which the backup lists them.
  var files: [BackupDataFile] = []
}

extension BackupConfiguration {
  /// Reads the pieces {tag, u32 length with tag and length, body} one after the other.
  init(_ stream: TapeStream, _ source: some ByteStream) throws(BackupError) {
    self.init()
    guard stream.byteCount <= Self.byteCountMax else {
      throw BackupError(
        .damaged, file: source.fileName, offset: stream.offset, place: "MQCI",
        problem: "a configuration of \(stream.byteCount) bytes")
    }
    let whole = try source.structure(at: stream.offset, count: stream.byteCount, place: "MQCI")
    var offset = 0
    var hasSet = false
    while whole.bytes.count - offset >= 8 {
      let tag = try whole.tag(at: offset)
      let count = Int(try whole.uint32(at: offset + 4))
      guard count >= 8 else { throw whole.damaged("a piece of \(count) bytes", at: offset + 4) }
      let piece = try whole.slice(count, at: offset, place: "\(tag)")
      switch tag {
      case "SCIN":
        try readSet(piece)
        hasSet = true
      case "SFIN":
        if let file = try BackupDataFile(piece) { files.append(file) }
      default: break
      }
      offset += count
    }
    guard hasSet else { throw whole.damaged("no description of the set (SCIN)") }
  }

  private mutating func readSet(_ piece: ByteReader) throws(BackupError) {
    server = ServerVersion(
      major: Int(try piece.uint8(at: 0x1B)), minor: Int(try piece.uint8(at: 0x1A)),
      build: Int(try piece.uint16(at: 0x18)))
    checkpointLSN = try lsn(piece, at: 0x34)
    databaseBackupLSN = try lsn(piece, at: 0x3E)
    let date = try TapeDate(piece, at: 0x4D)
    finishedAt = date.isKnown ? date : nil
    setType = BackupSetType(code: try piece.uint8(at: 0x57))
    internalVersion = Int(try piece.uint16(at: 0x5E))
    databaseName = try piece.string(referencedAt: 0x68)
    localeID = Int(try piece.uint32(at: 0x74))
  }

  private func lsn(_ piece: ByteReader, at offset: Int) throws(BackupError) -> LogSequenceNumber {
    LogSequenceNumber(
      sequence: try piece.uint32(at: offset), block: try piece.uint32(at: offset + 4),
      slot: try piece.uint16(at: offset + 8))
  }

  /// Thousands of files fit; nothing larger is read into memory.
  private static let byteCountMax = 16 << 20
}

/// A data file as its backup describes it (SFIN).
struct BackupDataFile: Hashable, Sendable {
  let id: UInt16
  /// Pages of this file in the set's first region, all stripes together.
  let pageCount: Int
  let byteCount: Int
  let logicalName: String
}

extension BackupDataFile {
  /// - Returns: nil for a file of another kind. Full-text catalogs of SQL Server 2005, for one, have
  ///   numbers that no page can name.
  init?(_ piece: ByteReader) throws(BackupError) {
    guard try piece.uint32(at: 0x24) == 1 else { return nil }
    let pageByteCount = try piece.uint32(at: 0x10)
    guard pageByteCount == PageLayout.byteCount else {
      throw piece.damaged("pages of \(pageByteCount) bytes", at: 0x10)
    }
    guard let id = UInt16(exactly: try piece.uint32(at: 0x14)), id > 0 else {
      throw piece.damaged("a file number beyond 65,535, or none", at: 0x14)
    }
    let (pageCount, byteCount) = (Int(try piece.uint32(at: 0x18)), try piece.length64(at: 0x28))
    let pageCountMax = AllocationInterval.fileByteCountMax / PageLayout.byteCount
    guard byteCount <= AllocationInterval.fileByteCountMax, pageCount <= pageCountMax else {
      throw piece.damaged(
        "a data file of \(byteCount) bytes, \(pageCount) pages of it here", at: 0x18)
    }
    self.init(
      id: id, pageCount: pageCount, byteCount: byteCount,
      logicalName: try piece.string(referencedAt: 0x30))
  }
}

/// What a backup set holds (SCIN, byte 0x57).
struct BackupSetType: Hashable, Sendable, CustomStringConvertible {
  let code: UInt8

  static let full = BackupSetType(code: UInt8(ascii: "D"))
  static let differential = BackupSetType(code: UInt8(ascii: "I"))
  static let log = BackupSetType(code: UInt8(ascii: "L"))

  /// As msdb and Microsoft's documentation call it.
  var description: String {
    switch code {
    case UInt8(ascii: "D"): "full"
    case UInt8(ascii: "I"): "differential"
    case UInt8(ascii: "L"): "transaction log"
    case UInt8(ascii: "F"): "file or filegroup"
    case UInt8(ascii: "G"): "differential file"
    case UInt8(ascii: "P"): "partial"
    case UInt8(ascii: "Q"): "differential partial"
    default: "unknown (type 0x\(hex(code)))"
    }
  }
}
