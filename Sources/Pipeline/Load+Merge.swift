// The merge: the plan's files in one transaction.

import Catalog
import Logging
import Statements
import Target

extension Load {
  /// Runs the merge files of the tables, the definitions too on a first load, and ends the run.
  func merge(
    _ tables: [StagedTable], state: TargetState, run: RunRecord
  ) async throws -> LoadOutcome {
    let outcome = try await TargetConnection.using(target, runID: run.id) { connection in
      try await GivingWay(control: run.control).run(connection) {
        try await merge(tables, state: state, run: run, on: connection)
      }
    }
    if options.isRehearsal { try await run.endRehearsal() }
    return outcome
  }

  /// - Returns: The numbers, as they stood before the commit or the rollback.
  private func merge(
    _ tables: [StagedTable], state: TargetState, run: RunRecord, on connection: TargetConnection
  ) async throws -> LoadOutcome {
    try await connection.set("lock_timeout", to: "\(options.lockTimeoutSeconds)s")
    if options.allowsShrink { try await connection.set("restage.allow_shrink", to: "on") }
    try await connection.execute("BEGIN;")
    let missing = state == .unfinished ? try await plan.missingDefinitions(on: connection) : []
    for phase in [PlanFile.Phase.tables, .keyMaps, .rows, .keys, .changes, .constraints] {
      if state == .empty || !phase.isDefinition {
        try await execute(phase, for: tables, on: connection, run: run)
      } else {
        try await execute(missing.filter { $0.file.phase == phase }, on: connection, run: run)
      }
    }
    // What was put off is checked now, so that a rehearsal finds it too.
    try await connection.execute("SET CONSTRAINTS ALL IMMEDIATE;")
    try await run.noteUndo(of: tables, by: plan, on: connection)
    let outcome = LoadOutcome(
      runID: run.id, isFirstLoad: state != .complete, isRehearsal: options.isRehearsal,
      tables: try await run.counts(of: tables, on: connection))
    warn(of: outcome)
    try await checkLostRows(tables, outcome, on: connection)
    guard !options.isRehearsal else {
      await connection.rollback()
      return outcome
    }
    if state != .complete { try await run.noteTablesMade(on: connection) }
    try await run.succeed(on: connection)
    try await connection.execute("COMMIT;")
    return outcome
  }

  /// A table that had rows and has none any more is more often a mistake of the export than of the
  /// source. Where nothing is deleted the run goes on; `--allow-shrink` deletes on purpose.
  private func warn(of outcome: LoadOutcome) {
    for table in outcome.tables
    where table.staged + table.skipped == 0 && table.vanished > table.deleted {
      logger.warning(
        "table is empty in the snapshot, its rows are still in the target",
        metadata: ["table": "\(table.source)", "vanished": "\(table.vanished)"])
    }
  }

  /// A row that was loaded earlier and is gone from its final table is not unchanged. Tables of which
  /// every row is new have none; and where they were all there when the run began, only rows that it
  /// deleted could have taken others with them.
  func checkLostRows(
    _ tables: [StagedTable], _ outcome: LoadOutcome, on connection: TargetConnection,
    wasCommitted: (StagedTable) -> Bool = { _ in false }
  ) async throws {
    var lost: [String] = []
    let hasDeleted = outcome.tables.contains { $0.deleted > 0 }
    for (table, counts) in zip(tables, outcome.tables)
    where (counts.known > 0 && (hasDeleted || !table.isProven)) || wasCommitted(table) {
      let found = try await connection.query(
        Proof.lostQuery(for: table.index, of: plan.database))
      guard let rows = found.firstInteger("lost"), rows > 0 else { continue }
      lost.append("\(counts.target): \(rows == 1 ? "1 row" : "\(rows) rows")")
    }
    guard !lost.isEmpty else { return }
    throw PipelineError(
      .differences,
      "rows that were loaded earlier are gone from the final tables: "
        + lost.prefix(20).joined(separator: "; ") + (lost.count > 20 ? "; and others" : ""),
      advice: """
        nothing of this run is kept; restage verify names the rows, and docs/key-maps.md says how to \
        have them loaded again
        """)
  }

  /// Executes the plan's files of one phase, in order, and records each in the audit.
  func execute(
    _ phase: PlanFile.Phase, for tables: [StagedTable], on connection: TargetConnection,
    run: RunRecord
  ) async throws {
    try await execute(
      plan.files.filter { $0.phase == phase }, for: tables, on: connection, run: run)
  }

  /// Executes files of the plan, in order and without those of tables that are not among `tables`.
  func execute(
    _ files: [PlanFile], for tables: [StagedTable], on connection: TargetConnection, run: RunRecord
  ) async throws {
    let selected = Dictionary(
      tables.map { ($0.mapped.source, $0) }, uniquingKeysWith: { first, _ in first })
    for file in files {
      let table = file.table.flatMap { selected[$0] }
      guard file.table == nil || table?.needs(file) == true else {
        if let table, table.isUntouched, file.step == Step.account.operation {
          try await run.closeAccount(ofUntouched: table, file, on: connection)
        }
        continue
      }
      let target = table?.mapped.target.quoted
      let began = ContinuousClock.now
      do {
        let results = try await connection.execute(plan.texts[file.path] ?? "", file: file.path)
        let rowCount = results.last { $0.columns.contains("rows") }?.firstInteger("rows")
        try await run.recordStep(
          file, target: target, rowCount: rowCount,
          milliseconds: began.millisecondsUntilNow, on: connection)
        logger.debug(
          "step done",
          metadata: [
            "run": "\(run.id)", "file": "\(file.path)", "rows": "\(rowCount ?? 0)",
            "ms": "\(began.millisecondsUntilNow)",
          ])
      } catch {
        await run.recordFailure(
          of: file, target: target, error: error, milliseconds: began.millisecondsUntilNow)
        throw await explained(error, in: file.phase, run: run)
      }
    }
  }

  /// A definition that is there already was made by another run since this one looked, or is
  /// something else of that name.
  func explained(
    _ error: any Error, in phase: PlanFile.Phase, run: RunRecord
  ) async -> any Error {
    guard phase.isDefinition || phase == .keyMaps, let error = error as? TargetError,
      error.isAboutExistingName
    else { return error }
    do {
      guard try await drift(on: run.control).check() == .empty else {
        return PipelineError(
          .locked, "another run made these tables at the same time: \(error)",
          advice: "run again")
      }
    } catch {
      return error
    }
    return PipelineError(
      .drifted, "something else of that name is in the target: \(error)",
      advice: "rename it, or the table in the mapping (rename)")
  }
}

extension TargetError {
  /// Whether a definition failed because its name is taken: found so, or by a unique index of the
  /// catalog when two sessions make it at once.
  fileprivate var isAboutExistingName: Bool {
    ["42P07", "42710", "42P06"].contains(sqlstate)
      || (sqlstate == "23505" && constraint?.hasPrefix("pg_") == true)
  }
}
