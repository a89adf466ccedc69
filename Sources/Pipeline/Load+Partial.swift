// Tables of which a snapshot holds changed rows alone. They can be merged only into what earlier snapshots
// made, up to the moment from which the changes were read.

import Catalog
import FoundationEssentials
import Logging
import Staging
import Statements
import Target

extension Load {
  /// Holds the watermark of each such table against what the target was loaded up to.
  ///
  /// - Throws: `wrongMapping` where the plan would take what the snapshot lacks for vanished; `noInput`
  ///   where changes between the last load and the snapshot are missing; `drifted` where rows that did
  ///   not change would stay as another plan made them.
  func checkPartialTables(
    _ tables: [StagedTable], on connection: TargetConnection
  ) async throws {
    for table in tables {
      guard let partial = table.manifest.partial else { continue }
      try checkMapping(of: table, partial)
      let last = try await lastLoad(of: table, on: connection)
      guard let reached = last.watermark, reached.reaches(partial.since) else {
        throw PipelineError(
          .noInput,
          """
          \(table.mapped.source): the snapshot holds changes since \(partial.since.value), and the \
          target was loaded up to \(last.watermark?.value ?? "no watermark")
          """,
          advice: "load the snapshots in between first, or export without --since")
      }
      guard isByThisPlan(last, table) else {
        throw PipelineError(
          .drifted,
          """
          \(table.mapped.source): its merge files changed since the last load, and the snapshot holds \
          changed rows alone: the others would stay as they were
          """,
          advice: "export without --since, once")
      }
      if last.rejectCount > 0 {
        logger.warning(
          "rows that an earlier run refused are tried again only when they change, or by a whole export",
          metadata: ["table": "\(table.mapped.source)", "rows": "\(last.rejectCount)"])
      }
    }
  }

  private func checkMapping(of table: StagedTable, _ partial: PartialRead) throws {
    let planned = table.mapped.changes.map(Watermark.Kind.init)
    guard planned == partial.since.kind, table.mapped.sourceKey != .wholeRow else {
      throw PipelineError(
        .wrongMapping,
        """
        \(table.mapped.source): the snapshot holds changed rows alone (\(partial.since.kind.rawValue)), \
        and the mapping says \(planned.map { "incremental by \($0.rawValue)" } ?? "nothing of it")
        """,
        advice: "load it with the mapping of the export, or export without --since")
    }
  }

  private struct LastLoad {
    var watermark: Watermark?
    var rejectCount = 0
    /// Of the files that decide what rows become; empty where all chunks were skipped.
    var hashes: Set<String> = []
    /// Of all merge files of the table.
    var mergeSHA256: String?
  }

  private func isByThisPlan(_ last: LastLoad, _ table: StagedTable) -> Bool {
    guard last.hashes.isEmpty else { return last.hashes == mergeHashes(of: table) }
    return last.mergeSHA256.map { $0 == plan.mergeSHA256(of: table.mapped.source) } ?? true
  }

  private func lastLoad(
    of table: StagedTable, on connection: TargetConnection
  ) async throws -> LastLoad {
    let found = try await connection.query(
      """
      SELECT
        g.watermark,
        coalesce((
          SELECT sum(c.rows)
          FROM restage.row_count AS c
          WHERE c.run_id = g.run_id
            AND c.table_name = g.table_name
            AND c.kind = 'rejected'
        ), 0)::bigint AS rejected,
        (
          SELECT string_agg(s.metadata ->> 'sha256', ' ')
          FROM restage.step AS s
          WHERE s.run_id = g.run_id
            AND s.table_name = g.table_name
            AND s.operation IN ('15 check', '40 insert', '50 update')
            AND s.status = 'succeeded'
        ) AS hashes,
        g.merge_sha256
      FROM restage.staged AS g
      WHERE g.run_id = restage.last_run($1, $2)
        AND g.table_name = $2
      """, [plan.database.sourceName, table.mapped.target.quoted])
    var last = LastLoad()
    if let text = found.first("watermark") {
      last.watermark = try? JSONDecoder().decode(Watermark.self, from: Data(text.utf8))
    }
    last.rejectCount = found.firstInteger("rejected") ?? 0
    last.mergeSHA256 = found.first("merge_sha256")
    last.hashes = Set(
      (found.first("hashes") ?? "").split(separator: " ").map { String($0) })
    return last
  }

  private func mergeHashes(of table: StagedTable) -> Set<String> {
    Set(
      plan.files.filter {
        $0.table == table.mapped.source
          && ["15 check", "40 insert", "50 update"].contains($0.step)
      }.map(\.sha256))
  }

  /// Fills the table of keys that the source says it deleted. It is empty for a whole table.
  func stageRemoved(of table: StagedTable, on connection: TargetConnection) async throws {
    guard let removed = table.manifest.partial?.removed, !removed.isEmpty,
      let copy = Merge.removedCopyStatement(for: table.index, of: plan.database)
    else { return }
    let count = try await connection.copyIn(
      copy, files: removed.map { snapshot.removedPath($0, of: table.manifest) })
    let promised = table.manifest.partial?.removedRows ?? 0
    guard count == promised else {
      throw PipelineError(
        .differences,
        """
        \(table.mapped.source): the snapshot names \(promised) deleted rows, PostgreSQL took \(count)
        """,
        advice: "nothing was merged; export the table again")
    }
  }
}

extension Watermark.Kind {
  init(_ changes: ChangeSource) {
    switch changes {
    case .rowversion: self = .rowversion
    case .changeTracking: self = .changeTracking
    case .column: self = .column
    }
  }
}

extension RunRecord {
  /// Remembers since when and up to where changes are staged.
  func recordWatermark(of table: StagedTable, on connection: TargetConnection) async throws {
    let manifest = table.manifest
    guard manifest.partial != nil || manifest.watermark != nil else { return }
    try await connection.query(
      "SELECT restage.record_watermark($1::uuid, $2, $3::jsonb, $4::jsonb)",
      [
        id, table.mapped.target.quoted, try manifest.partial.map { try Self.json($0.since) },
        try manifest.watermark.map { try Self.json($0) },
      ])
  }
}
