extension CodePage {
  /// A whole value as text, for what is read once: names and definitions, not rows.
  ///
  /// - Returns: nil where bytes are no characters of this page.
  public func string(_ bytes: [UInt8]) -> String? {
    let room = bytes.count * TextDecoder.growthMax + 16
    // The decoder writes at most `growthMax` bytes for each byte that it reads, and 16 more.
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { target in
      guard let start = target.baseAddress else { return nil }
      let decoded = bytes.withUnsafeBytes { decoder.decode($0, to: start) }
      guard decoded.consumed == bytes.count, !decoded.findings.contains(.undefined) else {
        return nil
      }
      return String(decoding: target[..<decoded.written], as: UTF8.self)
    }
  }
}
