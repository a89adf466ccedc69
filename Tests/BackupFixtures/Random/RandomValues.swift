import Catalog

/// SplitMix64: the same numbers for the same seed, everywhere.
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(_ seed: UInt64) { state = seed }

  /// A generator of its own for a part of what the seed describes.
  package init(_ seed: UInt64, _ parts: Int...) {
    state = parts.reduce(seed) {
      ($0 ^ UInt64(truncatingIfNeeded: $1)) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    }
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }

  package mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
  package mutating func chance(_ one: Int) -> Bool { below(one) == 0 }
  package mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[below(elements.count)]
  }
}

/// Values of every type, edges more often than chance would have them.
struct RandomValues {
  var generator: SeededGenerator
  /// Bytes of (max) values at most.
  var largeByteCountMax = 60_000

  mutating func value(_ column: Column) -> FixtureValue {
    if column.isNullable && generator.chance(6) { return .null }
    let type = column.type
    switch type.base {
    case .bit: return .bool(Bool.random(using: &generator))
    case .tinyint: return .integer(integer(0, 255))
    case .smallint: return .integer(integer(Int64(Int16.min), Int64(Int16.max)))
    case .int: return .integer(integer(Int64(Int32.min), Int64(Int32.max)))
    case .bigint: return .integer(integer(.min, .max))
    case .decimal, .numeric: return decimal(digits: type.precision ?? 18)
    case .money: return money(64)
    case .smallmoney: return money(32)
    case .float: return .double(double())
    case .real: return .float(float())
    case .date: return .date(days: day(0, 3_652_058))
    case .time: return .time(ticks: ticks(type.scale ?? 7))
    case .smalldatetime:
      return .timestamp(
        days: day(693_595, 693_595 + 65_535), ticks: Int64(generator.below(1440)) * 600_000_000)
    case .datetime:
      return .datetime(days: day(639_905, 3_652_058), ticks300: generator.below(25_920_000))
    case .datetime2: return .timestamp(days: day(0, 3_652_058), ticks: ticks(type.scale ?? 7))
    case .datetimeoffset:
      return .instant(
        days: day(1, 3_652_057), ticks: ticks(type.scale ?? 7),
        offset: Int.random(in: -840...840, using: &generator))
    case .char, .varchar, .text: return .text(text(unitCount(type), Self.latin))
    case .nchar, .nvarchar, .ntext: return unicode(unitCount(type))
    case .binary, .varbinary, .image, .geometry, .geography: return .bytes(bytes(unitCount(type)))
    case .rowversion:
      return .bytes(Array(bytes(8) + [0, 0, 0, 0, 0, 0, 0, 0]).prefix(8).map { $0 })
    case .uniqueidentifier: return .bytes((0..<16).map { _ in UInt8(generator.below(256)) })
    case .xml: return .xml(element(depth: 3))
    case .sqlVariant: return variant()
    case .hierarchyid: return hierarchy()
    case .json, .vector, .clr: return .null
    }
  }

  private mutating func integer(_ low: Int64, _ high: Int64) -> Int64 {
    switch generator.below(5) {
    case 0: return generator.pick([low, high, 0, max(low, -1), 1])
    case 1: return max(low, min(high, Int64(generator.below(300)) - 100))
    case 2:
      // One byte more or less is what row compression has to get right.
      let edge = Int64(1) << Int64(generator.below(63))
      return max(low, min(high, edge + Int64(generator.below(3)) - 1))
    default: return Int64.random(in: low...high, using: &generator)
    }
  }

  private mutating func decimal(digits: Int) -> FixtureValue {
    var magnitude: UInt128 = 0
    for _ in 0..<1 + generator.below(digits) {
      magnitude = magnitude * 10 + UInt128(generator.below(10))
    }
    if generator.chance(4) {
      // Zeros at the end are not stored by vardecimal.
      magnitude = 1
      for _ in 0..<generator.below(digits) { magnitude *= 10 }
    }
    if generator.chance(10) { magnitude = 0 }
    return .decimal(magnitude, isNegative: magnitude != 0 && generator.chance(2))
  }

  private mutating func money(_ bits: Int) -> FixtureValue {
    let limit = Int64(1) << Int64(bits - 2)
    let value = integer(-limit, limit)
    return .decimal(UInt128(value.magnitude), isNegative: value < 0)
  }

  private mutating func double() -> Double {
    switch generator.below(4) {
    case 0:
      return generator.pick([0, -1, 0.1, 1e15, 1e-5, 123_456.75, .leastNonzeroMagnitude, 1.7e308])
    case 1: return Double(generator.below(1_000_000)) / 64
    default:
      let value = Double(bitPattern: generator.next())
      return value.isFinite ? value : 1
    }
  }

  private mutating func float() -> Float {
    switch generator.below(4) {
    case 0: return generator.pick([0, -1, 0.1, 1e6, 999_999, 1e-5, .leastNonzeroMagnitude, 3.4e38])
    case 1: return Float(generator.below(1_000_000)) / 64
    default:
      let value = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
      return value.isFinite ? value : 1
    }
  }

  private mutating func day(_ low: Int, _ high: Int) -> Int {
    generator.chance(8)
      ? generator.pick([low, high]) : Int.random(in: low...high, using: &generator)
  }

  private mutating func ticks(_ scale: Int) -> Int64 {
    var unit: Int64 = 1
    for _ in scale..<7 { unit *= 10 }
    let count = 864_000_000_000 / unit
    let chosen =
      generator.chance(6)
      ? generator.pick([0, count - 1]) : Int64.random(in: 0..<count, using: &generator)
    return chosen * unit
  }

  /// Bytes, or UTF-16 units, of a value.
  private mutating func unitCount(_ type: ColumnType) -> Int {
    if let length = type.length {
      return generator.chance(8) ? length : generator.below(length + 1)
    }
    switch generator.below(12) {
    case 0: return generator.below(largeByteCountMax)
    case 1: return generator.pick([0, 1, 64, 65, 3999, 4000, 4001, 4020, 7999, 8000, 8001, 8040])
    default: return generator.below(120)
    }
  }

  private static let latin = Array(
    "abcdefghijklmnopqrstuvwxyz  ABC0123456789,\";'\\\n\r\téüßñÅ€œ™§")
  private static let scripts: [[UInt16]] = [
    Array("abc def,\"GHI\n012éß".utf16), Array("Приветмир".utf16), Array("ελληνικά".utf16),
    Array("日本語テキスト".utf16), Array("שלום عربي".utf16), Array("ไทยकखग".utf16), Array("𝄞😀🀄".utf16),
  ]

  private mutating func text(_ count: Int, _ letters: [Character]) -> String {
    if count > 2000 {
      let part = text(97, letters)
      return String(
        String(repeating: part, count: count / 97 + 1).unicodeScalars.prefix(count).map(
          Character.init))
    }
    return String(
      String.UnicodeScalarView((0..<count).flatMap { _ in generator.pick(letters).unicodeScalars })
        .prefix(count))
  }

  private mutating func unicode(_ count: Int) -> FixtureValue {
    if count > 2000 {
      let part = Array("große Zahl \(generator.below(10000)) текст ".utf16)
      return .utf16((0..<count).map { part[$0 % part.count] })
    }
    var units: [UInt16] = []
    while units.count < count {
      let script = generator.pick(Self.scripts)
      for _ in 0..<1 + generator.below(8) {
        let index = generator.below(script.count)
        guard UTF16.isLeadSurrogate(script[index]) || UTF16.isTrailSurrogate(script[index]) else {
          units.append(script[index])
          continue
        }
        let lead = index & ~1
        units += [script[lead], script[lead + 1]]
      }
    }
    units = Array(units.prefix(count))
    if let last = units.last, UTF16.isLeadSurrogate(last) { units[units.count - 1] = 0x78 }
    // What PostgreSQL cannot hold must end as a reject.
    if generator.chance(200), count > 0 {
      units[generator.below(count)] = generator.pick([0, 0xD800, 0xDFFF])
    }
    return .utf16(units)
  }

  private mutating func bytes(_ count: Int) -> [UInt8] {
    if count > 2000 {
      let start = generator.below(256)
      return (0..<count).map { UInt8(truncatingIfNeeded: start &+ $0 &* 7 &+ $0 >> 8) }
    }
    return (0..<count).map { _ in generator.chance(4) ? 0 : UInt8(generator.below(256)) }
  }

  private mutating func element(depth: Int) -> FixtureXML {
    let names = ["a", "Row", "item", "x-1", "_n"]
    let attributes = (0..<generator.below(3)).map { number in
      FixtureXML.Attribute("k\(number)", "v <&\"> \(generator.below(100))")
    }
    var children: [FixtureXML] = []
    for _ in 0..<(depth > 0 ? generator.below(4) : 0) {
      switch generator.below(3) {
      case 0 where children.isEmpty:
        children.append(.text("text & <more> é \(generator.below(1000))"))
      case 1: children.append(.comment(" note "))
      default: children.append(element(depth: depth - 1))
      }
    }
    return .element(generator.pick(names), attributes: attributes, children: children)
  }

  /// sql_variant: base type, version, header, value.
  private mutating func variant() -> FixtureValue {
    if generator.chance(2) {
      let number = Int32(truncatingIfNeeded: generator.next())
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: number >> Int32(8 * $0)) }
      return .encoded([56, 1] + bytes, text: "\(number)")
    }
    let word = text(generator.below(20), Self.latin)
    let units = word.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    return .encoded([231, 1, 0x40, 0x1F, 0x08, 0xD0, 0x00, 0x34] + units, text: word)
  }

  /// Paths of numbers from 0 to 3, each 01xx1.
  private mutating func hierarchy() -> FixtureValue {
    let path = (0..<generator.below(6)).map { _ in generator.below(4) }
    let bits = path.flatMap { [0, 1, $0 >> 1, $0 & 1, 1] }
    let padded = bits + [Int](repeating: 0, count: (8 - bits.count % 8) % 8)
    let bytes = stride(from: 0, to: padded.count, by: 8).map { start in
      UInt8(padded[start..<start + 8].reduce(0) { $0 << 1 | $1 })
    }
    return .encoded(bytes, text: "/" + path.map { "\($0)/" }.joined())
  }
}
