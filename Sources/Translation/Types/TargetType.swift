import Catalog

/// A PostgreSQL type as a mapping may name it.
struct TargetType: Hashable {
  enum Base: String, CaseIterable {
    case boolean, smallint, integer, bigint, numeric, real
    case double = "double precision"
    case date, time, timestamp, timestamptz
    case char, varchar, text, uuid, bytea, xml, json
    /// Of PostGIS.
    case geometry, geography
  }

  let base: Base
  /// Length, or precision and scale, or fractional digits.
  let arguments: [Int]
  /// Of geometry and geography: the schema of PostGIS, and what stands in parentheses.
  private(set) var spatial: Spatial?

  struct Spatial: Hashable {
    var schema: Identifier
    var modifier: String?
  }

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
    if let (base, spatial) = Self.spatial(text) {
      self.base = base
      self.spatial = spatial
      arguments = []
      return
    }
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

  /// `geometry`, `geography(Point)`, `postgis.geometry(PolygonZ,4326)`. PostGIS is looked for in schema
  /// public unless the name says where it is.
  private static func spatial(_ text: String) -> (Base, Spatial)? {
    let parts = text.split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false)
    let names = parts[0].split(separator: ".", omittingEmptySubsequences: false).map {
      $0.split(separator: " ").joined(separator: " ")
    }
    guard let base = names.last.flatMap({ Base(rawValue: $0.lowercased()) }),
      [.geometry, .geography].contains(base), names.count <= 2
    else { return nil }
    var schema = "public"
    if names.count == 2 {
      guard (1...Identifier.byteCountMax).contains(names[0].utf8.count) else { return nil }
      schema = names[0]
    }
    guard parts.count == 2 else { return (base, Spatial(schema: Identifier(schema))) }
    let inner = parts[1].split(separator: " ").joined()
    let arguments = inner.dropLast().split(separator: ",", omittingEmptySubsequences: false)
    let shapes = [
      "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
      "geometrycollection", "circularstring", "compoundcurve", "curvepolygon",
    ].flatMap { [$0, $0 + "z", $0 + "m", $0 + "zm"] }
    guard inner.last == ")", let shape = arguments.first, shapes.contains(shape.lowercased()),
      arguments.count == 1
        || (arguments.count == 2 && Int(arguments[1]).map { (0...999_999).contains($0) } == true)
    else { return nil }
    return (
      base, Spatial(schema: Identifier(schema), modifier: arguments.joined(separator: ","))
    )
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
    if let spatial {
      return "\(spatial.schema.quoted).\(base.rawValue)"
        + (spatial.modifier.map { "(\($0))" } ?? "")
    }
    return arguments.isEmpty
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
    case (.geometry, .geography), (.geography, .geometry): true
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

  var isSpatial: Bool { base == .geometry || base == .geography }

  var isText: Bool { [.char, .varchar, .text].contains(base) }
}
