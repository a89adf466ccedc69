/// A date as Microsoft Tape Format packs it into 40 bits, most significant first:
/// year 14, month 4, day 5, hour 5, minute 6, second 6. In the server's local time.
struct TapeDate: Hashable, Comparable, Sendable, CustomStringConvertible {
  let packed: UInt64

  init(_ bytes: ByteReader, at offset: Int) throws(BackupError) {
    var packed: UInt64 = 0
    for index in 0..<5 { packed = packed << 8 | UInt64(try bytes.uint8(at: offset + index)) }
    self.packed = packed
  }

  static func < (left: TapeDate, right: TapeDate) -> Bool { left.packed < right.packed }

  var isKnown: Bool { packed != 0 }

  /// "2017-05-18T04:17:39"; "unknown" for all zeros.
  var description: String {
    guard isKnown else { return "unknown" }
    let date = [part(26, 14, width: 4), part(22, 4), part(17, 5)].joined(separator: "-")
    let time = [part(12, 5), part(6, 6), part(0, 6)].joined(separator: ":")
    return date + "T" + time
  }

  private func part(_ shift: UInt64, _ bits: UInt64, width: Int = 2) -> String {
    let digits = String(packed >> shift & (1 << bits - 1))
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
