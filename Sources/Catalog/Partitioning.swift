/// What `CREATE PARTITION FUNCTION` made: where the ranges of a column's values begin and end.
public struct PartitionFunction: Codable, Hashable, Sendable {
  public var name: String
  /// The type of its one parameter.
  public var type: ColumnType
  /// RANGE RIGHT: a boundary belongs to the range that it begins.
  public var isRight: Bool
  /// In the function's order, as text: numbers in digits, dates as `2024-01-31 13:00:00.000` with the
  /// digits of their type, binary values as `0x…`; nil for NULL.
  public var boundaries: [String?]

  public init(name: String, type: ColumnType, isRight: Bool, boundaries: [String?]) {
    self.name = name
    self.type = type
    self.isRight = isRight
    self.boundaries = boundaries
  }

  enum CodingKeys: String, CodingKey {
    case name, type, boundaries
    case isRight = "range_right"
  }
}

/// What `CREATE PARTITION SCHEME` made: the filegroup of each range of a function.
public struct PartitionScheme: Codable, Hashable, Sendable {
  public var name: String
  public var function: String
  /// One for each range, in order; one more where the next range has its filegroup already.
  public var filegroups: [String]

  public init(name: String, function: String, filegroups: [String]) {
    self.name = name
    self.function = function
    self.filegroups = filegroups
  }
}

/// That a heap or an index lies on a partition scheme.
public struct Partitioning: Codable, Hashable, Sendable {
  public var scheme: String
  /// The column whose value picks the partition.
  public var column: String

  public init(scheme: String, column: String) {
    self.scheme = scheme
    self.column = column
  }
}

/// A named value that somebody attached to the database or to something in it
/// (`sp_addextendedproperty`).
public struct ExtendedProperty: Codable, Hashable, Sendable, Comparable {
  /// What it is attached to: "database", "schema", "table", "column", "index", "object", "type" …
  public var level: String
  /// The name of that, `schema.table.column` for a column; empty for the database.
  public var target: String
  public var name: String
  /// As text; nil for NULL and for what is no text or number.
  public var value: String?

  public init(level: String, target: String, name: String, value: String?) {
    self.level = level
    self.target = target
    self.name = name
    self.value = value
  }

  public static func < (left: ExtendedProperty, right: ExtendedProperty) -> Bool {
    let (one, other) = (
      [left.level, left.target, left.name], [right.level, right.target, right.name]
    )
    for (left, right) in zip(one, other) where left != right {
      return left.utf8.lexicographicallyPrecedes(right.utf8)
    }
    return false
  }
}
