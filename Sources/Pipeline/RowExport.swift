// Where tables become chunks: whole, or in ranges that several connections read at the same time.

import Catalog
import Logging
import ServerSource
import Staging

/// Reads the rows of tables into a snapshot that has begun.
struct RowExport: Sendable {
  let source: any Source
  let snapshot: SnapshotWriter
  let textPolicies: [ObjectName: [String: TextPolicy]]
  let changes: ChangePlan
  let jobCount: Int
  let logger: Logger
  private let places: ReadingPlaces

  init(
    source: any Source, snapshot: SnapshotWriter,
    textPolicies: [ObjectName: [String: TextPolicy]], changes: ChangePlan, jobCount: Int,
    logger: Logger
  ) {
    self.source = source
    self.snapshot = snapshot
    self.textPolicies = textPolicies
    self.changes = changes
    self.jobCount = jobCount
    self.logger = logger
    places = ReadingPlaces(count: jobCount)
  }

  /// What one job does.
  private enum Work: Sendable {
    case whole(Table)
    case range(RangedTable, RowRange)
    /// All ranges were read by an earlier export.
    case join(RangedTable)
  }

  /// - Parameters:
  ///   - tables: The largest first.
  ///   - finished: By an earlier export of the same rows.
  /// - Returns: What the manifest says of each table.
  func export(_ tables: [Table], _ finished: FinishedWork) async throws -> [TableManifest] {
    if finished.count > 0 {
      logger.notice(
        "going on with an unfinished export: the source's rows are still the same",
        metadata: [
          "tables": "\(finished.tables.count)",
          "ranges": "\(finished.count - finished.tables.count)",
        ])
    }
    let kept = tables.compactMap { finished.tables[$0.name] }
    let left = tables.filter { finished.tables[$0.name] == nil }
    let work = try await plan(left, finished)
    // As many again have been read and wait for their files to be durable.
    let inTurn = Array(work.enumerated())
    let written = try await forEachInTurn(inTurn, jobCount: 2 * jobCount) { turn, work in
      let place = await places.take(turn: turn)
      defer { place.giveBack() }
      try Task.checkCancellation()
      return try await export(work, place)
    }
    if let sum = places.sum {
      logger.info(
        "rows read",
        metadata: [
          "rows": "\(sum.rows)", "bytes": "\(sum.bytes)", "ms": "\(sum.milliseconds)",
        ])
    }
    return kept + written.compactMap(\.self)
  }

  private func export(_ work: Work, _ place: ReadingPlace) async throws -> TableManifest? {
    switch work {
    case .whole(let table): try await exportWhole(table, place)
    case .join(let ranged): try await complete(ranged, place)
    case .range(let ranged, let range): try await export(range, of: ranged, place)
    }
  }

  private func exportWhole(_ table: Table, _ place: ReadingPlace) async throws -> TableManifest {
    let manifest = try await patiently(table, nil, place)
    try snapshot.record(manifest)
    return manifest
  }
}

// MARK: - Ranges

extension RowExport {
  /// Asks for the ranges of large tables before any row is read, so that the ranges of all of them can
  /// share the jobs.
  private func plan(_ tables: [Table], _ finished: FinishedWork) async throws -> [Work] {
    do {
      try await onBlockingThread { try source.prepare(readerCount: jobCount, tables: tables) }
    } catch let error as ServerError {
      logger.notice("every table is read by one connection alone", metadata: ["reason": "\(error)"])
    }
    return try await forEachBlocking(tables, jobCount: jobCount) { table in
      if let ranges = finished.plans[table.name] {
        return work(of: RangedTable(table, ranges, finished.ranges[table.name] ?? [:]))
      }
      guard !changes.mayReadChanges(of: table), let ranges = try ranges(of: table) else {
        return [.whole(table)]
      }
      try snapshot.record(ranges, of: table)
      logger.info(
        "table is read in ranges",
        metadata: ["table": "\(table.name)", "ranges": "\(ranges.ranges.count)"])
      return work(of: RangedTable(table, ranges, [:]))
    }.flatMap(\.self)
  }

  private func ranges(of table: Table) throws -> RowRanges? {
    do {
      return try source.ranges(of: table)
    } catch let error as ServerError where !Task.isCancelled {
      logger.notice(
        "table is read as a whole", metadata: ["table": "\(table.name)", "reason": "\(error)"])
      return nil
    }
  }

  private func work(of ranged: RangedTable) -> [Work] {
    let left = ranged.rangesLeft
    return left.isEmpty ? [.join(ranged)] : left.map { .range(ranged, $0) }
  }

  /// - Returns: The table, when this was the last of its ranges.
  private func export(
    _ range: RowRange, of ranged: RangedTable, _ place: ReadingPlace
  ) async throws -> TableManifest? {
    if !ranged.isGivenUp {
      do {
        let manifest = try await patiently(
          ranged.table, range, rowsBefore: ranged.rowsBefore(range), place)
        try snapshot.record(manifest, range: range.number)
        ranged.finish(range, manifest)
      } catch let error as ServerError where error.code == .stateLost {
        ranged.giveUp("\(error)")
      }
    }
    return ranged.isLastDone() ? try await complete(ranged, place) : nil
  }

  /// Makes the table of its ranges. Where they are not its rows, it is begun again as a whole.
  private func complete(
    _ ranged: RangedTable, _ place: ReadingPlace
  ) async throws -> TableManifest {
    place.giveBack()
    let table = ranged.table
    do {
      let ranges = try ranged.allRanges()
      let manifest = marked(try snapshot.join(table, ranges: ranges), table)
      try snapshot.record(manifest)
      note(manifest, ranged.began)
      return manifest
    } catch let mismatch as RangedTable.Mismatch {
      logger.warning(
        "table begun again as a whole",
        metadata: ["table": "\(table.name)", "reason": "\(mismatch.reason)"])
      try snapshot.discard(table)
      let another = await places.take()
      defer { another.giveBack() }
      return try await exportWhole(table, another)
    }
  }
}

/// A table whose ranges are read by several jobs.
private final class RangedTable: Sendable {
  let table: Table
  let began = ContinuousClock.now
  private let plan: RowRanges
  private let state: Locked<State>

  private struct State {
    var finished: [Int: TableManifest]
    /// Ranges that somebody reads, or will.
    var openCount: Int
    var failure: String?
  }

  /// The ranges are not the rows of the table.
  struct Mismatch: Error {
    let reason: String
  }

  init(_ table: Table, _ plan: RowRanges, _ finished: [Int: TableManifest]) {
    self.table = table
    self.plan = plan
    state = Locked(State(finished: finished, openCount: plan.ranges.count - finished.count))
  }

  var rangesLeft: [RowRange] {
    let finished = state.withLock { $0.finished }
    return plan.ranges.filter { finished[$0.number] == nil }
  }

  /// Ranges have about as many rows each.
  func rowsBefore(_ range: RowRange) -> Int {
    plan.rowCount / max(1, plan.ranges.count) * (range.number - 1)
  }

  var isGivenUp: Bool { state.withLock { $0.failure != nil } }

  func finish(_ range: RowRange, _ manifest: TableManifest) {
    state.withLock { $0.finished[range.number] = manifest }
  }

  func giveUp(_ reason: String) { state.withLock { $0.failure = reason } }

  /// Takes note of a range that is done, one way or the other.
  ///
  /// - Returns: Whether it was the last.
  func isLastDone() -> Bool {
    state.withLock { state in
      state.openCount -= 1
      return state.openCount == 0
    }
  }

  /// What is in all ranges, in their order.
  ///
  /// - Throws: `Mismatch` where a range is missing, or their rows are not as many as the table has.
  func allRanges() throws(Mismatch) -> [TableManifest] {
    let (finished, failure) = state.withLock { ($0.finished, $0.failure) }
    if let failure { throw Mismatch(reason: failure) }
    let ranges = plan.ranges.compactMap { finished[$0.number] }
    let rowCount = ranges.reduce(0) { $0 + $1.rows + $1.rejects }
    guard ranges.count == plan.ranges.count, rowCount == plan.rowCount else {
      throw Mismatch(
        reason: "\(rowCount) rows are in its ranges, and \(plan.rowCount) were counted")
    }
    return ranges
  }
}

// MARK: - One table, one range

extension RowExport {
  /// Begins a table or a range again whose connection broke, never half of it: what was written is
  /// thrown away.
  private func patiently(
    _ table: Table, _ range: RowRange?, rowsBefore: Int = 0, _ place: ReadingPlace
  ) async throws -> TableManifest {
    var pause = Duration.seconds(ServerLimits.backoffSeconds)
    for attempt in 1..<ServerLimits.attemptCountMax {
      do {
        return try export(table, range, rowsBefore: rowsBefore, place)
      } catch let error as ServerError where error.isTransient {
        let what = range == nil ? "table" : "range"
        logger.warning(
          "\(what) begun again",
          metadata: [
            "table": "\(table.name)", "attempt": "\(attempt)", "reason": "\(error)",
          ])
        try snapshot.discard(table, range: range?.number)
        try await Task.sleep(for: pause)
        pause *= 2
      }
    }
    return try export(table, range, rowsBefore: rowsBefore, place)
  }

  private func export(
    _ table: Table, _ range: RowRange?, rowsBefore: Int, _ place: ReadingPlace
  ) throws -> TableManifest {
    let began = ContinuousClock.now
    var writer = try snapshot.makeTableWriter(
      for: table, range: range?.number, rowsBefore: rowsBefore,
      textPolicies: textPolicies[table.name] ?? [:])
    let (order, partial) =
      if let range {
        (try source.readRows(of: table, in: range, into: &writer), PartialRead?.none)
      } else {
        try readRows(of: table, into: &writer)
      }
    // Whoever comes next reads while the last chunks of this one become durable.
    place.giveBack()
    var manifest = try writer.finish(order: order)
    places.note(manifest)
    guard range == nil else { return manifest }
    manifest = marked(manifest, table)
    manifest.partial = partial
    note(manifest, began)
    return manifest
  }

  /// Says up to where the next export may go on. What was not read as one state may lack rows that no
  /// later watermark would bring.
  private func marked(_ manifest: TableManifest, _ table: Table) -> TableManifest {
    guard manifest.uncertainty == nil else { return manifest }
    var manifest = manifest
    manifest.watermark = changes.watermark(of: table)
    return manifest
  }

  private func note(_ manifest: TableManifest, _ began: ContinuousClock.Instant) {
    logger.info(
      "table exported",
      metadata: [
        "table": "\(manifest.table)", "rows": "\(manifest.rows)", "bytes": "\(manifest.bytes)",
        "rejects": "\(manifest.rejects)", "ms": "\(began.millisecondsUntilNow)",
      ])
    if let altered = manifest.altered {
      logger.warning(
        "text was altered to fit PostgreSQL; the rejects list the rows",
        metadata: ["table": "\(manifest.table)", "rows": "\(altered)"])
    }
  }
}
