import Catalog

/// Every name of the target, decided in one pass over the tables in the order of their source names,
/// so that no name depends on foreign keys or on rows.
struct NamePlan {
  /// By source schema.
  private(set) var schemas: [String: Identifier] = [:]
  /// By index of the table, as all below.
  private(set) var tables: [QualifiedIdentifier] = []
  private(set) var columns: [[Identifier]] = []
  /// The column that says when a row vanished; nil for tables without.
  private(set) var markColumns: [Identifier?] = []
  /// Columns that the mapping adds, in its order.
  private(set) var addedColumns: [[Identifier]] = []
  private(set) var stages: [QualifiedIdentifier] = []
  private(set) var keyMaps: [QualifiedIdentifier] = []
  private(set) var sourceName: String

  private let mapping: Mapping
  private var relations: [Identifier: NameScope] = [:]
  private var constraints: [NameScope] = []
  private var scratch = NameScope()

  /// Column names that PostgreSQL keeps for itself.
  static let systemColumns: Set<String> = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]

  init(
    _ sourceTables: [SourceTable], of database: Database, by mapping: Mapping,
    findings: inout Findings
  ) throws(MappingError) {
    self.mapping = mapping
    sourceName = mapping.sourceName(ofDatabase: Translator.databaseName(of: database))
    try nameSchemas(of: sourceTables, database, findings: &findings)
    try nameTables(sourceTables, findings: &findings)
    for table in sourceTables {
      columns.append(try names(ofColumnsOf: table, findings: &findings))
      addedColumns.append(try addedColumns(of: table, beside: columns.last ?? []))
      markColumns.append(
        try markColumn(of: table, beside: (columns.last ?? []) + (addedColumns.last ?? [])))
      constraints.append(NameScope())
    }
    for index in sourceTables.indices { nameScratch(of: index) }
  }
}

// MARK: - Schemas and tables

extension NamePlan {
  private mutating func nameSchemas(
    of sourceTables: [SourceTable], _ database: Database, findings: inout Findings
  ) throws(MappingError) {
    var sources = Set(sourceTables.map(\.table.name.schema))
    sources.formUnion(database.sequences.map(\.name.schema))
    for rule in mapping.schemas {
      let target = try mapping.schema(rule.target)
      let lowered = rule.schema.value.lowercased()
      let meant =
        sources.contains(rule.schema.value)
        ? [rule.schema.value] : sources.filter { $0.lowercased() == lowered }
      guard !meant.isEmpty else {
        throw mapping.error(
          .noSuchTable, at: rule.schema, expected: "a schema that owns tables",
          actual: "'\(rule.schema.value)'")
      }
      for source in meant { schemas[source] = target }
    }
    for source in sources.sorted(by: utf8Precedes) where schemas[source] == nil {
      let name = Self.schema(source, style: mapping.names)
      schemas[source] = name
      if source.lowercased() != "dbo", Self.isReserved(mapping.names.spelled(source)) {
        findings.note(
          "Schema \(source) is named \(name.name) in the target: PostgreSQL or restage keeps the "
            + "name for itself.")
      }
    }
    noteSharedSchemas(findings: &findings)
  }

  private func noteSharedSchemas(findings: inout Findings) {
    for name in Set(schemas.values).sorted() {
      let sources = schemas.filter { $0.value == name }.keys.sorted(by: utf8Precedes)
      guard sources.count > 1 else { continue }
      findings.note(
        "Schemas \(sources.joined(separator: ", ")) share the schema \(name.name) in the target.")
    }
  }

  static func schema(_ source: String, style: NamingStyle) -> Identifier {
    if source.lowercased() == "dbo" { return Identifier("public") }
    let spelled = style.spelled(source)
    return Identifier.shortened(isReserved(spelled) ? "source_" + spelled : spelled)
  }

  /// Schemas that PostgreSQL or restage itself keeps its things in.
  static func isReserved(_ schema: String) -> Bool {
    schema.hasPrefix("pg_") || schema == "information_schema" || schema == "restage"
      || schema.hasPrefix("restage_")
  }

  /// Renamed tables first: what a person wrote is never given up for a spelling rule.
  private mutating func nameTables(
    _ sourceTables: [SourceTable], findings: inout Findings
  ) throws(MappingError) {
    var names: [QualifiedIdentifier?] = []
    var owners: [QualifiedIdentifier: SourceTable] = [:]
    for table in sourceTables {
      let name = try renamed(table, owners: owners)
      if let name { owners[name] = table }
      names.append(name)
    }
    for (index, table) in sourceTables.enumerated() where names[index] == nil {
      let schema = schemas[table.table.name.schema] ?? Identifier("public")
      let wanted = mapping.names.spelled(table.table.name.name)
      let origin = table.table.name.description
      if let owner = owners[QualifiedIdentifier(schema, Identifier.shortened(wanted))] {
        try checkTakeover(of: table, by: owner, wanted: wanted)
      }
      let name = relations[schema, default: NameScope()].claim([wanted], origin: origin)
      names[index] = QualifiedIdentifier(schema, name)
      findings.noteName(of: "Table \(origin)", wanted: wanted, got: name)
    }
    tables = names.compactMap { $0 }
  }

  /// A table that is renamed to what another one is called would push it aside. To name a table as it
  /// would be called anyway is how one of several tables with one spelling keeps its name.
  private func checkTakeover(
    of table: SourceTable, by owner: SourceTable, wanted: String
  ) throws(MappingError) {
    guard let rename = owner.rules.rename,
      mapping.names.spelled(owner.table.name.name) != wanted
    else { return }
    throw mapping.error(
      .nameTaken, at: rename, expected: "a name of its own for \(owner.table.name)",
      actual: "'\(rename.value)', which \(table.table.name) has")
  }

  private mutating func renamed(
    _ table: SourceTable, owners: [QualifiedIdentifier: SourceTable]
  ) throws(MappingError) -> QualifiedIdentifier? {
    guard let rename = table.rules.rename else { return nil }
    let parts = rename.value.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let name = try mapping.identifier(
      Located(parts.last.map(String.init) ?? "", line: rename.line, path: rename.path))
    var schema = schemas[table.table.name.schema] ?? Identifier("public")
    if parts.count == 2 {
      schema = try mapping.schema(
        Located(String(parts[0]), line: rename.line, path: rename.path))
    }
    if let owner = owners[QualifiedIdentifier(schema, name)] {
      throw mapping.error(
        .nameTaken, at: rename, expected: "a name of its own for \(table.table.name)",
        actual: "'\(rename.value)', which \(owner.table.name) has")
    }
    relations[schema, default: NameScope()].take(name)
    return QualifiedIdentifier(schema, name)
  }

  /// `restage_stage.chinook_public_album`; two underscores follow a schema that has one itself, so that
  /// the name does not depend on which other tables there are.
  private mutating func nameScratch(of index: Int) {
    let target = tables[index]
    let (schema, table) = (target.schema.name, target.name.name)
    let separator = schema.contains("_") ? "__" : "_"
    let wanted = "\(NamingStyle.snakeCase.spelled(sourceName))_\(schema)\(separator)\(table)"
    let name = scratch.claim([wanted], origin: "\(sourceName)\0\(schema)\0\(table)")
    stages.append(QualifiedIdentifier(Identifier("restage_stage"), name))
    keyMaps.append(QualifiedIdentifier(Identifier("restage_keymap"), name))
  }
}

// MARK: - Columns

extension NamePlan {
  private func names(
    ofColumnsOf table: SourceTable, findings: inout Findings
  ) throws(MappingError) -> [Identifier] {
    var scope = NameScope(taken: Self.systemColumns)
    var names: [Identifier?] = []
    for column in table.columns {
      guard let rename = table.rules.columns[column.name]?.rename else {
        names.append(nil)
        continue
      }
      let name = try mapping.identifier(rename)
      guard !scope.isTaken(name) else {
        throw mapping.error(
          .nameTaken, at: rename, expected: "a name of its own in \(table.table.name)",
          actual: "'\(rename.value)', which another column or PostgreSQL itself has")
      }
      scope.take(name)
      names.append(name)
    }
    for (index, column) in table.columns.enumerated() where names[index] == nil {
      let wanted = mapping.names.spelled(column.name)
      let isSystem = Self.systemColumns.contains(wanted)
      let name = scope.claim(isSystem ? [wanted + "_"] : [wanted], origin: column.name)
      names[index] = name
      findings.noteName(of: "Column \(table.table.name).\(column.name)", wanted: wanted, got: name)
    }
    return names.compactMap { $0 }
  }
}

extension NamePlan {
  /// Under `on_vanished: mark` alone there is something to write into it.
  private func markColumn(
    of table: SourceTable, beside columns: [Identifier]
  ) throws(MappingError) -> Identifier? {
    guard let rule = table.rules.markColumn, table.rules.onVanished == .mark else { return nil }
    return try ownColumn(rule, of: table, beside: columns)
  }

  private func addedColumns(
    of table: SourceTable, beside columns: [Identifier]
  ) throws(MappingError) -> [Identifier] {
    var added: [Identifier] = []
    for rule in table.rules.added {
      added.append(try ownColumn(rule.name, of: table, beside: columns + added))
    }
    return added
  }

  private func ownColumn(
    _ rule: Located<String>, of table: SourceTable, beside columns: [Identifier]
  ) throws(MappingError) -> Identifier {
    let name = try mapping.identifier(rule)
    guard !columns.contains(name), !Self.systemColumns.contains(name.name) else {
      throw mapping.error(
        .nameTaken, at: rule, expected: "a name that no column of \(table.table.name) has",
        actual: "'\(rule.value)'")
    }
    return name
  }
}

// MARK: - Constraints, indexes, sequences

extension NamePlan {
  /// Name of a primary key or unique constraint, which is the name of its index too.
  mutating func key(_ source: String?, fallback: String, of table: Int) -> Identifier {
    let name = relation(source, fallback: fallback, of: table)
    constraints[table].take(name)
    return name
  }

  /// Name of an index or sequence: one namespace with the tables of its schema. Index names of SQL
  /// Server need to be unique for each table only, so the table's name is the first way out.
  mutating func relation(_ source: String?, fallback: String, of table: Int) -> Identifier {
    let target = tables[table]
    let spelled = Self.given(source).map(mapping.names.spelled) ?? fallback
    return relations[target.schema, default: NameScope()].claim(
      [spelled, "\(target.name.name)_\(spelled)"],
      origin: "\(target.name.name)\0\(source ?? fallback)")
  }

  /// Name of a sequence object of the source.
  mutating func sequence(_ source: ObjectName) -> QualifiedIdentifier {
    let schema = schemas[source.schema] ?? Identifier("public")
    let name = relations[schema, default: NameScope()].claim(
      [mapping.names.spelled(source.name)], origin: source.description)
    return QualifiedIdentifier(schema, name)
  }

  /// Name of a foreign key: unique in its table.
  mutating func foreignKey(_ source: String?, fallback: String, of table: Int) -> Identifier {
    constraints[table].claim(
      [Self.given(source).map(mapping.names.spelled) ?? fallback], origin: source ?? fallback)
  }

  /// The name that a person gave. Names that SQL Server makes up (`PK__jobs__6E32B6A5`) end in hex
  /// digits that differ between copies of one schema; they count as no name.
  static func given(_ name: String?) -> String? {
    guard let name, !name.isEmpty else { return nil }
    let prefix = name.prefix(4)
    guard ["PK__", "UQ__", "FK__"].contains(prefix) else { return name }
    let tail = name.split(separator: "_").last ?? ""
    let isHex = tail.allSatisfy { $0.isHexDigit && !$0.isLowercase }
    return name.contains("__" + tail) && isHex && (8...16).contains(tail.count) ? nil : name
  }
}

/// Orders texts by their UTF-8 bytes: the same on every machine and locale.
func utf8Precedes(_ left: String, _ right: String) -> Bool {
  left.utf8.lexicographicallyPrecedes(right.utf8)
}

extension Mapping {
  func error<Value>(
    _ code: MappingError.Code, at place: Located<Value>, expected: String, actual: String
  ) -> MappingError {
    MappingError(
      code: code, file: file, line: place.line, path: place.path, expected: expected,
      actual: actual)
  }

  func schema(_ name: Located<String>) throws(MappingError) -> Identifier {
    guard !NamePlan.isReserved(name.value) else {
      throw error(
        .nameTaken, at: name, expected: "a schema for final tables",
        actual: "'\(name.value)', which PostgreSQL or restage keeps for itself")
    }
    return try identifier(name)
  }

  /// A name that the mapping gives, taken as it is written.
  func identifier(_ name: Located<String>) throws(MappingError) -> Identifier {
    let byteCount = name.value.utf8.count
    guard (1...Identifier.byteCountMax).contains(byteCount), !name.value.utf8.contains(0) else {
      throw error(
        .wrongValue, at: name, expected: "a name of 1 to \(Identifier.byteCountMax) bytes",
        actual: "\(byteCount) bytes")
    }
    return Identifier(name.value)
  }
}
