/// A plain encoder for the LZ77+Huffman form of [MS-XCA] (section 5): greedy matches, canonical codes
/// of at most 15 bits that fill the code space.
struct XpressHuffmanEncoder {
  private enum Item {
    case literal(UInt8)
    case match(length: Int, distance: Int)
    case end

    var symbol: Int {
      switch self {
      case .literal(let byte): Int(byte)
      case .match(let length, let distance):
        256 + (distance.bitWidth - distance.leadingZeroBitCount - 1) << 4 + min(length - 3, 15)
      case .end: 256
      }
    }
  }

  /// - Parameter input: At most 64 KiB, not empty.
  static func encode(_ input: [UInt8]) -> [UInt8] {
    let items = self.items(input) + [.end]
    var counts = [Int](repeating: 0, count: 512)
    for item in items { counts[item.symbol] += 1 }
    let lengths = codeLengths(counts)
    let codes = canonicalCodes(lengths)
    var bits = BitWriter()
    for index in 0..<256 {
      bits.append(byte: UInt8(lengths[2 * index] | lengths[2 * index + 1] << 4))
    }
    bits.beginBits()
    for item in items {
      bits.append(codes[item.symbol], count: lengths[item.symbol])
      if case .match(let length, let distance) = item { bits.append(length: length, distance) }
    }
    return bits.finish()
  }

  private static func items(_ input: [UInt8]) -> [Item] {
    var items: [Item] = []
    var latest = [Int](repeating: -1, count: 1 << 14)
    var position = 0
    while position < input.count {
      guard position + 3 <= input.count else {
        items.append(.literal(input[position]))
        position += 1
        continue
      }
      let hash = Self.hash(input, position)
      let candidate = latest[hash]
      latest[hash] = position
      let length = candidate < 0 ? 0 : matchLength(input, candidate, position)
      if length >= 3 && position - candidate < 0x8000 {
        items.append(.match(length: length, distance: position - candidate))
        position += length
      } else {
        items.append(.literal(input[position]))
        position += 1
      }
    }
    return items
  }

  private static func hash(_ input: [UInt8], _ position: Int) -> Int {
    let key =
      UInt32(input[position]) | UInt32(input[position + 1]) << 8 | UInt32(input[position + 2]) << 16
    return Int((key &* 0x9E37_79B1) >> 18)
  }

  private static func matchLength(_ input: [UInt8], _ candidate: Int, _ position: Int) -> Int {
    input.withUnsafeBufferPointer { input in
      var length = 0
      while position + length < input.count, input[candidate + length] == input[position + length] {
        length += 1
      }
      return length
    }
  }

  /// Huffman code lengths; rare symbols are made less rare until no code has more than 15 bits.
  private static func codeLengths(_ counts: [Int]) -> [Int] {
    var weights = counts
    while true {
      let lengths = huffman(weights)
      if (lengths.max() ?? 0) <= 15 { return lengths }
      weights = weights.map { $0 == 0 ? 0 : $0 / 2 + 1 }
    }
  }

  private static func huffman(_ weights: [Int]) -> [Int] {
    // Heaviest first, so that the two lightest are at the end.
    var nodes = weights.indices.filter { weights[$0] > 0 }.map {
      (weight: weights[$0], symbols: [$0])
    }
    nodes.sort { $0.weight > $1.weight }
    var lengths = [Int](repeating: 0, count: weights.count)
    if nodes.count == 1 { nodes.append((1, [nodes[0].symbols[0] == 0 ? 1 : 0])) }
    while nodes.count > 1 {
      let first = nodes.removeLast()
      let second = nodes.removeLast()
      let joined = (weight: first.weight + second.weight, symbols: first.symbols + second.symbols)
      for symbol in joined.symbols { lengths[symbol] += 1 }
      var place = nodes.count
      while place > 0, nodes[place - 1].weight < joined.weight { place -= 1 }
      nodes.insert(joined, at: place)
    }
    return lengths
  }

  private static func canonicalCodes(_ lengths: [Int]) -> [Int] {
    var codes = [Int](repeating: 0, count: lengths.count)
    var next = 0
    for length in 1...15 {
      for symbol in lengths.indices where lengths[symbol] == length {
        codes[symbol] = next
        next += 1
      }
      next <<= 1
    }
    return codes
  }

  /// Bits in 16-bit words, most significant first, between the bytes of long match lengths. A word's
  /// place is taken two words ahead, as the decoder reads it.
  private struct BitWriter {
    private var bytes: [UInt8] = []
    private var word: UInt32 = 0
    private var free = 16
    private var places = (0, 0)

    mutating func append(byte: UInt8) { bytes.append(byte) }

    mutating func beginBits() {
      places = (bytes.count, bytes.count + 2)
      bytes += [0, 0, 0, 0]
    }

    mutating func append(_ value: Int, count: Int) {
      guard count > 0 else { return }
      if free >= count {
        free -= count
        word = word << UInt32(count) | UInt32(value)
        return
      }
      let rest = count - free
      word = word << UInt32(free) | UInt32(value >> rest)
      bytes.put(word, bytes: 2, at: places.0)
      places = (places.1, bytes.count)
      bytes += [0, 0]
      free = 16 - rest
      word = UInt32(value & (1 << rest - 1))
    }

    mutating func append(length: Int, _ distance: Int) {
      let rest = length - 3
      if rest >= 15 {
        if rest < 270 {
          bytes.append(UInt8(rest - 15))
        } else {
          bytes.append(255)
          bytes.append(rest, bytes: 2)
        }
      }
      let count = distance.bitWidth - distance.leadingZeroBitCount - 1
      append(distance - 1 << count, count: count)
    }

    mutating func finish() -> [UInt8] {
      bytes.put(word << UInt32(free), bytes: 2, at: places.0)
      return bytes
    }
  }
}
