import Catalog

/// A table that is moved, with what the mapping says of it, its columns and foreign keys by index.
struct SourceTable {
  let table: Table
  let rules: TableRules
  /// The stored columns, in CSV order. Column indexes everywhere are indexes into this array.
  let columns: [Column]
  /// Nil for a table keyed by its whole row.
  let sourceKey: [Int]?
  /// The primary key's columns; nil without one.
  let primaryKey: [Int]?
  /// Columns by which rows that are in the target already are recognised; empty without.
  let naturalKey: [Int]
  var links: [Link] = []

  init(_ table: Table, rules: TableRules) {
    let columns = table.storedColumns
    self.table = table
    self.rules = rules
    self.columns = columns
    primaryKey = table.primaryKey.flatMap { Self.indexes(of: $0.columnNames, in: columns) }
    naturalKey = Self.indexes(of: rules.naturalKey?.value ?? [], in: columns) ?? []
    sourceKey = Self.indexes(
      of: rules.key?.value ?? table.sourceKeyColumns ?? [], in: columns)
  }

  /// Indexes of the named columns; nil where there is none or one of them is not stored.
  func indexes(of names: [String]) -> [Int]? { Self.indexes(of: names, in: columns) }

  private static func indexes(of names: [String], in columns: [Column]) -> [Int]? {
    let indexes = names.compactMap { name in columns.firstIndex { $0.name == name } }
    return indexes.isEmpty || indexes.count != names.count ? nil : indexes
  }
}

/// A foreign key between two tables that are moved.
struct Link {
  let source: ForeignKey
  let columns: [Int]
  /// Index of the parent among the tables that are moved.
  let parent: Int
  /// Paired with `columns`.
  let parentColumns: [Int]
  var onOrphan: OrphanPolicy
}
