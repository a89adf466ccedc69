// A first load that commits table by table: every table as soon as its parents have their keys, several at
// a time.

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
    guard !tables.isEmpty else { return false }
    let found = try await connection.query(
      """
      SELECT k.name
      FROM \(Drift.relations(tables.map(\.keyMap))) AS k (name, relation)
      WHERE k.relation IS NOT NULL
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
      load: self, run: run, makesTables: state != .complete, definitions: definitions,
      tables: tables.filter { !committed.contains($0.mapped.target.quoted) }
    ).jobs
    let count = max(1, min(await jobCount(of: run), jobs.count))
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

/// The jobs of a first load: each table is staged, its rows get their keys in one transaction and come
/// into the final table in a second one. Only keys of parents must be there before, so that in a chain of
/// parents and children all tables are at work at the same time.
private struct FirstLoad {
  let load: Load
  let run: RunRecord
  /// Whether the final tables are made with their rows, so that foreign keys come last.
  let makesTables: Bool
  /// What is to be made in the target.
  let definitions: [Definition]
  /// What is to be loaded.
  let tables: [StagedTable]

  private var database: MappedDatabase { load.plan.database }

  /// Indexes of the jobs after which a table's key map is complete, and its final table.
  private struct Places {
    /// Where the table is made before its rows have keys.
    var tables: [Int: Int] = [:]
    var keys: [Int: Int] = [:]
    var rows: [Int: Int] = [:]
  }

  var jobs: [Job] {
    let staged = Dictionary(tables.map { ($0.index, $0) }, uniquingKeysWith: { first, _ in first })
    let definitions = Dictionary(grouping: self.definitions, by: \.table)
    let units = database.mergeUnits
    let files = filesByUnit(units)
    var places = Places()
    var jobs: [Job] = []
    for (number, unit) in units.enumerated() {
      let parents = unit.parents.flatMap { units[$0].tables }
      let work = Unit(
        loaded: unit.tables.compactMap { staged[$0] }, files: files[number],
        definitions: unit.tables.flatMap { definitions[$0] ?? [] }.filter { !isForeignKey($0) })
      let followers = followers(of: work, after: unit.tables)
      for index in followers where places.tables[index] == nil {
        let made = (definitions[index] ?? []).filter { $0.file.phase == .tables }
        guard !made.isEmpty else { continue }
        places.tables[index] = jobs.count
        jobs.append(Job(after: [], cost: 1) { try await make(made, on: $0) })
      }
      add(
        work, of: unit.tables, parents: parents, followers: followers, to: &jobs, places: &places)
    }
    return jobs + foreignKeys(after: places.rows, staged: staged)
  }

  /// Later tables that are read while keys are given: a natural key follows rows that changed their key into
  /// the tables that refer to them. No row is in these, but they must be there.
  private func followers(of unit: Unit, after tables: Range<Int>) -> [Int] {
    guard unit.loaded.contains(where: { !$0.mapped.naturalKey.isEmpty }) else { return [] }
    let texts = unit.keyFiles.compactMap { load.plan.texts[$0.path] }
    return (tables.upperBound..<database.tables.count).filter { index in
      texts.contains { $0.contains(database.tables[index].target.quoted) }
    }
  }

  private func add(
    _ unit: Unit, of indexes: Range<Int>, parents: [Int], followers: [Int], to jobs: inout [Job],
    places: inout Places
  ) {
    var unit = unit
    unit.definitions.removeAll { $0.file.phase == .tables && places.tables[$0.table] != nil }
    let made = indexes.compactMap { places.tables[$0] }
    let definitions = unit.definitions
    guard !unit.loaded.isEmpty else {
      guard definitions.contains(where: { !$0.isRepeatable }) else { return }
      for index in indexes { places.rows[index] = jobs.count }
      jobs.append(Job(after: made, cost: 1) { try await make(definitions, on: $0) })
      return
    }
    addMerge(
      of: unit, indexes, parents: parents,
      after: made + followers.compactMap { places.tables[$0] }, to: &jobs, places: &places)
  }

  private func addMerge(
    of unit: Unit, _ indexes: Range<Int>, parents: [Int], after tables: [Int], to jobs: inout [Job],
    places: inout Places
  ) {
    let bytes = unit.loaded.reduce(1) { $0 + $1.manifest.bytes }
    let staging = jobs.count..<jobs.count + unit.loaded.count
    jobs += unit.loaded.map(stage)
    let keys = jobs.count
    jobs.append(
      Job(
        after: staging + tables + named(parents, in: unit.keyFiles, places), cost: 2 * bytes,
        work: { try await giveKeys(unit, on: $0) }))
    let parentKeys = parents.compactMap { places.keys[$0] }
    let heldTo = parentsHeldTo(indexes, parents).compactMap { places.rows[$0] }
    jobs.append(
      Job(
        after: Array(Set([keys] + parentKeys + heldTo + named(parents, in: unit.rowFiles, places))),
        cost: 2 * bytes, work: { try await merge(unit, on: $0) }))
    for index in indexes {
      places.keys[index] = keys
      places.rows[index] = keys + 1
    }
  }

  /// Parents that foreign keys hold rows to from the start, because they are in the target already.
  private func parentsHeldTo(_ indexes: Range<Int>, _ parents: [Int]) -> [Int] {
    guard makesTables else { return parents }
    return indexes.flatMap { index in
      let missing = definitions.filter { $0.table == index && isForeignKey($0) }.map(\.object)
      return database.tables[index].foreignKeys.filter {
        !$0.isDisabled && !missing.contains($0.name)
      }.map(\.parent)
    }
  }

  /// The jobs after which what files read of other tables is there, by the names in their text. A name
  /// that is part of another one makes a file wait without need, and does no harm else.
  private func named(_ tables: [Int], in files: [PlanFile], _ places: Places) -> [Int] {
    let texts = files.compactMap { load.plan.texts[$0.path] }
    let jobs = tables.flatMap { index in
      let table = database.tables[index]
      return [(table.keyMap.quoted, places.keys[index]), (table.target.quoted, places.rows[index])]
        .filter { name, _ in texts.contains { $0.contains(name) } }
        .compactMap(\.1)
    }
    return Array(Set(jobs))
  }

  private func stage(_ table: StagedTable) -> Job {
    Job(after: [], cost: table.manifest.bytes) {
      _ = try await load.stage(table, on: $0, run: run)
    }
  }

  /// The merge files of each unit, in the order in which a run executes them. No row was known before, so
  /// that none can have vanished; and step 60 looks into tables that may not be there yet.
  private func filesByUnit(_ units: [MergeUnit]) -> [[PlanFile]] {
    var unitOfTable: [ObjectName: Int] = [:]
    for (number, unit) in units.enumerated() {
      for index in unit.tables { unitOfTable[database.tables[index].source] = number }
    }
    var files = [[PlanFile]](repeating: [], count: units.count)
    for file in load.plan.files
    where (file.phase == .rows || file.phase == .changes) && file.step != Step.vanished.operation {
      if let number = file.table.flatMap({ unitOfTable[$0] }) { files[number].append(file) }
    }
    return files
  }
}

/// What is to be done for the tables of a `MergeUnit`.
private struct Unit: Sendable {
  let loaded: [StagedTable]
  let files: [PlanFile]
  var definitions: [Definition]

  private static let keySteps = Set([Step.check, .match, .allocate].map(\.operation))

  var keyFiles: [PlanFile] { files.filter { Self.keySteps.contains($0.step) } }
  var rowFiles: [PlanFile] { files.filter { !Self.keySteps.contains($0.step) } }
}

// MARK: - Transactions

extension FirstLoad {
  /// The first transaction of tables that are loaded: the tables without rows, and keys for their rows.
  private func giveKeys(_ unit: Unit, on connection: TargetConnection) async throws {
    try await inTransaction(on: connection) {
      try await make(.tables, of: unit, on: connection)
      try await load.execute(unit.keyFiles, for: unit.loaded, on: connection, run: run)
    }
  }

  /// The second one: all their rows, or none.
  private func merge(_ unit: Unit, on connection: TargetConnection) async throws {
    let began = ContinuousClock.now
    try await inTransaction(on: connection) {
      try await load.execute(
        unit.rowFiles.filter { $0.phase == .rows }, for: unit.loaded, on: connection, run: run)
      try await make(.keys, of: unit, on: connection)
      try await load.execute(
        unit.rowFiles.filter { $0.phase == .changes }, for: unit.loaded, on: connection, run: run)
      try await make(.constraints, of: unit, on: connection)
      try await connection.execute("SET CONSTRAINTS ALL IMMEDIATE;")
      try await run.noteUndo(of: unit.loaded, by: load.plan, on: connection)
    }
    for table in unit.loaded {
      load.logger.info(
        "table committed",
        metadata: [
          "run": "\(run.id)", "table": "\(table.mapped.source)",
          "rows": "\(table.manifest.rows)", "ms": "\(began.millisecondsUntilNow)",
        ])
    }
  }

  /// What is made in a transaction of its own.
  private func make(_ definitions: [Definition], on connection: TargetConnection) async throws {
    try await inTransaction(on: connection) {
      try await load.execute(definitions, on: connection, run: run)
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
    _ phase: PlanFile.Phase, of unit: Unit, on connection: TargetConnection
  ) async throws {
    try await load.execute(
      unit.definitions.filter { $0.file.phase == phase }, on: connection, run: run)
  }
}

// MARK: - Foreign keys

extension FirstLoad {
  /// The only definitions that need a second table.
  private func isForeignKey(_ definition: Definition) -> Bool {
    definition.file.phase == .constraints && definition.object != nil
  }

  private func foreignKeys(
    after rows: [Int: Int], staged: [Int: StagedTable]
  ) -> [Job] {
    definitions.filter(isForeignKey).map { definition in
      let child = definition.table
      let parent =
        database.tables[child].foreignKeys.first { $0.name == definition.object }?.parent ?? child
      return Job(
        after: Array(Set([child, parent].compactMap { rows[$0] })),
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
