import Target

/// Reads back from the target's own tables what earlier runs did.
public struct Status: Sendable {
  let target: String

  public init(target: String) {
    self.target = target
  }

  /// One run as `restage.run` remembers it.
  public struct Run: Codable, Hashable, Sendable {
    public let id: String
    public let source: String
    public let status: String
    public let mode: String
    public let startedAt: String
    public let finishedAt: String?
    public let error: String?
    public let snapshot: String?

    enum CodingKeys: String, CodingKey {
      case id, source, status, mode, error, snapshot
      case startedAt = "started_at"
      case finishedAt = "finished_at"
    }
  }

  /// One step of a run as `restage.migration_audit` shows it.
  public struct Step: Codable, Hashable, Sendable {
    public let table: String?
    public let operation: String
    public let rows: Int?
    public let status: String
    public let error: String?
    public let startedAt: String
    public let completedAt: String?

    enum CodingKeys: String, CodingKey {
      case table, operation, rows, status, error
      case startedAt = "started_at"
      case completedAt = "completed_at"
    }
  }

  /// A table of a run that commits table by table and has not come to its end.
  public struct Commit: Codable, Hashable, Sendable {
    public let run: String
    /// The final table.
    public let table: String
    /// Nil for what is left to do.
    public let committedAt: String?

    enum CodingKeys: String, CodingKey {
      case run, table
      case committedAt = "committed_at"
    }
  }

  /// What was asked for: all runs, the newest first, or one run with its steps.
  public struct Answer: Codable, Sendable {
    public let runs: [Run]
    public let steps: [Step]
    /// Of loads that are at work or can be gone on with.
    public let unfinished: [Commit]
  }

  /// - Parameter selected: A run's id, "last", or nil for all runs.
  /// - Throws: `usage` for a run that is not there.
  public func read(_ selected: String?) async throws -> Answer {
    try await TargetConnection.using(target) { try await read(selected, on: $0) }
  }

  private func read(
    _ selected: String?, on connection: TargetConnection
  ) async throws -> Answer {
    guard try await Installation.isInstalled(on: connection) else {
      guard let selected else { return Answer(runs: [], steps: [], unfinished: []) }
      throw Self.noRun(selected)
    }
    let condition =
      switch selected {
      case nil: "true"
      case "last": "r.id = (SELECT l.id FROM restage.run AS l ORDER BY l.started_at DESC LIMIT 1)"
      default: "r.id::text = $1"
      }
    let parameters: [String?] = selected == nil || selected == "last" ? [] : [selected]
    let runs = try await connection.query(
      """
      SELECT
        r.id, r.source_name, r.status, r.mode, r.started_at, r.finished_at, r.error, r.snapshot
      FROM restage.run AS r
      WHERE \(condition)
      ORDER BY r.started_at DESC
      """, parameters)
    let found = runs.rows.map { row in
      Run(
        id: row[0] ?? "", source: row[1] ?? "", status: row[2] ?? "", mode: row[3] ?? "",
        startedAt: row[4] ?? "", finishedAt: row[5], error: row[6], snapshot: row[7])
    }
    let unfinished = try await unfinished(condition, parameters, on: connection)
    guard let selected else { return Answer(runs: found, steps: [], unfinished: unfinished) }
    guard let run = found.first else { throw Self.noRun(selected) }
    return Answer(
      runs: found, steps: try await steps(of: run.id, on: connection), unfinished: unfinished)
  }

  /// - Parameter condition: Which runs `r`.
  private func unfinished(
    _ condition: String, _ parameters: [String?], on connection: TargetConnection
  ) async throws -> [Commit] {
    let result = try await connection.query(
      """
      SELECT r.id, t.name, g.closed_at
      FROM restage.run AS r
      CROSS JOIN LATERAL jsonb_array_elements_text(r.options -> 'tables')
        WITH ORDINALITY AS t (name, number)
      LEFT JOIN restage.staged AS g
        ON g.run_id = r.id
        AND g.table_name = t.name
      WHERE \(condition)
        AND r.options ->> 'commit' = 'table'
        AND r.status IN ('running', 'failed', 'interrupted')
        AND NOT EXISTS (
          SELECT
          FROM restage.run AS n
          WHERE n.source_name = r.source_name
            AND n.mode = 'load'
            AND n.status = 'succeeded'
            AND n.started_at > r.started_at
        )
      ORDER BY r.started_at DESC, t.number
      """, parameters)
    return result.rows.map {
      Commit(run: $0[0] ?? "", table: $0[1] ?? "", committedAt: $0[2])
    }
  }

  private func steps(of run: String, on connection: TargetConnection) async throws -> [Step] {
    let result = try await connection.query(
      """
      SELECT
        a.table_name, a.operation, a.rows_affected, a.status, a.error_message, a.started_at,
        a.completed_at
      FROM restage.migration_audit AS a
      WHERE a.run_id::text = $1
      ORDER BY a.id
      """, [run])
    return result.rows.map { row in
      Step(
        table: row[0], operation: row[1] ?? "", rows: row[2].flatMap { Int($0) },
        status: row[3] ?? "", error: row[4], startedAt: row[5] ?? "", completedAt: row[6])
    }
  }

  private static func noRun(_ selected: String) -> PipelineError {
    PipelineError(
      .usage, "there is no run '\(selected)' in this target",
      advice: "`restage status` without a run lists them")
  }
}
