// What `restage.yaml` says, as values. Every key is optional, so `Mapping()` is a mapping too. Values
// that can turn out wrong only when they meet a database keep the place where they were written.

public import Catalog

/// How a source database becomes a target: names, keys and policies, for all tables and for some.
public struct Mapping: Hashable, Sendable {
  /// How messages name the mapping.
  public var file: String
  /// The name under which key maps remember the source; nil for the database's own name.
  public var source: String?
  public var names: NamingStyle = .snakeCase
  public var keys: KeyPolicy = .remap
  public var onChanged: ChangePolicy = .update
  public var onConflict: ConflictPolicy = .overwrite
  public var onOrphan: OrphanPolicy = .fail
  public var onVanished: VanishPolicy = .report
  public var vanishedMax: RowCeiling = .standard
  public var markColumn: Located<String>?
  /// What an export does with text that PostgreSQL cannot store.
  public var nul: TextPolicy = .fail
  /// Whether rows are kept as they were before an update.
  public var keepBefore = false
  /// What a first load commits at a time.
  public var commit: CommitPolicy = .run
  /// Target names of schemas, by source schema, in the order of the file.
  public var schemas: [SchemaMapping] = []
  /// In the order of the file. Where several patterns match a table, the later ones win, and a
  /// pattern without `*` wins over those with one, key by key.
  public var tables: [TableMapping] = []

  public init(file: String = "restage.yaml") {
    self.file = file
  }
}

/// Whether rows get new surrogate keys or keep those of the source.
public enum KeyPolicy: String, Hashable, Sendable, CaseIterable {
  case remap, preserve
}

/// A value and the place in the mapping where it stands.
public struct Located<Value> {
  public var value: Value
  /// From 1; nil for a value that no file holds.
  public var line: Int?
  /// `tables.dbo.Artist.rename`
  public var path: String

  public init(_ value: Value, line: Int? = nil, path: String = "") {
    self.value = value
    self.line = line
    self.path = path
  }
}

extension Located: Equatable where Value: Equatable {}
extension Located: Hashable where Value: Hashable {}
extension Located: Sendable where Value: Sendable {}

public struct SchemaMapping: Hashable, Sendable {
  /// Name of the schema in the source.
  public var schema: Located<String>
  public var target: Located<String>

  public init(schema: Located<String>, target: Located<String>) {
    self.schema = schema
    self.target = target
  }
}

/// What the mapping says of the tables that a pattern matches.
public struct TableMapping: Hashable, Sendable {
  /// `schema.table`, with `*` for any number of characters.
  public var pattern: Located<String>
  /// Target name, `table` or `schema.table`.
  public var rename: Located<String>?
  /// Why the tables are left out.
  public var skip: String?
  public var keys: Located<KeyPolicy>?
  /// Source key of a table that has no primary key.
  public var key: Located<[String]>?
  /// Columns by which rows that are in the target already are recognised.
  public var naturalKey: Located<[String]>?
  public var onChanged: ChangePolicy?
  public var onConflict: ConflictPolicy?
  public var onOrphan: Located<OrphanPolicy>?
  public var onVanished: VanishPolicy?
  public var vanishedMax: RowCeiling?
  public var markColumn: Located<String>?
  public var nul: TextPolicy?
  public var keepBefore: Bool?
  /// How an export with `--since` finds changed rows.
  public var incremental: Located<IncrementalPolicy>?
  /// PostgreSQL condition over the staged row.
  public var filter: Located<String>?
  /// Columns that the final table gets in addition.
  public var added: [AddedColumnMapping] = []
  public var foreignKeys: [ForeignKeyMapping] = []
  public var columns: [ColumnMapping] = []

  public init(pattern: Located<String>) {
    self.pattern = pattern
  }
}

public struct ForeignKeyMapping: Hashable, Sendable {
  /// Name of the foreign key in the source.
  public var name: Located<String>
  public var onOrphan: Located<OrphanPolicy>?

  public init(name: Located<String>, onOrphan: Located<OrphanPolicy>? = nil) {
    self.name = name
    self.onOrphan = onOrphan
  }
}

public struct AddedColumnMapping: Hashable, Sendable {
  /// Name in the target.
  public var name: Located<String>
  /// PostgreSQL type.
  public var type: Located<String>
  /// PostgreSQL expression over the staged row.
  public var expression: Located<String>

  public init(name: Located<String>, type: Located<String>, expression: Located<String>) {
    self.name = name
    self.type = type
    self.expression = expression
  }
}

public struct ColumnMapping: Hashable, Sendable {
  /// Name of the column in the source.
  public var name: Located<String>
  public var rename: Located<String>?
  /// PostgreSQL type.
  public var type: Located<String>?
  /// PostgreSQL expression; a located nil for "no default".
  public var defaultExpression: Located<String?>?
  /// The source table whose key the column holds though no foreign key says so.
  public var references: Located<String>?
  /// PostgreSQL expression over the staged row.
  public var expression: Located<String>?
  public var nul: TextPolicy?

  public init(name: Located<String>) {
    self.name = name
  }
}
