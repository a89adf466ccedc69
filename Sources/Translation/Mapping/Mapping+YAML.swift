// The grammar of `restage.yaml`: one loop over the keys of each level. A key that is not known is an
// error, and so is a known one that this version does not carry out: nothing is read over.

import Catalog
import Yams

extension Mapping {
  /// Reads a mapping.
  ///
  /// - Parameters:
  ///   - yaml: The text of the file. An empty one is a mapping that says nothing.
  ///   - file: How messages name it.
  /// - Throws: `MappingError` for the first thing that is not as it should be. Names of tables and
  ///   columns are checked later, by `Translator.map`.
  public init(yaml: String, file: String = "restage.yaml") throws(MappingError) {
    self.init(file: file)
    for field in try MappingField.fields(ofDocument: yaml, file: file) {
      try read(field)
    }
  }

  private mutating func read(_ field: MappingField) throws(MappingError) {
    switch field.key {
    case "source": source = try field.text()
    case "names": names = try field.choice()
    case "keys": keys = try field.choice()
    case "on_changed": onChanged = try field.choice()
    case "on_vanished": try field.requireReport()
    case "on_orphan": onOrphan = try field.choice()
    case "nul": nul = try field.choice()
    case "schemas":
      for schema in try field.fields() {
        schemas.append(SchemaMapping(schema: schema.name, target: try schema.located()))
      }
    case "tables":
      for table in try field.fields() { tables.append(try TableMapping(table)) }
    case "max_vanished": throw field.notSupported
    default:
      throw field.unknown(
        "source, names, keys, schemas, on_changed, on_vanished, on_orphan, nul, tables")
    }
  }
}

extension TableMapping {
  fileprivate init(_ table: MappingField) throws(MappingError) {
    self.init(pattern: table.name)
    guard table.key.contains(".") else {
      throw table.error(
        .wrongValue, expected: "a pattern such as dbo.Artist or dbo.*", actual: "'\(table.key)'")
    }
    for field in try table.fields() { try read(field) }
  }

  private mutating func read(_ field: MappingField) throws(MappingError) {
    switch field.key {
    case "rename": rename = try field.located()
    case "skip": skip = try field.reason()
    case "keys": keys = field.located(try field.choice())
    case "key": key = field.located(try field.texts())
    case "on_changed": onChanged = try field.choice()
    case "on_orphan": onOrphan = field.located(try field.choice())
    case "nul": nul = try field.choice()
    case "foreign_keys":
      for foreignKey in try field.fields() {
        foreignKeys.append(try ForeignKeyMapping(foreignKey))
      }
    case "columns":
      for column in try field.fields() { columns.append(try ColumnMapping(column)) }
    case "natural_key", "where", "add", "on_vanished", "max_vanished": throw field.notSupported
    default:
      throw field.unknown(
        "rename, skip, keys, key, on_changed, on_orphan, nul, foreign_keys, columns")
    }
  }
}

extension ForeignKeyMapping {
  fileprivate init(_ foreignKey: MappingField) throws(MappingError) {
    self.init(name: foreignKey.name)
    for field in try foreignKey.fields() {
      switch field.key {
      case "on_orphan": onOrphan = field.located(try field.choice())
      default: throw field.unknown("on_orphan")
      }
    }
  }
}

extension ColumnMapping {
  fileprivate init(_ column: MappingField) throws(MappingError) {
    self.init(name: column.name)
    for field in try column.fields() {
      switch field.key {
      case "rename": rename = try field.located()
      case "type": type = try field.located()
      case "default": defaultExpression = field.located(try field.textOrNull())
      case "references": references = try field.located()
      case "nul": nul = try field.choice()
      case "skip", "expr": throw field.notSupported
      default: throw field.unknown("rename, type, default, references, nul")
      }
    }
  }
}

extension MappingField {
  /// `on_vanished`: vanished rows are counted, which is all that this version does with them.
  fileprivate func requireReport() throws(MappingError) {
    let policy = try text()
    guard policy == "report" else {
      guard ["delete", "mark"].contains(policy) else {
        throw error(.wrongValue, expected: "report", actual: "'\(policy)'")
      }
      throw error(
        .notSupported, expected: "report", actual: "'\(policy)', not supported by this version")
    }
  }

  /// Why a table is skipped; nil for `skip: false`.
  fileprivate func reason() throws(MappingError) -> String? {
    switch try text() {
    case "false": nil
    case "true": "the mapping says so"
    case let reason: reason
    }
  }
}
