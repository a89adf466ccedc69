// Where a run is driven: stage the rows of a snapshot, then merge them in one transaction; or, a first
// load with `commit: table`, table by table.

public import Catalog
import FoundationEssentials
public import Logging
public import Staging
import Statements
import Target

/// Loads a snapshot into the target: COPY into stage tables, then the plan's merge files.
///
/// Everything that changes final tables or key maps happens in one transaction, the run's own end
/// included: a loader killed at any moment leaves the target as it was before or as it is after. A first
/// load with `commit: table` leaves tables with all their rows or none, and the next load goes on.
public struct Load: Sendable {
  let snapshot: Snapshot
  let plan: Plan
  let target: String
  let options: Options
  let logger: Logger

  /// How to load.
  public struct Options: Sendable {
    public var selection: TableSelection
    /// Tables, and connections, that work at the same time; nil for as many as the target's place suggests.
    public var jobCount: Int?
    /// Runs everything, reports the numbers and rolls back.
    public var isRehearsal: Bool
    /// Lets more rows vanish than the mapping's `max_vanished`.
    public var allowsShrink: Bool
    /// What a first load commits at a time; nil for what the mapping says.
    public var commit: CommitPolicy?
    /// Stages unchanged chunks too.
    public var stagesAllChunks: Bool
    /// Seconds that a statement of the merge waits for a lock of somebody else.
    public var lockTimeoutSeconds: Int

    public init(
      selection: TableSelection = .all, jobCount: Int? = nil,
      isRehearsal: Bool = false, allowsShrink: Bool = false, commit: CommitPolicy? = nil,
      stagesAllChunks: Bool = false, lockTimeoutSeconds: Int = Limits.lockTimeoutSeconds
    ) {
      self.selection = selection
      self.jobCount = jobCount
      self.isRehearsal = isRehearsal
      self.allowsShrink = allowsShrink
      self.commit = commit
      self.stagesAllChunks = stagesAllChunks
      self.lockTimeoutSeconds = lockTimeoutSeconds
    }
  }

  /// - Parameter target: Connection URI; anything that libpq accepts.
  public init(snapshot: Snapshot, plan: Plan, target: String, options: Options, logger: Logger) {
    self.snapshot = snapshot
    self.plan = plan
    self.target = target
    self.options = options
    self.logger = logger
  }

  /// Runs the load from the lock to the commit.
  ///
  /// - Throws: `locked` (75) while another run of the same source works on the target, `drifted` (76)
  ///   when final tables are not what the plan says, and what the server answers otherwise.
  public func run() async throws -> LoadOutcome {
    do {
      return try await runUnderLock()
    } catch {
      throw await withAdvice(error)
    }
  }

  private func runUnderLock() async throws -> LoadOutcome {
    let (tables, widened) = try selectedTables()
    for table in widened { logger.notice("table comes along", metadata: table.metadata) }
    return try await TargetConnection.using(target) { control in
      try await control.set("lock_timeout", to: "\(options.lockTimeoutSeconds)s")
      try await control.holdLock(ofSource: plan.database.sourceName)
      try await Installation(connection: control, logger: logger).ensure()
      if !plan.database.collations.isEmpty {
        try await TargetCheck.collations.run(on: control)
      }
      let run = try await begin(on: control)
      do {
        var outcome = try await stageAndMerge(tables, run: run)
        outcome.widened = widened
        if !outcome.isRehearsal { await gatherStatistics(of: outcome, run: run) }
        return outcome
      } catch {
        await run.fail(with: error)
        throw error
      }
    }
  }

  /// How many tables are worked on at the same time. More than cores only get into each other's way.
  func jobCount(of run: RunRecord) async -> Int {
    if let count = options.jobCount { return count }
    guard await run.control.isOnThisMachine else { return Limits.jobCountDefault }
    return min(Limits.jobCountDefault, max(1, ProcessInfo.processInfo.activeProcessorCount))
  }

  /// Begins a run, or lets one that committed some tables and died go on.
  private func begin(on control: TargetConnection) async throws -> RunRecord {
    if !options.isRehearsal, (options.commit ?? plan.database.commit) == .table,
      let run = try await RunRecord.unfinished(of: self, on: control)
    {
      try await run.goOn(self)
      logger.notice("a load that was not finished goes on", metadata: ["run": "\(run.id)"])
      return run
    }
    let run = RunRecord(control: control, id: UUID().uuidString.lowercased())
    try await run.begin(self)
    return run
  }

  private func stageAndMerge(_ tables: [StagedTable], run: RunRecord) async throws -> LoadOutcome {
    try await run.keepTexts(of: plan)
    // All tables of another database would seem to be gone.
    try await drift(on: run.control).checkSource()
    try await warnOfGoneTables(on: run.control)
    try await checkPartialTables(tables, on: run.control)
    let state = try await drift(on: run.control).check()
    return try await rehearsing(tables, on: run.control) {
      try await stageAndMerge(tables, state: state, run: run)
    }
  }

  private func stageAndMerge(
    _ tables: [StagedTable], state: TargetState, run: RunRecord
  ) async throws -> LoadOutcome {
    if state != .complete {
      // Later there is nothing to make, and a role that may only load is not even allowed to ask.
      try await run.control.lockDefinitions()
      try await execute(.schemas, for: tables, on: run.control, run: run)
      try await run.control.unlockDefinitions()
    }
    let committed = Set(try await run.committedContents().keys)
    if try await commitsByTable(run: run, committed: committed) {
      return try await loadByTable(tables, committed: committed, state: state, run: run)
    }
    let tables = try await stage(tables, run: run)
    do {
      return try await merge(tables, state: state, run: run)
    } catch {
      throw await explained(error, tables, on: run.control)
    }
  }

  private func warnOfGoneTables(on connection: TargetConnection) async throws {
    let gone = GoneTables(
      snapshot: snapshot, database: plan.database, selection: options.selection)
    for table in try await gone.find(on: connection) {
      logger.warning(
        "table of earlier loads is no longer in the source, its rows are still in the target",
        metadata: ["table": "\(table.source)", "target": "\(table.target)"])
    }
  }

  func drift(on connection: TargetConnection) -> Drift {
    Drift(connection: connection, database: plan.database, logger: logger)
  }

  /// The plan's tables that the snapshot holds and the selection names, in foreign-key order.
  private func selectedTables() throws -> ([StagedTable], widened: [Widening]) {
    let (selected, widened) = try options.selection.select(from: snapshot, by: plan.database)
    let names = Set(selected)
    let tables: [StagedTable] = plan.database.tables.enumerated().compactMap { index, table in
      guard names.contains(table.source),
        let manifest = snapshot.manifest.table(named: table.source), manifest.refusal == nil
      else { return nil }
      let source = snapshot.database.tables.first { $0.name == table.source }
      return StagedTable(
        index: index, mapped: table, manifest: manifest,
        identityLastValue: source?.columns.compactMap(\.identity).first?.lastValue)
    }
    return (tables, widened)
  }
}

extension TargetConnection {
  /// Keeps other runs of a source out for as long as the connection is open.
  ///
  /// The connection of a run that has just ended may have it a moment longer: the server lets go of it
  /// when it finds the connection closed.
  ///
  /// - Throws: `locked` when another run of the source has it for longer than that.
  func holdLock(ofSource source: String) async throws {
    var found = try await tryLock(source: source)
    let patience = ContinuousClock.now + .seconds(Limits.lockOfEndedRunSeconds)
    while case .held(let holder) = found, ContinuousClock.now < patience {
      if let holder, (try? await run(of: holder.pid)) != nil { break }
      try await Task.sleep(for: .milliseconds(100))
      found = try await tryLock(source: source)
    }
    guard case .held(let holder) = found else { return }
    var words = ["another run of source '\(source)' works on this target"]
    if let holder {
      // A target where nothing is installed yet has no run to name.
      if let run = try? await run(of: holder.pid) { words.append(run) }
      words.append("\(holder)")
    }
    throw PipelineError(
      .locked, words.joined(separator: ": "), advice: "wait for it to end")
  }

  /// The run that a process works for, and since when; nil where it has not yet begun one.
  private func run(of pid: Int) async throws -> String? {
    let found = try await query(
      """
      SELECT r.id, r.mode, date_trunc('second', r.started_at) AS started_at
      FROM restage.run AS r
      WHERE r.status = 'running'
        AND r.backend_pid = $1::integer
      ORDER BY r.started_at DESC
      LIMIT 1
      """, ["\(pid)"])
    guard let id = found.first("id"), let start = found.first("started_at") else { return nil }
    return "run \(id) (\(found.first("mode") ?? "load")), at work since \(start)"
  }
}

/// A table of this run: what is planned for it and what the snapshot holds of it.
struct StagedTable: Sendable {
  /// Index into `MappedDatabase.tables`.
  let index: Int
  let mapped: MappedTable
  let manifest: TableManifest
  /// The last value that the source's identity column handed out.
  let identityLastValue: Int64?
  /// The snapshot's chunks as this run takes them, in their order.
  var chunks: [StagedChunk]
  /// No chunk is staged and every row that the key map knows is in one of them: nothing is to be
  /// merged.
  var isUntouched = false
  /// All rows that earlier runs loaded were in the final table when the run began.
  var isProven = false
  /// What the key map knew when the run began; nil where nobody counted.
  var known: KnownRows?

  init(index: Int, mapped: MappedTable, manifest: TableManifest, identityLastValue: Int64?) {
    self.index = index
    self.mapped = mapped
    self.manifest = manifest
    self.identityLastValue = identityLastValue
    chunks = manifest.chunks.map { StagedChunk(manifest: $0, number: nil) }
  }

  /// Whether key maps remember which chunk a row came from.
  var isNumbered = false

  var skippedRows: Int { chunks.reduce(0) { $0 + ($1.isSkipped ? $1.manifest.rows : 0) } }

  /// What the manifest says of the chunks that are staged.
  var stagedManifest: TableManifest {
    var staged = manifest
    staged.chunks = chunks.filter { !$0.isSkipped }.map(\.manifest)
    staged.rows = staged.chunks.reduce(0) { $0 + $1.rows }
    staged.bytes = staged.chunks.reduce(0) { $0 + $1.bytes }
    return staged
  }

  /// Whether the run needs this step of the table. Where nothing is to be merged these are an empty
  /// stage table, for what looks into those of other tables; final rows of vanished ones, which may
  /// be free to go since last night; and the sequences. The account needs no look at rows.
  func needs(_ file: PlanFile) -> Bool {
    guard isUntouched, file.phase == .rows || file.phase == .changes else { return true }
    switch file.step {
    case Step.check.operation, Step.vanished.operation: return mapped.onVanished != .report
    case Step.reset.operation: return true
    default: return false
    }
  }
}

/// What a load did, table by table.
public struct LoadOutcome: Sendable {
  /// The counts of one table; every staged row is in exactly one of inserted … rejected.
  public struct Table: Hashable, Sendable {
    public let source: ObjectName
    /// The final table as it stands in SQL.
    public let target: String
    public let staged: Int
    /// Rows of chunks that were not staged, because an earlier run had loaded the very same.
    public let skipped: Int
    /// Rows that the export refused, so that no chunk holds them.
    public let exportRejects: Int
    /// Places that the export could not read, the number of their rows unknown.
    public let damagedPlaces: Int
    /// By the kinds of `restage.row_count`.
    let counts: [String: Int]

    public var inserted: Int { counts["inserted"] ?? 0 }
    public var updated: Int { counts["updated"] ?? 0 }
    public var unchanged: Int { counts["unchanged"] ?? 0 }
    /// Changed in the source and left alone, as the mapping says.
    public var changed: Int { counts["changed"] ?? 0 }
    /// Changed in the source, edited in the target and left alone, as the mapping says.
    public var kept: Int { counts["kept"] ?? 0 }
    /// Recognised by their natural key as rows that were in the target already.
    public var matched: Int { counts["matched"] ?? 0 }
    public var rejected: Int { counts["rejected"] ?? 0 }
    /// Left out by the mapping's `where`.
    public var filtered: Int { counts["filtered"] ?? 0 }
    /// Among the updated: rows that had been edited in the target.
    public var overwritten: Int { counts["overwritten"] ?? 0 }
    /// Final rows that were deleted because the source no longer has them.
    public var deleted: Int { counts["deleted"] ?? 0 }
    /// Loaded by an earlier run, and not written by this one.
    var known: Int { skipped + unchanged + changed + kept }
    /// Loaded with a foreign key set to NULL, because the parent was not found.
    public var nulled: Int { counts["nulled"] ?? 0 }
    /// Rows loaded earlier that the source no longer has.
    public var vanished: Int { counts["vanished"] ?? 0 }
  }

  public let runID: String
  public let isFirstLoad: Bool
  public let isRehearsal: Bool
  public let tables: [Table]
  /// Tables that came along because foreign keys lead to them.
  public internal(set) var widened: [Widening] = []

  public var insertedCount: Int { tables.reduce(0) { $0 + $1.inserted } }
  public var updatedCount: Int { tables.reduce(0) { $0 + $1.updated } }
  public var rejectedCount: Int { tables.reduce(0) { $0 + $1.rejected } }
  /// Whether rows of the source were refused, by the export or by the load.
  public var hasRejects: Bool {
    tables.contains { $0.rejected > 0 || $0.exportRejects > 0 || $0.damagedPlaces > 0 }
  }
}
