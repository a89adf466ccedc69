/// A user table of the source.
public struct Table: Codable, Hashable, Sendable {
  public var name: ObjectName
  /// In column-id order, computed columns included.
  public var columns: [Column]
  public var primaryKey: Key?
  public var uniqueConstraints: [Key]
  /// Indexes that are not the index of a primary key or unique constraint.
  public var indexes: [Index]
  public var foreignKeys: [ForeignKey]
  public var checks: [CheckConstraint]
  /// Extended property `MS_Description`.
  public var comment: String?
  /// The history table of a system-versioned table.
  public var historyTable: ObjectName?
  /// How the heap or the clustered index is partitioned; nil when it is not.
  public var partitioning: Partitioning?
  /// Rows by the source's own bookkeeping; a hint, nil where unknown.
  public var rowCount: Int?
  /// Why the rows of this table cannot be read (memory-optimized, columnstore …), nil when they can.
  public var refusal: String?

  public init(
    name: ObjectName, columns: [Column], primaryKey: Key? = nil, uniqueConstraints: [Key] = [],
    indexes: [Index] = [], foreignKeys: [ForeignKey] = [], checks: [CheckConstraint] = [],
    comment: String? = nil, historyTable: ObjectName? = nil, partitioning: Partitioning? = nil,
    rowCount: Int? = nil, refusal: String? = nil
  ) {
    self.name = name
    self.columns = columns
    self.primaryKey = primaryKey
    self.uniqueConstraints = uniqueConstraints
    self.indexes = indexes
    self.foreignKeys = foreignKeys
    self.checks = checks
    self.comment = comment
    self.historyTable = historyTable
    self.partitioning = partitioning
    self.rowCount = rowCount
    self.refusal = refusal
  }

  /// The columns that a CSV line holds, in its order: all that are stored, column sets left out.
  public var storedColumns: [Column] { columns.filter(\.isStored) }

  public func column(named name: String) -> Column? { columns.first { $0.name == name } }

  enum CodingKeys: String, CodingKey {
    case name, columns, indexes, checks, comment, partitioning, refusal
    case primaryKey = "primary_key"
    case uniqueConstraints = "unique_constraints"
    case foreignKeys = "foreign_keys"
    case historyTable = "history_table"
    case rowCount = "rows"
  }
}

/// A column of a source table.
public struct Column: Codable, Hashable, Sendable {
  /// Number of the column in the source, ascending and with gaps where columns were dropped.
  public var id: Int
  public var name: String
  public var type: ColumnType
  public var isNullable: Bool
  /// The alias type by which the column was declared; `type` is its base type.
  public var aliasType: ObjectName?
  public var identity: Identity?
  public var computed: Computed?
  public var defaultConstraint: DefaultConstraint?
  /// Of text columns only.
  public var collation: Collation?
  public var isSparse: Bool
  public var isColumnSet: Bool
  public var isRowGUID: Bool
  public var isHidden: Bool
  public var generatedAlways: GeneratedAlways?
  public var comment: String?
  /// How the cells of the snapshot write the values, where it is not the way of the type.
  public var cellForm: CellForm?

  public init(
    id: Int, name: String, type: ColumnType, isNullable: Bool, aliasType: ObjectName? = nil,
    identity: Identity? = nil, computed: Computed? = nil,
    defaultConstraint: DefaultConstraint? = nil, collation: Collation? = nil,
    isSparse: Bool = false, isColumnSet: Bool = false, isRowGUID: Bool = false,
    isHidden: Bool = false, generatedAlways: GeneratedAlways? = nil, comment: String? = nil,
    cellForm: CellForm? = nil
  ) {
    self.id = id
    self.name = name
    self.type = type
    self.isNullable = isNullable
    self.aliasType = aliasType
    self.identity = identity
    self.computed = computed
    self.defaultConstraint = defaultConstraint
    self.collation = collation
    self.isSparse = isSparse
    self.isColumnSet = isColumnSet
    self.isRowGUID = isRowGUID
    self.isHidden = isHidden
    self.generatedAlways = generatedAlways
    self.comment = comment
    self.cellForm = cellForm
  }

  /// Whether rows hold a value for it: not a column set and not computed on the fly.
  public var isStored: Bool { !isColumnSet && (computed?.isPersisted ?? true) }

  enum CodingKeys: String, CodingKey {
    case id, name, type, identity, computed, collation, comment
    case isNullable = "nullable"
    case aliasType = "alias_type"
    case defaultConstraint = "default"
    case isSparse = "sparse"
    case isColumnSet = "column_set"
    case isRowGUID = "rowguid"
    case isHidden = "hidden"
    case generatedAlways = "generated_always"
    case cellForm = "cell_form"
  }
}

/// A way to write values into a snapshot that a mapping asked for.
public enum CellForm: String, Codable, Hashable, Sendable {
  /// Shapes as PostGIS prints them: extended well-known binary in hex.
  case ewkb
}

extension Column {
  /// The PostgreSQL type whose text form the column's cells have in the snapshot.
  public var csvType: String { cellForm == .ewkb ? type.base.rawValue : type.csvType }
}

/// Identity property of a column. Numbers that do not fit 64 bits are refused by the reader.
public struct Identity: Codable, Hashable, Sendable {
  public var seed: Int64
  public var increment: Int64
  /// The last value the source handed out; nil when it never did.
  public var lastValue: Int64?

  public init(seed: Int64, increment: Int64, lastValue: Int64?) {
    self.seed = seed
    self.increment = increment
    self.lastValue = lastValue
  }

  enum CodingKeys: String, CodingKey {
    case seed, increment
    case lastValue = "last_value"
  }
}

public struct Computed: Codable, Hashable, Sendable {
  public var definition: String
  public var isPersisted: Bool

  public init(definition: String, isPersisted: Bool) {
    self.definition = definition
    self.isPersisted = isPersisted
  }

  enum CodingKeys: String, CodingKey {
    case definition
    case isPersisted = "persisted"
  }
}

public struct DefaultConstraint: Codable, Hashable, Sendable {
  /// Nil for a bound `CREATE DEFAULT` object without a name of its own.
  public var name: String?
  public var definition: String

  public init(name: String?, definition: String) {
    self.name = name
    self.definition = definition
  }
}

public enum GeneratedAlways: String, Codable, Hashable, Sendable {
  case rowStart = "row start"
  case rowEnd = "row end"
}

/// A primary key or unique constraint.
public struct Key: Codable, Hashable, Sendable {
  /// Nil where the source keeps no name (bacpac).
  public var name: String?
  public var isClustered: Bool
  public var columns: [KeyColumn]
  /// Its index is disabled: rows may break it. Nil where it is not.
  public var isDisabled: Bool?
  /// In percent; nil for the server's own.
  public var fillFactor: Int?
  /// Of an index that is not clustered; a clustered one lies where its table does.
  public var partitioning: Partitioning?

  public init(
    name: String?, isClustered: Bool, columns: [KeyColumn], isDisabled: Bool = false,
    fillFactor: Int? = nil, partitioning: Partitioning? = nil
  ) {
    self.name = name
    self.isClustered = isClustered
    self.columns = columns
    self.isDisabled = isDisabled ? true : nil
    self.fillFactor = fillFactor
    self.partitioning = partitioning
  }

  public var columnNames: [String] { columns.map(\.name) }

  enum CodingKeys: String, CodingKey {
    case name, columns, partitioning
    case isClustered = "clustered"
    case isDisabled = "disabled"
    case fillFactor = "fill_factor"
  }
}

public struct KeyColumn: Codable, Hashable, Sendable {
  public var name: String
  public var isDescending: Bool

  public init(_ name: String, isDescending: Bool = false) {
    self.name = name
    self.isDescending = isDescending
  }

  enum CodingKeys: String, CodingKey {
    case name
    case isDescending = "desc"
  }
}

public struct Index: Codable, Hashable, Sendable {
  public enum Kind: String, Codable, Sendable {
    case clustered, nonclustered, xml, spatial, columnstore, hash
    case fullText = "full text"
  }

  public var name: String
  public var kind: Kind
  public var isUnique: Bool
  public var columns: [KeyColumn]
  public var included: [String]
  /// The source text of a filtered index's predicate.
  public var filter: String?
  public var isDisabled: Bool
  /// In percent; nil for the server's own.
  public var fillFactor: Int?
  /// Of an index that is not clustered; a clustered one lies where its table does.
  public var partitioning: Partitioning?

  public init(
    name: String, kind: Kind, isUnique: Bool, columns: [KeyColumn], included: [String] = [],
    filter: String? = nil, isDisabled: Bool = false, fillFactor: Int? = nil,
    partitioning: Partitioning? = nil
  ) {
    self.name = name
    self.kind = kind
    self.isUnique = isUnique
    self.columns = columns
    self.included = included
    self.filter = filter
    self.isDisabled = isDisabled
    self.fillFactor = fillFactor
    self.partitioning = partitioning
  }

  enum CodingKeys: String, CodingKey {
    case name, kind, columns, included, filter, partitioning
    case isUnique = "unique"
    case isDisabled = "disabled"
    case fillFactor = "fill_factor"
  }
}

public struct ForeignKey: Codable, Hashable, Sendable {
  public enum Action: String, Codable, Sendable {
    case noAction = "NO ACTION"
    case cascade = "CASCADE"
    case setNull = "SET NULL"
    case setDefault = "SET DEFAULT"
  }

  public var name: String?
  /// Referencing columns in the order of the constraint; `parentColumns` pairs with it.
  public var columns: [String]
  public var parent: ObjectName
  public var parentColumns: [String]
  public var onDelete: Action
  public var onUpdate: Action
  public var isDisabled: Bool
  public var isNotTrusted: Bool

  public init(
    name: String?, columns: [String], parent: ObjectName, parentColumns: [String],
    onDelete: Action = .noAction, onUpdate: Action = .noAction, isDisabled: Bool = false,
    isNotTrusted: Bool = false
  ) {
    self.name = name
    self.columns = columns
    self.parent = parent
    self.parentColumns = parentColumns
    self.onDelete = onDelete
    self.onUpdate = onUpdate
    self.isDisabled = isDisabled
    self.isNotTrusted = isNotTrusted
  }

  enum CodingKeys: String, CodingKey {
    case name, columns, parent
    case parentColumns = "parent_columns"
    case onDelete = "on_delete"
    case onUpdate = "on_update"
    case isDisabled = "disabled"
    case isNotTrusted = "not_trusted"
  }
}

public struct CheckConstraint: Codable, Hashable, Sendable {
  public var name: String?
  public var definition: String
  public var isDisabled: Bool

  public init(name: String?, definition: String, isDisabled: Bool = false) {
    self.name = name
    self.definition = definition
    self.isDisabled = isDisabled
  }

  enum CodingKeys: String, CodingKey {
    case name, definition
    case isDisabled = "disabled"
  }
}
