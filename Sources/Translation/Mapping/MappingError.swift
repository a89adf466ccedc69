/// What is wrong with a mapping, and on which line of its file.
public struct MappingError: Error, Hashable, Sendable {
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// The file is not YAML.
    public static let syntax = Code(description: "syntax")
    public static let unknownKey = Code(description: "unknown key")
    public static let duplicateKey = Code(description: "duplicate key")
    public static let wrongValue = Code(description: "wrong value")
    /// A key of the format that this version does not carry out.
    public static let notSupported = Code(description: "not supported")
    public static let noSuchTable = Code(description: "no such table")
    public static let noSuchColumn = Code(description: "no such column")
    public static let noSuchForeignKey = Code(description: "no such foreign key")
    /// Two things would have the same name in the target.
    public static let nameTaken = Code(description: "name taken")
    /// A type that cannot hold the values as they stand in the snapshot.
    public static let unfitType = Code(description: "unfit type")
    /// A key or a policy that the table's columns do not allow.
    public static let unfitKey = Code(description: "unfit key")
  }

  public let code: Code
  /// As the mapping was named when it was read.
  public let file: String
  /// From 1; nil where the file has no place to point at.
  public let line: Int?
  /// The keys that lead to the place: `tables.dbo.Artist.rename`.
  public let path: String
  public let expected: String
  public let actual: String
}

extension MappingError: CustomStringConvertible {
  public var description: String {
    let place = line.map { "\(file):\($0)" } ?? file
    let subject = path.isEmpty ? "" : "\(path): "
    return "\(place): \(subject)expected \(expected), found \(actual)"
  }
}
