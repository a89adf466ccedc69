// The page checksum runs over every byte that is read, so it works on vectors of 64 bytes.

extension PageIntegrity {
  /// XOR of the page's 16 sectors, each XORed to one word and rotated left by 15 - sector.
  ///
  /// The word at +60 takes part as it stands.
  static func checksum(of page: UnsafeRawBufferPointer) -> UInt32 {
    precondition(page.count == PageLayout.byteCount, "a page has 8192 bytes, not \(page.count)")
    guard let base = page.baseAddress else { return 0 }
    var sum: UInt32 = 0
    for sector in 0..<sectorCount {
      // Invariant: sector < 16 and vector < 8, so the last byte read is 15 * 512 + 7 * 64 + 63 = 8191.
      let start = base + sector * sectorByteCount
      var words = SIMD16<UInt32>.zero
      for vector in 0..<8 {
        words ^= (start + vector * 64).loadUnaligned(as: SIMD16<UInt32>.self)
      }
      let half = words.lowHalf ^ words.highHalf
      let quarter = half.lowHalf ^ half.highHalf
      let pair = quarter.lowHalf ^ quarter.highHalf
      sum ^= rotate(UInt32(littleEndian: pair.x ^ pair.y), left: sectorCount - 1 - sector)
    }
    return sum
  }
}
