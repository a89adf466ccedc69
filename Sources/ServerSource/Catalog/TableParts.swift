import Catalog

/// Keys, indexes and constraints of all tables, by the table's number.
struct TableParts {
  private(set) var refusals: [Int: String] = [:]
  private var primaryKeys: [Int: Key] = [:]
  private var uniqueConstraints: [Int: [Key]] = [:]
  private var indexes: [Int: [Index]] = [:]
  private var foreignKeys: [Int: [ForeignKey]] = [:]
  private var checks: [Int: [CheckConstraint]] = [:]
  /// By table and index; the heap is index 0, the clustered index 1.
  private var partitionings: [ColumnKey: Partitioning] = [:]

  init(_ reader: inout CatalogReader) throws(ServerError) {
    try readPermissions(&reader)
    try readMemoryOptimized(&reader)
    try readPartitionings(&reader)
    try readIndexes(&reader)
    try readForeignKeys(&reader)
    try readChecks(&reader)
  }

  mutating func fill(_ table: inout Table, id: Int) {
    table.primaryKey = primaryKeys[id]
    table.uniqueConstraints = (uniqueConstraints[id] ?? []).sorted {
      ($0.name ?? "") < ($1.name ?? "")
    }
    table.indexes = (indexes[id] ?? []).sorted { $0.name < $1.name }
    table.foreignKeys = (foreignKeys[id] ?? []).sorted { ($0.name ?? "") < ($1.name ?? "") }
    table.checks = (checks[id] ?? []).sorted { ($0.name ?? "") < ($1.name ?? "") }
    table.partitioning = partitionings[ColumnKey(id, 0)] ?? partitionings[ColumnKey(id, 1)]
  }

  private mutating func readPartitionings(_ reader: inout CatalogReader) throws(ServerError) {
    let records = try reader.askIfThere(
      reader.queries.partitionedIndexes, of: .partitionFunctions)
    for record in reader.ofTables(records) {
      guard let id = record.integer("object_id"), let index = record.integer("index_id"),
        let scheme = record.text("scheme_name"), let column = ColumnKey(record)
      else { throw reader.missing("partitioned indexes") }
      partitionings[ColumnKey(id, index)] = Partitioning(
        scheme: scheme, column: reader.columnName(column))
    }
  }

  private mutating func readPermissions(_ reader: inout CatalogReader) throws(ServerError) {
    // Babelfish does not find tables whose names have quotes in them, and says no.
    if reader.queries.version.kind != .babelfish {
      for record in try reader.askIfThere(reader.queries.tablePermissions) {
        if let id = record.integer("object_id"), record.integer("can_select") == 0 {
          refusals[id] = "login \(reader.connection.address.user) has no SELECT permission on it"
        }
      }
    }
    guard reader.queries.version.has(13) else { return }
    for record in try reader.askIfThere(reader.queries.securityPolicies) {
      if let id = record.integer("object_id") {
        refusals[id] = "a security policy may hide rows of it from this login"
      }
    }
  }

  /// The server refuses them to a session of SNAPSHOT isolation (message 41332), and under READ COMMITTED
  /// to a transaction of several statements (41368).
  private mutating func readMemoryOptimized(_ reader: inout CatalogReader) throws(ServerError) {
    let reason: String
    switch reader.isolation {
    case .snapshot: reason = "it cannot be read inside SNAPSHOT isolation"
    case .serializable: reason = "it cannot be locked as a whole"
    case .readCommitted, .readCommittedVersions, .readOnly: return
    }
    // Babelfish has none.
    guard reader.queries.version.has(12), reader.queries.version.kind != .babelfish else { return }
    for record in try reader.askIfThere(reader.queries.memoryOptimizedTables) {
      if let id = record.integer("object_id") { refusals[id] = "memory-optimized: \(reason)" }
    }
  }

  private mutating func readIndexes(_ reader: inout CatalogReader) throws(ServerError) {
    let members = Dictionary(grouping: try reader.ask(ofTables: reader.queries.indexColumns)) {
      record in
      ColumnKey(record.integer("object_id") ?? 0, record.integer("index_id") ?? 0)
    }
    for record in try reader.ask(ofTables: reader.queries.indexes)
    // A heap is no index.
    where record.integer("index_type") != 0 {
      guard let id = record.integer("object_id"), let index = record.integer("index_id"),
        let name = record.text("index_name"), let table = reader.tableNames[id]
      else { throw reader.missing("indexes") }
      let kind = Index.Kind(number: record.integer("index_type"))
      let own = members[ColumnKey(id, index)] ?? []
      let columns = keyColumns(own, takesAll: (record.integer("index_type") ?? 0) >= 3, reader)
      let fillFactor = record.integer("fill_factor").flatMap { $0 == 0 ? nil : $0 }
      let partitioning = index > 1 ? partitionings[ColumnKey(id, index)] : nil
      let key = Key(
        name: name, isClustered: kind == .clustered, columns: columns,
        isDisabled: record.flag("is_disabled"), fillFactor: fillFactor, partitioning: partitioning)
      if record.flag("is_primary_key") {
        primaryKeys[id] = key
      } else if record.flag("is_unique_constraint") {
        uniqueConstraints[id, default: []].append(key)
      } else if let kind {
        indexes[id, default: []].append(
          Index(
            name: name, kind: kind, isUnique: record.flag("is_unique"), columns: columns,
            included: included(own, reader),
            filter: record.flag("has_filter") ? record.text("filter_definition") : nil,
            isDisabled: record.flag("is_disabled"), fillFactor: fillFactor,
            partitioning: partitioning))
      } else {
        reader.note(
          "\(table): index \(name) of unknown type \(record.integer("index_type") ?? -1) is left out"
        )
      }
    }
  }

  /// - Parameter takesAll: The index has no key: columnstore, XML, spatial.
  private func keyColumns(
    _ members: [ResultRecord], takesAll: Bool, _ reader: CatalogReader
  ) -> [KeyColumn] {
    members
      .filter { !$0.flag("is_included") && ($0.flag("key_ordinal") || takesAll) }
      .sorted { position($0, "key_ordinal") < position($1, "key_ordinal") }
      .compactMap { record in
        ColumnKey(record).map {
          KeyColumn(reader.columnName($0), isDescending: record.flag("is_descending"))
        }
      }
  }

  private func included(_ members: [ResultRecord], _ reader: CatalogReader) -> [String] {
    members
      .filter { $0.flag("is_included") && !$0.flag("key_ordinal") }
      .sorted { position($0, "index_column_id") < position($1, "index_column_id") }
      .compactMap { ColumnKey($0).map(reader.columnName) }
  }

  private func position(_ record: ResultRecord, _ name: String) -> (Int, Int) {
    (record.integer(name) ?? 0, record.integer("index_column_id") ?? 0)
  }

  private mutating func readForeignKeys(_ reader: inout CatalogReader) throws(ServerError) {
    let memberRecords = try reader.ask(reader.queries.foreignKeyColumns, of: .foreignKeys)
    let members = Dictionary(grouping: memberRecords) {
      $0.integer("constraint_id") ?? 0
    }
    for record in try reader.ask(ofTables: reader.queries.foreignKeys, of: .foreignKeys) {
      guard let id = record.integer("object_id"), let table = reader.tableNames[id],
        let constraint = record.integer("constraint_id"),
        let parentID = record.integer("referenced_object_id")
      else { throw reader.missing("foreign keys") }
      let name = record.text("constraint_name")
      guard let parent = reader.tableNames[parentID] else {
        reader.warn(
          "\(table): foreign key \(name ?? "") is left out: this login does not see the table that it "
            + "names")
        continue
      }
      let pairs = (members[constraint] ?? []).sorted {
        ($0.integer("constraint_column_id") ?? 0) < ($1.integer("constraint_column_id") ?? 0)
      }
      foreignKeys[id, default: []].append(
        ForeignKey(
          name: name,
          columns: pairs.map {
            reader.columnName(ColumnKey(id, $0.integer("parent_column_id") ?? 0))
          },
          parent: parent,
          parentColumns: pairs.map {
            reader.columnName(ColumnKey(parentID, $0.integer("referenced_column_id") ?? 0))
          },
          onDelete: ForeignKey.Action(number: record.integer("delete_action")),
          onUpdate: ForeignKey.Action(number: record.integer("update_action")),
          isDisabled: record.flag("is_disabled"), isNotTrusted: record.flag("is_not_trusted")))
    }
  }

  private mutating func readChecks(_ reader: inout CatalogReader) throws(ServerError) {
    for record in try reader.ask(ofTables: reader.queries.checks, of: .checks) {
      guard let id = record.integer("object_id"), let table = reader.tableNames[id] else {
        throw reader.missing("checks")
      }
      let name = record.text("constraint_name")
      guard let text = record.text("definition") else {
        reader.note("\(table): check \(name ?? "") is left out, its text is not there")
        continue
      }
      checks[id, default: []].append(
        CheckConstraint(name: name, definition: text, isDisabled: record.flag("is_disabled")))
    }
  }
}
