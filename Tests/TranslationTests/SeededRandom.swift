import Foundation

/// A generator whose numbers can be had again: the seed is printed with each failure and taken from
/// `RESTAGE_TEST_SEED`; `RESTAGE_TEST_CASES` says how many cases a property is tried on.
struct SeededRandom: RandomNumberGenerator {
  let seed: UInt64
  let caseCount: Int
  private var state: UInt64

  init(seed: UInt64, caseCount: Int) {
    self.seed = seed
    self.caseCount = caseCount
    state = seed
  }

  static func fromEnvironment() -> SeededRandom {
    let environment = ProcessInfo.processInfo.environment
    return SeededRandom(
      seed: environment["RESTAGE_TEST_SEED"].flatMap { UInt64($0) }
        ?? UInt64.random(in: 0...999_999_999),
      caseCount: environment["RESTAGE_TEST_CASES"].flatMap { Int($0) } ?? 100)
  }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A name that looks like nothing good: quotes, blanks, many scripts, key words, up to 128 characters.
  mutating func name() -> String {
    let pieces = [
      "ID", "Order", "details", "\"", "'", " ", ".", "-", "é", "Ñ", "客", "😀", "select", "user", "_",
      "1", "\t", "\n", "]", "[", "$", "\\", "%", "A", "a", "ctid", "xmin", "ſ", "İ", "ß", ";", "--",
      "n\u{303}", "Long" + String(repeating: "x", count: 30),
    ]
    let count = Int.random(in: 1...5, using: &self)
    return (0..<count).map { _ in pieces.randomElement(using: &self) ?? "x" }.joined()
  }
}
