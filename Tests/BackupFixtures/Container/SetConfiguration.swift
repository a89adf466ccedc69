/// The configuration stream MQCI of a backup set: a chain of tagged pieces (section 3.1).
struct SetConfiguration {
  struct File {
    var id: Int
    var name: String
    var pageCount: Int
    var byteCount: Int
  }

  var databaseName: String
  var collation: UInt32
  /// 'D', 'I' or 'L'.
  var setType: Character
  var checkpoint: LogSequenceNumber
  /// The full backup that a differential belongs to.
  var databaseBackup: LogSequenceNumber
  var started: [UInt8]
  var dataByteCount: Int
  var files: [File]
  var hasFullTextCatalog = false

  func bytes(isFinished: Bool) -> [UInt8] {
    var bytes = set(isFinished: isFinished)
    bytes += filegroup()
    for file in files { bytes += self.file(file) }
    let log = File(id: 2, name: "\(databaseName)_log", pageCount: 0, byteCount: 8 << 20)
    return bytes + self.file(log, isLog: true) + (hasFullTextCatalog ? fullTextCatalog : [])
  }

  /// A folder of files that the backup carries beside the database, in SQL Server 2005.
  private var fullTextCatalog: [UInt8] {
    var piece = Piece("SFIN", byteCount: 0x404)
    piece.put(65_537, bytes: 4, at: 0x14)
    piece.put(1, bytes: 4, at: 0x1C)
    piece.put(4, bytes: 4, at: 0x24)
    piece.put(0xA0000, bytes: 8, at: 0x28)
    piece.put(string: "sysft_catalog", at: 0x30)
    piece.put(string: "C:\\data\\catalog", at: 0x34)
    return piece.sealed
  }

  private func set(isFinished: Bool) -> [UInt8] {
    var piece = Piece("SCIN", byteCount: 0x190)
    piece.put(0x200, bytes: 4, at: 0x08)
    piece.put(1, bytes: 4, at: 0x0C)
    piece.put(1, bytes: 4, at: 0x10)
    piece.put(2002, bytes: 2, at: 0x18)
    piece.put(14, bytes: 1, at: 0x1B)
    piece.put(checkpoint.bytes, at: 0x20)
    piece.put(checkpoint.next.bytes, at: 0x2A)
    piece.put(checkpoint.bytes, at: 0x34)
    piece.put(databaseBackup.bytes, at: 0x3E)
    piece.put(started, at: 0x48)
    piece.put(started, at: 0x4D)
    if isFinished { piece.put(started, at: 0x52) }
    piece.put(setType.asciiValue ?? 0, bytes: 1, at: 0x57)
    piece.put(52, bytes: 1, at: 0x58)
    piece.put(2444, bytes: 2, at: 0x5B)
    piece.put(BootPage.internalVersion, bytes: 2, at: 0x5E)
    piece.put(dataByteCount, bytes: 8, at: 0x60)
    piece.put(0x409, bytes: 4, at: 0x74)
    piece.put(string: databaseName, at: 0x68)
    piece.put(string: "FIXTURES\\SQL", at: 0x6C)
    return piece.sealed
  }

  private func filegroup() -> [UInt8] {
    var piece = Piece("SFGI", byteCount: 0xE0)
    piece.put(0x10, bytes: 4, at: 0x08)
    piece.put(1, bytes: 4, at: 0x0C)
    piece.put(1, bytes: 4, at: 0x14)
    piece.put(string: "PRIMARY", at: 0x10)
    return piece.sealed
  }

  private func file(_ file: File, isLog: Bool = false) -> [UInt8] {
    var piece = Piece("SFIN", byteCount: 0x404)
    piece.put(!isLog && setType == "D" ? 0x84 : 0x04, bytes: 4, at: 0x08)
    piece.put(8192, bytes: 4, at: 0x10)
    piece.put(file.id, bytes: 4, at: 0x14)
    piece.put(file.pageCount, bytes: 4, at: 0x18)
    piece.put(isLog ? 2 : 1, bytes: 4, at: 0x1C)
    piece.put(4096, bytes: 4, at: 0x20)
    piece.put(isLog ? 0 : 1, bytes: 4, at: 0x24)
    piece.put(file.byteCount, bytes: 8, at: 0x28)
    piece.put(string: file.name, at: 0x30)
    piece.put(string: "C:\\data\\\(file.name).\(isLog ? "ldf" : "mdf")", at: 0x34)
    return piece.sealed
  }

  private struct Piece {
    private var bytes: [UInt8]

    init(_ tag: String, byteCount: Int) {
      bytes = Array(tag.utf8) + [UInt8](repeating: 0, count: byteCount - 4)
    }

    mutating func put(_ value: some BinaryInteger, bytes count: Int, at offset: Int) {
      bytes.put(value, bytes: count, at: offset)
    }

    mutating func put(_ part: [UInt8], at offset: Int) { bytes.put(part, at: offset) }

    mutating func put(string: String, at offset: Int) {
      let text = utf16Bytes(string)
      bytes.put(text.count, bytes: 2, at: offset)
      bytes.put(bytes.count, bytes: 2, at: offset + 2)
      bytes += text
    }

    var sealed: [UInt8] {
      var sealed = bytes
      sealed.put(bytes.count, bytes: 4, at: 4)
      return sealed
    }
  }
}

/// A place in the transaction log: file sequence, block, slot.
struct LogSequenceNumber {
  var sequence: Int
  var block: Int
  var slot: Int

  static let none = LogSequenceNumber(sequence: 0, block: 0, slot: 0)

  /// Where the log stood when a database was in some state.
  init(state: Int) { self.init(sequence: 37, block: 280 + 1000 * state, slot: 120) }

  init(sequence: Int, block: Int, slot: Int) {
    self.sequence = sequence
    self.block = block
    self.slot = slot
  }

  var next: LogSequenceNumber {
    LogSequenceNumber(sequence: sequence, block: block + 64, slot: 1)
  }

  var bytes: [UInt8] {
    littleEndian(sequence, bytes: 4) + littleEndian(block, bytes: 4) + littleEndian(slot, bytes: 2)
  }
}

/// A point in time in 40 bits, most significant first: year, month, day, hour, minute, second.
enum TapeDate {
  static func bytes(
    year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int
  ) -> [UInt8] {
    let packed =
      year << 26 | month << 22 | day << 17 | hour << 12 | minute << 6 | second
    return littleEndian(packed, bytes: 5).reversed()
  }
}
