// The page checksum runs over every byte that is read, so its inner loop is one that the compiler
// turns into vector instructions.

extension PageIntegrity {
  /// XOR of the page's 16 sectors, each XORed to one word and rotated left by 15 - sector.
  ///
  /// The word at +60 takes part as it stands.
  static func checksum(of page: UnsafeRawBufferPointer) -> UInt32 {
    precondition(page.count == PageLayout.byteCount, "a page has 8192 bytes, not \(page.count)")
    guard let base = page.baseAddress else { return 0 }
    var sum: UInt32 = 0
    for sector in 0..<sectorCount {
      // Invariant: sector < 16 and offset <= 504, so the last byte read is 15 * 512 + 504 + 7 = 8191.
      let start = base + sector * sectorByteCount
      var pairs: UInt64 = 0
      var offset = 0
      while offset < sectorByteCount {
        pairs ^= start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        offset &+= 8
      }
      pairs = UInt64(littleEndian: pairs)
      let word = UInt32(truncatingIfNeeded: pairs ^ pairs >> 32)
      sum ^= rotate(word, left: sectorCount - 1 - sector)
    }
    return sum
  }
}
