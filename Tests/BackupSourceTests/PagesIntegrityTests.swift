import TestSupport
import Testing

@testable import BackupSource

@Suite("pages: torn bits and checksum")
struct PagesIntegrityTests {
  @Test("the vector checksum equals the one that follows the description", arguments: UInt64(0)..<8)
  func checksum(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let page = (0..<8192).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let fast = page.withUnsafeBytes { PageIntegrity.checksum(of: $0) }
    #expect(fast == slowChecksum(page), "seed \(seed)")
  }

  @Test("a page with a checksum verifies, and any flipped bit is seen")
  func flippedBits() {
    var page = page(flags: 0x200)
    store(slowChecksum(page), in: &page)
    #expect(verdict(of: page) == .intact)
    for bit in stride(from: 0, to: 8192 * 8, by: 61) {
      guard bit / 8 != 4, bit / 8 != 5 else { continue }
      var damaged = page
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(verdict(of: damaged) != .intact, "bit \(bit)")
    }
  }

  @Test("torn-page bits are put back, and a sector of another write is seen")
  func tornBits() {
    var generator = SeededGenerator(seed: 7)
    var original = page(flags: 0x100)
    for index in 96..<8192 { original[index] = UInt8.random(in: 0...255, using: &generator) }
    var stored = original
    var word: UInt32 = 2
    for sector in 1..<16 {
      let last = sector * 512 + 511
      word |= UInt32(original[last] & 3) << UInt32(2 * sector)
      stored[last] = original[last] & ~3 | 2
    }
    store(word, in: &stored)
    var restored = stored
    #expect(restored.withUnsafeMutableBytes { PageIntegrity.restore($0) } == .intact)
    #expect(restored[96...] == original[96...])
    stored[9 * 512 + 511] ^= 1
    #expect(verdict(of: stored) == .torn(sector: 9))
  }

  @Test("a page with neither is taken as it is")
  func unprotected() {
    #expect(verdict(of: page(flags: 0)) == .intact)
  }

  private func verdict(of page: [UInt8]) -> PageIntegrity.Verdict {
    var page = page
    return page.withUnsafeMutableBytes { PageIntegrity.restore($0) }
  }

  private func page(flags: UInt16) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: 8192)
    (page[0], page[1], page[4], page[5]) = (1, 1, UInt8(flags & 255), UInt8(flags >> 8))
    return page
  }

  private func store(_ word: UInt32, in page: inout [UInt8]) {
    for index in 0..<4 { page[60 + index] = UInt8(word >> UInt32(8 * index) & 255) }
  }

  /// Section 7, word by word: the stored word counts as zero when a page is verified, so it is
  /// added here as it stands.
  private func slowChecksum(_ page: [UInt8]) -> UInt32 {
    var sum: UInt32 = 0
    for sector in 0..<16 {
      var word: UInt32 = 0
      for index in stride(from: sector * 512, to: sector * 512 + 512, by: 4) {
        word ^= (0..<4).reduce(0) { $0 | UInt32(page[index + $1]) << UInt32(8 * $1) }
      }
      for _ in 0..<(15 - sector) { word = word << 1 | word >> 31 }
      sum ^= word
    }
    return sum
  }
}

@Suite("pages: numbers in bytes")
struct PagesReaderTests {
  @Test(
    "a read outside gives nil, for any offset", arguments: [-1, .min, 5, 6, 7, 8, .max, .max - 1])
  func outside(offset: Int) {
    let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    let span = bytes.span.bytes
    let values: [UInt64?] = [
      span.uint32(at: offset).map(UInt64.init), span.uint64(at: offset),
      span.pageID(at: offset).map { UInt64($0.page) },
    ]
    #expect(values == [nil, nil, nil])
    let fits = [span.holds(4, at: offset), span.holds(.max, at: 1), span.holds(-1, at: 1)]
    #expect(fits == [false, false, false])
  }

  @Test("numbers are little-endian, and errors name the place in the file")
  func inside() throws {
    let reader = ByteReader(
      bytes: [1, 2, 3, 4, 5, 6, 7, 8], baseOffset: 1000, isExact: true, fileName: "a.bak",
      place: "SCIN")
    #expect(try reader.uint16(at: 1) == 0x0302)
    #expect(try reader.uint32(at: 4) == 0x0807_0605)
    #expect(try reader.slice(4, at: 2, place: "part").uint16(at: 2) == 0x0605)
    let error = #expect(throws: BackupError.self) { try reader.uint32(at: 6) }
    #expect(error?.offset == 1006)
    #expect(error?.place == "SCIN")
    #expect(throws: BackupError.self) { try reader.length64(at: 0) }
    #expect(throws: BackupError.self) { try reader.slice(.max, at: 4, place: "part") }
  }
}
