public import Catalog
import Glibc
public import Staging

/// A live SQL Server (or a server that speaks like one) as a source of rows.
///
/// Connections are opened as threads ask for them and are kept for the next table. Where the database
/// allows SNAPSHOT isolation, each connection reads inside one such transaction from its first table to
/// its last, so that what one connection reads is of one moment.
public struct ServerSource: Source {
  public let facts: [SourceFact]

  private let address: ServerAddress
  private let server: ServerFacts
  private let connections: ConnectionPool
  private let catalogWarnings = Locked<[String]>([])

  /// Connects and asks what kind of server it is.
  ///
  /// - Parameter password: From `Password` or the environment; empty for none.
  /// - Throws: The layer that failed, with the server's own words.
  public init(_ address: ServerAddress, password: String) throws(ServerError) {
    self.address = address
    let connection = try ServerConnection.ready(address, password: password)
    server = try ServerFacts(connection)
    connections = ConnectionPool(
      address, password: password, usesSnapshot: server.allowsSnapshot)
    facts = Self.facts(server, address, connection)
    connections.giveBack(connection)
  }

  public var identity: SourceIdentity {
    SourceIdentity(
      kind: "mssql", database: server.database, serverVersion: server.version.description,
      files: [], consistency: consistency,
      warnings: catalogWarnings.withLock { $0 } + consistencyWarnings)
  }

  public func readCatalog() throws -> Database {
    let connection = try connections.take()
    var reader = CatalogReader(connection, version: server.version)
    let database = try reader.database(server)
    let warnings = reader.warnings
    catalogWarnings.withLock { $0 = warnings }
    connections.giveBack(connection)
    return database
  }

  /// Reads a table once; a caller that gets an error which `isTransient` may begin it again.
  public func readRows(of table: Table, into writer: inout TableWriter) throws -> RowOrder {
    if let refusal = table.refusal {
      throw ServerError(
        .unknown, server: address.label, place: "\(table.name)", problem: refusal)
    }
    let connection = try connections.take()
    do {
      try connections.beginReading(on: connection)
      let reader = try RowReader(table, TextForm(server.version.kind), on: connection)
      _ = try reader.read(into: &writer)
      connections.giveBack(connection)
      return reader.query.order
    } catch {
      // Nothing on a connection is trusted after an error: it is closed, with its transaction.
      if Task.isCancelled { throw CancellationError() }
      throw error
    }
  }

  private static func facts(
    _ server: ServerFacts, _ address: ServerAddress, _ connection: ServerConnection
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
    if let collation = server.collation {
      let page = collation.codePage.map { "code page \($0)" } ?? "code page unknown"
      facts.append(SourceFact("collation", "\(collation.name ?? "unknown") (\(page))"))
    }
    return facts
  }
}

// MARK: - Consistency

extension ServerSource {
  /// One sentence on how far the rows belong to one moment.
  private var consistency: String {
    if server.isReadOnly { return "live server, the database is read-only" }
    guard server.allowsSnapshot else {
      return "live server, READ COMMITTED: rows and tables are of different moments"
    }
    let moments = connections.moments
    guard let first = moments.first, let last = moments.last, moments.count > 1 else {
      return "live server, SNAPSHOT isolation: all tables are of one moment"
    }
    return "live server, SNAPSHOT isolation in \(moments.count) transactions that began within "
      + "\(last - first) ms: each table is of the moment of its own"
  }

  private var consistencyWarnings: [String] {
    guard !server.isReadOnly, !server.allowsSnapshot else { return [] }
    return [
      "database \(server.database) does not allow SNAPSHOT isolation: what is written during the "
        + "export may be read in part (ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON)"
    ]
  }
}
