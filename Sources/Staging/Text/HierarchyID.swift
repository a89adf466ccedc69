/// A hierarchyid: a path such as /1/2.1/, packed as a string of bits (section 14.4).
public struct HierarchyID: CustomStringConvertible {
  /// The bits are no path.
  public struct Damage: Error, Hashable, Sendable {
    public let problem: String
  }

  /// As `ToString()` prints it; "/" is the root.
  public let description: String

  /// - Throws: `Damage`.
  public init(_ bytes: UnsafeRawBufferPointer) throws(Damage) {
    guard bytes.count <= Self.byteCountMax else {
      throw Damage(problem: "a hierarchyid of \(bytes.count) bytes")
    }
    var bits = Bits(bytes)
    var text = "/"
    while bits.hasOneLeft {
      guard let label = Self.labels.first(where: { $0.matches(bits) }) else {
        throw Damage(problem: "no label begins at bit \(bits.position) of a hierarchyid")
      }
      let (value, endsLevel) = label.read(&bits)
      // A part that another one follows in the same level is stored as one more than it is.
      text += endsLevel ? "\(value)/" : "\(value - 1)."
    }
    guard text.last == "/" else { throw Damage(problem: "a hierarchyid ends inside a level") }
    description = text
  }

  /// SQL Server keeps no longer ones.
  private static let byteCountMax = 892

  private static let labels: [Label] = [
    Label(minimum: 0, "01xxT"),
    Label(minimum: 4, "100xxT"),
    Label(minimum: 8, "101xxxT"),
    Label(minimum: 16, "110xx0x1xxxT"),
    Label(minimum: 80, "1110xxx0xxx0x1xxxT"),
    Label(minimum: 1104, "11110xxxxx0xxx0x1xxxT"),
    Label(minimum: 5200, "111110xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"),
    Label(minimum: 4_294_972_496, "111111xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"),
    Label(minimum: -8, "00111xxxT"),
    Label(minimum: -72, "0010xx0x1xxxT"),
    Label(minimum: -4168, "000110xxxxx0xxx0x1xxxT"),
    Label(minimum: -4_294_971_464, "000101xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"),
    Label(
      minimum: -281_479_271_682_120,
      "000100xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxxT"),
  ]
}

/// One range of numbers and its pattern: 0 and 1 stand for themselves, x for a bit of the value, T
/// for the end mark.
private struct Label: Sendable {
  let minimum: Int
  let pattern: [UInt8]

  init(minimum: Int, _ pattern: StaticString) {
    self.minimum = minimum
    self.pattern = pattern.withUTF8Buffer { Array($0) }
  }

  func matches(_ bits: Bits) -> Bool {
    guard pattern.count <= bits.left else { return false }
    return pattern.indices.allSatisfy { index in
      switch pattern[index] {
      case UInt8(ascii: "0"): bits[index] == 0
      case UInt8(ascii: "1"): bits[index] == 1
      default: true
      }
    }
  }

  func read(_ bits: inout Bits) -> (value: Int, endsLevel: Bool) {
    var value = 0
    var endsLevel = false
    for (index, letter) in pattern.enumerated() {
      if letter == UInt8(ascii: "x") { value = value << 1 | bits[index] }
      if letter == UInt8(ascii: "T") { endsLevel = bits[index] == 1 }
    }
    bits.position += pattern.count
    return (minimum + value, endsLevel)
  }
}

/// Bits of a buffer, the most significant of each byte first.
private struct Bits {
  private let bytes: UnsafeRawBufferPointer
  var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var left: Int { bytes.count * 8 - position }
  var hasOneLeft: Bool { (0..<left).contains { self[$0] == 1 } }

  /// The bit `index` places from here, 0 ..< `left`.
  subscript(index: Int) -> Int {
    let bit = position + index
    return Int(bytes[bit >> 3] >> UInt8(7 - bit & 7) & 1)
  }
}
