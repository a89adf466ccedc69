public import Catalog
import Glibc
public import Staging

/// A live SQL Server (or a server that speaks like one) as a source of rows.
///
/// Connections are opened as threads ask for them and are kept for the next table. How far what they
/// read is of one moment is `Consistency`'s to say.
public struct ServerSource: Source {
  public let facts: [SourceFact]

  let address: ServerAddress
  let password: String
  let server: ServerFacts
  let mode: ReadMode
  let connections: ConnectionPool
  let sharing = Locked(false)
  /// Whether the ends of a table's key were asked for.
  let endsAsked = Locked(false)
  private let found = Locked(Found())

  /// What is found out on the way.
  private struct Found {
    var catalogWarnings: [String] = []
    var rowWarnings: [String] = []
    var snapshot: DatabaseSnapshot?
    /// Of an unfinished export.
    var earlierState = ""
    var keepsSnapshot = false
    /// Whether the database snapshot is that of an unfinished export.
    var isTakenOver = false
    /// What was asked of the source before the snapshot was made.
    var marks: SourceMarks?
  }

  /// Connects and asks what kind of server it is.
  ///
  /// - Parameters:
  ///   - password: From `Password` or the environment; empty for none.
  ///   - consistency: nil for SNAPSHOT isolation where the database allows it, else none.
  /// - Throws: The layer that failed, with the server's own words; `unknown` where the server does not
  ///   have the consistency that is asked for.
  public init(
    _ address: ServerAddress, password: String, consistency: Consistency? = nil
  ) throws(ServerError) {
    self.address = address
    self.password = password
    let connection = try ServerConnection.ready(address, password: password)
    // The login is let in: another one is, too. Only a database snapshot is another database.
    let isAlone = address.limits.readerCount == 1 || consistency == .databaseSnapshot
    let second = isAlone ? nil : SecondConnection.meanwhile(address, password: password)
    server = try ServerFacts(connection, beside: second)
    mode = try ReadMode(consistency, server, address)
    connections = ConnectionPool(address, password: password, mode: mode)
    facts = Self.facts(server, mode, address)
    if let second = second?.wait() { connections.giveBack(second.connection) }
    connections.giveBack(connection)
    if server.isReadOnly { try connections.keepWitness() }
  }

  public var identity: SourceIdentity {
    SourceIdentity(
      kind: "mssql", database: server.database, serverVersion: server.version.description,
      files: [], consistency: mode.sentence(connections.moments, snapshot),
      warnings: found.withLock { $0.catalogWarnings + $0.rowWarnings } + consistencyWarnings,
      read: mode.state(connections.moments, snapshot))
  }

  /// Makes the database snapshot first, where one is asked for: the catalog is then of its moment, too.
  /// Of Babelfish it is read over two connections where there will be several.
  public func readCatalog() throws -> Database {
    if mode.consistency == .databaseSnapshot { try makeSnapshot() }
    let connection = try connections.take()
    var reader = CatalogReader(
      connection, version: server.version, isolation: mode.isolation)
    let isSplit = server.version.kind == .babelfish && address.limits.readerCount > 1
    let lend: OtherObjects.Lend = { body in try onConnection(body) }
    let database = try reader.database(server, beside: isSplit ? lend : nil)
    let warnings = reader.warnings
    found.withLock { $0.catalogWarnings += warnings }
    connections.giveBack(connection)
    return database
  }

  /// Reads a table once; a caller that gets an error which `isTransient` may begin it again.
  public func readRows(of table: Table, into writer: inout TableWriter) throws -> RowOrder {
    try read(table, nil, on: try connections.take(), into: &writer)
  }

  public func readRows(
    of table: Table, in range: RowRange, into writer: inout TableWriter
  ) throws -> RowOrder {
    try read(table, range, on: try takeForRanges(), into: &writer)
  }

  private func read(
    _ table: Table, _ range: RowRange?, on connection: ServerConnection,
    into writer: inout TableWriter
  ) throws -> RowOrder {
    try reading(on: connection) { connection in
      if let refusal = table.refusal {
        throw ServerError(
          .unknown, server: address.label, place: "\(table.name)", problem: refusal)
      }
      let reader = try RowReader(
        table, TextForm(server.version.kind), mode, range: range, pace: connections.pace,
        on: connection)
      noteCounts(try reader.read(into: &writer), of: table, into: &writer)
      return reader.query.order
    }
  }

  /// Lends a connection that is ready to read a table.
  func reading<Value>(_ body: (ServerConnection) throws -> Value) throws -> Value {
    try reading(on: try connections.take(), body)
  }

  func reading<Value>(
    on connection: ServerConnection, _ body: (ServerConnection) throws -> Value
  ) throws -> Value {
    try lending(connection) { connection in
      try connections.beginReading(on: connection)
      let value = try body(connection)
      try connections.endReading(on: connection)
      return value
    }
  }

  /// Takes a connection back that was lent, or forgets it.
  func lending<Value>(
    _ connection: ServerConnection, _ body: (ServerConnection) throws -> Value
  ) throws -> Value {
    do {
      let value = try body(connection)
      connections.giveBack(connection)
      return value
    } catch {
      // Nothing on a connection is trusted after an error: it is closed, with its transaction.
      connections.drop(connection)
      if Task.isCancelled { throw CancellationError() }
      throw error
    }
  }

  /// Only a mode that promises nothing gets here with two numbers.
  func noteCounts(
    _ read: (rows: Int, counted: Int), of table: Table, into writer: inout TableWriter
  ) {
    if let uncertainty = mode.uncertainty { writer.noteUncertainty(uncertainty) }
    guard read.rows != read.counted else { return }
    writer.noteSourceRows(read.counted)
    let warning =
      "\(table.name): \(read.rows) rows were read where \(read.counted) were counted, under "
      + mode.isolation.rawValue
    found.withLock { $0.rowWarnings.append(warning) }
  }

  private static func facts(
    _ server: ServerFacts, _ mode: ReadMode, _ address: ServerAddress
  ) -> [SourceFact] {
    var facts = [
      SourceFact("kind", "live server"),
      SourceFact("server", address.label),
      SourceFact("database", server.database),
      SourceFact("version", "\(server.version) (\(server.version.build))"),
    ]
    if !server.edition.isEmpty { facts.append(SourceFact("edition", server.edition)) }
    facts.append(
      SourceFact("snapshot isolation", server.allowsSnapshot ? "allowed" : "not allowed"))
    facts.append(SourceFact("locks", mode.locks))
    if let collation = server.collation {
      let page = collation.codePage.map { "code page \($0)" } ?? "code page unknown"
      facts.append(SourceFact("collation", "\(collation.name ?? "unknown") (\(page))"))
    }
    return facts
  }
}

// MARK: - Consistency

extension ServerSource {
  public var announcements: [String] {
    var lines = [
      "consistency \(mode.consistency.rawValue), \(mode.isolation.rawValue); locks: \(mode.locks)"
    ]
    if let snapshot {
      lines.append(
        "database snapshot \(snapshot.name) is dropped at the end; should restage be killed: "
          + "DROP DATABASE \(SQLText.quoted(snapshot.name));")
    }
    return lines
  }

  /// Closes the connections and drops the database snapshot, where one was made.
  public func close() throws {
    connections.reopen()
    if found.withLock({ $0.keepsSnapshot }) { return }
    try snapshot?.drop()
  }

  /// Lends a connection for questions that are not about rows.
  func onConnection<Value>(_ body: (ServerConnection) throws -> Value) throws -> Value {
    try lending(try connections.take(), body)
  }

  /// Marks that were taken before the database snapshot was made; nil without one.
  var earlyMarks: SourceMarks? { found.withLock { $0.marks } }

  /// Whether the database snapshot was made by an earlier export, whose marks are gone with it.
  var isTakenOver: Bool { found.withLock { $0.isTakenOver } }

  func warn(_ sentence: String) { found.withLock { $0.rowWarnings.append(sentence) } }

  var snapshot: DatabaseSnapshot? { found.withLock { $0.snapshot } }

  public func goOn(with words: String) { found.withLock { $0.earlierState = words } }

  public func keepState() { found.withLock { $0.keepsSnapshot = true } }

  private func makeSnapshot() throws {
    guard snapshot == nil else { return }
    // Before others are dropped: it has its lock then.
    let taken = try DatabaseSnapshot.taken(
      from: found.withLock { $0.earlierState }, database: server.database, address,
      password: password)
    let leftBehind = try DatabaseSnapshot.dropAbandoned(
      address, database: server.database, password: password)
    if let taken {
      found.withLock { found in
        found.catalogWarnings += leftBehind
        found.snapshot = taken
        found.isTakenOver = true
      }
      return connections.reopen(database: taken.name)
    }
    // A transaction that is open now ends outside the snapshot, with a mark that is not newer.
    let marks = try onConnection { try SourceMarks(on: $0) }
    let made = try DatabaseSnapshot(of: server.database, address, password: password)
    // Known before it is made, so that it is dropped whatever happens in between.
    found.withLock { found in
      found.catalogWarnings += leftBehind
      found.snapshot = made
      found.marks = marks
    }
    try made.create()
    connections.reopen(database: made.name)
  }

  private var consistencyWarnings: [String] {
    guard mode.isolation == .readCommitted || mode.isolation == .readCommittedVersions else {
      return []
    }
    let what =
      mode.isolation == .readCommitted
      ? "what is written during the export may be read in part, and no row is taken for vanished"
      : "tables are of different moments, and no row is taken for vanished"
    guard !server.allowsSnapshot else { return ["--consistency none: \(what)"] }
    return [
      "database \(server.database) does not allow SNAPSHOT isolation: \(what) "
        + "(ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON)"
    ]
  }
}
