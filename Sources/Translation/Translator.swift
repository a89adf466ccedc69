// From a source database and a mapping to a database with every decision made. Each plan decides one
// matter for all tables (which tables, which keys, names, types, collations); the table mapper then
// puts the decisions together.

public import Catalog

/// Decides how a source database becomes PostgreSQL tables. Pure: no connection, no files, no clock;
/// the same database and mapping give the same answer.
public enum Translator {
  /// Maps a whole database.
  ///
  /// - Throws: `MappingError` where the mapping does not fit the database. What the source has and
  ///   the target cannot get is no error: it is listed in `unsupported`, with its source text.
  public static func map(
    _ database: Database, by mapping: Mapping
  ) throws(MappingError) -> MappedDatabase {
    var findings = Findings()
    var tables = try SourceTable.moved(of: database, by: mapping, findings: &findings)
    let keys = KeyPlan(tables, order: ForeignKeyOrder(tables).order, findings: &findings)
    try keys.checkNaturalKeys(tables, mapping: mapping)
    try keys.checkExpressions(tables, mapping: mapping)
    keys.dropIdleLinks(of: &tables, findings: &findings)
    let order = ForeignKeyOrder(tables)
    let mapper = TableMapper(
      tables: tables, order: order, keys: keys,
      types: try TypePlan(tables, keys: keys, mapping: mapping, findings: &findings),
      collations: CollationPlan(tables, of: database, findings: &findings),
      sequences: database.sequences)
    var names = try NamePlan(tables, of: database, by: mapping, findings: &findings)
    let mapped = mapper.map(names: &names, findings: &findings)
    findings.report(objectsOf: database, usedSequences: mapped.sequences)
    findings.noteUndeclaredReferences(tables, keys: keys)

    let schemas = Set(
      mapped.tables.map(\.target.schema) + mapped.sequences.map(\.name.schema))
    return MappedDatabase(
      sourceName: names.sourceName, databaseName: databaseName(of: database),
      schemas: schemas.sorted(), collations: mapper.collations.used, sequences: mapped.sequences,
      tables: mapped.tables, unsupported: findings.unsupported,
      notes: findings.notes,
      skipped: mapping.tables.filter { $0.skip != nil }.map(\.pattern.value),
      commit: mapping.commit)
  }

  /// The database's name without folder and ending: an attached file can be its own name.
  public static func databaseName(of database: Database) -> String {
    let last = database.name.split { $0 == "/" || $0 == "\\" }.last.map(String.init) ?? ""
    let lowered = last.lowercased()
    return [".mdf", ".ndf", ".bak"].contains { lowered.hasSuffix($0) }
      ? String(last.dropLast(4)) : last
  }
}

extension ForeignKeyOrder {
  fileprivate init(_ tables: [SourceTable]) {
    self.init(
      parents: tables.map { $0.links.map(\.parent) },
      firmParents: tables.map { table in
        table.links.filter { !table.canBeEmpty($0) }.map(\.parent)
      })
  }
}

extension SourceTable {
  /// Whether a row can be there before its parent is: one of the columns may be NULL and belongs to no
  /// source key.
  fileprivate func canBeEmpty(_ link: Link) -> Bool {
    link.columns.contains { columns[$0].isNullable && sourceKey?.contains($0) != true }
  }

  /// The tables that are moved, sorted by name, with the foreign keys between them. What is left out
  /// is reported.
  fileprivate static func moved(
    of database: Database, by mapping: Mapping, findings: inout Findings
  ) throws(MappingError) -> [SourceTable] {
    let all = database.tables.sorted { $0.name < $1.name }
    let rules = try TableRules.resolve(mapping, for: all)
    var moved: [SourceTable] = []
    for (table, rules) in zip(all, rules) {
      if let refusal = table.refusal {
        findings.report("table", "\(table.name)", "its rows cannot be read: \(refusal)", text: nil)
      } else if let reason = rules.skip {
        findings.report("table", "\(table.name)", "skipped by the mapping: \(reason)", text: nil)
      } else if table.hasUnusableName {
        findings.report(
          "table", "\(table.name)", "its name or that of a column holds a NUL character", text: nil)
      } else if table.storedColumns.isEmpty {
        findings.report("table", "\(table.name)", "it stores no column", text: nil)
      } else {
        moved.append(SourceTable(table, rules: rules))
      }
    }
    let linker = Linker(tables: moved, mapping: mapping)
    for index in moved.indices {
      moved[index].links = try linker.links(of: index, findings: &findings)
    }
    return moved
  }
}

extension Table {
  /// No catalog of SQL Server's own making has such a name, and no PostgreSQL text can hold it.
  fileprivate var hasUnusableName: Bool {
    ([name.schema, name.name] + columns.map(\.name)).contains { $0.utf8.contains(0) }
  }
}
