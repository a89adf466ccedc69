import TestSupport
import Testing

@testable import BackupSource

/// Changed files must give an error or the very same pages; nothing may trap or hang.
@Suite("containers: damaged files", .enabled(if: SharedData.isThere, SharedData.skipped))
struct ContainerDamageTests {
  @Test("a flipped bit in a compressed backup is caught, or nothing depends on it")
  func flippedBits() throws {
    let original = try SharedData.bytes("bak/tutorialdb-2016-compressed.bak")
    let expected = try contents(of: original)
    var caughtCount = 0
    for seed in UInt64(0)..<40 {
      var generator = SeededGenerator(seed: seed)
      var bytes = original
      let place = Int.random(in: 0..<bytes.count, using: &generator)
      bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      do throws(BackupError) {
        let found = try contents(of: bytes)
        #expect(found == expected, "seed \(seed), byte \(place)")
      } catch {
        #expect(error.offset.map { (0...bytes.count).contains($0) } ?? true, "seed \(seed)")
        caughtCount += 1
      }
    }
    #expect(caughtCount > 25)
  }

  @Test("every record's checksum is verified before it is decoded")
  func records() throws {
    let original = try SharedData.bytes("bak/tutorialdb-2016-compressed.bak")
    let index = try RecordIndex(MemoryStream(original))
    for record in index.records where record.form == .compressed {
      var bytes = original
      bytes[record.offset + 4 + Int(record.storedByteCount) / 2] ^= 0x10
      let stream = try ExpandedStream(MemoryStream(bytes))
      let error = #expect(throws: BackupError.self) {
        _ = try stream.structure(at: record.expandedOffset, count: 1, place: "test")
      }
      #expect(error?.code == .damaged)
      #expect(error?.offset == record.offset)
      #expect(error?.problem.contains("checksum") ?? false)
    }
  }

  @Test("block and stream headers that lie, with checksums that fit", arguments: UInt64(0)..<100)
  func lyingHeaders(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var bytes = Self.plain
    for _ in 0..<Int.random(in: 1...2, using: &generator) {
      guard let header = Self.headers.randomElement(using: &generator) else { return }
      let word = Int.random(in: 0..<header.wordCount, using: &generator) * 2
      // Small changes reach further than random numbers, which are refused at once.
      let change =
        [1, 2, 4, 22, 64, 255, 512, 32_768, 65_535].randomElement(using: &generator) ?? 1
      let old = Int(bytes[header.start + word]) | Int(bytes[header.start + word + 1]) << 8
      let new = (Bool.random(using: &generator) ? old + change : old - change) & 0xFFFF
      bytes[header.start + word] = UInt8(new & 255)
      bytes[header.start + word + 1] = UInt8(new >> 8)
      bytes.fitChecksum(of: header.start, wordCount: header.wordCount)
    }
    try expectSameOrError(bytes, "seed \(seed)")
  }

  @Test("a configuration that lies", arguments: UInt64(0)..<100)
  func lyingConfiguration(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var bytes = Self.plain
    let set = try #require(Self.tape?.sets.first)
    #expect(set.type == .full)
    guard let start = Self.configurationStart else { return }
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      let place = start + Int.random(in: 0..<1400, using: &generator)
      bytes[place] =
        [0, 1, 0x7F, 0x80, 0xFF, bytes[place] ^ 1].randomElement(using: &generator) ?? 0
    }
    try expectSameOrError(bytes, "seed \(seed)")
  }

  @Test("allocation maps that lie", arguments: UInt64(0)..<40)
  func lyingMaps(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var bytes = Self.plain
    let region = try #require(Self.tape?.sets.first?.regions.first)
    // GAM and SGAM; their checksums are taken away so that only the structure can tell.
    for page in [2, 3] {
      let start = region.offset + page * PageLayout.byteCount
      bytes[start + 5] &= ~3
      let place = Int.random(in: 96..<400, using: &generator)
      bytes[start + place] = UInt8.random(in: 0...255, using: &generator)
    }
    // The maps themselves lie in the first extent and differ, of course.
    try expectSameOrError(bytes, "seed \(seed)", from: 8)
  }

  @Test("zeros without end are not walked through")
  func zeros() throws {
    let tape = try #require(Self.tape)
    #expect(tape.sets.count == 1)
    let error = #expect(throws: BackupError.self) {
      try TapeFile(EndlessZeros(start: Array(Self.plain[..<1024])))
    }
    #expect(error?.code == .damaged)
    #expect(error?.problem.contains("zeros") ?? false)
  }

  private func expectSameOrError(
    _ bytes: [UInt8], _ comment: String, from firstPage: UInt32 = 0
  ) throws {
    let expected = firstPage == 0 ? Self.expected : Self.expectedBehindMaps
    do throws(BackupError) {
      let found = try contents(of: bytes, from: firstPage)
      #expect(found == expected, "\(comment)")
    } catch {
      #expect(!error.problem.isEmpty)
    }
  }

  private static let path = "bak/chain/dbareports_FULL_20170518_041739.bak"
  private static let plain = (try? SharedData.bytes(path)) ?? []
  private static let tape = try? TapeFile(MemoryStream(plain))

  private static let expected = try? contents(of: plain)
  private static let expectedBehindMaps = try? contents(of: plain, from: 8)

  /// Where the pieces of the first configuration begin.
  private static let configurationStart: Int? = {
    let place = PatchedBackup(bytes: plain).places(of: "SCIN").first
    return place
  }()

  /// Every block and stream header of the file.
  private static let headers: [(start: Int, wordCount: Int)] = {
    let tags = ["TAPE", "SFMB", "SSET", "VOLB", "MSCI", "MSDA", "MSTL", "MSLS", "ESET"]
    let streams = ["RAID", "SPAD", "APAD", "MQCI", "MQDA", "MQTL"]
    let file = PatchedBackup(bytes: plain)
    return tags.flatMap { file.places(of: $0).filter { $0 % 512 == 0 }.map { ($0, 25) } }
      + streams.flatMap { file.places(of: $0).filter { $0 % 4 == 0 }.map { ($0, 10) } }
  }()
}

private func contents(
  of bytes: [UInt8], from firstPage: UInt32 = 0
) throws(BackupError) -> Int {
  let opened = try BackupFile.open([MemoryStream(bytes)])
  let ids = opened.pageIDs(dataFileByteCount: bytes.count)
  return try opened.contents(ids.filter { $0.page >= firstPage })
}

/// A sparse file of a petabyte.
private struct EndlessZeros: ByteStream {
  let start: [UInt8]

  var fileName: String { "sparse.bak" }
  var byteCount: Int { 1 << 50 }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    for index in buffer.indices {
      let place = offset + index
      buffer[index] = place < start.count ? start[place] : 0
    }
  }
}
