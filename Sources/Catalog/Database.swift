/// A source database as its own catalog describes it: everything that `schema.json` holds.
///
/// Every source (backup file, live server, bacpac) fills the same structures, so nothing below can
/// tell where they came from. Texts of definitions are the source's own T-SQL.
public struct Database: Codable, Hashable, Sendable {
  public var name: String
  /// The version that last wrote the database, such as "SQL Server 2016".
  public var serverVersion: String
  public var collation: Collation?
  /// Names of the user schemas that own something, sorted.
  public var schemas: [String]
  /// User tables, sorted by schema and name as bytes.
  public var tables: [Table]
  public var sequences: [SequenceGenerator]
  public var aliasTypes: [AliasType]
  /// Views, procedures, functions, triggers, synonyms, table types: what is reported, not moved.
  public var modules: [Module]
  /// Sorted by name as bytes, as the next two.
  public var partitionFunctions: [PartitionFunction]
  public var partitionSchemes: [PartitionScheme]
  /// All but `MS_Description` of tables and columns, which are their comments.
  public var extendedProperties: [ExtendedProperty]
  /// What the reader noticed and a person should know, one sentence each.
  public var notes: [String]

  public init(
    name: String, serverVersion: String, collation: Collation? = nil, schemas: [String] = [],
    tables: [Table] = [], sequences: [SequenceGenerator] = [], aliasTypes: [AliasType] = [],
    modules: [Module] = [], partitionFunctions: [PartitionFunction] = [],
    partitionSchemes: [PartitionScheme] = [], extendedProperties: [ExtendedProperty] = [],
    notes: [String] = []
  ) {
    self.name = name
    self.serverVersion = serverVersion
    self.collation = collation
    self.schemas = schemas
    self.tables = tables
    self.sequences = sequences
    self.aliasTypes = aliasTypes
    self.modules = modules
    self.partitionFunctions = partitionFunctions
    self.partitionSchemes = partitionSchemes
    self.extendedProperties = extendedProperties
    self.notes = notes
  }

  /// A catalog that says nothing of partitions and extended properties has none: another tool may
  /// have written it.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: try values.decode(String.self, forKey: .name),
      serverVersion: try values.decode(String.self, forKey: .serverVersion),
      collation: try values.decodeIfPresent(Collation.self, forKey: .collation),
      schemas: try values.decode([String].self, forKey: .schemas),
      tables: try values.decode([Table].self, forKey: .tables),
      sequences: try values.decode([SequenceGenerator].self, forKey: .sequences),
      aliasTypes: try values.decode([AliasType].self, forKey: .aliasTypes),
      modules: try values.decode([Module].self, forKey: .modules),
      partitionFunctions: try values.decodeIfPresent(
        [PartitionFunction].self, forKey: .partitionFunctions) ?? [],
      partitionSchemes: try values.decodeIfPresent(
        [PartitionScheme].self, forKey: .partitionSchemes) ?? [],
      extendedProperties: try values.decodeIfPresent(
        [ExtendedProperty].self, forKey: .extendedProperties) ?? [],
      notes: try values.decode([String].self, forKey: .notes))
  }

  enum CodingKeys: String, CodingKey {
    case name, collation, schemas, tables, sequences, modules, notes
    case serverVersion = "server_version"
    case aliasTypes = "alias_types"
    case partitionFunctions = "partition_functions"
    case partitionSchemes = "partition_schemes"
    case extendedProperties = "extended_properties"
  }
}

/// The name of an object of the source: schema and name in the source's own spelling.
public struct ObjectName: Codable, Hashable, Sendable, Comparable, CustomStringConvertible {
  public var schema: String
  public var name: String

  public init(_ schema: String, _ name: String) {
    self.schema = schema
    self.name = name
  }

  /// Orders by the UTF-8 bytes of schema, then name: the same on every machine and locale.
  public static func < (left: ObjectName, right: ObjectName) -> Bool {
    if left.schema != right.schema {
      return left.schema.utf8.lexicographicallyPrecedes(right.schema.utf8)
    }
    return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }

  public var description: String { "\(schema).\(name)" }

  /// Room for what is put before and behind a name of at most 255 bytes.
  static let fileNameByteCountMax = 200

  /// `schema.name` as a file or folder name: every byte outside `A-Z a-z 0-9 _ . -` percent-encoded,
  /// in upper-case hex.
  ///
  /// No file system takes more than 255 bytes, and 29 letters of Chinese are more: a longer name is
  /// cut at 191 bytes or a little less and ends in `~` and eight hex digits that stand for the whole.
  public var fileName: String {
    let encoded = percentEncoded
    guard encoded.utf8.count > Self.fileNameByteCountMax else { return encoded }
    let suffix = "~" + Identifier.hash(of: description)
    let kept = encoded.prefix(Self.fileNameByteCountMax - suffix.utf8.count)
    // `%E4` is kept whole or not at all.
    let last = kept.suffix(2).firstIndex(of: "%") ?? kept.endIndex
    return kept[..<last] + suffix
  }

  private var percentEncoded: String {
    var text = ""
    for byte in description.utf8 {
      switch byte {
      case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x5F, 0x2E, 0x2D:
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let hex = String(byte, radix: 16, uppercase: true)
        text += "%" + (hex.count == 1 ? "0" : "") + hex
      }
    }
    return text
  }
}

/// A sequence object of the source (`CREATE SEQUENCE`).
public struct SequenceGenerator: Codable, Hashable, Sendable {
  public var name: ObjectName
  public var type: ColumnType
  public var start: Int64
  public var increment: Int64
  public var minimum: Int64
  public var maximum: Int64
  public var current: Int64
  public var cycles: Bool

  public init(
    name: ObjectName, type: ColumnType, start: Int64, increment: Int64, minimum: Int64,
    maximum: Int64, current: Int64, cycles: Bool
  ) {
    self.name = name
    self.type = type
    self.start = start
    self.increment = increment
    self.minimum = minimum
    self.maximum = maximum
    self.current = current
    self.cycles = cycles
  }
}

/// A type made by `CREATE TYPE … FROM`, which columns use under its own name.
public struct AliasType: Codable, Hashable, Sendable {
  public var name: ObjectName
  public var base: ColumnType
  public var isNullable: Bool

  public init(name: ObjectName, base: ColumnType, isNullable: Bool) {
    self.name = name
    self.base = base
    self.isNullable = isNullable
  }

  enum CodingKeys: String, CodingKey {
    case name, base
    case isNullable = "nullable"
  }
}

/// An object that is not moved but reported with its text.
public struct Module: Codable, Hashable, Sendable {
  public enum Kind: String, Codable, Sendable {
    case view, procedure, function, trigger, synonym
    case tableType = "table type"
  }

  public var kind: Kind
  public var name: ObjectName
  /// The table that a trigger belongs to.
  public var table: ObjectName?
  /// The source text; nil where the source does not keep it (encrypted, CLR).
  public var definition: String?

  public init(kind: Kind, name: ObjectName, table: ObjectName? = nil, definition: String? = nil) {
    self.kind = kind
    self.name = name
    self.table = table
    self.definition = definition
  }
}
