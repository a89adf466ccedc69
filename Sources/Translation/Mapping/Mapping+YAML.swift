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
    case "on_conflict": onConflict = try field.choice()
    case "on_vanished": onVanished = try field.choice()
    case "max_vanished": vanishedMax = try field.ceiling()
    case "mark_column": markColumn = try field.located()
    case "on_orphan": onOrphan = try field.choice()
    case "nul": nul = try field.choice()
    case "keep_before": keepBefore = try field.flag()
    case "commit": commit = try field.choice()
    case "schemas":
      for schema in try field.fields() {
        schemas.append(SchemaMapping(schema: schema.name, target: try schema.located()))
      }
    case "tables":
      for table in try field.fields() { tables.append(try TableMapping(table)) }
    default:
      throw field.unknown(
        "source, names, keys, schemas, on_changed, on_conflict, on_vanished, max_vanished, "
          + "mark_column, on_orphan, keep_before, nul, commit, tables")
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
    case "natural_key": naturalKey = field.located(try field.texts())
    case "on_changed": onChanged = try field.choice()
    case "on_conflict": onConflict = try field.choice()
    case "on_vanished": onVanished = try field.choice()
    case "max_vanished": vanishedMax = try field.ceiling()
    case "mark_column": markColumn = try field.located()
    case "on_orphan": onOrphan = field.located(try field.choice())
    case "nul": nul = try field.choice()
    case "keep_before": keepBefore = try field.flag()
    case "incremental": incremental = field.located(try field.incremental())
    case "foreign_keys":
      for foreignKey in try field.fields() {
        foreignKeys.append(try ForeignKeyMapping(foreignKey))
      }
    case "columns":
      for column in try field.fields() { columns.append(try ColumnMapping(column)) }
    case "where": filter = try field.expression()
    case "add":
      for column in try field.fields() { added.append(try AddedColumnMapping(column)) }
    default:
      throw field.unknown(
        "rename, skip, keys, key, natural_key, where, add, on_changed, on_conflict, on_vanished, "
          + "max_vanished, mark_column, on_orphan, keep_before, incremental, nul, foreign_keys, columns"
      )
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

extension AddedColumnMapping {
  /// No source column says which type it has.
  fileprivate init(_ column: MappingField) throws(MappingError) {
    var type: Located<String>?
    var expression: Located<String>?
    for field in try column.fields() {
      switch field.key {
      case "type": type = try field.located()
      case "expr": expression = try field.expression()
      default: throw field.unknown("type, expr")
      }
    }
    guard let type, let expression else {
      throw column.error(
        .wrongValue, expected: "{ type: …, expr: … }", actual: type == nil ? "no type" : "no expr")
    }
    self.init(name: column.name, type: type, expression: expression)
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
      case "expr": expression = try field.expression()
      case "skip": throw field.notSupported
      default: throw field.unknown("rename, type, default, references, expr, nul")
      }
    }
  }
}

extension MappingField {
  /// One expression of PostgreSQL's SQL.
  fileprivate func expression() throws(MappingError) -> Located<String> {
    let text = try text()
    if let fault = ExpressionText.fault(in: text) {
      throw error(.wrongValue, expected: "one SQL expression", actual: fault)
    }
    return located(text)
  }

  /// `5%`, `0.5%` or a number of rows.
  fileprivate func ceiling() throws(MappingError) -> RowCeiling {
    let text = try text()
    if let rows = Int(text), rows >= 0 { return .rows(rows) }
    let number = text.hasSuffix("%") ? text.dropLast() : ""
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    let isNumber =
      (1...2).contains(parts.count)
      && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { "0"..."9" ~= $0 } }
    guard isNumber, parts[0].count <= 3, number.count <= 8 else {
      throw error(
        .wrongValue, expected: "a number of rows, or a percentage such as 5%", actual: "'\(text)'")
    }
    return .percent(String(number))
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
