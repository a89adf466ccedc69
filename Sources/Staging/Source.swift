public import Catalog

/// Where rows come from: a backup file, a live server, a bacpac, a folder of CSV.
///
/// Everything behind this protocol is blocking and may be called from several threads at once, one
/// call for each table; `Pipeline` keeps it off Swift's cooperative threads. A source writes rows and
/// knows nothing of what becomes of them.
public protocol Source: Sendable {
  /// What the manifest says of the source.
  var identity: SourceIdentity { get }

  /// What `inspect` tells about the source, in the order in which a person wants to know it.
  var facts: [SourceFact] { get }

  /// Reads the whole catalog.
  ///
  /// - Throws: The source's own error type, when the catalog cannot be read. A single table that
  ///   cannot be read is no error: it carries a `refusal`.
  func readCatalog() throws -> Database

  /// Writes every row of one table, each stored column once, in column-id order.
  ///
  /// - Parameters:
  ///   - table: One of the tables that `readCatalog` returned, without a refusal.
  ///   - writer: Gets the rows, in key order where `RowOrder.key` is returned.
  /// - Returns: The order in which the rows were written.
  /// - Throws: The source's own error type on the first byte that cannot be read as what it should
  ///   be. A read error never ends the rows early and never becomes NULL.
  func readRows(of table: Table, into writer: inout TableWriter) throws -> RowOrder
}

/// One line of what `inspect` tells about a source, such as "backup finished" and its time.
public struct SourceFact: Hashable, Sendable {
  public var name: String
  public var value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// The order of a table's rows in its chunks.
public enum RowOrder: String, Codable, Sendable {
  /// Ascending in the clustered key, as the source compares it.
  case key
  /// As the rows lie in the source.
  case physical
}

/// What the manifest says of a source.
public struct SourceIdentity: Codable, Hashable, Sendable {
  /// "bak", "mdf", "bacpac", "mssql", "csv".
  public var kind: String
  public var database: String
  /// "SQL Server 2016".
  public var serverVersion: String
  /// File names without folders, or empty for a live server.
  public var files: [String]
  /// One sentence on how consistent the read is ("backup of 2017-05-18T04:17:39, 64 KiB of log not
  /// replayed").
  public var consistency: String
  /// What a person should know before trusting the rows, one sentence each.
  public var warnings: [String]

  public init(
    kind: String, database: String, serverVersion: String, files: [String], consistency: String,
    warnings: [String] = []
  ) {
    self.kind = kind
    self.database = database
    self.serverVersion = serverVersion
    self.files = files
    self.consistency = consistency
    self.warnings = warnings
  }

  enum CodingKeys: String, CodingKey {
    case kind, database, files, consistency, warnings
    case serverVersion = "server_version"
  }
}
