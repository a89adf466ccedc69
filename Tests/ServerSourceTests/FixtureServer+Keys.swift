import BackupFixtures
import Catalog
import TDSFixtures

extension FixtureAnswers {
  /// Keys, constraints and indexes of a table in one list: index 1 is clustered, the others follow.
  private struct IndexForm {
    var name: String
    var type: Int64
    var isUnique = false
    var isPrimaryKey = false
    var isUniqueConstraint = false
    var isDisabled = false
    var fillFactor: Int?
    var filter: String?
    var columns: [KeyColumn]
    var included: [String] = []
  }

  private func forms(_ table: Table) -> [IndexForm] {
    let types: [Index.Kind: Int64] = [
      .clustered: 1, .nonclustered: 2, .xml: 3, .spatial: 4, .columnstore: 6, .hash: 7,
    ]
    let primary = table.primaryKey.map {
      IndexForm(
        name: $0.name ?? "", type: $0.isClustered ? 1 : 2, isUnique: true, isPrimaryKey: true,
        isDisabled: $0.isDisabled == true, fillFactor: $0.fillFactor, columns: $0.columns)
    }
    return [primary].compactMap(\.self)
      + table.uniqueConstraints.map {
        IndexForm(
          name: $0.name ?? "", type: $0.isClustered ? 1 : 2, isUnique: true,
          isUniqueConstraint: true, isDisabled: $0.isDisabled == true, fillFactor: $0.fillFactor,
          columns: $0.columns)
      }
      + table.indexes.map {
        IndexForm(
          name: $0.name, type: types[$0.kind] ?? 9, isUnique: $0.isUnique,
          isDisabled: $0.isDisabled, fillFactor: $0.fillFactor, filter: $0.filter,
          columns: $0.columns,
          included: $0.included)
      }
  }

  var indexes: ResultSet {
    .of(
      [
        "object_id", "index_id", "index_name:n", "index_type", "is_unique", "is_primary_key",
        "is_unique_constraint", "is_disabled", "fill_factor", "has_filter", "filter_definition:m",
      ],
      each { id, table in
        forms(table).enumerated().map { position, form in
          [
            .integer(id), .integer(Int64(position + 1)), .text(form.name), .integer(form.type),
            number(form.isUnique), number(form.isPrimaryKey), number(form.isUniqueConstraint),
            number(form.isDisabled), .integer(Int64(form.fillFactor ?? 0)),
            number(form.filter != nil),
            form.filter.map { .text($0) } ?? .null,
          ]
        }
      })
  }

  var indexColumns: ResultSet {
    .of(
      [
        "object_id", "index_id", "index_column_id", "column_id", "key_ordinal", "is_descending",
        "is_included",
      ],
      each { id, table in
        forms(table).enumerated().flatMap { position, form in
          let keys = form.columns.enumerated().map { ordinal, key -> [FixtureValue] in
            [
              .integer(id), .integer(Int64(position + 1)), .integer(Int64(ordinal + 1)),
              columnID(key.name, table), .integer(Int64(ordinal + 1)), number(key.isDescending),
              number(false),
            ]
          }
          let included = form.included.enumerated().map { ordinal, name -> [FixtureValue] in
            [
              .integer(id), .integer(Int64(position + 1)),
              .integer(Int64(form.columns.count + ordinal + 1)), columnID(name, table),
              .integer(0), number(false), number(true),
            ]
          }
          // The view promises no order.
          return (keys + included).reversed()
        }
      })
  }

  private func columnID(_ name: String, _ table: Table) -> FixtureValue {
    .integer(Int64(table.column(named: name)?.id ?? -1))
  }

  private func keys() -> [(id: Int64, table: Table, key: ForeignKey)] {
    database.tables.flatMap { fixture in fixture.table.foreignKeys.map { (fixture.table, $0) } }
      .enumerated().map { (5001 + Int64($0.offset), $0.element.0, $0.element.1) }
  }

  private static let actions: [ForeignKey.Action: Int64] = [
    .noAction: 0, .cascade: 1, .setNull: 2, .setDefault: 3,
  ]

  var foreignKeys: ResultSet {
    .of(
      [
        "constraint_id", "object_id", "referenced_object_id", "constraint_name:n", "delete_action",
        "update_action", "is_disabled", "is_not_trusted",
      ],
      keys().map { id, table, key in
        [
          .integer(id), .integer(objectID(table.name)), .integer(objectID(key.parent)),
          .text(key.name ?? ""), .integer(Self.actions[key.onDelete] ?? 0),
          .integer(Self.actions[key.onUpdate] ?? 0), number(key.isDisabled),
          number(key.isNotTrusted),
        ]
      })
  }

  var foreignKeyColumns: ResultSet {
    .of(
      ["constraint_id", "constraint_column_id", "parent_column_id", "referenced_column_id"],
      keys().flatMap { id, table, key in
        let parent = database.tables.first { $0.table.name == key.parent }?.table
        return zip(key.columns, key.parentColumns).enumerated().map { position, pair in
          [
            .integer(id), .integer(Int64(position + 1)), columnID(pair.0, table),
            parent.map { columnID(pair.1, $0) } ?? .null,
          ]
        }.reversed()
      })
  }
}
