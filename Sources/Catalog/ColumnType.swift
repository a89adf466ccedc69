/// A SQL Server data type with its arguments, written as T-SQL writes it: `nvarchar(40)`,
/// `decimal(18,2)`, `varbinary(max)`, `datetime2(7)`.
public struct ColumnType: Hashable, Sendable {
  public enum Base: String, Codable, Sendable, CaseIterable {
    case bit, tinyint, smallint, int, bigint
    case decimal, numeric, money, smallmoney, float, real
    case date, time, smalldatetime, datetime, datetime2, datetimeoffset
    case char, varchar, text, nchar, nvarchar, ntext
    case binary, varbinary, image, rowversion
    case uniqueidentifier, xml, hierarchyid, geometry, geography, json, vector
    case sqlVariant = "sql_variant"
    /// A type of a user's assembly.
    case clr
  }

  public var base: Base
  /// Of char, varchar, binary, varbinary in bytes, of nchar, nvarchar in UTF-16 units; nil otherwise
  /// and for (max).
  public var length: Int?
  public var isMax: Bool
  /// Of decimal and numeric, 1 to 38.
  public var precision: Int?
  /// Of decimal and numeric, and the fractional digits (0 to 7) of time, datetime2, datetimeoffset.
  public var scale: Int?

  public init(
    _ base: Base, length: Int? = nil, isMax: Bool = false, precision: Int? = nil,
    scale: Int? = nil
  ) {
    self.base = base
    self.length = length
    self.isMax = isMax
    self.precision = precision
    self.scale = scale
  }

  /// Whether values are text with a collation.
  public var isText: Bool {
    switch base {
    case .char, .varchar, .text, .nchar, .nvarchar, .ntext: true
    default: false
    }
  }

  /// Whether values are shapes.
  public var isSpatial: Bool { base == .geometry || base == .geography }

  /// Whether values are whole numbers of a fixed width (tinyint to bigint).
  public var isInteger: Bool {
    switch base {
    case .tinyint, .smallint, .int, .bigint: true
    default: false
    }
  }
}

extension ColumnType: CustomStringConvertible {
  public var description: String {
    let name = base.rawValue
    if isMax { return "\(name)(max)" }
    if let length { return "\(name)(\(length))" }
    if let precision { return "\(name)(\(precision),\(scale ?? 0))" }
    if let scale { return "\(name)(\(scale))" }
    return name
  }
}

extension ColumnType {
  /// Reads the form that `description` writes; nil when it is not one.
  public init?(_ text: String) {
    let parts = text.split(separator: "(", maxSplits: 1)
    let spelled = parts.first.map(String.init) ?? ""
    guard let base = Base(rawValue: spelled == "timestamp" ? "rowversion" : spelled) else {
      return nil
    }
    guard parts.count == 2 else {
      self.init(base)
      return
    }
    guard parts[1].last == ")" else { return nil }
    let arguments = parts[1].dropLast().split(separator: ",")
    if arguments == ["max"] {
      self.init(base, isMax: true)
      return
    }
    let numbers = arguments.compactMap { Int($0) }
    guard numbers.count == arguments.count, (1...2).contains(numbers.count) else { return nil }
    switch base {
    case .decimal, .numeric:
      self.init(base, precision: numbers[0], scale: numbers.count == 2 ? numbers[1] : 0)
    case .time, .datetime2, .datetimeoffset: self.init(base, scale: numbers[0])
    default: self.init(base, length: numbers[0])
    }
  }
}

extension ColumnType: Codable {
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let type = ColumnType(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "unknown column type '\(text)'"))
    }
    self = type
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
