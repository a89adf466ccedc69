// The catalogs of real databases, out of `shared/data/truth`: what a reader will hand over.

import Catalog
import Foundation
import TestSupport
import Testing

enum TruthCatalog {
  static let names: [String] = {
    guard let folder = SharedData.folder else { return [] }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/data/truth")) ?? []
    return files.filter { $0.hasSuffix(".json") }.sorted()
  }()

  /// Nil for files that hold no catalog.
  static func database(_ file: String) throws -> Database? {
    let data = Data(try SharedData.bytes("truth/\(file)"))
    let truth = try JSONDecoder().decode(TruthFile.self, from: data)
    guard let schema = truth.schema else { return nil }
    let collation = Collation(
      name: "Latin1_General_CI_AS", codePage: 1252, isCaseSensitive: false, isAccentSensitive: true,
      isBinary: false)
    let tables = try schema.tables.map { try $0.table() }
    return Database(
      name: truth.database ?? file, serverVersion: truth.sql_server ?? "", collation: collation,
      schemas: Set(tables.map(\.name.schema)).sorted(), tables: tables.sorted { $0.name < $1.name },
      sequences: schema.sequences.map {
        SequenceGenerator(
          name: objectName($0), type: ColumnType(.int), start: 1, increment: 1, minimum: 1,
          maximum: Int64(Int32.max), current: 1, cycles: false)
      })
  }
}

private struct TruthFile: Decodable {
  struct Schema: Decodable {
    var tables: [TruthTable]
    var sequences: [String]
  }
  var database: String?
  var sql_server: String?
  var schema: Schema?
}

private struct TruthTable: Decodable {
  struct Column: Decodable {
    struct Identity: Decodable { var seed: String, increment: String }
    struct Default: Decodable { var name: String?, definition: String }
    var name: String
    /// Null for computed columns without values.
    var type: String?
    var nullable: Bool?
    var identity: Identity?
    var `default`: Default?
    var computed: String?
    var persisted: Bool?
  }
  struct KeyColumn: Decodable { var name: String, desc: Bool? }
  struct Key: Decodable { var name: String?, columns: [KeyColumn] }
  struct Index: Decodable {
    var name: String, type: String, columns: [KeyColumn], unique: Bool, filter: String?
  }
  struct ForeignKey: Decodable {
    var name: String?, columns: [String], ref_table: String, ref_columns: [String]
    var on_delete: String, on_update: String, not_trusted: Bool?
  }
  struct Check: Decodable { var name: String?, definition: String }
  var schema: String
  var name: String
  var columns: [Column]
  var primary_key: Key?
  var unique_constraints: [Key]
  var indexes: [Index]
  var foreign_keys: [ForeignKey]
  var checks: [Check]

  func table() throws -> Table {
    Table(
      name: ObjectName(schema, name),
      columns: try columns.enumerated().map { try $1.column(id: $0 + 1) },
      primaryKey: primary_key?.key, uniqueConstraints: unique_constraints.map(\.key),
      indexes: indexes.map(\.index), foreignKeys: try foreign_keys.map { try $0.foreignKey() },
      checks: checks.map { CheckConstraint(name: $0.name, definition: $0.definition) })
  }
}

extension TruthTable.Column {
  func column(id: Int) throws -> Catalog.Column {
    Catalog.Column(
      id: id, name: name, type: try #require(ColumnType(type ?? "int")),
      isNullable: nullable ?? true,
      identity: identity.map {
        Catalog.Identity(
          seed: Int64($0.seed) ?? 1, increment: Int64($0.increment) ?? 1, lastValue: nil)
      },
      computed: computed.map { Computed(definition: $0, isPersisted: persisted ?? false) },
      defaultConstraint: `default`.map {
        DefaultConstraint(name: $0.name, definition: $0.definition)
      })
  }
}

extension TruthTable.Key {
  var key: Catalog.Key {
    Catalog.Key(
      name: name, isClustered: false,
      columns: columns.map { Catalog.KeyColumn($0.name, isDescending: $0.desc ?? false) })
  }
}

extension TruthTable.Index {
  var index: Catalog.Index {
    Catalog.Index(
      name: name, kind: Catalog.Index.Kind(rawValue: type.lowercased()) ?? .nonclustered,
      isUnique: unique,
      columns: columns.map { Catalog.KeyColumn($0.name, isDescending: $0.desc ?? false) },
      filter: filter)
  }
}

extension TruthTable.ForeignKey {
  func foreignKey() throws -> Catalog.ForeignKey {
    Catalog.ForeignKey(
      name: name, columns: columns, parent: objectName(ref_table), parentColumns: ref_columns,
      onDelete: try #require(Catalog.ForeignKey.Action(rawValue: on_delete)),
      onUpdate: try #require(Catalog.ForeignKey.Action(rawValue: on_update)),
      isNotTrusted: not_trusted ?? false)
  }
}
