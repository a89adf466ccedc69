import Catalog

/// Reads the whole catalog of a database through one connection, or two at the same time.
struct CatalogReader: Sendable {
  var connection: ServerConnection
  let queries: CatalogQueries
  /// In which the rows will be read: it decides which tables can be.
  let isolation: ReadMode.Isolation
  private(set) var notes: [String] = []
  /// What a person should know before trusting the rows.
  private(set) var warnings: [String] = []
  private(set) var tableNames: [Int: ObjectName] = [:]
  private(set) var columnNames: [ColumnKey: String] = [:]
  /// Where views are asked for as they are.
  var types = TypeRecords()
  private var emptyViews: Set<CatalogView> = []

  init(
    _ connection: ServerConnection, version: ServerVersion, isolation: ReadMode.Isolation
  ) {
    self.connection = connection
    self.isolation = isolation
    queries = CatalogQueries(version: version)
  }

  /// - Parameter lend: Lends a second connection, to be used meanwhile; nil for one after the other.
  mutating func database(
    _ server: ServerFacts, beside lend: OtherObjects.Lend? = nil
  ) throws(ServerError) -> Database {
    if !queries.arePlain { try findEmptyViews() }
    let reading = lend.map { OtherObjects.meanwhile(self, on: $0) }
    var tables = try withSentDecimals(tables())
    try notePermissions()
    // Whatever the second connection failed of, this one asks for again, or says.
    let found = if let found = reading?.wait() { found } else { try OtherObjects(self) }
    complete(&tables, found)
    let aliasRecords = queries.arePlain ? types.aliases : found.aliasTypes
    let modules = modules(found.modules, found.synonyms, aliasRecords)
    let aliasTypes = aliasTypes(aliasRecords)
    for sentence in found.notes { note(sentence) }
    for sentence in found.warnings { warn(sentence) }
    let owning =
      tables.map(\.name.schema) + modules.map(\.name.schema) + found.sequences.map(\.name.schema)
      + aliasTypes.map(\.name.schema)
    return Database(
      name: server.database, serverVersion: server.version.description,
      collation: server.collation,
      schemas: Set(owning).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) },
      tables: tables, sequences: found.sequences, aliasTypes: aliasTypes, modules: modules,
      partitionFunctions: found.partitionFunctions, partitionSchemes: found.partitionSchemes,
      extendedProperties: found.extendedProperties, notes: notes)
  }

  mutating func note(_ sentence: String) {
    if !notes.contains(sentence) { notes.append(sentence) }
  }

  /// Notes what also belongs into the manifest.
  mutating func warn(_ sentence: String) {
    note(sentence)
    if !warnings.contains(sentence) { warnings.append(sentence) }
  }

  /// Finds views that need not be asked for what is in them. A server that does not have one of them
  /// is asked for each.
  private mutating func findEmptyViews() throws(ServerError) {
    do throws(ServerError) {
      for record in try connection.query(queries.fillings) where record.integer("row_count") == 0 {
        if let view = record.text("view_name").flatMap(CatalogView.init) { emptyViews.insert(view) }
      }
    } catch {
      guard error.code == .sql || error.code == .permission, connection.recover() else {
        throw error
      }
    }
  }

  /// Asks for what the database cannot be read without.
  ///
  /// - Parameter view: Without whose rows there is no answer.
  func ask(_ batch: SQLBatch, of view: CatalogView? = nil) throws(ServerError) -> [ResultRecord] {
    if let view, try isEmpty(view) { return [] }
    return try connection.query(batch)
  }

  /// Where views are asked for as they are, so are those that may be empty; only what is asked of some is
  /// not plain, and is asked when there is something.
  private func isEmpty(_ view: CatalogView) throws(ServerError) -> Bool {
    guard queries.arePlain else { return emptyViews.contains(view) }
    guard [.extendedProperties, .partitionFunctions, .synonyms, .sequences].contains(view) else {
      return false
    }
    return try connection.query(queries.filling(of: view)).first?.integer("row_count") == 0
  }

  /// As `ask`, of what belongs to tables: of other objects nothing is returned, whoever leaves it out.
  func ask(
    ofTables batch: SQLBatch, of view: CatalogView? = nil
  ) throws(ServerError) -> [ResultRecord] { ofTables(try ask(batch, of: view)) }

  func ofTables(_ records: [ResultRecord]) -> [ResultRecord] {
    guard queries.arePlain else { return records }
    return records.filter { record in
      record.integer("object_id").map { tableNames[$0] != nil } ?? true
    }
  }

  /// Asks for what a server may not have: a view or a column of a later version, or of none where
  /// the server only speaks like SQL Server.
  ///
  /// - Returns: nothing, and a note, where the server does not know it.
  mutating func askIfThere(
    _ batch: SQLBatch, of view: CatalogView? = nil
  ) throws(ServerError) -> [ResultRecord] {
    do throws(ServerError) {
      return try ask(batch, of: view)
    } catch {
      guard error.code == .sql || error.code == .permission, connection.recover() else {
        throw error
      }
      note("the server does not answer about \(batch.name): \(error.problem)")
      return []
    }
  }

  /// Asks for less where a server fails to answer the whole question, and notes it.
  mutating func ask(
    _ batch: SQLBatch, orLess fallback: SQLBatch, of view: CatalogView
  ) throws(ServerError) -> [ResultRecord] {
    do throws(ServerError) {
      return try ask(batch, of: view)
    } catch {
      guard error.code == .sql, connection.recover() else { throw error }
      note("the server does not answer about \(batch.name): \(error.problem)")
      return try ask(fallback)
    }
  }

  /// Without VIEW DEFINITION a login sees only what it has some permission on: the rest would be
  /// missing without a word.
  private mutating func notePermissions() throws(ServerError) {
    guard let record = try askIfThere(CatalogQueries.permissions).first else { return }
    let login = record.text("login_name") ?? connection.address.user
    if let mayView = record.integer("view_definition") {
      guard mayView == 0 else { return }
      warn(
        "login \(login) lacks VIEW DEFINITION: what it has no permission on is not listed at all"
          + (queries.version.has(13)
            ? ", and a security policy that hides rows from it would not be seen" : ""))
    } else if record.integer("select_all") == 0 {
      // Babelfish knows no such permission, and lists to a login what it may read.
      warn(
        "login \(login) may not read the whole database: what it has no permission on is not listed "
          + "at all")
    }
  }
}

/// A column of a table, by the numbers that the server has for them; column 0 is the table.
struct ColumnKey: Hashable {
  let object: Int
  let column: Int

  init(_ object: Int, _ column: Int) {
    self.object = object
    self.column = column
  }

  init?(_ record: ResultRecord) {
    guard let object = record.integer("object_id"), let column = record.integer("column_id") else {
      return nil
    }
    self.init(object, column)
  }
}

/// What kind of server and database it is.
struct ServerFacts: Sendable {
  let version: ServerVersion
  let edition: String
  let database: String
  let collation: Collation?
  let allowsSnapshot: Bool
  /// Statements under READ COMMITTED see one moment each.
  let readsCommittedVersions: Bool
  let isReadOnly: Bool

  /// - Parameter second: Asks on another connection for the settings of the databases, meanwhile.
  /// - Throws: `unknown` where the server does not say what it is.
  init(
    _ connection: ServerConnection, beside second: Meanwhile<SecondConnection>? = nil
  ) throws(ServerError) {
    guard let record = try connection.query(CatalogQueries.server).first,
      let version = ServerVersion(record), let database = record.text("database_name")
    else {
      throw ServerError(
        .unknown, server: connection.address.label,
        problem: "the server does not say which version it is")
    }
    self.version = version
    self.database = database
    edition = record.text("edition") ?? ""
    collation = Collation(
      server: record.text("collation_name"), codePage: record.integer("code_page"))
    // Whatever is learned in the meantime need not be later.
    if second != nil, version.kind == .babelfish {
      try connection.learn(CatalogQueries(version: version).tables)
    }
    let databases =
      if let asked = second?.wait() { asked.databases } else {
        try connection.query(CatalogQueries.databases)
      }
    let settings = databases.first { $0.integer("database_id") == $0.integer("own_id") }
    allowsSnapshot = settings?.integer("snapshot_state") == 1
    readsCommittedVersions = settings?.flag("read_committed_snapshot") ?? false
    isReadOnly = settings?.flag("is_read_only") ?? false
  }
}

/// A connection that is opened while the first asks what kind of server it is, so that it is ready when
/// there is something to read.
struct SecondConnection: Sendable {
  let connection: ServerConnection
  /// Settings of all databases.
  let databases: [ResultRecord]

  static func meanwhile(_ address: ServerAddress, password: String) -> Meanwhile<Self> {
    Meanwhile {
      let connection = try ServerConnection.ready(address, password: password)
      return SecondConnection(
        connection: connection, databases: try connection.query(CatalogQueries.databases))
    }
  }
}

// MARK: - Tables

extension CatalogReader {
  private mutating func tables() throws(ServerError) -> [Table] {
    let records = try ask(queries.tables).filter { !$0.flag("is_ms_shipped") }
    for record in records {
      guard let id = record.integer("object_id"), let name = ObjectName(record, "table_name") else {
        throw missing("tables")
      }
      tableNames[id] = name
    }
    var columns = try columns()
    var parts = try TableParts(&self)
    var tables: [Table] = []
    for record in records {
      guard let id = record.integer("object_id"), let name = tableNames[id] else { continue }
      if record.flag("is_external") {
        note("external table \(name) keeps its rows elsewhere and is left out")
        continue
      }
      var table = Table(name: name, columns: columns[id]?.columns ?? [])
      parts.fill(&table, id: id)
      if record.integer("temporal_type") == 2 {
        table.historyTable = record.integer("history_table_id").flatMap { tableNames[$0] }
      }
      let isGraph = record.flag("is_node") || record.flag("is_edge")
      table.refusal =
        columns.removeValue(forKey: id)?.refusal ?? parts.refusals[id]
        ?? (isGraph ? "a graph table: its ids mean nothing outside its database" : nil)
      if table.columns.isEmpty { table.refusal = "the catalog lists no column of it" }
      tables.append(table)
    }
    return tables.sorted { $0.name < $1.name }
  }

  /// Adds to tables what is asked for beside them.
  private func complete(_ tables: inout [Table], _ found: OtherObjects) {
    let ids = Dictionary(tableNames.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    for table in tables.indices {
      guard let id = ids[tables[table].name] else { continue }
      tables[table].rowCount = found.rowCounts[id]
      tables[table].comment = found.comments[ColumnKey(id, 0)]
      for column in tables[table].columns.indices {
        let key = ColumnKey(id, tables[table].columns[column].id)
        tables[table].columns[column].comment = found.comments[key]
      }
    }
  }

  mutating func setColumnNames(_ names: [ColumnKey: String]) { columnNames = names }

  /// Name of a column of a table; a number where the catalog has none.
  func columnName(_ key: ColumnKey) -> String { columnNames[key] ?? "column \(key.column)" }

  func missing(_ what: String) -> ServerError {
    ServerError(
      .badAnswer, server: connection.address.label, place: what,
      problem: "an answer about the catalog lacks a name or a number")
  }
}

extension ObjectName {
  /// - Parameter name: The column with the object's name; the schema's is `schema_name`.
  init?(_ record: ResultRecord, _ name: String) {
    guard let schema = record.text("schema_name"), let name = record.text(name) else { return nil }
    self.init(schema, name)
  }
}
