// The rows of the catalog views, by the name under which they are asked for. Tables have the object ids
// 1001 and on, constraints those from 5001.

import BackupFixtures
import Catalog

extension DatabaseAnswers {
  /// - Returns: nil for a question without an answer.
  func catalogRows(_ batch: Batch) -> [Row]? {
    switch batch.name {
    case "server": [server]
    case "database":
      [
        [
          "database_id": .integer(5), "own_id": .integer(5),
          "snapshot_state": flag(allowsSnapshot), "read_committed_snapshot": flag(false),
          "is_read_only": flag(isReadOnly), "compatibility_level": .integer(140),
        ]
      ]
    case "log end":
      [
        [
          "log_end": .text(logEnd(batch)), "delayed_durability": .integer(0),
          "awaited_replicas": .integer(0),
        ]
      ]
    case "database's origin":
      [
        [
          "created": .text("2026-01-31T04:00:00.123"),
          "source_database_id": integer(sourceDatabaseID),
        ]
      ]
    case "permissions":
      [
        [
          "view_definition": flag(permissions.mayViewDefinition), "select_all": flag(true),
          "login_name": .text("sa"),
          "user_name": .text("dbo"),
        ]
      ]
    case "fillings": fillings(batch)
    case let name where name.hasPrefix("filling of "): fillings(batch)
    case "types": plainTypes
    case "objects": database.catalog.modules.compactMap(moduleRow)
    case "permission to unmask": [["unmask": flag(permissions.mayUnmask)]]
    case "tables": tables
    case "permissions on tables":
      perTable { [["can_select": flag(!permissions.unreadable.contains($0.table.name))]] }
    case "row counts":
      perTable { [["row_count": .integer(Int64($0.rowCount)), "index_id": .integer(1)]] }
    case "columns":
      // What is joined with a row that is not listed is not listed either.
      perColumn { column in
        isUnseen(column) && batch.text.contains(" JOIN sys.types AS y ")
          && !batch.text.contains("LEFT JOIN sys.types AS y ") ? nil : columnRow(column)
      }
    case "identities": perColumn(identityRow)
    case "computed columns": computedColumns(withText: true)
    case "computed columns without their text": computedColumns(withText: false)
    case "defaults": perColumn(defaultRow)
    case "bound defaults and rules": perColumn(boundDefaultRow)
    case "indexes": perTable { table in table.indexForms.enumerated().map(indexRow) }
    case "index columns":
      perTable { table in
        table.indexForms.enumerated().flatMap { indexColumnRows($0, $1, table.table) }
      }
    case "foreign keys": foreignKeys.map(foreignKeyRow)
    case "foreign key columns": foreignKeys.flatMap(foreignKeyColumnRows).reversed()
    case "checks":
      perTable { table in
        table.table.checks.map {
          [
            "constraint_name": text($0.name), "definition": .text($0.definition),
            "is_disabled": flag($0.isDisabled),
          ]
        }
      }
    case "comments":
      perTable { table in
        table.table.comment.map { [["column_id": .integer(0), "comment": .text($0)]] } ?? []
      } + perColumn { column in column.comment.map { ["comment": .text($0)] } }
    case "extended properties": database.catalog.extendedProperties.map(propertyRow)
    case "partition functions":
      database.catalog.partitionFunctions.enumerated().map(partitionFunctionRow)
    case "partition boundaries":
      database.catalog.partitionFunctions.enumerated().flatMap(boundaryRows)
    case "partition schemes": database.catalog.partitionSchemes.flatMap(schemeRows)
    case "partitioned indexes": perTable(partitionedIndexRows)
    case "sequences": database.catalog.sequences.map(sequenceRow)
    case "alias types":
      database.catalog.aliasTypes.map(aliasTypeRow)
        + database.catalog.modules.filter { $0.kind == .tableType }.map(tableTypeRow)
    case "modules": database.catalog.modules.compactMap(moduleRow)
    case "synonyms":
      database.catalog.modules.filter { $0.kind == .synonym }.map {
        [
          "schema_name": .text($0.name.schema), "object_name": .text($0.name.name),
          "definition": text($0.definition),
        ]
      }
    case "security policies":
      perTable { permissions.filtered.contains($0.table.name) ? [[:]] : [] }
    case "memory-optimized tables":
      perTable { permissions.memoryOptimized.contains($0.table.name) ? [[:]] : [] }
    default: nil
    }
  }

  /// The names of the questions whose answers come from a view.
  static let questions = [
    "extended_properties": ["comments", "extended properties"], "identity_columns": ["identities"],
    "computed_columns": ["computed columns"], "default_constraints": ["defaults"],
    "foreign_keys": ["foreign keys"], "check_constraints": ["checks"],
    "partition_functions": ["partition functions"], "synonyms": ["synonyms"],
    "sequences": ["sequences"],
  ]

  /// A count for each view that the batch names.
  private func fillings(_ batch: Batch) -> [Row] {
    batch.text.matches(of: #/FROM \[?sys\]?\.\[?(\w+)/#).map { match in
      let view = String(match.1)
      let count = (Self.questions[view] ?? []).reduce(0) { count, question in
        var asking = batch
        asking.text = "-- restage: \(question)\n"
        let override = overrides[question]?.map(\.rowCount)
        return count + (override ?? catalogRows(asking)?.count ?? 0)
      }
      return ["view_name": .text(view), "row_count": .integer(Int64(count))]
    }
  }

  private var server: Row {
    [
      "product_version": .text(isBabelfish ? "12.0.2000.8" : productVersion),
      "edition": .text("Developer Edition"),
      "engine_edition": .integer(3), "babelfish": isBabelfish ? .integer(1) : .null,
      "database_name": .text(database.catalog.name),
      "collation_name": text(database.catalog.collation?.name),
      "code_page": integer(database.catalog.collation?.codePage),
    ]
  }

  private var tables: [Row] {
    perTable { table in
      let history = table.table.historyTable.map { objectID($0) }
      return [
        [
          "schema_name": .text(table.table.name.schema), "table_name": .text(table.table.name.name),
          "is_ms_shipped": flag(false),
          "temporal_type": .integer(history == nil ? 0 : 2), "history_table_id": integer(history),
          "is_external": flag(false), "is_node": flag(false), "is_edge": flag(false),
          "is_memory_optimized": flag(false),
        ]
      ]
    }
  }

  // MARK: - Rows for each table and column

  private func objectID(_ name: ObjectName) -> Int {
    1001 + (database.tables.firstIndex { $0.table.name == name } ?? -1001)
  }

  private func perTable(_ rows: (FixtureTable) -> [Row]) -> [Row] {
    database.tables.flatMap { table in
      rows(table).map { row in
        row.merging(["object_id": .integer(Int64(objectID(table.table.name)))]) { own, _ in own }
      }
    }
  }

  private func perColumn(_ row: (Column) -> Row?) -> [Row] {
    perTable { table in
      table.table.columns.compactMap { column in
        row(column)?.merging(["column_id": .integer(Int64(column.id))]) { own, _ in own }
      }
    }
  }

  private func flag(_ flag: Bool) -> FixtureValue { .integer(flag ? 1 : 0) }
  private func integer(_ number: Int?) -> FixtureValue {
    number.map { .integer(Int64($0)) } ?? .null
  }
  private func text(_ text: String?) -> FixtureValue { text.map { .text($0) } ?? .null }
}

// MARK: - Columns

extension DatabaseAnswers {
  private func columnRow(_ column: Column) -> Row {
    let stored = StoredType(column.type)
    let own = column.type.base == .rowversion ? "timestamp" : column.type.base.rawValue
    let alias = column.aliasType
    let isSeen = !isUnseen(column)
    let isAssembly = [.hierarchyid, .geometry, .geography].contains(column.type.base)
    let generated: [GeneratedAlways: Int64] = [.rowStart: 1, .rowEnd: 2]
    return [
      "column_name": .text(column.name), "type_name": isSeen ? .text(alias?.name ?? own) : .null,
      "type_schema": isSeen ? .text(alias?.schema ?? "sys") : .null,
      "is_user_defined": isSeen ? flag(alias != nil && alias?.schema != "sys") : .null,
      "is_assembly_type": isSeen ? flag(isAssembly) : .null,
      "base_name": isAssembly ? .null : .text(own),
      "max_length": integer(stored.length), "type_precision": integer(stored.precision),
      "type_scale": integer(stored.scale), "is_nullable": flag(column.isNullable),
      "collation_name": text(column.collation?.name),
      "code_page": integer(column.collation?.codePage), "is_rowguid": flag(column.isRowGUID),
      "is_identity": flag(column.identity != nil), "is_computed": flag(column.computed != nil),
      "is_filestream": flag(false), "is_sparse": flag(column.isSparse),
      "is_column_set": flag(column.isColumnSet),
      "default_object_id": .integer(column.defaultConstraint == nil ? 0 : 1),
      "rule_object_id": .integer(0), "type_rule_object_id": .integer(0),
      "user_type_id": integer(typeID(alias ?? ObjectName("sys", own))),
      "system_type_id": integer(isAssembly ? 240 : typeID(ObjectName("sys", own))),
      "is_hidden": flag(column.isHidden),
      "generated_always": .integer(column.generatedAlways.flatMap { generated[$0] } ?? 0),
      "is_masked": flag(permissions.masked.contains(column.name)),
      "encryption_type": permissions.encrypted.contains(column.name) ? .integer(1) : .null,
    ]
  }

  private func isUnseen(_ column: Column) -> Bool {
    column.aliasType.map { permissions.unseenTypes.contains($0) } ?? false
  }

  private func computedColumns(withText: Bool) -> [Row] {
    perColumn { column in
      column.computed.map {
        [
          "definition": withText ? .text($0.definition) : .null,
          "is_persisted": flag($0.isPersisted),
        ]
      }
    }
  }

  private func identityRow(_ column: Column) -> Row? {
    column.identity.map { identity in
      [
        "seed_value": .text("\(identity.seed)"), "increment_value": .text("\(identity.increment)"),
        "last_value": text(identity.lastValue.map { "\($0)" }), "seed": .text("\(identity.seed)"),
        "increment": .text("\(identity.increment)"),
        "latest": .text("\(identity.lastValue ?? identity.seed)"),
      ]
    }
  }

  private func defaultRow(_ column: Column) -> Row? {
    guard let constraint = column.defaultConstraint, let name = constraint.name else { return nil }
    return ["constraint_name": .text(name), "definition": .text(constraint.definition)]
  }

  /// An object of CREATE DEFAULT, which the column only names.
  private func boundDefaultRow(_ column: Column) -> Row? {
    guard let constraint = column.defaultConstraint, constraint.name == nil else { return nil }
    return [
      "object_type": .text("D"), "schema_name": .text("dbo"), "object_name": .text("bound"),
      "definition": .text("CREATE DEFAULT bound AS \(constraint.definition)\r\n"),
    ]
  }
}

// MARK: - Indexes and constraints

/// A key or an index as one list has them all.
struct IndexForm {
  var name: String?
  var type: Int64
  var isPrimaryKey = false
  var isUniqueConstraint = false
  var isUnique = true
  var isDisabled = false
  var fillFactor: Int?
  var partitioning: Partitioning?
  var index: Index?
  var columns: [KeyColumn]
}

extension FixtureTable {
  fileprivate var indexForms: [IndexForm] {
    let types: [Index.Kind: Int64] = [
      .clustered: 1, .nonclustered: 2, .xml: 3, .spatial: 4, .columnstore: 6, .hash: 7,
    ]
    func form(_ key: Key) -> IndexForm {
      IndexForm(
        name: key.name, type: key.isClustered ? 1 : 2, isDisabled: key.isDisabled == true,
        fillFactor: key.fillFactor, partitioning: key.partitioning, columns: key.columns)
    }
    var forms: [IndexForm] = []
    if var primary = table.primaryKey.map(form) {
      primary.isPrimaryKey = true
      forms.append(primary)
    }
    for var unique in table.uniqueConstraints.map(form) {
      unique.isUniqueConstraint = true
      forms.append(unique)
    }
    return forms
      + table.indexes.map {
        IndexForm(
          name: $0.name, type: types[$0.kind] ?? 0, isUnique: $0.isUnique,
          isDisabled: $0.isDisabled, fillFactor: $0.fillFactor, partitioning: $0.partitioning,
          index: $0, columns: $0.columns)
      }
  }
}

extension DatabaseAnswers {
  private func indexRow(_ number: Int, _ form: IndexForm) -> Row {
    [
      "index_id": integer(number + 1), "index_name": text(form.name),
      "index_type": .integer(form.type), "is_unique": flag(form.isUnique),
      "is_primary_key": flag(form.isPrimaryKey),
      "is_unique_constraint": flag(form.isUniqueConstraint),
      "is_disabled": flag(form.isDisabled), "fill_factor": integer(form.fillFactor ?? 0),
      "has_filter": flag(form.index?.filter != nil), "filter_definition": text(form.index?.filter),
    ]
  }

  /// Backwards, because the view promises no order.
  private func indexColumnRows(_ number: Int, _ form: IndexForm, _ table: Table) -> [Row] {
    let keys = form.columns.map { ($0.name, isKey: true, isDescending: $0.isDescending) }
    let included = (form.index?.included ?? []).map { ($0, isKey: false, isDescending: false) }
    return (keys + included).enumerated().reversed().map { position, column in
      [
        "index_id": integer(number + 1), "index_column_id": integer(position + 1),
        "column_id": integer(table.column(named: column.0)?.id),
        "key_ordinal": integer(column.isKey ? position + 1 : 0),
        "is_descending": flag(column.isDescending), "is_included": flag(!column.isKey),
      ]
    }
  }

  private struct NumberedKey {
    var id: Int
    var table: Table
    var key: ForeignKey
  }

  private var foreignKeys: [NumberedKey] {
    database.tables.flatMap { fixture in fixture.table.foreignKeys.map { (fixture.table, $0) } }
      .enumerated().map { NumberedKey(id: 5001 + $0, table: $1.0, key: $1.1) }
  }

  private func foreignKeyRow(_ numbered: NumberedKey) -> Row {
    let actions: [ForeignKey.Action: Int64] = [
      .noAction: 0, .cascade: 1, .setNull: 2, .setDefault: 3,
    ]
    let key = numbered.key
    return [
      "constraint_id": integer(numbered.id), "object_id": integer(objectID(numbered.table.name)),
      "referenced_object_id": integer(objectID(key.parent)), "constraint_name": text(key.name),
      "delete_action": .integer(actions[key.onDelete] ?? 0),
      "update_action": .integer(actions[key.onUpdate] ?? 0), "is_disabled": flag(key.isDisabled),
      "is_not_trusted": flag(key.isNotTrusted),
    ]
  }

  private func foreignKeyColumnRows(_ numbered: NumberedKey) -> [Row] {
    let key = numbered.key
    let parent = database.tables.first { $0.table.name == key.parent }?.table
    return zip(key.columns, key.parentColumns).enumerated().map { position, pair in
      [
        "constraint_id": integer(numbered.id), "constraint_column_id": integer(position + 1),
        "parent_column_id": integer(numbered.table.column(named: pair.0)?.id),
        "referenced_column_id": integer(parent?.column(named: pair.1)?.id),
      ]
    }
  }
}

// MARK: - Partitions and properties

extension DatabaseAnswers {
  private func partitionFunctionRow(_ number: Int, _ function: PartitionFunction) -> Row {
    let stored = StoredType(function.type)
    return [
      "function_id": integer(65_536 + number), "function_name": .text(function.name),
      "is_right": flag(function.isRight), "base_name": .text(function.type.base.rawValue),
      "max_length": integer(stored.length), "type_precision": integer(stored.precision),
      "type_scale": integer(stored.scale),
    ]
  }

  /// Backwards, because the view promises no order.
  private func boundaryRows(_ number: Int, _ function: PartitionFunction) -> [Row] {
    function.boundaries.enumerated().reversed().map { position, boundary in
      [
        "function_id": integer(65_536 + number), "boundary_id": integer(position + 1),
        "base_name": .text(function.type.base.rawValue), "value_text": text(boundary),
      ]
    }
  }

  private func schemeRows(_ scheme: PartitionScheme) -> [Row] {
    scheme.filegroups.enumerated().reversed().map { position, filegroup in
      [
        "scheme_name": .text(scheme.name), "function_name": .text(scheme.function),
        "destination_id": integer(position + 1), "filegroup_name": .text(filegroup),
      ]
    }
  }

  private func partitionedIndexRows(_ fixture: FixtureTable) -> [Row] {
    let ofRows = fixture.table.partitioning.map { (0, $0) }
    let ofIndexes = fixture.indexForms.enumerated().compactMap { number, form in
      form.partitioning.map { (number + 1, $0) }
    }
    return ([ofRows].compactMap(\.self) + ofIndexes).map { index, partitioning in
      [
        "index_id": integer(index), "scheme_name": .text(partitioning.scheme),
        "column_id": integer(fixture.table.column(named: partitioning.column)?.id),
      ]
    }
  }

  private func propertyRow(_ property: ExtendedProperty) -> Row {
    var row: Row = [
      "class": .integer(1), "major_id": .integer(0), "minor_id": .integer(0),
      "property_name": .text(property.name), "base_name": .text("nvarchar"),
      "value_text": text(property.value), "object_type": .null, "schema_name": .null,
      "object_name": .null, "column_name": .null, "index_name": .null,
    ]
    switch property.level {
    case "database": row["class"] = .integer(0)
    case "schema":
      row["class"] = .integer(3)
      row["schema_name"] = .text(property.target)
    default:
      for fixture in database.tables where property.target.hasPrefix("\(fixture.table.name)") {
        row["object_type"] = .text("U")
        row["schema_name"] = .text(fixture.table.name.schema)
        row["object_name"] = .text(fixture.table.name.name)
        for column in fixture.table.columns
        where property.target == "\(fixture.table.name).\(column.name)" {
          row["minor_id"] = integer(column.id)
          row["column_name"] = .text(column.name)
        }
        if property.target == "\(fixture.table.name)" { break }
      }
    }
    return row
  }
}

// MARK: - Other objects

extension DatabaseAnswers {
  private func sequenceRow(_ sequence: SequenceGenerator) -> Row {
    [
      "schema_name": .text(sequence.name.schema), "sequence_name": .text(sequence.name.name),
      "base_name": .text(sequence.type.base.rawValue), "start_value": .text("\(sequence.start)"),
      "increment": .text("\(sequence.increment)"), "minimum_value": .text("\(sequence.minimum)"),
      "maximum_value": .text("\(sequence.maximum)"), "current_value": .text("\(sequence.current)"),
      "is_cycling": flag(sequence.cycles),
    ]
  }

  private func aliasTypeRow(_ alias: AliasType) -> Row {
    let stored = StoredType(alias.base)
    return [
      "schema_name": .text(alias.name.schema), "type_name": .text(alias.name.name),
      "base_name": .text(alias.base.base.rawValue), "max_length": integer(stored.length),
      "type_precision": integer(stored.precision), "type_scale": integer(stored.scale),
      "is_nullable": flag(alias.isNullable), "is_table_type": flag(false),
    ]
  }

  private func tableTypeRow(_ module: Module) -> Row {
    [
      "schema_name": .text(module.name.schema), "type_name": .text(module.name.name),
      "base_name": .null, "max_length": .integer(-1), "type_precision": .integer(0),
      "type_scale": .integer(0), "is_nullable": flag(false), "is_table_type": flag(true),
    ]
  }

  private func moduleRow(_ module: Module) -> Row? {
    let types: [Module.Kind: String] = [
      .view: "V", .procedure: "P", .function: "FN", .trigger: "TR",
    ]
    return types[module.kind].map { type in
      [
        "object_type": .text(type), "schema_name": .text(module.name.schema),
        "object_name": .text(module.name.name),
        "object_id": integer(module.table.map { objectID($0) } ?? 0),
        "module_id": integer(database.catalog.modules.firstIndex(of: module)),
        "is_ms_shipped": flag(false), "definition": text(module.definition),
      ]
    }
  }
}

// MARK: - Types by number

extension DatabaseAnswers {
  /// Of built-in types and of the user's own, in the order of their numbers.
  private var typeNames: [ObjectName] {
    ColumnType.Base.allCases.map { base in
      ObjectName("sys", base == .rowversion ? "timestamp" : base.rawValue)
    } + [ObjectName("sys", "sysname")] + database.catalog.aliasTypes.map(\.name)
  }

  private func typeID(_ name: ObjectName) -> Int {
    1 + (typeNames.firstIndex(of: name) ?? -1)
  }

  /// What aliases and columns are joined with elsewhere.
  private var plainTypes: [Row] {
    func row(_ name: ObjectName, _ row: Row) -> Row {
      let own: Row = [
        "user_type_id": integer(typeID(name)), "schema_name": .text(name.schema),
        "type_name": .text(name.name), "rule_object_id": .integer(0),
        "is_user_defined": flag(name.schema != "sys"), "is_assembly_type": flag(false),
      ]
      return own.merging(row) { _, other in other }
    }
    let sizes: Row = [
      "max_length": .integer(0), "type_precision": .integer(0), "type_scale": .integer(0),
      "is_nullable": flag(true), "is_table_type": flag(false),
    ]
    let builtIn = typeNames.filter { $0.schema == "sys" }.map { name in
      let isAssembly = ["hierarchyid", "geometry", "geography"].contains(name.name)
      let base = name.name == "sysname" ? ObjectName("sys", "nvarchar") : name
      let numbers: Row = [
        "system_type_id": integer(isAssembly ? 240 : typeID(base)),
        "is_assembly_type": flag(isAssembly),
      ]
      return row(name, sizes.merging(numbers) { _, other in other })
    }
    let aliases = database.catalog.aliasTypes.filter { !permissions.unseenTypes.contains($0.name) }
      .map { alias in
        var cells = aliasTypeRow(alias)
        cells["system_type_id"] = integer(typeID(ObjectName("sys", alias.base.base.rawValue)))
        return row(alias.name, cells)
      }
    let tableTypes = database.catalog.modules.filter { $0.kind == .tableType }.map { module in
      var cells = tableTypeRow(module)
      cells["system_type_id"] = .integer(243)
      cells["is_user_defined"] = flag(true)
      return row(module.name, cells)
    }
    return builtIn + aliases + tableTypes
  }
}
