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

  /// From where a later export can go on with changed rows alone. Asked once, after `readCatalog` and
  /// before anything is read of a table: what changes from then on is read later.
  ///
  /// - Parameter tables: With how their changed rows are found.
  /// - Returns: Nothing for a table of which the source cannot say it.
  func watermarks(of tables: [(table: Table, changes: ChangeSource)]) throws -> [ObjectName:
    Watermark]

  /// Why the rows of a table that changed since a watermark cannot be told from the others, in one
  /// clause; nil where they can.
  func problem(
    ofChangesIn table: Table, by changes: ChangeSource, since watermark: Watermark
  ) throws -> String?

  /// As `readRows(of:into:)`, but writes rows alone that changed since a watermark.
  ///
  /// - Parameter removed: Gets the keys of rows that are no longer there; nil where the source does not
  ///   know them.
  func readChanges(
    of table: Table, by changes: ChangeSource, since watermark: Watermark,
    into writer: inout TableWriter, removed: inout TableWriter?
  ) throws -> RowOrder

  /// What a person should see before rows are read: which locks that takes, what is made elsewhere for
  /// it. One sentence each; known after `readCatalog`.
  var announcements: [String] { get }

  /// Goes on with the state of an unfinished export, if it is still there. Called before `readCatalog`.
  ///
  /// - Parameter words: That begin with the `lastingState` of that export.
  func goOn(with words: String)

  /// Has `close` leave what was made elsewhere, for an export that goes on with it.
  func keepState()

  /// Gives back what was made elsewhere for the export. Called once after the last table, also after
  /// an error or a cancellation, never from a cancelled task. Nothing is read afterwards.
  ///
  /// - Throws: The source's own error type where something stays behind; it says what.
  func close() throws

  /// What the source's rows are the rows of, in words that stay the same as long as the rows do; nil
  /// where nothing shows that they stay. Known after `readCatalog`.
  func lastingState() throws -> String?

  /// Gets ready for so many readers at the same time. Called once, between `readCatalog` and the first
  /// row.
  ///
  /// - Parameter tables: What will be read, the largest first.
  func prepare(readerCount: Int, tables: [Table]) throws

  /// Ranges of a large table that can be read by several readers at the same time, because all of them
  /// see the same rows.
  ///
  /// - Returns: nil for a table that is read whole.
  func ranges(of table: Table) throws -> RowRanges?

  /// Writes the rows of one range, otherwise as `readRows(of:into:)` does.
  ///
  /// - Parameter range: One of those that `ranges` returned, for this source or for an earlier one with
  ///   the same `lastingState`.
  func readRows(
    of table: Table, in range: RowRange, into writer: inout TableWriter
  ) throws -> RowOrder
}

/// Of a source that makes nothing elsewhere and reads every table whole.
extension Source {
  public var announcements: [String] { [] }
  public func goOn(with words: String) {}
  public func keepState() {}
  public func close() throws {}
  public func lastingState() throws -> String? { nil }
  public func prepare(readerCount: Int, tables: [Table]) throws {}
  public func ranges(of table: Table) throws -> RowRanges? { nil }

  public func readRows(
    of table: Table, in range: RowRange, into writer: inout TableWriter
  ) throws -> RowOrder {
    preconditionFailure("a source without ranges is asked for range \(range.number)")
  }

  public func watermarks(of tables: [(table: Table, changes: ChangeSource)]) throws -> [ObjectName:
    Watermark]
  { [:] }

  public func problem(
    ofChangesIn table: Table, by changes: ChangeSource, since watermark: Watermark
  ) throws -> String? { "the source does not tell changed rows from others" }

  public func readChanges(
    of table: Table, by changes: ChangeSource, since watermark: Watermark,
    into writer: inout TableWriter, removed: inout TableWriter?
  ) throws -> RowOrder {
    preconditionFailure("a source that does not tell changed rows is asked for them")
  }
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
  /// How a live server was read; nil for files.
  public var read: ReadState?

  public init(
    kind: String, database: String, serverVersion: String, files: [String], consistency: String,
    warnings: [String] = [], read: ReadState? = nil
  ) {
    self.kind = kind
    self.database = database
    self.serverVersion = serverVersion
    self.files = files
    self.consistency = consistency
    self.warnings = warnings
    self.read = read
  }

  enum CodingKeys: String, CodingKey {
    case kind, database, files, consistency, warnings, read
    case serverVersion = "server_version"
  }
}

/// How a live server was read, for programs; `SourceIdentity.consistency` says it to people.
public struct ReadState: Codable, Hashable, Sendable {
  /// As `--consistency` names it: snapshot, database-snapshot, locked, none.
  public var mode: String
  /// The isolation level of the transactions in which rows were read.
  public var isolation: String
  /// Whether all tables are of one moment.
  public var isOneMoment: Bool
  /// Name of the database snapshot that was read; it is gone by now.
  public var databaseSnapshot: String?
  /// When it was made, by the server's clock.
  public var databaseSnapshotCreated: String?

  public init(
    mode: String, isolation: String, isOneMoment: Bool, databaseSnapshot: String? = nil,
    databaseSnapshotCreated: String? = nil
  ) {
    self.mode = mode
    self.isolation = isolation
    self.isOneMoment = isOneMoment
    self.databaseSnapshot = databaseSnapshot
    self.databaseSnapshotCreated = databaseSnapshotCreated
  }

  enum CodingKeys: String, CodingKey {
    case mode, isolation
    case isOneMoment = "one_moment"
    case databaseSnapshot = "database_snapshot"
    case databaseSnapshotCreated = "database_snapshot_created"
  }
}
