// Two catalogs are compared as sorted lines of text: a difference then reads like a diff.

import Catalog

/// A schema as lines, one for each fact that truth files record.
struct SchemaLines {
  private(set) var lines: [String] = []

  init(_ database: Database) {
    for table in database.tables { add(table) }
    for module in database.modules {
      lines.append("\(module.kind.rawValue) \(module.name)")
      if module.kind == .trigger, let table = module.table {
        lines.append("\(table): trigger \(module.name.name)")
      }
    }
    lines += database.sequences.map { "sequence \($0.name)" }
    lines += database.aliasTypes.map { "alias type \($0.name)" }
    lines.sort()
  }

  init(_ truth: SchemaTruth) {
    for table in truth.tables { add(table) }
    lines += truth.views.map { "view \($0)" }
    lines += truth.procedures.map { "procedure \($0)" }
    lines += truth.functions.map { "function \($0)" }
    lines += truth.triggers.map { "trigger \($0)" }
    lines += truth.synonyms.map { "synonym \($0)" }
    lines += truth.sequences.map { "sequence \($0)" }
    lines += truth.aliasTypes.map { "alias type \($0)" }
    lines += truth.tableTypes.map { "table type \($0)" }
    lines.sort()
  }

  private mutating func add(_ table: Table) {
    let at = "\(table.name): "
    for (position, column) in table.columns.enumerated() {
      let type = column.type.base == .rowversion ? "timestamp" : column.type.description
      var line = at + "column \(position) \(column.name) \(type)"
      line += column.isNullable ? " null" : " not null"
      if let alias = column.aliasType {
        line += " alias \(alias.schema == "sys" ? alias.name : alias.description)"
      }
      if let identity = column.identity {
        line += " identity \(identity.seed),\(identity.increment)"
      }
      if let computed = column.computed {
        line += " computed \(computed.definition) \(computed.isPersisted)"
      }
      if let value = column.defaultConstraint {
        line += " default \(value.name ?? "-") \(value.definition)"
      }
      if column.isSparse { line += " sparse" }
      if let generated = column.generatedAlways { line += " \(generated.rawValue)" }
      lines.append(line)
    }
    if let key = table.primaryKey { lines.append(at + "primary key " + Self.line(key)) }
    lines += table.uniqueConstraints.map { at + "unique " + Self.line($0) }
    for index in table.indexes {
      let line = Self.line(
        name: index.name, type: index.kind.rawValue.uppercased(), index.columns)
      lines.append(
        at + "index \(line) \(index.isUnique) \(index.included) \(index.filter ?? "-")")
    }
    for key in table.foreignKeys {
      lines.append(
        at + "foreign key \(key.name ?? "-") \(key.columns) \(key.parent) \(key.parentColumns) "
          + "\(key.onDelete.rawValue) \(key.onUpdate.rawValue) \(key.isDisabled) "
          + "\(key.isNotTrusted)")
    }
    lines += table.checks.map {
      at + "check \($0.name ?? "-") \($0.definition) \($0.isDisabled)"
    }
  }

  private static func line(_ key: Key) -> String {
    line(name: key.name, type: key.isClustered ? "CLUSTERED" : "NONCLUSTERED", key.columns)
  }

  private static func line(name: String?, type: String, _ columns: [KeyColumn]) -> String {
    "\(name ?? "-") \(type) "
      + columns.map { $0.name + ($0.isDescending ? " desc" : "") }.joined(separator: ",")
  }

  private mutating func add(_ table: SchemaTruth.Table) {
    let at = "\(table.schema).\(table.name): "
    for (position, column) in table.columns.enumerated() {
      var line = at + "column \(position) \(column.name) \(column.type)"
      line += column.nullable ? " null" : " not null"
      if let alias = column.aliasType { line += " alias \(alias)" }
      if let identity = column.identity {
        line += " identity \(identity.seed),\(identity.increment)"
      }
      if let computed = column.computed {
        line += " computed \(computed) \(column.persisted ?? false)"
      }
      if let value = column.default { line += " default \(value.name ?? "-") \(value.definition)" }
      if column.sparse == true { line += " sparse" }
      if let generated = column.generatedAlways { line += " \(generated)" }
      lines.append(line)
    }
    if let key = table.primaryKey { lines.append(at + "primary key " + Self.line(key)) }
    lines += table.uniqueConstraints.map { at + "unique " + Self.line($0) }
    lines += table.indexes.map {
      at + "index \(Self.line($0)) \($0.unique ?? false) \($0.included ?? []) \($0.filter ?? "-")"
    }
    for key in table.foreignKeys {
      lines.append(
        at + "foreign key \(key.name ?? "-") \(key.columns) \(key.parent) \(key.parentColumns) "
          + "\(key.onDelete) \(key.onUpdate) \(key.disabled ?? false) \(key.notTrusted ?? false)")
    }
    lines += table.checks.map {
      at + "check \($0.name ?? "-") \($0.definition) \($0.disabled ?? false)"
    }
    lines += table.triggers.map { at + "trigger \($0)" }
  }

  private static func line(_ key: SchemaTruth.Key) -> String {
    "\(key.name ?? "-") \(key.type) "
      + key.columns.map { $0.name + ($0.desc ? " desc" : "") }.joined(separator: ",")
  }
}
