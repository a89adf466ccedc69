// A load that commits table by table and died is gone on with: the same run, and the tables that it has
// committed are done.

import Catalog
import FoundationEssentials
import Staging
import Target

extension RunRecord {
  /// The run of this source that has committed some tables and not all, where the snapshot holds those
  /// tables just as it loaded them, by the same plan. Nil where there is none: then a new run begins.
  static func unfinished(of load: Load, on control: TargetConnection) async throws -> RunRecord? {
    try await control.query("SELECT restage.mark_interrupted()")
    // Runs that failed and had committed nothing are as if they had never been. The source's lock is ours,
    // so that one which is still called running has no loader either.
    let found = try await control.query(
      """
      SELECT r.id, r.plan_sha256
      FROM (
        SELECT r.id, r.plan_sha256, r.status
        FROM restage.run AS r
        WHERE r.source_name = $1
          AND r.mode = 'load'
          AND (r.status NOT IN ('running', 'failed', 'interrupted') OR r.options ? 'commit')
        ORDER BY r.started_at DESC
        LIMIT 1
      ) AS r
      WHERE r.status IN ('running', 'failed', 'interrupted')
      """, [load.plan.database.sourceName])
    guard let id = found.first("id"), found.first("plan_sha256") == load.plan.sha256 else {
      return nil
    }
    let run = RunRecord(control: control, id: id)
    let committed = try await run.committedContents()
    let planned = Dictionary(
      load.plan.database.tables.map { ($0.target.quoted, $0.source) },
      uniquingKeysWith: { first, _ in first })
    let isSame = committed.allSatisfy { table, content in
      planned[table].flatMap(load.snapshot.manifest.table(named:)).map {
        content == CommittedContent($0)
      } ?? false
    }
    return committed.isEmpty || !isSame ? nil : run
  }

  /// Lets the run go on from here. What it had staged, or given keys to, and not merged is forgotten.
  func goOn(_ load: Load) async throws {
    try await control.execute("BEGIN;")
    try await control.query("SELECT restage.forget_unmerged($1::uuid)", [id])
    try await control.query(
      """
      SELECT restage.record_step(
        run => r.id,
        table_name => NULL,
        operation => 'go on',
        rows_affected => NULL,
        metadata => jsonb_build_object(
          'status', r.status, 'finished_at', r.finished_at, 'error', r.error, 'snapshot', r.snapshot
        )
      )
      FROM restage.run AS r
      WHERE r.id = $1::uuid
      """, [id])
    try await control.query(
      """
      UPDATE restage.run AS r
      SET
        status = 'running',
        finished_at = NULL,
        error = NULL,
        snapshot = $2,
        tool_version = $3,
        backend_pid = a.pid,
        backend_started_at = a.backend_start
      FROM pg_stat_get_activity(pg_backend_pid()) AS a
      WHERE r.id = $1::uuid
      """, [id, load.snapshot.folder, Version.number])
    try await control.execute("COMMIT;")
    try await control.set("restage.run_id", to: id)
  }

  /// Remembers that the run commits table by table, and which tables it is about.
  ///
  /// - Parameter makesTables: Whether it makes the final tables as well; until `noteTablesMade` they
  ///   count as unfinished.
  func noteCommitByTable(_ tables: [StagedTable], makesTables: Bool) async throws {
    struct Options: Encodable {
      let commit = CommitPolicy.table
      let tables: [String]
      let definitions: String?
    }
    try await note(
      Options(
        tables: tables.map(\.mapped.target.quoted), definitions: makesTables ? "begun" : nil),
      on: control)
  }

  /// Remembers that all definitions of the plan are in the target.
  func noteTablesMade(on connection: TargetConnection) async throws {
    try await note(["definitions": "made"], on: connection)
  }

  /// Holds the run as it is until the transaction of `connection` ends, so that nobody else goes on with
  /// it meanwhile.
  ///
  /// - Throws: `locked` where somebody did: the control connection was lost, and the lock with it.
  func hold(on connection: TargetConnection) async throws {
    let found = try await connection.query(
      """
      SELECT r.id
      FROM restage.run AS r
      WHERE r.id = $1::uuid
        AND r.status = 'running'
        AND r.backend_pid = $2::integer
      FOR SHARE
      """, [id, "\(control.backendPID)"])
    guard found.rows.isEmpty else { return }
    throw PipelineError(
      .locked, "run \(id) lost its control connection, and another run has begun since",
      advice: "look at restage status, and run again")
  }

  private func note(_ options: some Encodable, on connection: TargetConnection) async throws {
    try await connection.query(
      "UPDATE restage.run AS r SET options = r.options || $2::jsonb WHERE r.id = $1::uuid",
      [id, try Self.json(options)])
  }

  /// The final tables whose rows the run has committed, with what it had staged of them.
  func committedContents() async throws -> [String: CommittedContent] {
    let found = try await control.query(
      """
      SELECT
        g.table_name,
        g.chunk_rows,
        g.export_rejects,
        (
          SELECT string_agg(c.hash, ' ' ORDER BY c.number)
          FROM restage.chunk AS c
          WHERE c.run_id = g.run_id
            AND c.table_name = g.table_name
        ) AS hashes
      FROM restage.staged AS g
      WHERE g.run_id = $1::uuid
        AND g.closed_at IS NOT NULL
      """, [id])
    var contents: [String: CommittedContent] = [:]
    for row in found.rows {
      guard row.count == 4, let table = row[0] else { continue }
      contents[table] = CommittedContent(
        rows: row[1].flatMap { Int($0) } ?? -1, absentRows: row[2].flatMap { Int($0) } ?? -1,
        hashes: row[3] ?? "")
    }
    return contents
  }
}

/// What a snapshot holds of a table, as far as a load can tell.
struct CommittedContent: Hashable, Sendable {
  let rows: Int
  let absentRows: Int
  /// Of the chunks, in order.
  let hashes: String
}

extension CommittedContent {
  init(_ manifest: TableManifest) {
    self.init(
      rows: manifest.rows, absentRows: manifest.absentRows,
      hashes: manifest.chunks.map(\.xxh3).joined(separator: " "))
  }
}
