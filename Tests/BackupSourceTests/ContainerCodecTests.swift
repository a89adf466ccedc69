import TestSupport
import Testing

@testable import BackupSource

@Suite("containers: codec")
struct ContainerCodecTests {
  @Test(
    "both decoders agree on every record of real backups",
    .enabled(if: SharedData.isThere, SharedData.skipped),
    arguments: ["northwind-2016", "sharepoint-2014", "tsqlv4-2016", "tutorialdb-2016"])
  func realRecords(name: String) throws {
    let file = try InputFile(path: SharedData.path("bak/\(name)-compressed.bak"))
    let index = try RecordIndex(file)
    let data = index.records.filter { $0.form == .compressed }
    #expect(data.count > 10)
    // Every fifth record: the slow decoder takes about 20 ms for a piece in a debug build.
    for record in stride(from: 0, to: data.count, by: 5).map({ data[$0] }) + [data[data.count - 1]]
    {
      let stored = try file.structure(
        at: record.offset + 4, count: Int(record.storedByteCount), place: "record")
      let count = Int(record.expandedByteCount)
      let expected = try SlowXpressHuffman.decode(stored.bytes, count: count)
      #expect(try fast(stored.bytes, count: count) == expected)
    }
  }

  @Test("both decoders agree on random codes and symbols", arguments: UInt64(0)..<40)
  func randomSymbols(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (encoded, plain) = XpressHuffmanEncoder.random(using: &generator)
    #expect(try SlowXpressHuffman.decode(encoded, count: plain.count) == plain, "seed \(seed)")
    #expect(try fast(encoded, count: plain.count) == plain, "seed \(seed)")
  }

  @Test("both decoders refuse or accept the same damage", arguments: UInt64(0)..<60)
  func damage(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var (encoded, plain) = XpressHuffmanEncoder.random(using: &generator)
    for _ in 0..<4 {
      // Behind the table of lengths, so that the code stays complete.
      encoded[Int.random(in: 256..<encoded.count, using: &generator)] = UInt8.random(
        in: 0...255, using: &generator)
    }
    let count = plain.count
    let slow = Result { try SlowXpressHuffman.decode(encoded, count: count) }
    let quick = Result { try fast(encoded, count: count) }
    switch (slow, quick) {
    case (.success(let left), .success(let right)): #expect(left == right, "seed \(seed)")
    case (.failure, .failure): break
    default: Issue.record("seed \(seed): \(slow) and \(quick)")
    }
  }

  @Test("an incomplete or overfull code is not decoded")
  func codeTables() {
    for fill: UInt8 in [0x00, 0x11, 0x88, 0xFF] {
      let encoded = [UInt8](repeating: fill, count: 256) + [0, 0, 0, 0]
      #expect(throws: XpressHuffman.Failure.incompleteCode) { try fast(encoded, count: 512) }
    }
    #expect(throws: XpressHuffman.Failure.noTable) { try fast([1, 2, 3], count: 512) }
  }

  @Test("random bytes behind a complete code end without a trap", arguments: UInt64(0)..<200)
  func noise(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    // Every symbol nine bits long: 512 codes of 9 bits fill the space.
    var encoded = [UInt8](repeating: 0x99, count: 256)
    for _ in 0..<Int.random(in: 0..<2000, using: &generator) {
      encoded.append(UInt8.random(in: 0...255, using: &generator))
    }
    let slow = Result { try SlowXpressHuffman.decode(encoded, count: 65_536) }
    let quick = Result { try fast(encoded, count: 65_536) }
    switch (slow, quick) {
    case (.success(let left), .success(let right)): #expect(left == right, "seed \(seed)")
    case (.failure, .failure): break
    default: Issue.record("seed \(seed): \(slow) and \(quick)")
    }
  }

  private func fast(_ encoded: [UInt8], count: Int) throws -> [UInt8] {
    var output = [UInt8](repeating: 0xAA, count: count)
    try encoded.withUnsafeBytes { input in
      try output.withUnsafeMutableBytes { try XpressHuffman.decode(input, into: $0) }
    }
    return output
  }
}

/// The codec as its description reads, bit by bit and without a table.
enum SlowXpressHuffman {
  struct Failure: Error {}

  static func decode(_ input: [UInt8], count: Int) throws -> [UInt8] {
    guard input.count >= 256 else { throw Failure() }
    let symbols = try codes(Array(input[0..<256]))
    var stream = Stream(bytes: Array(input[256...]))
    var output: [UInt8] = []
    while output.count < count {
      let symbol = try stream.symbol(symbols)
      guard symbol >= 256 else {
        output.append(UInt8(symbol))
        continue
      }
      let length = try stream.length((symbol - 256) & 15)
      let bitCount = (symbol - 256) >> 4
      var distance = 1
      for _ in 0..<bitCount { distance = distance * 2 + stream.bit() }
      stream.refill()
      guard distance <= output.count, output.count + length <= count else { throw Failure() }
      for _ in 0..<length { output.append(output[output.count - distance]) }
    }
    guard stream.missingWordCount <= 2 else { throw Failure() }
    return output
  }

  /// Symbols by their code, written as "1" and its bits.
  private static func codes(_ table: [UInt8]) throws -> [Int: Int] {
    let lengths = table.flatMap { [Int($0 & 15), Int($0 >> 4)] }
    guard lengths.reduce(0, { $0 + ($1 == 0 ? 0 : 1 << (15 - $1)) }) == 1 << 15 else {
      throw Failure()
    }
    var codes: [Int: Int] = [:]
    var code = 0
    for length in 1...15 {
      for symbol in 0..<512 where lengths[symbol] == length {
        codes[1 << length | code] = symbol
        code += 1
      }
      code <<= 1
    }
    return codes
  }

  private struct Stream {
    let bytes: [UInt8]
    var position = 0
    var pending: [Int] = []
    var missingWordCount = 0

    init(bytes: [UInt8]) {
      self.bytes = bytes
      loadWord()
      loadWord()
    }

    mutating func symbol(_ codes: [Int: Int]) throws -> Int {
      var code = 1
      for _ in 0..<15 {
        code = code * 2 + bit()
        if let symbol = codes[code] {
          refill()
          return symbol
        }
      }
      throw Failure()
    }

    mutating func bit() -> Int { pending.removeFirst() }

    mutating func refill() { if pending.count < 16 { loadWord() } }

    mutating func length(_ nibble: Int) throws -> Int {
      guard nibble == 15 else { return nibble + 3 }
      var length = try number(1)
      if length < 255 { return length + 18 }
      length = try number(2)
      if length == 0 { length = try number(4) }
      guard length >= 15 else { throw Failure() }
      return length + 3
    }

    private mutating func number(_ byteCount: Int) throws -> Int {
      guard position + byteCount <= bytes.count else { throw Failure() }
      let value = (0..<byteCount).reduce(0) { $0 | Int(bytes[position + $1]) << (8 * $1) }
      position += byteCount
      return value
    }

    private mutating func loadWord() {
      if position + 2 > bytes.count { missingWordCount += 1 }
      let low = position < bytes.count ? Int(bytes[position]) : 0
      let high = position + 1 < bytes.count ? Int(bytes[position + 1]) : 0
      position = min(position + 2, bytes.count)
      pending += (0..<16).map { (high << 8 | low) >> (15 - $0) & 1 }
    }
  }
}

/// Writes what a decoder reads, with codes of all lengths, not those that compress best.
struct XpressHuffmanEncoder {
  private var bits: [Int] = []
  private var bytes: [UInt8] = []
  /// Where each u16 word of the bit stream stands among the bytes.
  private var wordOffsets: [Int] = []
  private var loadedBitCount = 0

  /// Random symbols under a random complete code: the encoded bytes, and what they stand for.
  static func random(using generator: inout SeededGenerator) -> ([UInt8], [UInt8]) {
    let lengths = randomLengths(using: &generator)
    let codes = canonicalCodes(lengths)
    var encoder = XpressHuffmanEncoder()
    encoder.reserveWord()
    encoder.reserveWord()
    var plain: [UInt8] = []
    let used = lengths.indices.filter { lengths[$0] > 0 }
    let literals = used.filter { $0 < 256 }
    while plain.count < 4000 {
      let symbol = plain.isEmpty ? literals[0] : used.randomElement(using: &generator) ?? 0
      if symbol < 256 {
        encoder.put(codes[symbol], count: lengths[symbol])
        plain.append(UInt8(symbol))
        continue
      }
      let bitCount = (symbol - 256) >> 4
      guard 1 << bitCount <= plain.count else { continue }
      let distance = min(
        Int.random(in: 1 << bitCount..<2 << bitCount, using: &generator), plain.count)
      encoder.put(codes[symbol], count: lengths[symbol])
      let length = encoder.putLength((symbol - 256) & 15, using: &generator)
      encoder.put(distance - 1 << bitCount, count: bitCount)
      for _ in 0..<length { plain.append(plain[plain.count - distance]) }
    }
    return (pack(lengths) + encoder.finish(), plain)
  }

  private mutating func putLength(_ nibble: Int, using generator: inout SeededGenerator) -> Int {
    guard nibble == 15 else { return nibble + 3 }
    switch Int.random(in: 0..<3, using: &generator) {
    case 0:
      let extra = Int.random(in: 0..<255, using: &generator)
      bytes.append(UInt8(extra))
      return extra + 18
    case 1:
      let length = Int.random(in: 15..<700, using: &generator)
      bytes += [255, UInt8(length & 255), UInt8(length >> 8)]
      return length + 3
    default:
      let length = Int.random(in: 15..<700, using: &generator)
      bytes += [255, 0, 0, UInt8(length & 255), UInt8(length >> 8), 0, 0]
      return length + 3
    }
  }

  /// A decoder refills after each group of bits; the word it loads then stands at this place.
  private mutating func put(_ value: Int, count: Int) {
    bits += (0..<count).map { value >> (count - 1 - $0) & 1 }
    loadedBitCount -= count
    if loadedBitCount < 16 { reserveWord() }
  }

  private mutating func reserveWord() {
    wordOffsets.append(bytes.count)
    bytes += [0, 0]
    loadedBitCount += 16
  }

  private func finish() -> [UInt8] {
    var bytes = bytes
    for (index, offset) in wordOffsets.enumerated() {
      let word = (0..<16).reduce(0) {
        $0 << 1 | (index * 16 + $1 < bits.count ? bits[index * 16 + $1] : 0)
      }
      bytes[offset] = UInt8(word & 255)
      bytes[offset + 1] = UInt8(word >> 8)
    }
    return bytes
  }

  /// Splits random leaves of a tree until there are enough, which keeps the code complete.
  private static func randomLengths(using generator: inout SeededGenerator) -> [Int] {
    let count = Int.random(in: 4...200, using: &generator)
    var leaves = [1, 1]
    while leaves.count < count {
      // Deep trees half of the time, so that codes of up to 15 bits occur.
      let deep = Bool.random(using: &generator)
      let index = deep ? leaves.count - 1 : Int.random(in: 0..<leaves.count, using: &generator)
      guard leaves[index] < 15 else {
        leaves.shuffle(using: &generator)
        continue
      }
      leaves[index] += 1
      leaves.append(leaves[index])
    }
    var lengths = [Int](repeating: 0, count: 512)
    let literals = (0..<256).shuffled(using: &generator)
    let others = (256..<512).shuffled(using: &generator)
    for (index, length) in leaves.enumerated() {
      lengths[index % 2 == 0 ? literals[index / 2] : others[index / 2]] = length
    }
    return lengths
  }

  private static func canonicalCodes(_ lengths: [Int]) -> [Int] {
    var codes = [Int](repeating: 0, count: 512)
    var code = 0
    for length in 1...15 {
      for symbol in 0..<512 where lengths[symbol] == length {
        codes[symbol] = code
        code += 1
      }
      code <<= 1
    }
    return codes
  }

  private static func pack(_ lengths: [Int]) -> [UInt8] {
    (0..<256).map { UInt8(lengths[2 * $0] | lengths[2 * $0 + 1] << 4) }
  }
}
