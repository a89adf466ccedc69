import Catalog

/// Resolves the foreign keys of tables that are moved. Those that lead nowhere in the target are
/// reported, and their columns carried over as they are.
struct Linker {
  private let tables: [SourceTable]
  private let indexByName: [ObjectName: Int]
  private let mapping: Mapping

  init(tables: [SourceTable], mapping: Mapping) {
    self.tables = tables
    self.mapping = mapping
    indexByName = Dictionary(
      tables.enumerated().map { ($1.table.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func links(of index: Int, findings: inout Findings) throws(MappingError) -> [Link] {
    let table = tables[index]
    var links: [Link] = []
    for foreignKey in table.table.foreignKeys {
      do throws(Unlinkable) {
        links.append(try link(foreignKey, of: index))
      } catch {
        findings.report(
          "foreign key", table.name(of: foreignKey), error.reason,
          text: foreignKey.sourceText(in: table.table.name))
      }
    }
    links += try declaredLinks(of: table)
    for index in links.indices {
      links[index].onOrphan = try policy(of: links[index], in: table, findings: &findings)
    }
    return links
  }

  private func link(_ foreignKey: ForeignKey, of index: Int) throws(Unlinkable) -> Link {
    let table = tables[index]
    guard let parent = indexByName[foreignKey.parent] else {
      throw Unlinkable(
        reason: "its parent \(foreignKey.parent) is not moved; the values are carried over as "
          + "they are")
    }
    guard let columns = table.indexes(of: foreignKey.columns),
      let parentColumns = tables[parent].indexes(of: foreignKey.parentColumns),
      columns.count == parentColumns.count
    else {
      throw Unlinkable(reason: "one of its columns is not stored")
    }
    guard parent != index || columns != parentColumns else {
      throw Unlinkable(reason: "it pairs each column with itself, which always holds")
    }
    let policy = foreignKey.name.flatMap { table.rules.foreignKeys[$0]?.value }
    return Link(
      source: foreignKey, columns: columns, parent: parent, parentColumns: parentColumns,
      onOrphan: policy ?? table.rules.onOrphan)
  }

  /// The foreign keys that the mapping adds: `columns: { ArtistID: { references: dbo.Artist } }`.
  private func declaredLinks(of table: SourceTable) throws(MappingError) -> [Link] {
    var links: [Link] = []
    for (place, column) in table.columns.enumerated() {
      guard let rule = table.rules.columns[column.name]?.references else { continue }
      let pattern = TablePattern(rule.value)
      let parents = pattern.hasWildcard ? [] : pattern.matches(in: tables.map(\.table.name))
      guard parents.count == 1, let parent = parents.first else {
        throw mapping.error(
          .noSuchTable, at: rule, expected: "the name of a table that is moved",
          actual: "'\(rule.value)'")
      }
      guard let key = tables[parent].primaryKey, key.count == 1 else {
        throw mapping.error(
          .unfitKey, at: rule, expected: "a table with a primary key of one column",
          actual: "'\(rule.value)'")
      }
      guard !table.table.foreignKeys.contains(where: { $0.columns.contains(column.name) }) else {
        throw mapping.error(
          .unfitKey, at: rule, expected: "a column that belongs to no foreign key",
          actual: "'\(column.name)', which does")
      }
      let parentTable = tables[parent]
      let foreignKey = ForeignKey(
        name: nil, columns: [column.name], parent: parentTable.table.name,
        parentColumns: [parentTable.columns[key[0]].name])
      links.append(
        Link(
          source: foreignKey, columns: [place], parent: parent, parentColumns: key,
          onOrphan: table.rules.onOrphan))
    }
    return links
  }

  /// `on_orphan: null` needs a column that may be NULL and is no part of the source key. Said of this
  /// very foreign key it is an error otherwise; said of many tables at once it leaves the strictest
  /// policy.
  private func policy(
    of link: Link, in table: SourceTable, findings: inout Findings
  ) throws(MappingError) -> OrphanPolicy {
    let canBeEmptied = link.columns.contains { column in
      table.columns[column].isNullable && table.sourceKey?.contains(column) != true
    }
    guard link.onOrphan == .null, !canBeEmptied else { return link.onOrphan }
    let names = link.columns.map { table.columns[$0].name }.joined(separator: ", ")
    if let name = link.source.name, let rule = table.rules.foreignKeys[name] {
      throw mapping.error(
        .unfitKey, at: rule, expected: "fail or reject",
        actual: "null, but \(names) may not be NULL")
    }
    findings.note(
      "Orphans of \(table.name(of: link.source)) fail the run although the mapping says null: "
        + "\(names) may not be NULL.")
    return .fail
  }
}

private struct Unlinkable: Error {
  let reason: String
}

extension SourceTable {
  /// `dbo.Album.FK_Album_Artist`
  func name(of foreignKey: ForeignKey) -> String {
    "\(table.name)." + (foreignKey.name ?? "(\(foreignKey.columns.joined(separator: ", ")))")
  }
}

extension ForeignKey {
  /// The constraint as T-SQL, for reports.
  func sourceText(in table: ObjectName) -> String {
    let name = self.name.map { "CONSTRAINT \(bracketed($0)) " } ?? ""
    var text = """
      ALTER TABLE \(table.bracketed) ADD \(name)FOREIGN KEY (\(bracketed(columns)))
        REFERENCES \(parent.bracketed) (\(bracketed(parentColumns)))
      """
    if onDelete != .noAction { text += " ON DELETE \(onDelete.rawValue)" }
    if onUpdate != .noAction { text += " ON UPDATE \(onUpdate.rawValue)" }
    return text
  }
}

func bracketed(_ name: String) -> String { "[" + name.replacing("]", with: "]]") + "]" }

func bracketed(_ names: [String]) -> String {
  names.map { bracketed($0) }.joined(separator: ", ")
}

extension ObjectName {
  var bracketed: String { Translation.bracketed(schema) + "." + Translation.bracketed(name) }
}
