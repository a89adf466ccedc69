// What ../shared/data/truth says of a file, decoded as far as the tests compare it.

import Foundation
import TestSupport

struct Truth: Decodable {
  var files: [String]
  var refuse: String?
  var database: String?
  var tables: [TableTruth]?
  var schema: SchemaTruth?

  /// - Parameter name: Such as "iti-2022.bak".
  static func read(_ name: String) throws -> Truth {
    let bytes = try SharedData.bytes("truth/\(name).json")
    return try JSONDecoder().decode(Truth.self, from: Data(bytes))
  }
}

struct TableTruth: Decodable {
  var schema: String
  var name: String
  var folder: String
  var rows: Int?
  var sha256: String?
  var columns: [Column]?

  struct Column: Decodable {
    var name: String
    var type: String
  }

  enum CodingKeys: String, CodingKey {
    case schema, name, folder, rows, sha256, columns
  }
}

struct SchemaTruth: Decodable {
  struct Table: Decodable {
    var schema: String
    var name: String
    var columns: [Column]
    var primaryKey: Key?
    var uniqueConstraints: [Key]
    var indexes: [Key]
    var foreignKeys: [ForeignKey]
    var checks: [Check]
    var triggers: [String]

    enum CodingKeys: String, CodingKey {
      case schema, name, columns, indexes, checks, triggers
      case primaryKey = "primary_key"
      case uniqueConstraints = "unique_constraints"
      case foreignKeys = "foreign_keys"
    }
  }

  struct Column: Decodable {
    struct Default: Decodable {
      var name: String?
      var definition: String
    }
    struct Identity: Decodable {
      var seed: String
      var increment: String
    }

    var name: String
    var type: String
    var nullable: Bool
    var aliasType: String?
    var identity: Identity?
    var computed: String?
    var persisted: Bool?
    var `default`: Default?
    var sparse: Bool?
    var generatedAlways: String?

    enum CodingKeys: String, CodingKey {
      case name, type, nullable, identity, computed, persisted, sparse
      case `default` = "default"
      case aliasType = "alias_type"
      case generatedAlways = "generated_always"
    }
  }

  struct Key: Decodable {
    struct Column: Decodable {
      var name: String
      var desc: Bool
    }
    var name: String?
    var type: String
    var columns: [Column]
    var included: [String]?
    var unique: Bool?
    var filter: String?
  }

  struct ForeignKey: Decodable {
    var name: String?
    var columns: [String]
    var parent: String
    var parentColumns: [String]
    var onDelete: String
    var onUpdate: String
    var disabled: Bool?
    var notTrusted: Bool?

    enum CodingKeys: String, CodingKey {
      case name, columns, disabled
      case parent = "ref_table"
      case parentColumns = "ref_columns"
      case onDelete = "on_delete"
      case onUpdate = "on_update"
      case notTrusted = "not_trusted"
    }
  }

  struct Check: Decodable {
    var name: String?
    var definition: String
    var disabled: Bool?
  }

  var tables: [Table]
  var views: [String]
  var procedures: [String]
  var functions: [String]
  var triggers: [String]
  var synonyms: [String]
  var sequences: [String]
  var aliasTypes: [String]
  var tableTypes: [String]

  enum CodingKeys: String, CodingKey {
    case tables, views, procedures, functions, triggers, synonyms, sequences
    case aliasTypes = "alias_types"
    case tableTypes = "table_types"
  }
}
