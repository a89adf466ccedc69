// A first load that commits table by table: every table as soon as its parents are in, several at a time.

import Catalog
import Logging
import Staging
import Statements
import Target

extension Load {
  /// Whether the load commits table by table: it was asked to, and no row of the source is known but
  /// those that the run itself has committed.
  ///
  /// Later loads are one transaction. What moves between rows that are there already (a unique value, a
  /// vanished parent) would not hold table by table.
  func commitsByTable(run: RunRecord, committed: Set<String>) async throws -> Bool {
    guard (options.commit ?? plan.database.commit) == .table else { return false }
    guard !options.isRehearsal else {
      logger.notice("a rehearsal is one transaction, whatever commit says")
      return false
    }
    let others = plan.database.tables.filter { !committed.contains($0.target.quoted) }
    guard try await !areRowsKnown(of: others, on: run.control) else {
      logger.info("rows of this source were loaded before: one transaction")
      return false
    }
    return true
  }

  private func areRowsKnown(
    of tables: [MappedTable], on connection: TargetConnection
  ) async throws -> Bool {
    let names = tables.map { SQLLiteral.quoted($0.keyMap.quoted) }
    let found = try await connection.query(
      """
      SELECT k.name
      FROM unnest(ARRAY[\(names.joined(separator: ", "))]::text[]) AS k (name)
      WHERE to_regclass(k.name) IS NOT NULL
      """)
    let keyMaps = found.values(of: "name").compactMap(\.self)
    guard !keyMaps.isEmpty else { return false }
    let known = try await connection.query(
      keyMaps.map { "SELECT EXISTS (SELECT FROM \($0)) AS known" }.joined(
        separator: "\nUNION ALL\n")
    )
    return known.values(of: "known").contains("t")
  }

  /// Stages and merges the tables that the run has not committed yet, and ends the run.
  ///
  /// - Parameter committed: Final tables, quoted, that are done.
  func loadByTable(
    _ tables: [StagedTable], committed: Set<String>, state: TargetState, run: RunRecord
  ) async throws -> LoadOutcome {
    let definitions =
      state == .complete ? [] : try await plan.missingDefinitions(on: run.control)
    try await run.noteCommitByTable(tables, makesTables: state != .complete)
    try await run.control.lockDefinitions()
    try await execute(.keyMaps, for: tables, on: run.control, run: run)
    try await run.control.unlockDefinitions()
    try await run.noteUndo(of: [], by: plan, on: run.control)

    let jobs = FirstLoad(
      load: self, run: run, definitions: definitions,
      tables: tables.filter { !committed.contains($0.mapped.target.quoted) }
    ).jobs
    let count = max(1, min(options.jobCount, jobs.count))
    do {
      try await ConnectionPool.using(
        target, count: count, runID: run.id,
        settings: [("lock_timeout", "\(options.lockTimeoutSeconds)s")]
      ) {
        try await $0.run(jobs, jobCount: count)
      }
      return try await finish(tables, committed: committed, state: state, run: run)
    } catch {
      await warnOfCommitted(run)
      throw await explained(error, tables, on: run.control)
    }
  }

  private func finish(
    _ tables: [StagedTable], committed: Set<String>, state: TargetState, run: RunRecord
  ) async throws -> LoadOutcome {
    let outcome = LoadOutcome(
      runID: run.id, isFirstLoad: state != .complete, isRehearsal: false,
      tables: try await run.counts(of: tables, on: run.control))
    try await checkLostRows(tables, outcome, on: run.control) {
      committed.contains($0.mapped.target.quoted)
    }
    try await run.control.execute("BEGIN;")
    do {
      if state != .complete { try await run.noteTablesMade(on: run.control) }
      try await run.succeed(on: run.control)
      try await run.control.execute("COMMIT;")
    } catch {
      await run.control.rollback()
      throw error
    }
    return outcome
  }

  private func warnOfCommitted(_ run: RunRecord) async {
    let count = await Task.detached {
      try? await run.committedContents().count
    }.value
    guard let count, count > 0 else { return }
    logger.warning(
      "tables that are committed stay: load the same snapshot again to go on, or roll the run back",
      metadata: ["run": "\(run.id)", "tables": "\(count)"])
  }
}

/// The jobs of a first load. Each table is staged; each unit is merged when it is staged and its parents
/// are merged; each foreign key is made when both its tables are there.
private struct FirstLoad {
  let load: Load
  let run: RunRecord
  /// What is to be made in the target.
  let definitions: [Definition]
  /// What is to be loaded.
  let tables: [StagedTable]

  private var database: MappedDatabase { load.plan.database }

  var jobs: [Job] {
    let staged = Dictionary(tables.map { ($0.index, $0) }, uniquingKeysWith: { first, _ in first })
    let definitions = Dictionary(grouping: self.definitions, by: \.table)
    var jobs: [Job] = []
    var mergeOfTable: [Int: Int] = [:]
    let units = database.mergeUnits
    let files = filesByUnit(units)
    for (number, unit) in units.enumerated() {
      let loaded = unit.tables.compactMap { staged[$0] }
      let made = unit.tables.flatMap { definitions[$0] ?? [] }.filter { !isForeignKey($0) }
      guard !loaded.isEmpty || !made.isEmpty else { continue }
      let parents = unit.parents.flatMap { units[$0].tables }.compactMap { mergeOfTable[$0] }
      let staging = jobs.count..<jobs.count + loaded.count
      jobs += loaded.map(stage)
      for index in unit.tables { mergeOfTable[index] = jobs.count }
      jobs.append(
        Job(
          after: Array(Set(parents)) + staging,
          cost: loaded.reduce(1) { $0 + 2 * $1.manifest.bytes },
          work: { try await merge(loaded, files: files[number], definitions: made, on: $0) }))
    }
    return jobs + foreignKeys(after: mergeOfTable, staged: staged)
  }

  private func stage(_ table: StagedTable) -> Job {
    Job(after: [], cost: table.manifest.bytes) {
      _ = try await load.stage(table, on: $0, run: run)
    }
  }

  /// The merge files of each unit, in the order in which a run executes them.
  private func filesByUnit(_ units: [MergeUnit]) -> [[PlanFile]] {
    var unitOfTable: [ObjectName: Int] = [:]
    for (number, unit) in units.enumerated() {
      for index in unit.tables { unitOfTable[database.tables[index].source] = number }
    }
    var files = [[PlanFile]](repeating: [], count: units.count)
    for file in load.plan.files where file.phase == .rows || file.phase == .changes {
      if let number = file.table.flatMap({ unitOfTable[$0] }) { files[number].append(file) }
    }
    return files
  }

  /// One transaction: the tables are there with all their rows, or they are not there.
  private func merge(
    _ tables: [StagedTable], files: [PlanFile], definitions: [Definition],
    on connection: TargetConnection
  ) async throws {
    let began = ContinuousClock.now
    try await inTransaction(on: connection) {
      try await make(.tables, of: definitions, on: connection)
      try await execute(.rows, of: files, for: tables, on: connection)
      try await make(.keys, of: definitions, on: connection)
      try await execute(.changes, of: files, for: tables, on: connection)
      try await make(.constraints, of: definitions, on: connection)
      try await connection.execute("SET CONSTRAINTS ALL IMMEDIATE;")
      try await run.noteUndo(of: tables, by: load.plan, on: connection)
    }
    for table in tables {
      load.logger.info(
        "table committed",
        metadata: [
          "run": "\(run.id)", "table": "\(table.mapped.source)",
          "rows": "\(table.manifest.rows)", "ms": "\(began.millisecondsUntilNow)",
        ])
    }
  }

  private func inTransaction(
    on connection: TargetConnection, _ work: () async throws -> Void
  ) async throws {
    try await connection.execute("BEGIN;")
    do {
      try await run.hold(on: connection)
      try await GivingWay(control: run.control).run(connection, work)
      try await connection.execute("COMMIT;")
    } catch {
      await connection.rollback()
      throw error
    }
  }

  private func make(
    _ phase: PlanFile.Phase, of definitions: [Definition], on connection: TargetConnection
  ) async throws {
    try await load.execute(definitions.filter { $0.file.phase == phase }, on: connection, run: run)
  }

  private func execute(
    _ phase: PlanFile.Phase, of files: [PlanFile], for tables: [StagedTable],
    on connection: TargetConnection
  ) async throws {
    try await load.execute(
      files.filter { $0.phase == phase }, for: tables, on: connection, run: run)
  }
}

// MARK: - Foreign keys

extension FirstLoad {
  /// The only definitions that need a second table.
  private func isForeignKey(_ definition: Definition) -> Bool {
    definition.file.phase == .constraints && definition.object != nil
  }

  private func foreignKeys(
    after mergeOfTable: [Int: Int], staged: [Int: StagedTable]
  ) -> [Job] {
    definitions.filter(isForeignKey).map { definition in
      let child = definition.table
      let parent =
        database.tables[child].foreignKeys.first { $0.name == definition.object }?.parent ?? child
      return Job(
        after: Array(Set([child, parent].compactMap { mergeOfTable[$0] })),
        tables: [child, parent],
        cost: staged[child]?.manifest.bytes ?? 1,
        work: { connection in
          try await inTransaction(on: connection) {
            try await load.execute([definition], on: connection, run: run)
          }
        })
    }
  }
}
