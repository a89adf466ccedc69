/// A backup file walked from block to block: its media family and its backup sets, sections 2 and 3.
struct TapeFile: Sendable {
  let family: MediaFamily
  let sets: [BackupSet]

  /// Walks the whole file without reading pages.
  ///
  /// Throws `truncated` when the file does not end as a finished backup does, which is how a half
  /// copied file shows itself before anything is exported from it.
  init(_ source: some ByteStream) throws(BackupError) {
    let tape = try TapeBlock(source, at: 0)
    guard tape.type == "TAPE" else {
      throw tape.header.damaged("the file begins with \(tape.type)")
    }
    family = try MediaFamily(tape, source)
    var walk = Walk(fileName: source.fileName)
    var offset = tape.end
    while let start = try Self.nextBlock(source, from: offset) {
      let block = try TapeBlock(source, at: start)
      try walk.take(block, source)
      offset = block.end
    }
    sets = try walk.finish(at: source.fileOffset(of: source.byteCount))
  }

  /// Skips blocks of zeros, which may stand between a block and the next.
  private static func nextBlock(
    _ source: some ByteStream, from start: Int
  ) throws(BackupError) -> Int? {
    var offset = start
    while offset < source.byteCount {
      let count = min(4, source.byteCount - offset)
      let tag = try source.structure(at: offset, count: count, place: "backup block")
      guard tag.bytes.allSatisfy({ $0 == 0 }) else { return offset }
      guard offset - start <= zeroByteCountMax else {
        throw tag.damaged("more than \(zeroByteCountMax) zeros where a block is expected")
      }
      offset += zeroStep
    }
    return nil
  }

  private static let zeroStep = 512
  /// Physical blocks have up to 64 KiB.
  private static let zeroByteCountMax = 1 << 20
}

/// The order of blocks: TAPE, SFMB, then for each set SSET, VOLB, MSCI, MSDA…, MSTL…, MSLS, SFMB,
/// ESET, ESET, SFMB.
private struct Walk {
  let fileName: String
  private var sets: [BackupSet] = []
  private var current: BackupSet?
  private var isInSet = false
  private var endBlockCount = 0
  private var lastType: Tag = "TAPE"

  init(fileName: String) { self.fileName = fileName }

  mutating func take(_ block: TapeBlock, _ source: some ByteStream) throws(BackupError) {
    switch block.type {
    case "SSET":
      guard !isInSet else { throw block.header.damaged("a set begins inside another") }
      (isInSet, current, endBlockCount) = (true, nil, 0)
      try requireReadable(block)
    case "MSCI":
      guard isInSet, current == nil else { throw block.header.damaged("outside a set") }
      current = BackupSet(
        number: sets.count + 1, configuration: try configuration(block, source))
    case "MSDA":
      for stream in block.streams where stream.id == "MQDA" && stream.byteCount > 0 {
        let region = try DataRegion(stream, source)
        try change(block) { $0.regions.append(region) }
      }
    case "MSTL":
      for stream in block.streams where stream.id == "MQTL" {
        try change(block) { $0.logByteCount += stream.byteCount }
      }
    case "MSLS":
      let final = try configuration(block, source)
      try change(block) { $0.finalConfiguration = final }
    case "ESET": endBlockCount += 1
    case "SFMB":
      if endBlockCount > 0 { try endSet(block) }
    case "VOLB": break
    case "EOTM":
      throw BackupError(
        .refusedKind, file: fileName, offset: block.header.baseOffset,
        problem: "is a backup that continues on another medium",
        advice: "back up again into one file")
    case "DIRB", "FILE", "CFIL", "ESPB":
      // Inside a set of a database they can only be files beside its pages, such as full-text catalogs.
      if current != nil { return try passOver(block) }
      throw BackupError(
        .notABackup, file: fileName, offset: block.header.baseOffset,
        problem: "is a backup of files and folders",
        advice: "restore it and give the .bak or .mdf inside")
    case _ where block.type.description.hasPrefix("MS") && current != nil:
      // Files of FILESTREAM and memory-optimised filegroups. The block and its streams say where they
      // end, and tables that have rows there are refused by what the catalog says of them.
      try passOver(block)
    default:
      throw BackupError(
        .unknown, file: fileName, offset: block.header.baseOffset,
        problem: "the block \(block.type) is not one that SQL Server writes")
    }
    lastType = block.type
  }

  func finish(at byteCount: Int) throws(BackupError) -> [BackupSet] {
    guard !isInSet, lastType == "SFMB", !sets.isEmpty else {
      let missing = isInSet ? "the end of backup set \(sets.count + 1)" : "a complete backup set"
      throw BackupError(
        .truncated, file: fileName, offset: byteCount,
        problem: "the file ends after \(lastType), before \(missing)",
        advice: "give the whole file; this one was cut off while it was written or copied")
    }
    return sets
  }

  private mutating func passOver(_ block: TapeBlock) throws(BackupError) {
    let type = block.type
    try change(block) { $0.otherBlocks.insert(type) }
    lastType = type
  }

  /// The server's major version. Sets of SQL Server 2000 are refused before their configuration,
  /// whose layout is another, is looked at.
  private func requireReadable(_ block: TapeBlock) throws(BackupError) {
    let major = try block.header.uint8(at: 93)
    guard major <= 8 else { return }
    throw ServerVersion(major: Int(major), minor: 0, build: 0).refusal(of: fileName)
  }

  private mutating func endSet(_ block: TapeBlock) throws(BackupError) {
    guard let set = current, set.finalConfiguration != nil, endBlockCount == 2 else {
      throw block.header.damaged("a set ends without the blocks that end one")
    }
    sets.append(set)
    (isInSet, current, endBlockCount) = (false, nil, 0)
  }

  private func configuration(
    _ block: TapeBlock, _ source: some ByteStream
  ) throws(BackupError) -> BackupConfiguration {
    guard let stream = block.stream("MQCI") else {
      throw block.header.damaged("no configuration (MQCI) in \(block.type)")
    }
    return try BackupConfiguration(stream, source)
  }

  /// Changes the current set; a block that belongs to one must not stand outside.
  private mutating func change(
    _ block: TapeBlock, _ body: (inout BackupSet) -> Void
  ) throws(BackupError) {
    guard current != nil else { throw block.header.damaged("\(block.type) outside a set") }
    if var set = current.take() {
      body(&set)
      current = set
    }
  }
}
