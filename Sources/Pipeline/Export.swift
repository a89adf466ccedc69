// Where an export is driven: every table of a source becomes CSV chunks in one snapshot folder.

import Catalog
public import Logging
import ServerSource
public import Staging
public import Translation

/// Dumps the tables of a source into a new snapshot.
public struct Export: Sendable {
  /// What the export did.
  public struct Outcome: Sendable {
    public let folder: String
    public let manifest: Manifest
    /// Rows that PostgreSQL could not hold and that went to `rejects/`.
    public var rejectCount: Int { manifest.tables.reduce(0) { $0 + $1.rejects } }
  }

  let source: any Source
  let folder: String
  let selection: TableSelection
  let mapping: Mapping
  let jobCount: Int
  let base: ExportBase?
  let deadline: Deadline?
  let logger: Logger

  /// - Parameters:
  ///   - folder: Made when missing. An unfinished export in it is gone on with where the source shows
  ///     that its rows are still the same, else it is thrown away and begun again.
  ///   - mapping: Three things of it matter here: `nul`, what becomes of text that PostgreSQL cannot
  ///     store, the `type` of columns whose shapes go to PostGIS, and `incremental`.
  ///   - base: From where tables go on of which the mapping says `incremental`; nil to read all rows.
  ///   - jobCount: Tables, or ranges of large tables, read at the same time.
  ///   - deadline: When to stop reading; what is finished by then stays in the folder.
  public init(
    source: any Source, folder: String, selection: TableSelection, mapping: Mapping = Mapping(),
    base: ExportBase? = nil, jobCount: Int, deadline: Deadline? = nil, logger: Logger
  ) {
    self.source = source
    self.folder = folder
    self.selection = selection
    self.mapping = mapping
    self.base = base
    self.jobCount = jobCount
    self.deadline = deadline
    self.logger = logger
  }

  /// Reads the catalog, writes every selected table and, last of all, the manifest.
  ///
  /// - Throws: The source's error for the first table that cannot be read, or `locked` at the deadline;
  ///   the folder then has no manifest and is no snapshot.
  public func run() async throws -> Outcome {
    do {
      return try await readAll()
    } catch {
      do {
        try await close()
      } catch let leftBehind {
        logger.error("\(leftBehind)")
      }
      throw error
    }
  }

  private func readAll() async throws -> Outcome {
    if let words = try SnapshotWriter.lastingWords(in: folder) { source.goOn(with: words) }
    var database = try await onBlockingThread { try source.readCatalog() }
    try mapping.chooseCellForms(in: &database.tables)
    for line in source.announcements { logger.notice("\(line)") }
    try requireTables(of: database)
    let (tables, leftOut) = try selectTables(of: database)
    let textPolicies = try mapping.textPolicies(for: database.tables)
    let changes = try await changePlan(for: tables, of: database)
    let writer = try SnapshotWriter(folder: folder)
    // Watermarks are taken before anything is read, so they are of one export alone.
    let lasting = changes.isEmpty ? try await lastingWords(textPolicies) : nil
    let finished = try writer.begin(database, lasting: lasting)
    for case let (table, reason?) in tables.map({ ($0, $0.refusal) }) {
      logger.warning("table left out", metadata: ["table": "\(table.name)", "reason": "\(reason)"])
    }
    // The largest first, so that the last table to finish is a small one.
    let largestFirst = tables.filter { $0.refusal == nil }.sorted {
      ($0.rowCount ?? 0, $1.name) > ($1.rowCount ?? 0, $0.name)
    }
    let rows = RowExport(
      source: source, snapshot: writer, textPolicies: textPolicies, changes: changes,
      jobCount: jobCount, logger: logger)
    let written = try await before(deadline, canGoOn: lasting != nil) {
      try await rows.export(largestFirst, finished)
    }
    var identity = source.identity
    do {
      try await close()
    } catch {
      // The rows are all there; that something stays on the server is for a person to clear.
      identity.warnings.append("\(error)")
    }
    let manifest = try writer.finish(source: identity, tables: written, leftOut: leftOut)
    return Outcome(folder: folder, manifest: manifest)
  }

  /// Lets the source give back what it made elsewhere, also when this task is cancelled.
  private func close() async throws {
    try await Task.detached(executorPreference: BlockingThreads.shared) { [source] in
      try source.close()
    }.value
  }

  /// A file that has no tables says so for certain, and its snapshot is empty. A server may just not
  /// list them to this login.
  private func requireTables(of database: Database) throws {
    guard database.tables.isEmpty else { return }
    guard source.identity.kind != "mssql" else {
      throw PipelineError(
        .noInput, "database \(database.name) has no user table that this login sees",
        advice: "check the name of the database, and GRANT VIEW DEFINITION to the login's user")
    }
    logger.warning(
      "the database has no user table: the snapshot is empty; check that this is the right file",
      metadata: ["database": "\(database.name)"])
  }

  /// The tables of this export, and those that nobody asked for.
  private func selectTables(of database: Database) throws -> ([Table], leftOut: [ObjectName]) {
    let (names, widened) = try selection.select(from: database, by: mapping)
    for table in widened { logger.notice("table comes along", metadata: table.metadata) }
    let selected = Set(names)
    let tables = database.tables.filter { selected.contains($0.name) }
    // A refused table never stops the others, unless it is asked for by name.
    for table in tables where selection.namesExactly(table.name) {
      guard let refusal = table.refusal else { continue }
      throw PipelineError(.noInput, "\(table.name) cannot be read: \(refusal)")
    }
    return (tables, database.tables.map(\.name).filter { !selected.contains($0) })
  }

  /// All that the rows in the folder depend on; nil where the source does not show that its rows stay.
  private func lastingWords(
    _ textPolicies: [ObjectName: [String: TextPolicy]]
  ) async throws -> String? {
    guard let state = try await onBlockingThread({ try source.lastingState() }) else { return nil }
    let policies = textPolicies.map { table, columns in
      "\(table): " + columns.map { "\($0) \($1.rawValue)" }.sorted().joined(separator: ", ")
    }
    return ([state, "restage \(Version.number)"] + policies.sorted()).joined(separator: "\n")
  }
}

/// Does one blocking piece of work off the cooperative threads.
func onBlockingThread<Outcome: Sendable>(
  _ work: @escaping @Sendable () throws -> Outcome
) async throws -> Outcome {
  try await withTaskExecutorPreference(BlockingThreads.shared) { try work() }
}

extension ContinuousClock.Instant {
  var millisecondsUntilNow: Int64 { duration(to: .now).milliseconds }
}

extension Duration {
  var milliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }
}
