/// A source database with every decision about its target made: names, types, keys, order.
///
/// `Translation` makes it out of a `Database` and a mapping; `Statements` writes SQL from it and
/// `Pipeline` follows it. Nothing after this point decides a name, a type or a key again.
/// Columns and tables refer to each other by index into `tables` and `MappedTable.columns`.
public struct MappedDatabase: Codable, Hashable, Sendable {
  /// Under this name key maps and audit rows remember the source.
  public var sourceName: String
  /// The source database's own name: a source's name stands for one database.
  public var databaseName: String
  /// Schemas that hold final tables, sorted.
  public var schemas: [Identifier]
  /// Collations that columns name and PostgreSQL does not bring along, sorted by name.
  public var collations: [MappedCollation]
  /// Sequences that the defaults of columns draw from, sorted by name; those of identity columns are
  /// not among them.
  public var sequences: [MappedSequence]
  /// In foreign-key order: parents before children, members of a cycle side by side.
  public var tables: [MappedTable]
  /// What is not carried over, each with its source text, for `unsupported.md`.
  public var unsupported: [Unsupported]
  /// Decisions a person should know before approving the plan, one sentence each.
  public var notes: [String]
  /// Patterns of the tables that the mapping skips; nil for none.
  public var skipped: [String]?
  /// What a first load commits at a time; nil, as in older plans, for the whole run.
  public var commit: CommitPolicy?

  public init(
    sourceName: String, databaseName: String, schemas: [Identifier],
    collations: [MappedCollation] = [], sequences: [MappedSequence] = [], tables: [MappedTable],
    unsupported: [Unsupported] = [], notes: [String] = [], skipped: [String] = [],
    commit: CommitPolicy = .run
  ) {
    self.sourceName = sourceName
    self.databaseName = databaseName
    self.schemas = schemas
    self.collations = collations
    self.sequences = sequences
    self.tables = tables
    self.unsupported = unsupported
    self.notes = notes
    self.skipped = skipped.isEmpty ? nil : skipped
    self.commit = commit == .run ? nil : commit
  }
}

/// What a first load commits at a time. Later loads are one transaction under either.
public enum CommitPolicy: String, Codable, Hashable, Sendable, CaseIterable {
  /// Everything or nothing.
  case run
  /// Each table with all its rows, or the tables of a cycle together.
  case table
}

/// An ICU collation under which texts that SQL Server calls equal are equal: nondeterministic, so it
/// costs speed and LIKE, and is used for columns that take part in keys alone.
public struct MappedCollation: Codable, Hashable, Sendable {
  public var name: QualifiedIdentifier
  /// BCP 47, such as `und-u-ks-level2`.
  public var locale: String

  public init(name: QualifiedIdentifier, locale: String) {
    self.name = name
    self.locale = locale
  }
}

/// A sequence object of the source that a default needs.
public struct MappedSequence: Codable, Hashable, Sendable {
  public var source: ObjectName
  public var name: QualifiedIdentifier
  /// PostgreSQL type: smallint, integer or bigint.
  public var type: String
  public var start: Int64
  public var increment: Int64
  public var minimum: Int64
  public var maximum: Int64
  public var cycles: Bool

  public init(
    source: ObjectName, name: QualifiedIdentifier, type: String, start: Int64, increment: Int64,
    minimum: Int64, maximum: Int64, cycles: Bool
  ) {
    self.source = source
    self.name = name
    self.type = type
    self.start = start
    self.increment = increment
    self.minimum = minimum
    self.maximum = maximum
    self.cycles = cycles
  }
}

/// One source table on its way into one final table.
public struct MappedTable: Codable, Hashable, Sendable {
  public var source: ObjectName
  public var target: QualifiedIdentifier
  /// In schema `restage_stage`: holds the staged rows of the current run.
  public var stage: QualifiedIdentifier
  /// In schema `restage_keymap`.
  public var keyMap: QualifiedIdentifier
  /// One for each stored column of the source, in CSV order.
  public var columns: [MappedColumn]
  public var sourceKey: SourceKey
  public var surrogate: Surrogate?
  public var primaryKey: MappedKey?
  public var uniqueConstraints: [MappedKey]
  public var indexes: [MappedIndex]
  public var foreignKeys: [MappedForeignKey]
  public var comment: String?
  public var onChanged: ChangePolicy
  public var onConflict: ConflictPolicy
  public var onVanished: VanishPolicy
  /// Beyond it a run under `delete` or `mark` stops.
  public var vanishedMax: RowCeiling
  /// A column of the final table alone that says when the row was found to have vanished.
  public var markColumn: Identifier?
  /// Indexes of the columns by which a row that is in the target already is recognised; empty where
  /// rows are not looked for.
  public var naturalKey: [Int]
  /// Whether rows are kept as they were before an update, so that a rollback can restore them.
  public var keepBefore: Bool
  /// PostgreSQL condition over the staged row: only rows for which it is true are loaded. Nil for all.
  public var filter: String?
  /// Columns of the final table alone that get a value when the row is written.
  public var added: [AddedColumn]
  /// Whether the table belongs to a cycle of foreign keys through other tables (a self reference
  /// alone is none): its foreign keys within the cycle are deferrable.
  public var isInCycle: Bool
  /// How changed rows are found, where snapshots may hold those alone; nil where they hold all rows.
  public var changes: ChangeSource?

  public init(
    source: ObjectName, target: QualifiedIdentifier, stage: QualifiedIdentifier,
    keyMap: QualifiedIdentifier, columns: [MappedColumn], sourceKey: SourceKey,
    surrogate: Surrogate? = nil, primaryKey: MappedKey? = nil,
    uniqueConstraints: [MappedKey] = [], indexes: [MappedIndex] = [],
    foreignKeys: [MappedForeignKey] = [], comment: String? = nil,
    onChanged: ChangePolicy = .update, onConflict: ConflictPolicy = .overwrite,
    onVanished: VanishPolicy = .report, vanishedMax: RowCeiling = .standard,
    markColumn: Identifier? = nil, naturalKey: [Int] = [], keepBefore: Bool = false,
    filter: String? = nil, added: [AddedColumn] = [], isInCycle: Bool = false,
    changes: ChangeSource? = nil
  ) {
    self.source = source
    self.target = target
    self.stage = stage
    self.keyMap = keyMap
    self.columns = columns
    self.sourceKey = sourceKey
    self.surrogate = surrogate
    self.primaryKey = primaryKey
    self.uniqueConstraints = uniqueConstraints
    self.indexes = indexes
    self.foreignKeys = foreignKeys
    self.comment = comment
    self.onChanged = onChanged
    self.onConflict = onConflict
    self.onVanished = onVanished
    self.vanishedMax = vanishedMax
    self.markColumn = markColumn
    self.naturalKey = naturalKey
    self.keepBefore = keepBefore
    self.filter = filter
    self.added = added
    self.isInCycle = isInCycle
    self.changes = changes
  }

  /// 'remap' when rows get new surrogate keys, else 'preserve'.
  public var keysMode: String { surrogate == nil ? "preserve" : "remap" }

  /// Whether rows are loaded otherwise than they stand in the snapshot, because the mapping says so.
  public var isTransformed: Bool { filter != nil || columns.contains { $0.expression != nil } }

  /// Whether the mapping has SQL of its own for the table.
  public var hasExpressions: Bool { isTransformed || !added.isEmpty }

  /// Columns that the final table has and the source has not, with their types.
  public var ownColumns: [(name: Identifier, type: String)] {
    added.map { ($0.name, $0.type) } + [markColumn].compactMap { $0 }.map { ($0, "timestamptz") }
  }
}

public struct MappedColumn: Codable, Hashable, Sendable {
  public var sourceName: String
  public var sourceType: ColumnType
  public var name: Identifier
  /// PostgreSQL type as written in DDL, such as `varchar(40)` or `timestamp(3)`.
  public var type: String
  /// A collation to write behind the type, for text that takes part in keys under a source collation
  /// that ignores case; nil for the database's default.
  public var collation: QualifiedIdentifier?
  public var isNullable: Bool
  /// PostgreSQL expression; nil for none.
  public var defaultExpression: String?
  /// Set where the target generates values: GENERATED BY DEFAULT AS IDENTITY.
  public var identity: MappedIdentity?
  /// The table whose key map gives this column its value in the target: a column that, followed
  /// through foreign keys, ends at the surrogate key of that table. The table itself for its own
  /// surrogate key. Nil for columns whose value is carried over as it is.
  public var keyTable: Int?
  /// PostgreSQL expression over the staged row that gives the value that is loaded; nil for the value
  /// as it stands in the snapshot.
  public var expression: String?
  public var comment: String?

  public init(
    sourceName: String, sourceType: ColumnType, name: Identifier, type: String,
    collation: QualifiedIdentifier? = nil, isNullable: Bool, defaultExpression: String? = nil,
    identity: MappedIdentity? = nil, keyTable: Int? = nil, expression: String? = nil,
    comment: String? = nil
  ) {
    self.sourceName = sourceName
    self.sourceType = sourceType
    self.name = name
    self.type = type
    self.collation = collation
    self.isNullable = isNullable
    self.defaultExpression = defaultExpression
    self.identity = identity
    self.keyTable = keyTable
    self.expression = expression
    self.comment = comment
  }
}

/// A column of the final table that the source does not have.
public struct AddedColumn: Codable, Hashable, Sendable {
  public var name: Identifier
  /// PostgreSQL type.
  public var type: String
  /// PostgreSQL expression over the staged row.
  public var expression: String

  public init(name: Identifier, type: String, expression: String) {
    self.name = name
    self.type = type
    self.expression = expression
  }
}

public struct MappedIdentity: Codable, Hashable, Sendable {
  /// The identity's own sequence, named in the DDL so that generated SQL can rely on it.
  public var sequence: QualifiedIdentifier
  public var start: Int64
  public var increment: Int64

  public init(sequence: QualifiedIdentifier, start: Int64, increment: Int64) {
    self.sequence = sequence
    self.start = start
    self.increment = increment
  }
}

/// What identifies a row in the source.
public enum SourceKey: Codable, Hashable, Sendable {
  /// Indexes of columns, in key order.
  case columns([Int])
  /// The table has no unique key: 128-bit hash of the whole row and an occurrence number.
  case wholeRow
}

/// The single column that gets a new value for each unseen row, and from where.
public struct Surrogate: Codable, Hashable, Sendable {
  public enum Generator: String, Codable, Sendable {
    /// `nextval` of the column's identity sequence.
    case sequence
    /// `gen_random_uuid()`.
    case uuid
  }

  public var column: Int
  public var generator: Generator

  public init(column: Int, generator: Generator) {
    self.column = column
    self.generator = generator
  }
}

public struct MappedKey: Codable, Hashable, Sendable {
  public var name: Identifier
  public var columns: [Int]
  /// SQL Server lets one NULL into a unique key, so NULLs count as equal.
  public var nullsNotDistinct: Bool
  /// Whether values may move from one row to another within a transaction. PostgreSQL allows it of
  /// keys that no foreign key leads to.
  public var isDeferrable: Bool

  public init(
    name: Identifier, columns: [Int], nullsNotDistinct: Bool = false, isDeferrable: Bool = false
  ) {
    self.name = name
    self.columns = columns
    self.nullsNotDistinct = nullsNotDistinct
    self.isDeferrable = isDeferrable
  }
}

public struct MappedIndex: Codable, Hashable, Sendable {
  public struct Part: Codable, Hashable, Sendable {
    public var column: Int
    public var isDescending: Bool

    public init(column: Int, isDescending: Bool) {
      self.column = column
      self.isDescending = isDescending
    }
  }

  public var name: Identifier
  public var isUnique: Bool
  public var parts: [Part]
  public var included: [Int]
  /// PostgreSQL predicate of a partial index.
  public var predicate: String?
  public var nullsNotDistinct: Bool
  /// Made as a deferrable UNIQUE constraint, for an index alone cannot be deferrable.
  public var isDeferrable: Bool

  public init(
    name: Identifier, isUnique: Bool, parts: [Part], included: [Int] = [],
    predicate: String? = nil, nullsNotDistinct: Bool = false, isDeferrable: Bool = false
  ) {
    self.name = name
    self.isUnique = isUnique
    self.parts = parts
    self.included = included
    self.predicate = predicate
    self.nullsNotDistinct = nullsNotDistinct
    self.isDeferrable = isDeferrable
  }
}

public struct MappedForeignKey: Codable, Hashable, Sendable {
  public var name: Identifier
  public var columns: [Int]
  /// Index into `MappedDatabase.tables`.
  public var parent: Int
  /// Indexes into the parent's columns, paired with `columns`.
  public var parentColumns: [Int]
  public var onDelete: ForeignKey.Action
  public var onUpdate: ForeignKey.Action
  public var onOrphan: OrphanPolicy
  public var isDeferrable: Bool
  /// Disabled in the source: values are resolved through it, the constraint is not made.
  public var isDisabled: Bool
  /// Not trusted in the source: made NOT VALID.
  public var isNotValid: Bool

  public init(
    name: Identifier, columns: [Int], parent: Int, parentColumns: [Int],
    onDelete: ForeignKey.Action = .noAction, onUpdate: ForeignKey.Action = .noAction,
    onOrphan: OrphanPolicy = .fail, isDeferrable: Bool = false, isDisabled: Bool = false,
    isNotValid: Bool = false
  ) {
    self.name = name
    self.columns = columns
    self.parent = parent
    self.parentColumns = parentColumns
    self.onDelete = onDelete
    self.onUpdate = onUpdate
    self.onOrphan = onOrphan
    self.isDeferrable = isDeferrable
    self.isDisabled = isDisabled
    self.isNotValid = isNotValid
  }
}

/// What happens to a staged row whose parent is nowhere to be found.
public enum OrphanPolicy: String, Codable, Hashable, Sendable, CaseIterable {
  case fail, reject, null
}

/// What happens to a row that changed in the source since it was loaded.
public enum ChangePolicy: String, Codable, Hashable, Sendable, CaseIterable {
  case update, report, ignore
}

/// What happens to a row that changed in the source after somebody edited it in the target.
public enum ConflictPolicy: String, Codable, Hashable, Sendable, CaseIterable {
  case overwrite, keep, fail
}

/// What happens to a row that was loaded and that the source no longer has.
public enum VanishPolicy: String, Codable, Hashable, Sendable, CaseIterable {
  case report, delete, mark
}

/// How many rows of a table may vanish in one run.
public enum RowCeiling: Codable, Hashable, Sendable {
  case rows(Int)
  /// Of the rows that were known, as a decimal number: "5", "0.5".
  case percent(String)

  public static let standard = RowCeiling.percent("5")
}

/// Something of the source that the target does not get.
public struct Unsupported: Codable, Hashable, Sendable {
  /// "check constraint", "view", "computed column" …
  public var kind: String
  /// What it is called in the source, with its table where it has one.
  public var name: String
  /// Why, and what happens instead, in one sentence.
  public var reason: String
  public var sourceText: String?
  /// PostgreSQL that a person may run instead, where there is some: restage does not.
  public var suggestion: String?

  public init(
    kind: String, name: String, reason: String, sourceText: String?, suggestion: String? = nil
  ) {
    self.kind = kind
    self.name = name
    self.reason = reason
    self.sourceText = sourceText
    self.suggestion = suggestion
  }
}
