// Staging: chunks of the snapshot into stage tables, several tables at once.

import Catalog
import Logging
import Staging
import Statements
import Target

extension Load {
  /// Fills the stage table of every table, each over one of `jobCount` connections, with all chunks
  /// that may hold something new.
  ///
  /// Stage tables are scratch: they are committed table by table and made anew by the next run.
  /// A chunk that is not the one of the manifest is found before a row of it is sent.
  ///
  /// - Returns: The tables in the same order, with what was staged of them.
  func stage(_ tables: [StagedTable], run: RunRecord) async throws -> [StagedTable] {
    let largestFirst = tables.sorted {
      ($0.manifest.bytes, $1.index) > ($1.manifest.bytes, $0.index)
    }
    let count = min(await jobCount(of: run), max(tables.count, 1))
    return try await ConnectionPool.using(target, count: count, runID: run.id) { pool in
      try await forEachBlocking(largestFirst, jobCount: count) { table in
        try await pool.withConnection { try await stage(table, on: $0, run: run) }
      }
    }.sorted { $0.index < $1.index }
  }

  func stage(
    _ table: StagedTable, on connection: TargetConnection, run: RunRecord
  ) async throws -> StagedTable {
    let began = ContinuousClock.now
    let table = try await selectChunks(of: table, on: connection)
    try snapshot.verifyChunks(of: table.stagedManifest)
    do {
      try await execute(.stage, for: [table], on: connection, run: run)
    } catch let error as TargetError where error.code == .sql && table.mapped.hasExpressions {
      throw PipelineError(
        .wrongMapping,
        "\(table.mapped.source): PostgreSQL does not take where, expr or add of the mapping: \(error)",
        advice: "columns have their names in the target there; nothing was loaded")
    }
    let rowCount = try await copyChunks(of: table, on: connection)
    guard rowCount == table.manifest.rows - table.skippedRows else {
      throw PipelineError(
        .differences,
        """
        \(table.mapped.source): the snapshot holds \(table.manifest.rows) rows, \
        PostgreSQL took \(rowCount), and \(table.skippedRows) are in chunks that were skipped
        """,
        advice: "nothing was merged; export the table again")
    }
    if let counted = table.manifest.sourceRows,
      counted - table.manifest.rows > table.manifest.refusedRows
    {
      logger.warning(
        "fewer rows were read than the source counts: none of the table is taken for vanished",
        metadata: [
          "table": "\(table.mapped.source)", "rows": "\(table.manifest.rows)",
          "counted": "\(counted)",
        ])
    }
    if let uncertainty = table.manifest.uncertainty {
      logger.warning(
        "table was not read as one state: none of its rows is taken for vanished",
        metadata: ["table": "\(table.mapped.source)", "reason": "\(uncertainty)"])
    }
    try await stageRemoved(of: table, on: connection)
    try await run.recordStaged(
      table, rowCount: rowCount, mergeSHA256: plan.mergeSHA256(of: table.mapped.source),
      on: connection)
    try await run.recordWatermark(of: table, on: connection)
    logger.info(
      "table staged",
      metadata: [
        "run": "\(run.id)", "table": "\(table.mapped.source)", "rows": "\(rowCount)",
        "skipped": "\(table.skippedRows)", "bytes": "\(table.stagedManifest.bytes)",
        "ms": "\(began.millisecondsUntilNow)",
      ])
    return table
  }

  /// - Returns: Rows copied.
  private func copyChunks(
    of table: StagedTable, on connection: TargetConnection
  ) async throws -> Int {
    let copy = Merge.copyStatement(for: table.index, of: plan.database)
    guard table.isNumbered else {
      let files = table.manifest.chunks.map { snapshot.chunkPath($0, of: table.manifest) }
      return try await connection.copyIn(copy, files: files)
    }
    var rowCount = 0
    for chunk in table.chunks where !chunk.isSkipped {
      if let number = chunk.number,
        let numbering = Merge.chunkStatement(number, for: table.index, of: plan.database)
      {
        try await connection.execute(numbering)
      }
      let path = snapshot.chunkPath(chunk.manifest, of: table.manifest)
      rowCount += try await connection.copyIn(copy, files: [path])
    }
    return rowCount
  }
}
