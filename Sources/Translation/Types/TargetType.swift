/// A PostgreSQL type as a mapping may name it.
struct TargetType: Hashable {
  enum Base: String, CaseIterable {
    case boolean, smallint, integer, bigint, numeric, real
    case double = "double precision"
    case date, time, timestamp, timestamptz
    case char, varchar, text, uuid, bytea, xml, json
  }

  let base: Base
  /// Length, or precision and scale, or fractional digits.
  let arguments: [Int]

  /// Other spellings that PostgreSQL has for the same types.
  private static let synonyms: [String: Base] = [
    "bool": .boolean, "int2": .smallint, "int": .integer, "int4": .integer, "int8": .bigint,
    "decimal": .numeric, "float4": .real, "float8": .double, "bpchar": .char,
    "character": .char, "character varying": .varchar,
    "timestamp without time zone": .timestamp, "timestamp with time zone": .timestamptz,
    "time without time zone": .time,
  ]

  /// Nil for a text that is no type known here, or one with arguments that the type does not take.
  init?(_ text: String) {
    let parts = text.lowercased().split(
      separator: "(", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.first?.split(separator: " ").joined(separator: " ") ?? ""
    guard let base = Base(rawValue: name) ?? Self.synonyms[name] else { return nil }
    self.base = base
    guard parts.count == 2 else {
      arguments = []
      return
    }
    let inner = parts[1].split(separator: " ").joined()
    guard inner.last == ")" else { return nil }
    let numbers = inner.dropLast().split(separator: ",", omittingEmptySubsequences: false)
      .map { Int($0) }
    let known = numbers.compactMap { $0 }
    guard known.count == numbers.count, Self.takes(base, known) else { return nil }
    arguments = base == .numeric && known.count == 1 ? known + [0] : known
  }

  private static func takes(_ base: Base, _ arguments: [Int]) -> Bool {
    switch base {
    case .char, .varchar: arguments.count == 1 && (1...10_485_760).contains(arguments[0])
    case .time, .timestamp, .timestamptz: arguments.count == 1 && (0...6).contains(arguments[0])
    case .numeric:
      (1...2).contains(arguments.count) && (1...1000).contains(arguments[0])
        && (arguments.count == 1 || (0...arguments[0]).contains(arguments[1]))
    default: false
    }
  }

  /// As DDL writes it.
  var sql: String {
    arguments.isEmpty
      ? base.rawValue : "\(base.rawValue)(\(arguments.map(String.init).joined(separator: ",")))"
  }
}

extension TargetType {
  /// Whether cells of `stored`, the type in which a snapshot holds them, can be loaded into this type
  /// and read back as the very same text: the proof compares texts.
  func holds(_ stored: TargetType) -> Bool {
    switch (stored.base, base) {
    case (_, .text): true
    case (.smallint, .smallint), (.smallint, .integer), (.smallint, .bigint),
      (.integer, .integer), (.integer, .bigint), (.bigint, .bigint):
      true
    case (.smallint, .numeric): holdsDigits(integer: 5, scale: 0)
    case (.integer, .numeric): holdsDigits(integer: 10, scale: 0)
    case (.bigint, .numeric): holdsDigits(integer: 19, scale: 0)
    case (.numeric, .numeric):
      holdsDigits(
        integer: stored.precision - stored.scale, scale: stored.scale)
    case (.numeric, .smallint): stored.scale == 0 && stored.precision <= 4
    case (.numeric, .integer): stored.scale == 0 && stored.precision <= 9
    case (.numeric, .bigint): stored.scale == 0 && stored.precision <= 18
    case (.timestamp, .timestamp), (.timestamptz, .timestamptz), (.time, .time):
      digits >= stored.digits
    case (.char, .char): arguments == stored.arguments
    case (.char, .varchar), (.varchar, .varchar): length >= stored.length
    case (.text, .varchar): arguments.isEmpty
    case (.text, .json): true
    default: base == stored.base
    }
  }

  /// A numeric without arguments keeps the digits it is given.
  private func holdsDigits(integer: Int, scale: Int) -> Bool {
    arguments.isEmpty || (self.scale == scale && precision - self.scale >= integer)
  }

  private var precision: Int { arguments.first ?? 1000 }
  private var scale: Int { arguments.count == 2 ? arguments[1] : 0 }
  private var digits: Int { arguments.first ?? 6 }
  private var length: Int { arguments.first ?? Int.max }

  var isWholeNumber: Bool {
    [.smallint, .integer, .bigint].contains(base)
      || (base == .numeric && arguments.count == 2 && scale == 0)
  }

  var isText: Bool { [.char, .varchar, .text].contains(base) }
}
