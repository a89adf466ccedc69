// What the target remembers of a run that is to be taken back, and how a load writes it there.

import Catalog
import FoundationEssentials
import Statements
import Target

/// A run of the past.
struct UndoneRun: Sendable {
  let id: String
  let source: String
  let status: String
  let mode: String
  let startedAt: String
  /// Whether tables of it are in the target: of a run that failed only where it committed them one by one.
  let hasTables: Bool

  /// A file of its rollback, as it was stored with the run.
  struct File: Sendable {
    let file: PlanFile
    /// The final table; nil for a file about no single table.
    let target: String?
    let text: String
  }

  /// - Parameter selected: A run's id, or "last" for the newest load that is in the target.
  /// - Throws: `usage` for a run that is not there.
  static func find(_ selected: String, on connection: TargetConnection) async throws -> UndoneRun {
    guard try await Installation.isInstalled(on: connection) else { throw noRun(selected) }
    let isLast = selected == "last"
    let condition =
      isLast ? "r.mode = 'load' AND (\(inTarget))" : "r.id::text = lower($1)"
    let found = try await connection.query(
      """
      SELECT r.id, r.source_name, r.status, r.mode, r.started_at, \(inTarget) AS has_tables
      FROM restage.run AS r
      WHERE \(condition)
      ORDER BY r.started_at DESC
      LIMIT 1
      """, isLast ? [] : [selected])
    guard let row = found.rows.first?.compactMap(\.self), row.count == 6 else {
      throw noRun(selected)
    }
    return UndoneRun(
      id: row[0], source: row[1], status: row[2], mode: row[3], startedAt: row[4],
      hasTables: row[5] == "t")
  }

  private static let inTarget = """
    r.status = 'succeeded' OR (
      r.status IN ('failed', 'interrupted') AND EXISTS (
        SELECT
        FROM restage.staged AS g
        WHERE g.run_id = r.id
          AND g.closed_at IS NOT NULL
      )
    )
    """

  private static func noRun(_ selected: String) -> PipelineError {
    PipelineError(
      .usage,
      selected == "last"
        ? "no run in this target can be taken back"
        : "there is no run '\(selected)' in this target",
      advice: "`restage status` lists them")
  }

  /// - Throws: `usage` unless the run is a load that is in the target.
  func check() throws {
    let problem: String? =
      switch (status, mode) {
      case ("succeeded", "load"): nil
      case ("failed", "load") where hasTables: nil
      case ("interrupted", "load") where hasTables: nil
      case ("succeeded", _): "it is a \(mode), not a load"
      case ("rolled_back", _): "it is rolled back already"
      default: "it is \(status), so nothing of it is in the target"
      }
    guard let problem else { return }
    throw PipelineError(.usage, "run \(id) cannot be taken back: \(problem)")
  }

  /// The files in the order of execution.
  ///
  /// - Throws: `usage` where none were stored, `notAllowed` for one that is not what was stored.
  func files(on connection: TargetConnection) async throws -> [File] {
    let found = try await connection.query(
      """
      SELECT f.path, f.table_name, f.operation, f.sha256, t.body
      FROM restage.undo_file AS f
      JOIN restage.sql_text AS t
        ON t.sha256 = f.sha256
      WHERE f.run_id = $1::uuid
      ORDER BY f.number
      """, [id])
    guard !found.rows.isEmpty else {
      throw PipelineError(
        .usage, "no SQL to take run \(id) back is in the target: it was loaded by hand",
        advice: "run the files in the folder undo of its plan by hand")
    }
    return try found.rows.map { row in
      let (path, text, stated) = (row[0] ?? "", row[4] ?? "", row[3] ?? "")
      let sha256 = SQLFile.sha256(of: text)
      guard sha256 == stated else {
        throw PipelineError(
          .notAllowed,
          "\(path) of run \(id) was changed in restage.sql_text: SHA-256 \(sha256), not \(stated)")
      }
      return File(
        file: PlanFile(path: path, sha256: sha256, phase: .undo, step: row[2] ?? "", table: nil),
        target: row[1], text: text)
    }
  }
}

extension RunRecord {
  /// Notes how what a transaction merges is taken back, in that transaction; the texts are kept already.
  ///
  /// - Parameter tables: Those that it merges. Files about no single table are noted once.
  func noteUndo(
    of tables: [StagedTable], by plan: Plan, on connection: TargetConnection
  ) async throws {
    struct Row: Encodable {
      let number: Int
      let path: String
      let target: String?
      let step: String
      let sha256: String
    }
    let targets = Dictionary(
      tables.map { ($0.mapped.source, $0.mapped.target.quoted) },
      uniquingKeysWith: { first, _ in first })
    // By their place in the whole plan, so that it stands whichever table comes first.
    let files = plan.files.filter { $0.phase == .undo }.enumerated().filter { _, file in
      file.table.map { targets[$0] != nil } ?? true
    }
    let rows = files.map { index, file in
      Row(
        number: index + 1, path: file.path, target: file.table.flatMap { targets[$0] },
        step: file.step, sha256: file.sha256)
    }
    try await connection.query(
      """
      INSERT INTO restage.undo_file (run_id, number, path, table_name, operation, sha256)
      SELECT $1::uuid, f.number, f.path, f.target, f.step, f.sha256
      FROM jsonb_to_recordset($2::jsonb)
        AS f (number integer, path text, target text, step text, sha256 text)
      ON CONFLICT (run_id, number) DO NOTHING
      """, [id, try Self.json(rows)])
  }

  /// What the steps of a rollback counted, table by table.
  func undoneCounts(on connection: TargetConnection) async throws -> [RollbackOutcome.Table] {
    try await rowCounts(on: connection).sorted { $0.key < $1.key }.map {
      RollbackOutcome.Table(target: $0.key, counts: $0.value)
    }
  }
}
