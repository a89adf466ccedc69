import Catalog
import Foundation
import Testing

/// SplitMix64: the same seed gives the same values on every machine.
struct SeededGenerator: RandomNumberGenerator {
  /// From `RESTAGE_TEST_SEED` where a failure is to be repeated; tests print it.
  static let seed: UInt64 =
    ProcessInfo.processInfo.environment["RESTAGE_TEST_SEED"].flatMap { UInt64($0) }
    ?? .random(in: 0...UInt64.max)

  private var state: UInt64

  init(_ purpose: Int = 0) {
    state = Self.seed &+ UInt64(truncatingIfNeeded: purpose)
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// A kind of column: its type and values for it, the ones that matter and random ones.
struct ValueKind: Sendable, CustomTestStringConvertible {
  let type: ColumnType
  let chosen: [TypedValue]
  let random: @Sendable (inout SeededGenerator) -> TypedValue

  var testDescription: String { type.description }

  func values(_ randomCount: Int, _ generator: inout SeededGenerator) -> [TypedValue] {
    chosen + [.null] + (0..<randomCount).map { _ in random(&generator) }
  }

  static let all: [ValueKind] = [
    bit, integer(.tinyint, 0, 255), integer(.smallint, -32768, 32767),
    integer(.int, Int64(Int32.min), Int64(Int32.max)), integer(.bigint, .min, .max),
    decimal(precision: 38, scale: 0), decimal(precision: 38, scale: 38),
    decimal(precision: 38, scale: 10), decimal(precision: 9, scale: 2), money,
    double, float, date, time, timestamp, instant, guid, bytes, text, character,
  ]
}

extension ValueKind {
  private static let bit = ValueKind(type: ColumnType(.bit), chosen: [.bool(true), .bool(false)]) {
    .bool(.random(using: &$0))
  }

  private static func integer(_ base: ColumnType.Base, _ low: Int64, _ high: Int64) -> ValueKind {
    ValueKind(
      type: ColumnType(base),
      chosen: ([low, high, 0] + [1, 9, 10, 99, 100, 200]).map { .integer($0) }
    ) { .integer(Int64.random(in: low...high, using: &$0) >> Int.random(in: 0..<63, using: &$0)) }
  }

  private static func decimal(precision: Int, scale: Int) -> ValueKind {
    let limit = (0..<precision).reduce(UInt128(1)) { power, _ in power * 10 }
    return ValueKind(
      type: ColumnType(.decimal, precision: precision, scale: scale),
      chosen: [0, 1, 9, 10, 12345, limit - 1, limit / 10].flatMap { magnitude in
        [true, false].map { .decimal(magnitude, isNegative: $0, scale: scale) }
      }
    ) { generator in
      let magnitude = UInt128.random(in: 0..<limit, using: &generator)
      return .decimal(
        magnitude >> Int.random(in: 0..<128, using: &generator),
        isNegative: .random(using: &generator), scale: scale)
    }
  }

  private static let money = ValueKind(
    type: ColumnType(.money),
    chosen: [0, 1, UInt128(Int64.max), 10_000].map { .decimal($0, isNegative: true, scale: 4) }
  ) {
    .decimal(
      UInt128(UInt64.random(in: 0...UInt64.max / 2, using: &$0)), isNegative: false, scale: 4)
  }

  private static let double = ValueKind(
    type: ColumnType(.float),
    chosen: [
      0, -0.0, 1, -1, 0.1, 0.5, 1e14, 1e15, 1e16, 123_456_789_012_345, 1_234_567_890_123_456, 1e-4,
      1e-5, 1.5e-5, 0.00012345, .leastNonzeroMagnitude, 2.2250738585072014e-308,
      Double.leastNormalMagnitude.nextDown, .pi,
      1.7976931348623157e308, 1e20, 1e22, 1e23, 9.5e22, 1e100, 9007199254740992,
      4.35, 0.3, 2e-308, 18_014_398_509_481_984,
    ].map { .double($0) }
  ) { generator in
    switch Int.random(in: 0..<4, using: &generator) {
    case 0:
      return .double(Double(Int64.random(in: -1_000_000...1_000_000, using: &generator)) / 100)
    case 1: return .double(scalbn(1, .random(in: -1074...1023, using: &generator)))
    case 2:
      let digits = Double(Int.random(in: 1...999, using: &generator))
      return .double(digits * pow(10, Double(Int.random(in: -30...40, using: &generator))))
    default:
      let value = Double(bitPattern: generator.next())
      return .double(value.isFinite ? value : 1)
    }
  }

  private static let float = ValueKind(
    type: ColumnType(.real),
    chosen: [
      0, -0.0, 1, 0.1, 123_456, 999_999, 1_000_000, 1e5, 1e6, 1e7, 1e-4, 1e-5,
      .leastNonzeroMagnitude, 3.4028235e38,
      .leastNormalMagnitude, 8_388_608, 16_777_216, 33_554_432, 1e10, 9.5e-5, 18.15,
    ].map { .float($0) }
  ) { generator in
    let value = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
    return .float(
      value.isFinite && Bool.random(using: &generator)
        ? value : scalbn(1, .random(in: -149...127, using: &generator)))
  }

  private static let lastTick: Int64 = 863_999_999_999

  private static let date = ValueKind(
    type: ColumnType(.date),
    chosen: [
      0, 1, 58, 59, 364, 365, 1460, 1461, 36523, 36524, 146_096, 146_097, 730_178, 3_652_058,
    ]
    .map { .date(days: $0) }
  ) { .date(days: .random(in: 0...3_652_058, using: &$0)) }

  private static let time = ValueKind(
    type: ColumnType(.time, scale: 7),
    chosen: [0, 1, 9, 10, 99, 100, 10_000_000, 1_200_000, 123_456_789_012, lastTick]
      .map { .time(ticks: $0) }
  ) { .time(ticks: .random(in: 0...lastTick, using: &$0)) }

  private static let timestamp = ValueKind(
    type: ColumnType(.datetime2, scale: 7),
    chosen: [
      .timestamp(days: 0, ticks: 0), .timestamp(days: 3_652_058, ticks: lastTick),
      .timestamp(days: 737_425, ticks: 110_451_200_000), .timestamp(days: 60, ticks: 10),
    ]
  ) {
    .timestamp(
      days: .random(in: 0...3_652_058, using: &$0), ticks: .random(in: 0...lastTick, using: &$0))
  }

  private static let instant = ValueKind(
    type: ColumnType(.datetimeoffset, scale: 7),
    chosen: [
      .instant(days: 0, ticks: 0), .instant(days: 3_652_058, ticks: lastTick),
      .instant(days: 737_425, ticks: 110_451_200_000),
    ]
  ) {
    .instant(
      days: .random(in: 0...3_652_058, using: &$0), ticks: .random(in: 0...lastTick, using: &$0))
  }

  private static let guid = ValueKind(
    type: ColumnType(.uniqueidentifier),
    chosen: [.guid(Array(0..<16)), .guid(Array(repeating: 0xFF, count: 16))]
  ) { .guid(randomBytes(16, &$0)) }

  private static let bytes = ValueKind(
    type: ColumnType(.varbinary, isMax: true),
    chosen: [.bytes([]), .bytes([0]), .bytes(Array(0...255)), .bytes([0x5C, 0x78])]
  ) { .bytes(randomBytes(.random(in: 0..<200, using: &$0), &$0)) }

  private static let text = ValueKind(
    type: ColumnType(.nvarchar, isMax: true),
    chosen: [
      "", " ", "\"", "\"\"", ",", "\n", "\r", "\r\n", "a,b", "say \"hi\"", "\\.", "\\", "'", "\t",
      "\\N", "NULL", "ünïcödé", "日本語", "😀", "a😀,\"b", "\u{7F}", "\u{1}", "\u{FEFF}x", "\u{FFFF}",
      "exactly 16 chars", "seventeen chars 17", "the end of a block,",
    ].map { .text($0) }
  ) { .text(randomText(.random(in: 0..<80, using: &$0), &$0)) }

  private static let character = ValueKind(
    type: ColumnType(.nchar, length: 10),
    chosen: ["", "a", "a,b", "\"", "0123456789", "😀😀", "é"].map { .character($0, width: 10) }
  ) { .character(randomText(.random(in: 0..<5, using: &$0), &$0), width: 10) }

  static func randomBytes(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  /// Mostly ASCII, with what CSV and UTF-8 care about.
  static func randomText(_ count: Int, _ generator: inout SeededGenerator) -> String {
    var text = String.UnicodeScalarView()
    let special: [Unicode.Scalar] = ["\"", ",", "\n", "\r", "\\", ".", " ", "é", "€", "\u{10FFFF}"]
    let asciiOnly = Bool.random(using: &generator)
    for _ in 0..<count {
      let choice = Int.random(in: 0..<40, using: &generator)
      if choice < special.count && !asciiOnly {
        text.append(special[choice])
      } else if choice == special.count && !asciiOnly {
        let value = UInt32.random(in: 1...0x2FFF, using: &generator)
        text.append(Unicode.Scalar(value) ?? "x")
      } else {
        text.append(Unicode.Scalar(UInt8.random(in: 0x20...0x7E, using: &generator)))
      }
    }
    return String(text)
  }
}
