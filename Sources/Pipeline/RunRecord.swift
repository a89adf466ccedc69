// What the target remembers of a run: restage.run, its steps, and what was staged.

import Catalog
import FoundationEssentials
import Staging
import Target

/// One run in the audit tables of the target.
struct RunRecord: Sendable {
  /// Outside the merge's transaction: what it writes stays when the merge is rolled back.
  let control: TargetConnection
  let id: String

  /// Begins the run; runs whose loader is gone are marked as interrupted first.
  func begin(_ load: Load) async throws {
    try await control.query(
      """
      SELECT restage.begin_run(
        source_name => $1,
        id => $2::uuid,
        source_kind => $3,
        snapshot => $4,
        mode => $5,
        tool_version => $6,
        plan_sha256 => $7
      )
      """,
      [
        load.plan.database.sourceName, id, load.snapshot.manifest.source.kind, load.snapshot.folder,
        load.options.isRehearsal ? "rehearsal" : "load", Version.number, load.plan.sha256,
      ])
  }

  /// Ends the run as succeeded, on the connection of the merge: with the rows or not at all.
  func succeed(on merge: TargetConnection) async throws {
    try await merge.query("SELECT restage.finish_run($1::uuid)", [id])
  }

  /// Ends a rehearsal, whose merge was rolled back.
  func endRehearsal() async throws {
    try await succeed(on: control)
  }

  /// Ends the run as failed, also when its task is cancelled. Where the server is gone nothing can be
  /// written; the next run then finds the run without a loader and marks it as interrupted.
  func fail(with error: any Error) async {
    await Task.detached { [self] in
      _ = try? await control.query(
        "SELECT restage.fail_run($1::uuid, $2)", [id, "\(error)"])
    }.value
  }
}

// MARK: - SQL

extension RunRecord {
  /// Keeps the text of every file that the run may execute, or that takes it back: they are named by
  /// their hash. What an
  /// earlier run has kept is not sent again.
  func keepTexts(of plan: Plan) async throws {
    let texts = Dictionary(
      plan.files.filter { $0.phase != .proof }.map { ($0.sha256, plan.texts[$0.path] ?? "") },
      uniquingKeysWith: { first, _ in first })
    let missing = try await control.query(
      """
      SELECT h.sha256
      FROM json_array_elements_text($1::json) AS h (sha256)
      WHERE NOT EXISTS (
        SELECT
        FROM restage.sql_text AS t
        WHERE t.sha256 = h.sha256
      )
      """, [try Self.json(texts.keys.sorted())])
    let wanted = Set(missing.values(of: "sha256"))
    guard !wanted.isEmpty else { return }
    try await control.query(
      """
      INSERT INTO restage.sql_text (sha256, body)
      SELECT t.key, t.value
      FROM json_each_text($1::json) AS t
      ON CONFLICT (sha256) DO NOTHING
      """, [try Self.json(texts.filter { wanted.contains($0.key) })])
  }

  static func json(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
  }
}

// MARK: - Steps

extension RunRecord {
  /// Records a file that was executed, in the transaction of `connection`.
  ///
  /// - Parameter target: The final table, quoted; nil for a file about no single table.
  func recordStep(
    _ file: PlanFile, target: String?, rowCount: Int?, milliseconds: Int64,
    on connection: TargetConnection
  ) async throws {
    try await connection.query(
      Self.recordStatement,
      [
        id, target, file.step, rowCount.map { "\($0)" }, "succeeded", nil, "\(milliseconds)",
        file.path, file.sha256,
      ])
  }

  /// Closes the account of a table of which nothing is staged: its rows were counted when its chunks
  /// were chosen, and its last step would look at them all once more.
  func closeAccount(
    ofUntouched table: StagedTable, _ file: PlanFile, on connection: TargetConnection
  ) async throws {
    let name = table.mapped.target.quoted
    try await connection.query(
      """
      SELECT
        restage.count_skipped($1, $2::bigint),
        restage.close_account($1, 0)
      """, [name, table.known.map { "\($0.rows)" }])
    try await connection.query(
      Self.recordStatement,
      [
        id, name, file.step, "\(table.skippedRows)", "skipped", nil, "0", file.path, file.sha256,
      ])
  }

  /// Records the file that failed, behind the back of the merge's transaction.
  func recordFailure(
    of file: PlanFile, target: String?, error: any Error, milliseconds: Int64
  ) async {
    await Task.detached { [self] in
      _ = try? await control.query(
        Self.recordStatement,
        [
          id, target, file.step, nil, "failed", "\(error)", "\(milliseconds)", file.path,
          file.sha256,
        ])
    }.value
  }

  private static let recordStatement = """
    SELECT restage.record_step(
      run => $1::uuid,
      table_name => $2,
      operation => $3,
      rows_affected => $4::bigint,
      status => $5,
      error_message => $6,
      started_at => clock_timestamp() - $7::bigint * interval '1 millisecond',
      metadata => jsonb_build_object('file', $8::text, 'sha256', $9::text)
    )
    """
}

// MARK: - Rows

extension RunRecord {
  /// Remembers what was staged of a table, chunk by chunk.
  ///
  /// - Parameter mergeSHA256: Of the table's merge files.
  func recordStaged(
    _ table: StagedTable, rowCount: Int, mergeSHA256: String, on connection: TargetConnection
  ) async throws {
    let name = table.mapped.target.quoted
    try await connection.query(
      """
      SELECT restage.record_staged(
        run => $1::uuid,
        table_name => $2,
        chunk_rows => $3::bigint,
        staged_rows => $4::bigint,
        export_rejects => $5::bigint,
        identity_last_value => $6::bigint,
        skipped_rows => $7::bigint,
        merge_sha256 => $8,
        known_rows => $9::bigint,
        vanished_rows => $10::bigint
      )
      """,
      [
        id, name, "\(table.manifest.rows)", "\(rowCount)", "\(table.manifest.absentRows)",
        table.identityLastValue.map { "\($0)" }, "\(table.skippedRows)",
        table.isNumbered ? mergeSHA256 : nil, table.known.map { "\($0.rows)" },
        table.known.map { "\($0.vanished)" },
      ])
    struct Row: Encodable {
      let number: Int
      let file: String
      let rows: Int
      let bytes: Int
      let hash: String
      let chunk: Int?
      let skipped: Bool
    }
    let rows = table.chunks.enumerated().map { index, chunk in
      Row(
        number: index + 1, file: "data/\(table.manifest.folder)/\(chunk.manifest.file)",
        rows: chunk.manifest.rows, bytes: chunk.manifest.bytes, hash: chunk.manifest.xxh3,
        chunk: chunk.number, skipped: chunk.isSkipped)
    }
    // One statement for all: a large table has ten thousands of chunks.
    try await connection.query(
      """
      SELECT restage.record_chunk(
        run => $1::uuid,
        table_name => $2,
        number => c.number,
        file => c.file,
        rows => c.rows,
        bytes => c.bytes,
        hash => c.hash,
        chunk_id => c.chunk,
        is_skipped => c.skipped
      )
      FROM jsonb_to_recordset($3::jsonb) AS c (
        number integer, file text, rows bigint, bytes bigint, hash text, chunk integer,
        skipped boolean
      )
      """, [id, name, try Self.json(rows)])
  }

  /// What the steps counted: number of rows by kind, by final table.
  func rowCounts(on connection: TargetConnection) async throws -> [String: [String: Int]] {
    let result = try await connection.query(
      """
      SELECT c.table_name, c.kind, c.rows
      FROM restage.row_count AS c
      WHERE c.run_id = $1::uuid
      """, [id])
    var counts: [String: [String: Int]] = [:]
    for row in result.rows {
      guard row.count == 3, let table = row[0], let kind = row[1] else { continue }
      counts[table, default: [:]][kind] = row[2].flatMap { Int($0) }
    }
    return counts
  }

  /// What became of the staged rows, as the merge counted them.
  func counts(
    of tables: [StagedTable], on connection: TargetConnection
  ) async throws -> [LoadOutcome.Table] {
    let counts = try await rowCounts(on: connection)
    return tables.map { table in
      let name = table.mapped.target.quoted
      return LoadOutcome.Table(
        source: table.mapped.source, target: name,
        staged: table.manifest.rows - table.skippedRows, skipped: table.skippedRows,
        exportRejects: table.manifest.refusedRows,
        damagedPlaces: table.manifest.unreadable ?? 0, counts: counts[name] ?? [:])
    }
  }
}
