/// What of a SQL Server collation matters to us: how equality is decided and in which code page
/// 8-bit text is stored.
public struct Collation: Codable, Hashable, Sendable {
  /// Name where known ("Latin1_General_CI_AS"); data files keep only the id.
  public var name: String?
  /// The 32-bit collation id of data files; nil where only the name is known.
  public var id: UInt32?
  /// Windows code page number of char, varchar and text (1252 …, 65001 for UTF-8); nil when it is
  /// not known, and then only ASCII may be read.
  public var codePage: Int?
  public var isCaseSensitive: Bool
  public var isAccentSensitive: Bool
  /// BIN and BIN2 collations.
  public var isBinary: Bool

  public init(
    name: String? = nil, id: UInt32? = nil, codePage: Int?, isCaseSensitive: Bool,
    isAccentSensitive: Bool, isBinary: Bool
  ) {
    self.name = name
    self.id = id
    self.codePage = codePage
    self.isCaseSensitive = isCaseSensitive
    self.isAccentSensitive = isAccentSensitive
    self.isBinary = isBinary
  }

  enum CodingKeys: String, CodingKey {
    case name, id
    case codePage = "code_page"
    case isCaseSensitive = "case_sensitive"
    case isAccentSensitive = "accent_sensitive"
    case isBinary = "binary"
  }
}
