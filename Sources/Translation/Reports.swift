import Catalog

extension Findings {
  /// Reports everything that is not moved: objects with code, checks, computed columns, alias types,
  /// sequences that no default draws from.
  mutating func report(objectsOf database: Database, usedSequences: [MappedSequence]) {
    for table in database.tables where table.refusal == nil { report(partsOf: table) }
    for module in database.modules { report(module) }
    for type in database.aliasTypes { report(type) }
    for function in database.partitionFunctions {
      report(
        "partition function", function.name, "not made: the target's tables are not partitioned",
        text: function.sourceText)
    }
    for scheme in database.partitionSchemes {
      report(
        "partition scheme", scheme.name, "not made: the target's tables are not partitioned",
        text: scheme.sourceText)
    }
    for property in database.extendedProperties { report(property) }
    let used = Set(usedSequences.map(\.source))
    for sequence in database.sequences where !used.contains(sequence.name) {
      report(
        "sequence", "\(sequence.name)", "no default of a moved column draws from it",
        text: sequence.sourceText)
    }
  }

  private mutating func report(partsOf table: Table) {
    for column in table.columns {
      if let computed = column.computed {
        report(
          "computed column", "\(table.name).\(column.name)",
          computed.isPersisted
            ? "made a plain column that keeps the values; new rows need a value of their own"
            : "left out: the source stores no values for it",
          text: "\(bracketed(column.name)) AS \(computed.definition)")
      }
      if column.isColumnSet {
        report(
          "column set", "\(table.name).\(column.name)",
          "left out: the sparse columns that it shows are moved one by one", text: nil)
      }
    }
    if let partitioning = table.partitioning {
      report(
        "partitioning", "\(table.name)", "made one table that holds the rows of all partitions",
        text: "ON \(bracketed(partitioning.scheme)) (\(bracketed(partitioning.column)))")
    }
    if let history = table.historyTable {
      report(
        "system versioning", "\(table.name)",
        "the rows of \(history) are moved as a table of its own; PostgreSQL does not write it",
        text: nil)
    }
  }

  /// Checks are not made: rows that broke one while it was disabled would stop the load. Where the
  /// condition can be said in PostgreSQL, the report says how.
  mutating func reportChecks(
    of source: SourceTable, as mapped: MappedTable, keyTables: [Int?]
  ) {
    for check in source.table.checks {
      let name = "\(source.table.name).\(check.name ?? "(unnamed)")"
      let text = "CHECK \(check.definition)"
      guard !check.isDisabled else {
        report("check constraint", name, "disabled in the source", text: text)
        continue
      }
      do throws(Untranslatable) {
        let predicate = try Predicate(
          check.definition, of: source, mapped: mapped, keyTables: keyTables)
        let constraint =
          check.name.map {
            "CONSTRAINT \(Identifier.shortened(NamingStyle.snakeCase.spelled($0)).quoted) "
          } ?? ""
        report(
          "check constraint", name, "not made: rows could break it and stop the load", text: text,
          suggestion:
            "ALTER TABLE \(mapped.target.quoted)\n  ADD \(constraint)CHECK (\(predicate.sql));")
      } catch {
        report("check constraint", name, "not translated: \(error.reason)", text: text)
      }
    }
  }

  private mutating func report(_ module: Module) {
    let name = module.table.map { "\(module.name) on \($0)" } ?? "\(module.name)"
    let reason =
      switch module.kind {
      case .view: "not made: the query has to be written for PostgreSQL"
      case .procedure, .function: "not made: the code has to be written for PostgreSQL"
      case .trigger: "not made: what it does to rows does not happen in the target"
      case .synonym: "PostgreSQL has none: name the object itself, or make a view"
      case .tableType: "PostgreSQL has none: procedures take arrays or temporary tables"
      }
    report(
      module.kind.rawValue, name,
      reason + (module.definition == nil ? " (the source keeps no text)" : ""),
      text: module.definition)
  }

  private mutating func report(_ property: ExtendedProperty) {
    report(
      "extended property",
      property.target.isEmpty
        ? "\(property.name) of the database"
        : "\(property.name) of \(property.level) \(property.target)",
      "only MS_Description of tables and columns becomes a comment", text: property.value)
  }

  private mutating func report(_ type: AliasType) {
    report(
      "alias type", "\(type.name)", "its columns have the base type",
      text: "CREATE TYPE \(type.name.bracketed) FROM \(type.base) "
        + (type.isNullable ? "NULL" : "NOT NULL"))
  }
}

extension PartitionFunction {
  /// The function as T-SQL, for reports. Quotes stand around all values, which T-SQL converts.
  var sourceText: String {
    let values = boundaries.map { boundary -> String in
      guard let boundary else { return "NULL" }
      return boundary.hasPrefix("0x") ? boundary : "N'\(boundary.replacing("'", with: "''"))'"
    }
    return """
      CREATE PARTITION FUNCTION \(bracketed(name)) (\(type)) AS RANGE \(isRight ? "RIGHT" : "LEFT") \
      FOR VALUES (\(values.joined(separator: ", ")))
      """
  }
}

extension PartitionScheme {
  /// The scheme as T-SQL, for reports.
  var sourceText: String {
    """
    CREATE PARTITION SCHEME \(bracketed(name)) AS PARTITION \(bracketed(function)) \
    TO (\(filegroups.map { bracketed($0) }.joined(separator: ", ")))
    """
  }
}

extension SequenceGenerator {
  /// The sequence as T-SQL, for reports.
  var sourceText: String {
    """
    CREATE SEQUENCE \(name.bracketed) AS \(type) START WITH \(start) INCREMENT BY \(increment) \
    MINVALUE \(minimum) MAXVALUE \(maximum) \(cycles ? "CYCLE" : "NO CYCLE")
    """
  }
}

extension Findings {
  /// Notes columns that seem to hold keys of a table that gets new ones, though no foreign key says
  /// so: their values would go on meaning the old keys.
  mutating func noteUndeclaredReferences(_ tables: [SourceTable], keys: KeyPlan) {
    var parents: [String: [Int]] = [:]
    for (index, table) in tables.enumerated() {
      guard let column = keys.surrogates[index] else { continue }
      for name in Set(table.namesOfReferences(to: column)) {
        parents[name, default: []].append(index)
      }
    }
    for (index, table) in tables.enumerated() {
      let bound = Set(table.links.flatMap(\.columns))
      for (place, column) in table.columns.enumerated()
      where !bound.contains(place) && keys.surrogates[index] != place {
        let candidates = (parents[column.name.lowercased()] ?? []).filter { parent in
          guard let key = keys.surrogates[parent] else { return false }
          return column.type.isSameFamily(as: tables[parent].columns[key].type)
        }
        guard let parent = candidates.first else { continue }
        note(
          "\(table.table.name).\(column.name) looks like a key of \(tables[parent].table.name), but "
            + "no foreign key says so: it keeps the source's values while the keys are new. Say "
            + "`\(table.table.name): { columns: { \(column.name): { references: "
            + "\(tables[parent].table.name) } } }`, or `keys: preserve` for the parent.")
      }
    }
  }
}

extension SourceTable {
  /// How other tables would call a column that holds this table's key: `ArtistID` as here, and
  /// `<table>ID` and `<table>_ID` where the key is called `ID` alone; in small letters.
  fileprivate func namesOfReferences(to column: Int) -> [String] {
    let key = columns[column].name.lowercased()
    let name = table.name.name.lowercased()
    guard ["id", "key", "guid", "no", "nr", "code", "rowid"].contains(key) else { return [key] }
    let singular = name.hasSuffix("s") ? [String(name.dropLast())] : []
    return ([name] + singular).flatMap { ["\($0)\(key)", "\($0)_\(key)"] }
  }
}

extension ColumnType {
  fileprivate func isSameFamily(as other: ColumnType) -> Bool {
    let isWhole = { (type: ColumnType) in
      type.isInteger || ([.decimal, .numeric].contains(type.base) && (type.scale ?? 0) == 0)
    }
    return base == other.base || (isWhole(self) && isWhole(other))
  }
}
