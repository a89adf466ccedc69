// Takes a run back with the SQL that was stored in the target when it loaded: neither the snapshot nor
// the plan is needed, and what runs is what was planned with the load.

import FoundationEssentials
public import Logging
import Statements
import Target

/// Removes what one run inserted and restores what it updated, in one transaction and as a run of its
/// own.
public struct Rollback: Sendable {
  let selected: String
  let target: String
  let options: Options
  let logger: Logger

  /// What to take back, and what to put up with.
  public struct Options: Sendable {
    /// Rows that were changed in the target since are no reason to stop.
    public var isForced: Bool
    /// Leaves updated rows as they are.
    public var insertsOnly: Bool
    /// Runs everything, reports the numbers and keeps nothing.
    public var isRehearsal: Bool
    /// Seconds that a statement waits for a lock of somebody else.
    public var lockTimeoutSeconds: Int
    /// Refuses SQL that is not in it.
    public var approval: Approval?

    public init(
      isForced: Bool = false, insertsOnly: Bool = false, isRehearsal: Bool = false,
      lockTimeoutSeconds: Int = Limits.lockTimeoutSeconds, approval: Approval? = nil
    ) {
      self.isForced = isForced
      self.insertsOnly = insertsOnly
      self.isRehearsal = isRehearsal
      self.lockTimeoutSeconds = lockTimeoutSeconds
      self.approval = approval
    }
  }

  /// - Parameters:
  ///   - selected: A run's id, or "last" for the newest load that is in the target.
  ///   - target: Connection URI; anything that libpq accepts.
  public init(_ selected: String, target: String, options: Options, logger: Logger) {
    self.selected = selected
    self.target = target
    self.options = options
    self.logger = logger
  }

  /// Takes the run back, from the lock to the commit.
  ///
  /// - Returns: What was done; nothing was where there are conflicts.
  /// - Throws: `usage` for a run that is not there or is not a load in the target, `locked` (75) while
  ///   another run of the same source works on the target, `notAllowed` for SQL that was changed or is
  ///   not approved.
  public func run() async throws -> RollbackOutcome {
    try await TargetConnection.using(target) { control in
      let undone = try await UndoneRun.find(selected, on: control)
      try await control.holdLock(ofSource: undone.source)
      // What was read before the lock may have changed until it was taken.
      let files = try await undone.files(on: control)
      try await UndoneRun.find(undone.id, on: control).check()
      try options.approval?.check(files.map(\.file))
      let run = RunRecord(control: control, id: UUID().uuidString.lowercased())
      try await begin(undone, files, run: run)
      do {
        let outcome = try await takeBack(undone, files, run: run)
        if !outcome.conflicts.isEmpty { await run.fail(with: outcome.refusal) }
        return outcome
      } catch {
        await run.fail(with: error)
        throw error
      }
    }
  }

  /// The rollback as a script for psql.
  public func script() async throws -> String {
    try await TargetConnection.using(target) { control in
      let undone = try await UndoneRun.find(selected, on: control)
      try undone.check()
      let files = try await undone.files(on: control)
      return """
        -- Takes back run \(undone.id) of source \(undone.source.split(whereSeparator: \.isNewline).joined(separator: " ")), begun \(undone.startedAt).
        -- by hand: psql -X -v ON_ERROR_STOP=1 -f FILE

        SELECT restage.begin_undo(
          '\(undone.id)',
          force => \(options.isForced),
          inserts_only => \(options.insertsOnly)
        ) AS run;

        BEGIN;

        \(files.map { "-- file:    \($0.file.path)\n\($0.text)\n" }.joined())\
        SELECT restage.finish_run(restage.run_id());

        \(options.isRehearsal ? "ROLLBACK" : "COMMIT");
        """
    }
  }
}

// MARK: - Steps

extension Rollback {
  private func begin(_ undone: UndoneRun, _ files: [UndoneRun.File], run: RunRecord) async throws {
    try await run.control.query(
      """
      SELECT restage.begin_undo(
        undone => $1::uuid,
        id => $2::uuid,
        force => $3::boolean,
        inserts_only => $4::boolean,
        mode => $5,
        tool_version => $6,
        plan_sha256 => $7
      )
      """,
      [
        undone.id, run.id, "\(options.isForced)", "\(options.insertsOnly)",
        options.isRehearsal ? "rehearsal" : "rollback", Version.number,
        SQLFile.sha256(of: files.map { "\($0.file.sha256)  \($0.file.path)\n" }.joined()),
      ])
  }

  private func takeBack(
    _ undone: UndoneRun, _ files: [UndoneRun.File], run: RunRecord
  ) async throws -> RollbackOutcome {
    let outcome = try await TargetConnection.using(target, runID: run.id) { connection in
      try await GivingWay(control: run.control).run(connection) {
        try await takeBack(undone, files, run: run, on: connection)
      }
    }
    if options.isRehearsal, outcome.conflicts.isEmpty { try await run.endRehearsal() }
    return outcome
  }

  private func takeBack(
    _ undone: UndoneRun, _ files: [UndoneRun.File], run: RunRecord,
    on connection: TargetConnection
  ) async throws -> RollbackOutcome {
    try await connection.set("lock_timeout", to: "\(options.lockTimeoutSeconds)s")
    try await connection.execute("BEGIN;")
    var conflicts: [RollbackOutcome.Conflict] = []
    for file in files where conflicts.isEmpty {
      conflicts = try await execute(file, on: connection, run: run)
    }
    let outcome = RollbackOutcome(
      runID: run.id, undone: undone.id, source: undone.source,
      isRehearsal: options.isRehearsal, conflicts: conflicts,
      tables: try await run.undoneCounts(on: connection))
    guard conflicts.isEmpty, !options.isRehearsal else {
      await connection.rollback()
      return outcome
    }
    try await run.succeed(on: connection)
    try await connection.execute("COMMIT;")
    return outcome
  }

  /// - Returns: What step 30 lists; empty for all other steps.
  private func execute(
    _ file: UndoneRun.File, on connection: TargetConnection, run: RunRecord
  ) async throws -> [RollbackOutcome.Conflict] {
    let began = ContinuousClock.now
    do {
      let results = try await connection.execute(file.text, file: file.file.path)
      try await run.recordStep(
        file.file, target: file.target,
        rowCount: results.last { $0.columns.contains("rows") }?.firstInteger("rows"),
        milliseconds: began.millisecondsUntilNow, on: connection)
      return results.last { $0.columns.contains("row_keys") }.map(RollbackOutcome.conflicts) ?? []
    } catch {
      await run.recordFailure(
        of: file.file, target: file.target, error: error,
        milliseconds: began.millisecondsUntilNow)
      throw error
    }
  }
}

/// What a rollback did, or why it did nothing.
public struct RollbackOutcome: Sendable {
  /// Rows of one kind and cause that keep a run from being taken back.
  public struct Conflict: Hashable, Sendable {
    /// `later_run`, `edited`, `not_kept`, `rekeyed`, `deleted`, `referenced` or `other_source`.
    public let kind: String
    /// What it is about, with the number of rows, for a person.
    public let message: String
    /// Keys of the first 20 rows.
    public let keys: [String]
  }

  /// Counts of one table.
  public struct Table: Hashable, Sendable {
    /// The final table as it stands in SQL.
    public let target: String
    /// By the kinds of `restage.row_count`.
    let counts: [String: Int]

    /// Final rows that the run had inserted.
    public var deleted: Int { counts["deleted"] ?? 0 }
    /// Final rows that the run had updated.
    public var restored: Int { counts["restored"] ?? 0 }
    /// Rows of the key map.
    public var forgotten: Int { counts["forgotten"] ?? 0 }
    /// Final rows that were gone before.
    public var missing: Int { counts["missing"] ?? 0 }
  }

  /// The rollback's own run.
  public let runID: String
  public let undone: String
  public let source: String
  public let isRehearsal: Bool
  public let conflicts: [Conflict]
  public let tables: [Table]

  /// Why nothing was done.
  var refusal: PipelineError {
    PipelineError(
      .differences,
      "run \(undone) cannot be taken back: "
        + conflicts.map(\.message).joined(separator: "; "))
  }

  fileprivate static func conflicts(_ listing: QueryResult) -> [Conflict] {
    let places = ["kind", "message", "row_keys"].map { listing.columns.firstIndex(of: $0) }
    return listing.rows.map { row in
      let values = places.map { place in place.flatMap { row.indices.contains($0) ? row[$0] : nil }
      }
      return Conflict(
        kind: values[0] ?? "", message: values[1] ?? "",
        keys: values[2].map { $0.split(separator: "\n").map(String.init) } ?? [])
    }
  }
}
