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
  let logger: Logger

  /// - Parameters:
  ///   - folder: Made when missing. An unfinished export in it is thrown away and begun again: a file
  ///     is read faster than it is compared.
  ///   - mapping: Two things of it matter here: `nul`, what becomes of text that PostgreSQL cannot store,
  ///     and the `type` of columns whose shapes go to PostGIS.
  ///   - jobCount: Tables read at the same time.
  public init(
    source: any Source, folder: String, selection: TableSelection, mapping: Mapping = Mapping(),
    jobCount: Int, logger: Logger
  ) {
    self.source = source
    self.folder = folder
    self.selection = selection
    self.mapping = mapping
    self.jobCount = jobCount
    self.logger = logger
  }

  /// Reads the catalog, writes every selected table and, last of all, the manifest.
  ///
  /// - Throws: The source's error for the first table that cannot be read; the folder then has no
  ///   manifest and is no snapshot.
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
    var database = try await onBlockingThread { try source.readCatalog() }
    try mapping.chooseCellForms(in: &database.tables)
    for line in source.announcements { logger.notice("\(line)") }
    try requireTables(of: database)
    let (tables, leftOut) = try selectTables(of: database)
    let textPolicies = try mapping.textPolicies(for: database.tables)
    let writer = try SnapshotWriter(folder: folder)
    try writer.begin(database)
    for case let (table, reason?) in tables.map({ ($0, $0.refusal) }) {
      logger.warning("table left out", metadata: ["table": "\(table.name)", "reason": "\(reason)"])
    }
    // The largest first, so that the last table to finish is a small one.
    let largestFirst = tables.filter { $0.refusal == nil }.sorted {
      ($0.rowCount ?? 0, $1.name) > ($1.rowCount ?? 0, $0.name)
    }
    let written = try await forEachBlocking(largestFirst, jobCount: jobCount) { table in
      try await exportPatiently(table, textPolicies[table.name] ?? [:], to: writer)
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

  /// Begins a table again whose connection broke, never half of it: what was written is thrown away.
  private func exportPatiently(
    _ table: Table, _ textPolicies: [String: TextPolicy], to snapshot: SnapshotWriter
  ) async throws -> TableManifest {
    var pause = Duration.seconds(ServerLimits.backoffSeconds)
    for attempt in 1..<ServerLimits.attemptCountMax {
      do {
        return try export(table, textPolicies, to: snapshot)
      } catch let error as ServerError where error.isTransient {
        logger.warning(
          "table begun again",
          metadata: [
            "table": "\(table.name)", "attempt": "\(attempt)", "reason": "\(error)",
          ])
        try snapshot.discard(table)
        try await Task.sleep(for: pause)
        pause *= 2
      }
    }
    return try export(table, textPolicies, to: snapshot)
  }

  private func export(
    _ table: Table, _ textPolicies: [String: TextPolicy], to snapshot: SnapshotWriter
  ) throws -> TableManifest {
    let began = ContinuousClock.now
    var writer = try snapshot.makeTableWriter(for: table, textPolicies: textPolicies)
    let order = try source.readRows(of: table, into: &writer)
    let manifest = try writer.finish(order: order)
    logger.info(
      "table exported",
      metadata: [
        "table": "\(table.name)", "rows": "\(manifest.rows)", "bytes": "\(manifest.bytes)",
        "rejects": "\(manifest.rejects)", "ms": "\(began.millisecondsUntilNow)",
      ])
    if let altered = manifest.altered {
      logger.warning(
        "text was altered to fit PostgreSQL; the rejects list the rows",
        metadata: ["table": "\(table.name)", "rows": "\(altered)"])
    }
    return manifest
  }
}

/// Does one blocking piece of work off the cooperative threads.
func onBlockingThread<Outcome: Sendable>(
  _ work: @escaping @Sendable () throws -> Outcome
) async throws -> Outcome {
  try await withTaskExecutorPreference(BlockingThreads.shared) { try work() }
}

extension ContinuousClock.Instant {
  var millisecondsUntilNow: Int64 {
    let elapsed = (ContinuousClock.now - self).components
    return elapsed.seconds * 1000 + elapsed.attoseconds / 1_000_000_000_000_000
  }
}
