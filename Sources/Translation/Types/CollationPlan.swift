import Catalog

/// The collations of text columns that take part in keys: under a source collation that ignores case,
/// 'a' and 'A' are one key, and they have to be in the target too.
struct CollationPlan {
  /// By table and column; nil for the database's default.
  private(set) var collations: [[QualifiedIdentifier?]]
  /// Those that some column has, sorted by name.
  var used: [MappedCollation] {
    let names = Set(collations.flatMap { $0 }.compactMap { $0 })
    return Self.all.filter { names.contains($0.name) }
  }

  private static let all = [
    collation("sqlserver_ci_ai", "und-u-ks-level1"),
    collation("sqlserver_ci_as", "und-u-ks-level2"),
    collation("sqlserver_cs_ai", "und-u-kc-ks-level1"),
  ]

  /// In schema `public`, which every database has.
  private static func collation(_ name: String, _ locale: String) -> MappedCollation {
    MappedCollation(
      name: QualifiedIdentifier(Identifier("public"), Identifier(name)), locale: locale)
  }

  init(_ tables: [SourceTable], of database: Database, findings: inout Findings) {
    let keyColumns = Self.keyColumns(tables)
    var unknown: [String] = []
    collations = tables.enumerated().map { index, table in
      table.columns.enumerated().map { column, source in
        guard source.type.isText, keyColumns[index].contains(column) else { return nil }
        guard let collation = source.collation ?? database.collation else {
          unknown.append("\(table.table.name).\(source.name)")
          return nil
        }
        return Self.name(for: collation)
      }
    }
    if !unknown.isEmpty {
      findings.note(
        "The collation is not known, so upper and lower case are taken to differ: "
          + unknown.joined(separator: ", ") + ".")
    }
    while adopt(tables) {}
    noteCase(tables, of: database, findings: &findings)
  }

  private func noteCase(
    _ tables: [SourceTable], of database: Database, findings: inout Findings
  ) {
    var folding: [String] = []
    var hasOthers = false
    for (index, table) in tables.enumerated() {
      for (column, source) in table.columns.enumerated() where source.type.isText {
        if collations[index][column] != nil {
          folding.append("\(table.table.name).\(source.name)")
        } else if let collation = source.collation ?? database.collation,
          Self.name(for: collation) != nil
        {
          hasOthers = true
        }
      }
    }
    if !folding.isEmpty {
      findings.note(
        "Keys compare without regard to case or accents as in the source; before PostgreSQL 18 LIKE "
          + "does not work on them: \(folding.joined(separator: ", ")).")
    }
    if hasOthers {
      findings.note(
        "All other texts compare exactly in the target, where the source ignored case or accents.")
    }
  }

  private static func name(for collation: Collation) -> QualifiedIdentifier? {
    if collation.isBinary { return nil }
    switch (collation.isCaseSensitive, collation.isAccentSensitive) {
    case (false, false): return all[0].name
    case (false, true): return all[1].name
    case (true, false): return all[2].name
    case (true, true): return nil
    }
  }

  /// By table: columns of primary keys, source keys, natural keys, unique constraints, unique indexes and both ends
  /// of foreign keys.
  private static func keyColumns(_ tables: [SourceTable]) -> [Set<Int>] {
    var found = tables.map { table in
      var names = Set(table.table.primaryKey?.columnNames ?? [])
      names.formUnion(table.table.uniqueConstraints.flatMap(\.columnNames))
      for index in table.table.indexes where index.isUnique {
        names.formUnion(index.columns.map(\.name))
      }
      var columns = Set(table.columns.indices.filter { names.contains(table.columns[$0].name) })
      columns.formUnion(table.sourceKey ?? [])
      columns.formUnion(table.naturalKey)
      return columns
    }
    for (child, table) in tables.enumerated() {
      for link in table.links {
        found[child].formUnion(link.columns)
        found[link.parent].formUnion(link.parentColumns)
      }
    }
    return found
  }

  /// SQL Server asks for one collation on both sides of a foreign key. Where only the parent's is
  /// known, the child takes it.
  private mutating func adopt(_ tables: [SourceTable]) -> Bool {
    var isChanged = false
    for (child, table) in tables.enumerated() {
      for link in table.links {
        for (column, parentColumn) in zip(link.columns, link.parentColumns)
        where collations[child][column] == nil && table.columns[column].type.isText {
          guard let wanted = collations[link.parent][parentColumn] else { continue }
          collations[child][column] = wanted
          isChanged = true
        }
      }
    }
    return isChanged
  }
}
