import Foundation
import TestSupport
import Testing

@testable import BackupSource

@Suite("containers: kinds refused by name", .enabled(if: SharedData.isThere, SharedData.skipped))
struct ContainerRefusalTests {
  @Test(
    "a set of another type is named",
    arguments: [
      ("F", "a file or filegroup backup"), ("P", "a partial backup"), ("Z", "unknown (type 0x5A)"),
      ("G", "a differential file backup"), ("Q", "a differential partial backup"),
    ])
  func setTypes(letter: String, problem: String) throws {
    var backup = try PatchedBackup("bak/peepstat-2012.bak")
    for scin in backup.places(of: "SCIN") { backup.bytes[scin + 0x57] = Array(letter.utf8)[0] }
    try backup.expect(.refusedKind, problem)
  }

  @Test("SQL Server 2000 is named, by its version or by the database's")
  func oldServers() throws {
    var backup = try PatchedBackup("bak/peepstat-2012.bak")
    try backup.patch(block: "SSET", at: 93, [8])
    try backup.expect(.refusedKind, "SQL Server 2000 or older")
    backup = try PatchedBackup("bak/peepstat-2012.bak")
    for scin in backup.places(of: "SCIN") {
      backup.bytes.replaceSubrange(scin + 0x5E..<scin + 0x60, with: [0x1B, 0x02])
    }
    try backup.expect(.refusedKind, "SQL Server 2000 or older")
  }

  @Test("a database newer than any known is read with a warning")
  func newDatabase() throws {
    var backup = try PatchedBackup("bak/peepstat-2012.bak")
    for scin in backup.places(of: "SCIN") {
      backup.bytes.replaceSubrange(scin + 0x5E..<scin + 0x60, with: [0xFF, 0x04])
    }
    let facts = try BackupFile.open([MemoryStream(backup.bytes)]).facts
    #expect(facts.warnings == ["The database has version 1279, newer than any this reader knows."])
  }

  @Test("a tape file of another program is named")
  func otherWriter() throws {
    var backup = try PatchedBackup("bak/peepstat-2012.bak")
    // "Microsoft SQL Server" becomes "Xicrosoft SQL Server".
    let name = try #require(backup.places(of: "M\0i\0c\0r\0").first)
    try backup.patch(block: "TAPE", at: name, [UInt8(ascii: "X")])
    try backup.expect(.notABackup, "written by another program (Xicrosoft SQL Server)")
  }

  @Test("an error is one line, whatever stands in a damaged name")
  func oneLine() {
    let error = BackupError(
      .notABackup, file: "a.bak", problem: "is by Microso\nft\u{2028}SQL\u{7}", advice: nil)
    #expect(error.description == "a.bak: is by Microso\u{FFFD}ft\u{FFFD}SQL\u{FFFD}")
  }

  @Test("a backup that continues on another medium, or is one of files, is named")
  func otherBlocks() throws {
    for (tag, code, problem) in [
      ("EOTM", BackupError.Code.refusedKind, "continues on another medium"),
      ("DIRB", .notABackup, "is a backup of files and folders"),
      ("XYZW", .unknown, "the block XYZW is not one that SQL Server writes"),
    ] {
      var backup = try PatchedBackup("bak/peepstat-2012.bak")
      try backup.patch(block: "VOLB", at: 0, Array(tag.utf8))
      try backup.expect(code, problem)
    }
  }

  @Test("blocks of the server that hold no pages are passed over, and said")
  func blocksWithoutPages() throws {
    var backup = try PatchedBackup("bak/peepstat-2012.bak")
    let before = try BackupFile.open([MemoryStream(backup.bytes)]).facts
    try backup.patch(block: "MSTL", at: 0, Array("MSFS".utf8))
    let facts = try BackupFile.open([MemoryStream(backup.bytes)]).facts
    #expect(before.warnings.isEmpty && before.otherBlocks.isEmpty)
    #expect(facts.otherBlocks == ["MSFS"])
    #expect(facts.warnings.count == 1 && facts.warnings[0].hasSuffix("filegroups: blocks MSFS."))
    backup = try PatchedBackup("bak/peepstat-2012.bak")
    try backup.patch(block: "MSTL", at: 0, Array("FILE".utf8))
    #expect(try BackupFile.open([MemoryStream(backup.bytes)]).facts.otherBlocks == ["FILE"])
    // Outside of a set nobody knows what it would belong to.
    backup = try PatchedBackup("bak/peepstat-2012.bak")
    try backup.patch(block: "VOLB", at: 0, Array("MSFS".utf8))
    try backup.expect(.unknown, "the block MSFS is not one that SQL Server writes")
  }

  @Test("an encrypted database is named, in a backup and in a data file")
  func encryptedDatabase() throws {
    var backup = try PatchedBackup("bak/peepstat-2012.bak")
    let region = try TapeFile(MemoryStream(backup.bytes)).sets[0].regions[0]
    backup.bytes[region.offset + 2 * 8192 + 4] |= 0x08
    try backup.expect(.refusedKind, "the database is encrypted (TDE)")
    var file = try PatchedBackup("mdf/pubs-2008.mdf")
    file.bytes[2 * 8192 + 4] |= 0x08
    try file.expect(.refusedKind, "the database is encrypted (TDE)")
  }

  @Test("an encrypted or unknown compressed container is named")
  func containers() throws {
    var backup = try PatchedBackup("bak/tutorialdb-2016-compressed.bak")
    backup.bytes[8] = 3
    try backup.expect(.unknown, "version 3.3 of the compressed container is not known")
    backup = try PatchedBackup("bak/tutorialdb-2016-compressed.bak")
    backup.bytes[0x1E0] = 0x23
    try backup.expect(.refusedKind, "a record is marked 0x23: the backup is encrypted")
    backup = try PatchedBackup("bak/tutorialdb-2016-compressed.bak")
    let record = try RecordIndex(MemoryStream(backup.bytes)).records[5]
    backup.bytes[record.offset - 24] = 0x20
    try backup.expect(.unknown, "a record is marked 0x20")
  }

  @Test("a second data file alone is named")
  func secondaryFile() throws {
    var file = try PatchedBackup("mdf/pubs-2008.mdf")
    file.bytes[36] = 3
    try file.expect(.refusedKind, "is not the first data file of its database")
  }

  @Test("a size that no file has is damage")
  func fileSizes() throws {
    for place in [0x1B, 0x2D] {
      var backup = try PatchedBackup("bak/peepstat-2012.bak")
      backup.bytes[try #require(backup.places(of: "SFIN").first) + place] = 0xFF
      try backup.expect(.damaged, "a data file of")
    }
  }

  @Test("page counts that differ from what is there are damage")
  func pageCounts() throws {
    for pageCount: UInt8 in [0, 8, 0x30, 0x40, 0x39] {
      var backup = try PatchedBackup("bak/peepstat-2012.bak")
      // 312 pages are 0x138.
      backup.bytes[try #require(backup.places(of: "SFIN").first) + 0x18] = pageCount
      try backup.expect(.damaged, "")
    }
  }
}

/// A real file with bytes changed so that a reader meets a kind of which there is no sample.
struct PatchedBackup {
  var bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }

  init(_ path: String) throws { bytes = try SharedData.bytes(path) }

  func places(of text: String) -> [Int] {
    let data = Data(bytes)
    var places: [Int] = []
    while let range = data.range(
      of: Data(text.utf8), in: (places.last.map { $0 + 1 } ?? 0)..<data.count)
    {
      places.append(range.lowerBound)
    }
    return places
  }

  /// Changes the header of the first block with this tag and makes its checksum fit again.
  mutating func patch(block tag: String, at offset: Int, _ change: [UInt8]) throws {
    let block = try #require(places(of: tag).first)
    bytes.replaceSubrange(block + offset..<block + offset + change.count, with: change)
    bytes.fitChecksum(of: block, wordCount: 25)
  }

  func expect(
    _ code: BackupError.Code, _ problem: String, location: SourceLocation = #_sourceLocation
  ) throws {
    let error = try #require(throws: BackupError.self, sourceLocation: location) {
      try BackupFile.open([MemoryStream(bytes)])
    }
    #expect(error.code == code, "\(error)", sourceLocation: location)
    #expect(
      problem.isEmpty || error.problem.contains(problem), "\(error)", sourceLocation: location)
    #expect(!error.description.contains("\n"), sourceLocation: location)
  }
}

extension [UInt8] {
  /// Writes the XOR of the words before it behind a block's (25 words) or stream's (10) header.
  mutating func fitChecksum(of start: Int, wordCount: Int) {
    var sum: (low: UInt8, high: UInt8) = (0, 0)
    for word in 0..<wordCount {
      sum.low ^= self[start + 2 * word]
      sum.high ^= self[start + 2 * word + 1]
    }
    self[start + 2 * wordCount] = sum.low
    self[start + 2 * wordCount + 1] = sum.high
  }
}
