import Catalog

/// Turns the rows of the system tables into the source catalog, and says for each table where its
/// rows are.
struct CatalogReader {
  let system: SystemCatalog
  let databaseCollation: CollationID
  private let localeID: Int?
  private(set) var notes: [String] = []
  private(set) var storage: [ObjectName: TableStorage] = [:]
  /// By the object that depends: foreign keys look up their columns here.
  let references: [Int: [ObjectReference]]
  private let descriptions: [Described: String]
  /// History tables by the table whose past they keep.
  private let histories: [Int: Int]

  private struct Described: Hashable {
    var object: Int
    var part: Int
  }

  /// - Parameter localeID: Windows locale of the default collation, which a backup tells besides.
  init(_ system: SystemCatalog, localeID: Int? = nil) {
    self.system = system
    self.localeID = localeID
    references = Dictionary(grouping: system.references, by: \.dependent)
    histories = Dictionary(
      system.references.filter { $0.referenceClass == 112 }.map { ($0.target, $0.dependent) },
      uniquingKeysWith: { first, _ in first })
    databaseCollation = CollationID(system.boot.collationID)
    let codePage = databaseCollation.codePage(ofDefault: databaseCollation, localeID)
    let described = system.properties.filter {
      $0.propertyClass == 1 && $0.name == "MS_Description"
    }
    descriptions = Dictionary(
      described.compactMap { property in
        property.value?.text(codePage: codePage)
          .map { (Described(object: property.objectID, part: property.part), $0) }
      }, uniquingKeysWith: { first, _ in first })
  }

  mutating func database(named name: String) throws(BackupError) -> Database {
    var tables: [Table] = []
    for object in system.objects where object.isUsers && object.type == "U " {
      tables.append(try table(object))
    }
    tables.sort { $0.name < $1.name }
    let modules = modules()
    let sequences = sequences()
    let aliasTypes = aliasTypes()
    let functions = partitionFunctions()
    let schemes = partitionSchemes()
    noteUnread()
    let owning =
      tables.map(\.name.schema) + modules.map(\.name.schema) + sequences.map(\.name.schema)
      + aliasTypes.map(\.name.schema)
    return Database(
      name: name, serverVersion: system.boot.serverVersion,
      collation: collation(databaseCollation),
      schemas: Set(owning).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) },
      tables: tables, sequences: sequences, aliasTypes: aliasTypes, modules: modules,
      partitionFunctions: functions, partitionSchemes: schemes,
      extendedProperties: extendedProperties(), notes: notes)
  }

  private mutating func table(_ object: SystemObject) throws(BackupError) -> Table {
    let name = self.name(of: object)
    let columns = try columns(of: object, in: name)
    var table = Table(name: name, columns: columns)
    readKeys(of: object, into: &table)
    readForeignKeys(of: object, into: &table)
    readChecks(of: object, into: &table)
    table.comment = comment(on: object.id, part: 0)
    table.historyTable = historyTable(of: object)
    let storage = TableStorage(object, table: table, in: system)
    table.rowCount = storage.rowCount
    table.refusal = storage.refusal
    self.storage[name] = storage
    return table
  }

  func name(of object: SystemObject) -> ObjectName {
    ObjectName(schemaName(object.schemaID), object.name)
  }

  func schemaName(_ id: Int) -> String { system.schemas[id] ?? "schema \(id)" }

  /// Name of a column of a table; a number where the catalog has none.
  func columnName(_ column: Int, of object: Int) -> String {
    system.columns[object]?.first { $0.columnID == column }?.name ?? "column \(column)"
  }

  var codePage: Int? { collation(databaseCollation).codePage }

  func collation(_ id: CollationID) -> Collation {
    var collation = id.collation
    collation.codePage = id.codePage(ofDefault: databaseCollation, localeID)
    return collation
  }

  /// The text of a definition; nil, and a note, where it cannot be read.
  mutating func definition(_ key: ValueKey, of what: String) -> String? {
    guard let value = system.values[key] else { return nil }
    if let text = value.text(codePage: codePage) { return text }
    note("the text of \(what) is kept in a way that is not read (encrypted, or another code page)")
    return nil
  }

  mutating func note(_ sentence: String) { notes.append(sentence) }

  /// Extended property `MS_Description` of a table (part 0) or column.
  func comment(on object: Int, part: Int) -> String? {
    descriptions[Described(object: object, part: part)]
  }

  /// Reference class 112: the dependent is the history table of the target (section 10.6).
  private func historyTable(of object: SystemObject) -> ObjectName? {
    histories[object.id].flatMap { system.objectByID[$0] }.map(name(of:))
  }

  /// What exists and is neither read nor among the modules.
  private mutating func noteUnread() {
    let external = system.objects.filter { $0.isUsers && $0.type == "ET" }
    for object in external {
      note("external table \(name(of: object)) keeps its rows elsewhere and is left out")
    }
  }
}
