/// What a page's own header says against what lies in it: torn-page bits and checksum, section 7.
enum PageIntegrity {
  enum Verdict: Hashable, Sendable {
    case intact
    /// Two bits at the end of this sector differ from the header's pattern: the sector was written
    /// at another time than the first one.
    case torn(sector: Int)
    case wrongChecksum(stored: UInt32, computed: UInt32)
  }

  /// Puts displaced bits back where torn-page bits are in use, and verifies a checksum where there
  /// is one.
  ///
  /// Must come before anything else is read from the page: the displaced bits lie in values, the
  /// slot array included.
  static func restore(_ page: UnsafeMutableRawBufferPointer) -> Verdict {
    precondition(page.count == PageLayout.byteCount, "a page has 8192 bytes, not \(page.count)")
    guard let header = PageHeader(page.bytes) else { return .intact }
    if header.hasTornBits { return putBackTornBits(page) }
    if header.hasChecksum { return verifyChecksum(page) }
    return .intact
  }

  /// Sector k's last two bits were moved to bits 2k and 2k+1 of the u32 at +60 and replaced by a
  /// pattern that changes with every write; bits 0 and 1 of that word hold the pattern itself.
  private static func putBackTornBits(_ page: UnsafeMutableRawBufferPointer) -> Verdict {
    guard let word = page.bytes.uint32(at: checksumOffset) else { return .intact }
    let pattern = UInt8(word & 3)
    for sector in 1..<sectorCount {
      let last = sector * sectorByteCount + sectorByteCount - 1
      guard page[last] & 3 == pattern else { return .torn(sector: sector) }
      page[last] = page[last] & ~3 | UInt8((word >> (2 * UInt32(sector))) & 3)
    }
    return .intact
  }

  private static func verifyChecksum(_ page: UnsafeMutableRawBufferPointer) -> Verdict {
    let stored = page.bytes.uint32(at: checksumOffset) ?? 0
    let computed = checksum(of: UnsafeRawBufferPointer(page)) ^ rotatedFirstSector(stored)
    return stored == computed ? .intact : .wrongChecksum(stored: stored, computed: computed)
  }

  /// What the stored word, which counts as zero, has added to the sum.
  ///
  /// Taking it out again by XOR spares writing to the page.
  private static func rotatedFirstSector(_ word: UInt32) -> UInt32 {
    rotate(word, left: sectorCount - 1)
  }

  static let checksumOffset = 60
  static let sectorCount = 16
  static let sectorByteCount = 512
}

func rotate(_ word: UInt32, left count: Int) -> UInt32 {
  let count = UInt32(truncatingIfNeeded: count) & 31
  return word << count | word >> ((32 - count) & 31)
}
