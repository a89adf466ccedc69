// sys.* of a described database. Object numbers are 1001 and on, in the order of the tables.

import BackupFixtures
import Catalog
import TDSFixtures

extension FixtureAnswers {
  func catalog(_ name: String) -> ResultSet? {
    switch name {
    case "server": server
    case "database":
      .of(
        ["snapshot_state", "read_committed_snapshot", "is_read_only", "compatibility_level"],
        [[number(allowsSnapshot), number(false), number(false), .integer(140)]])
    case "permissions":
      .of(
        ["view_definition", "login_name:n", "user_name:n"],
        [[number(mayViewDefinition), .text("sa"), .text("dbo")]])
    case "permission to unmask": .of(["unmask"], [[number(mayUnmask)]])
    case "tables": tables
    case "permissions on tables":
      .of(
        ["object_id", "can_select"],
        each { id, table in
          [[.integer(id), number(!unreadable.contains(table.name))]]
        })
    case "security policies":
      .of(
        ["object_id"],
        each { id, table in
          filtered.contains(table.name) ? [[.integer(id)]] : []
        })
    case "memory-optimized tables":
      .of(
        ["object_id"],
        each { id, table in memoryOptimized.contains(table.name) ? [[.integer(id)]] : [] })
    case "row counts":
      .of(
        ["object_id", "row_count:b"],
        each { id, table in
          let fixture = database.tables.first { $0.table.name == table.name }
          return [[.integer(id), .integer(Int64(fixture?.rowCount ?? 0))]]
        })
    case "columns": columns
    case "identities": identities
    case "computed columns", "computed columns without their text":
      .of(
        ["object_id", "column_id", "definition:m", "is_persisted"],
        eachColumn { id, column in
          column.computed.map {
            [
              [
                .integer(id), .integer(Int64(column.id)),
                name == "computed columns" ? .text($0.definition) : .null, number($0.isPersisted),
              ]
            ]
          } ?? []
        })
    case "defaults":
      .of(
        ["object_id", "column_id", "constraint_name:n", "definition:m"],
        eachColumn { id, column in
          guard let constraint = column.defaultConstraint, let name = constraint.name else {
            return []
          }
          return [
            [.integer(id), .integer(Int64(column.id)), .text(name), .text(constraint.definition)]
          ]
        })
    case "bound defaults and rules":
      .of(
        [
          "object_id", "column_id", "object_type:n", "schema_name:n", "object_name:n",
          "definition:m",
        ],
        eachColumn { id, column in
          guard let constraint = column.defaultConstraint, constraint.name == nil else { return [] }
          return [
            [
              .integer(id), .integer(Int64(column.id)), .text("D"), .text("dbo"), .text("bound"),
              .text("CREATE DEFAULT bound AS \(constraint.definition)\r\n"),
            ]
          ]
        })
    case "indexes": indexes
    case "index columns": indexColumns
    case "foreign keys": foreignKeys
    case "foreign key columns": foreignKeyColumns
    case "checks":
      .of(
        ["object_id", "constraint_name:n", "definition:m", "is_disabled"],
        each { id, table in
          table.checks.map {
            [.integer(id), .text($0.name ?? ""), .text($0.definition), number($0.isDisabled)]
          }
        })
    case "comments": comments
    case "partition functions", "partition boundaries", "partition schemes",
      "partitioned indexes", "extended properties":
      // Answered by the described server of TDSFixtures, which is held to backups.
      .of(["none"], [])
    case "sequences": sequences
    case "alias types": aliasTypes
    case "modules": modules
    case "synonyms":
      .of(
        ["schema_name:n", "object_name:n", "definition:n"],
        database.catalog.modules.filter { $0.kind == .synonym }.map {
          [.text($0.name.schema), .text($0.name.name), $0.definition.map { .text($0) } ?? .null]
        })
    default: nil
    }
  }

  private var server: ResultSet {
    .of(
      [
        "product_version:n", "edition:n", "engine_edition", "babelfish", "database_name:n",
        "collation_name:n", "code_page",
      ],
      [
        [
          .text(isBabelfish ? "12.0.2000.8" : productVersion), .text("Developer Edition"),
          .integer(3), isBabelfish ? .integer(1) : .null,
          .text(database.catalog.name), .text(database.catalog.collation?.name ?? ""),
          .integer(1252),
        ]
      ])
  }

  private var tables: ResultSet {
    .of(
      [
        "object_id", "schema_name:n", "table_name:n", "temporal_type", "history_table_id",
        "is_external", "is_node", "is_edge",
      ],
      each { id, table in
        let history = table.historyTable.map { objectID($0) }
        return [
          [
            .integer(id), .text(table.name.schema), .text(table.name.name),
            .integer(history == nil ? 0 : 2), history.map { .integer($0) } ?? .null,
            number(false), number(false), number(false),
          ]
        ]
      })
  }

  private var columns: ResultSet {
    .of(
      [
        "object_id", "column_id", "column_name:n", "type_name:n", "type_schema:n",
        "is_user_defined", "is_assembly_type", "base_name:n", "max_length", "type_precision",
        "type_scale", "is_nullable", "collation_name:n", "code_page", "is_rowguid", "is_identity",
        "is_computed", "is_filestream", "is_sparse", "is_column_set", "default_object_id",
        "is_hidden", "generated_always", "is_masked", "encryption_type",
      ],
      eachColumn { id, column in
        let type = TypeForm(column.type)
        let isAssembly = [.hierarchyid, .geometry, .geography].contains(column.type.base)
        let alias = column.aliasType
        return [
          [
            .integer(id), .integer(Int64(column.id)), .text(column.name),
            .text(alias?.name ?? type.name), .text(alias?.schema ?? "sys"),
            number(alias != nil && alias?.name != "sysname"), number(isAssembly),
            isAssembly ? .null : .text(type.name), .integer(type.maxLength),
            .integer(type.precision), .integer(type.scale), number(column.isNullable),
            column.collation?.name.map { .text($0) } ?? .null,
            column.collation?.codePage.map { .integer(Int64($0)) } ?? .null,
            number(column.isRowGUID), number(column.identity != nil),
            number(column.computed != nil), number(false), number(column.isSparse),
            number(column.isColumnSet), .integer(column.defaultConstraint == nil ? 0 : 1),
            number(column.isHidden),
            .integer(column.generatedAlways.map { $0 == .rowStart ? 1 : 2 } ?? 0),
            number(masked.contains(column.name)), number(encrypted.contains(column.name)),
          ]
        ]
      })
  }

  private var identities: ResultSet {
    .of(
      [
        "object_id", "column_id", "seed_value:n", "increment_value:n", "last_value:n", "seed:n",
        "increment:n", "latest:n",
      ],
      eachColumn { id, column in
        guard let identity = column.identity else { return [] }
        return [
          [
            .integer(id), .integer(Int64(column.id)), .text("\(identity.seed)"),
            .text("\(identity.increment)"), identity.lastValue.map { .text("\($0)") } ?? .null,
            .text("\(identity.seed)"), .text("\(identity.increment)"), .text("1"),
          ]
        ]
      })
  }

  private var comments: ResultSet {
    .of(
      ["object_id", "column_id", "comment:m"],
      each { id, table in
        table.comment.map { [[.integer(id), .integer(0), .text($0)]] } ?? []
      }
        + eachColumn { id, column in
          column.comment.map { [[.integer(id), .integer(Int64(column.id)), .text($0)]] } ?? []
        })
  }

  private var sequences: ResultSet {
    .of(
      [
        "schema_name:n", "sequence_name:n", "base_name:n", "start_value:n", "increment:n",
        "minimum_value:n", "maximum_value:n", "current_value:n", "is_cycling",
      ],
      database.catalog.sequences.map { sequence in
        [
          .text(sequence.name.schema), .text(sequence.name.name),
          .text(sequence.type.base.rawValue),
        ]
          + [
            sequence.start, sequence.increment, sequence.minimum, sequence.maximum,
            sequence.current,
          ].map { .text("\($0)") } + [number(sequence.cycles)]
      })
  }

  private var aliasTypes: ResultSet {
    .of(
      [
        "schema_name:n", "type_name:n", "base_name:n", "max_length", "type_precision",
        "type_scale", "is_nullable", "is_table_type",
      ],
      database.catalog.aliasTypes.map { alias in
        let type = TypeForm(alias.base)
        return [
          .text(alias.name.schema), .text(alias.name.name), .text(type.name),
          .integer(type.maxLength), .integer(type.precision), .integer(type.scale),
          number(alias.isNullable), number(false),
        ]
      }
        + database.catalog.modules.filter { $0.kind == .tableType }.map {
          [
            .text($0.name.schema), .text($0.name.name), .null, .integer(-1), .integer(0),
            .integer(0), number(false), number(true),
          ]
        })
  }

  private var modules: ResultSet {
    let types: [Module.Kind: String] = [
      .view: "V", .procedure: "P", .function: "FN", .trigger: "TR",
    ]
    return .of(
      ["object_type:n", "schema_name:n", "object_name:n", "object_id", "definition:m"],
      database.catalog.modules.compactMap { module in
        types[module.kind].map { type in
          [
            .text(type), .text(module.name.schema), .text(module.name.name),
            .integer(module.table.map { objectID($0) } ?? 0),
            module.definition.map { .text($0) } ?? .null,
          ]
        }
      })
  }

  // MARK: - Helpers

  func objectID(_ name: ObjectName) -> Int64 {
    1001 + Int64(database.tables.firstIndex { $0.table.name == name } ?? -1000)
  }

  func each(_ rows: (Int64, Table) -> [[FixtureValue]]) -> [[FixtureValue]] {
    database.tables.flatMap { rows(objectID($0.table.name), $0.table) }
  }

  func eachColumn(_ rows: (Int64, Column) -> [[FixtureValue]]) -> [[FixtureValue]] {
    each { id, table in table.columns.flatMap { rows(id, $0) } }
  }

  func number(_ flag: Bool) -> FixtureValue { .integer(flag ? 1 : 0) }
}

/// A type as sys.types and sys.columns describe it.
private struct TypeForm {
  let name: String
  var maxLength: Int64 = 8
  var precision: Int64 = 0
  var scale: Int64 = 0

  init(_ type: ColumnType) {
    name = type.base == .rowversion ? "timestamp" : type.base.rawValue
    precision = Int64(type.precision ?? 0)
    scale = Int64(type.scale ?? 0)
    let unit: Int64 = type.base == .nchar || type.base == .nvarchar ? 2 : 1
    if let length = type.length { maxLength = Int64(length) * unit }
    if type.isMax { maxLength = -1 }
  }
}

extension ResultSet {
  /// - Parameter columns: Names, followed by `:n` for nvarchar(4000), `:m` for nvarchar(max), `:b` for
  ///   bigint; others are int.
  static func of(_ columns: [String], _ rows: [[FixtureValue]]) -> ResultSet {
    ResultSet(
      columns.map { column in
        let parts = column.split(separator: ":")
        let types: [Substring: String] = [
          "n": "nvarchar(4000)", "m": "nvarchar(max)", "b": "bigint",
        ]
        return ResultColumn(
          String(parts[0]), parts.dropFirst().first.flatMap { types[$0] } ?? "int")
      }, rows: rows)
  }
}
