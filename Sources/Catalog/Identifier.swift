/// A PostgreSQL identifier. `quoted` and `SQLLiteral.quoted` are the only places that write a quote
/// character into SQL.
public struct Identifier: Codable, Hashable, Sendable, Comparable {
  /// PostgreSQL cuts identifiers after 63 bytes (NAMEDATALEN - 1).
  public static let byteCountMax = 63

  public let name: String

  /// - Precondition: `name` has 1 to 63 bytes and no NUL; `Translation` makes names so.
  public init(_ name: String) {
    precondition(
      (1...Self.byteCountMax).contains(name.utf8.count) && !name.utf8.contains(0),
      "identifier of \(name.utf8.count) bytes; the planner must shorten names before this point")
    self.name = name
  }

  /// The name itself where it fits, else its beginning and eight hex digits of a hash of the whole
  /// name: names that differ after the cut stay different.
  ///
  /// - Precondition: `name` is not empty and has no NUL.
  public static func shortened(_ name: String) -> Identifier {
    guard name.utf8.count > byteCountMax else { return Identifier(name) }
    let suffix = "_" + hash(of: name)
    var kept = ""
    var byteCount = suffix.utf8.count
    for scalar in name.unicodeScalars {
      byteCount += UTF8.width(scalar)
      guard byteCount <= byteCountMax else { break }
      kept.unicodeScalars.append(scalar)
    }
    return Identifier(kept + suffix)
  }

  /// Eight hex digits that depend on every byte of the text and on nothing else (FNV-1a, folded to
  /// 32 bits).
  public static func hash(of text: String) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    let digits = String((hash ^ (hash >> 32)) & 0xFFFF_FFFF, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// As it stands in SQL: plain where PostgreSQL reads it back unchanged, else in double quotes.
  public var quoted: String {
    if isPlain { return name }
    return "\"" + name.replacing("\"", with: "\"\"") + "\""
  }

  private var isPlain: Bool {
    guard let first = name.utf8.first, Self.isStart(first) else { return false }
    return name.utf8.allSatisfy { Self.isStart($0) || (0x30...0x39).contains($0) }
      && !PostgreSQLKeywords.needQuotes.contains(name)
  }

  private static func isStart(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || byte == 0x5F
  }

  public static func < (left: Identifier, right: Identifier) -> Bool {
    left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }

  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(String.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(name)
  }
}

/// A schema-qualified PostgreSQL name.
public struct QualifiedIdentifier: Codable, Hashable, Sendable, Comparable {
  public var schema: Identifier
  public var name: Identifier

  public init(_ schema: Identifier, _ name: Identifier) {
    self.schema = schema
    self.name = name
  }

  public var quoted: String { "\(schema.quoted).\(name.quoted)" }

  public static func < (left: QualifiedIdentifier, right: QualifiedIdentifier) -> Bool {
    left.schema == right.schema ? left.name < right.name : left.schema < right.schema
  }
}

/// Text constants in SQL.
public enum SQLLiteral {
  /// The text as a PostgreSQL constant that reads the same whatever `standard_conforming_strings` is.
  ///
  /// - Precondition: no NUL byte, which PostgreSQL text cannot hold.
  public static func quoted(_ text: String) -> String {
    precondition(!text.utf8.contains(0), "a NUL byte cannot stand in a PostgreSQL text constant")
    let doubled = text.replacing("'", with: "''")
    return text.contains("\\") ? "E'" + doubled.replacing("\\", with: "\\\\") + "'" : "'\(doubled)'"
  }
}
