// Staging: chunks of the snapshot into stage tables, several tables at once.

import Catalog
import Logging
import Staging
import Statements
import Target

extension Load {
  /// Fills the stage table of every table, each over one of `jobCount` connections.
  ///
  /// Stage tables are scratch: they are committed table by table and made anew by the next run.
  /// A chunk that is not the one of the manifest is found before a row of it is sent.
  func stage(_ tables: [StagedTable], run: RunRecord) async throws {
    let largestFirst = tables.sorted {
      ($0.manifest.bytes, $1.index) > ($1.manifest.bytes, $0.index)
    }
    let count = min(options.jobCount, max(tables.count, 1))
    try await ConnectionPool.using(target, count: count, runID: run.id) { pool in
      _ = try await forEachBlocking(largestFirst, jobCount: count) { table in
        try await pool.withConnection { try await stage(table, on: $0, run: run) }
      }
    }
  }

  func stage(
    _ table: StagedTable, on connection: TargetConnection, run: RunRecord
  ) async throws {
    let began = ContinuousClock.now
    try snapshot.verifyChunks(of: table.manifest)
    do {
      try await execute(.stage, for: [table], on: connection, run: run)
    } catch let error as TargetError where error.code == .sql && table.mapped.hasExpressions {
      throw PipelineError(
        .wrongMapping,
        "\(table.mapped.source): PostgreSQL does not take where, expr or add of the mapping: \(error)",
        advice: "columns have their names in the target there; nothing was loaded")
    }
    let rowCount = try await connection.copyIn(
      Merge.copyStatement(for: table.index, of: plan.database),
      files: table.manifest.chunks.map { snapshot.chunkPath($0, of: table.manifest) })
    guard rowCount == table.manifest.rows else {
      throw PipelineError(
        .differences,
        """
        \(table.mapped.source): the snapshot holds \(table.manifest.rows) rows, \
        PostgreSQL took \(rowCount)
        """,
        advice: "nothing was merged; export the table again")
    }
    if let counted = table.manifest.sourceRows,
      counted - rowCount > table.manifest.refusedRows
    {
      logger.warning(
        "fewer rows were read than the source counts: none of the table is taken for vanished",
        metadata: [
          "table": "\(table.mapped.source)", "rows": "\(rowCount)", "counted": "\(counted)",
        ])
    }
    if let uncertainty = table.manifest.uncertainty {
      logger.warning(
        "table was not read as one state: none of its rows is taken for vanished",
        metadata: ["table": "\(table.mapped.source)", "reason": "\(uncertainty)"])
    }
    try await stageRemoved(of: table, on: connection)
    try await run.recordStaged(table, rowCount: rowCount, on: connection)
    try await run.recordWatermark(of: table, on: connection)
    logger.info(
      "table staged",
      metadata: [
        "run": "\(run.id)", "table": "\(table.mapped.source)", "rows": "\(rowCount)",
        "bytes": "\(table.manifest.bytes)", "ms": "\(began.millisecondsUntilNow)",
      ])
  }
}
