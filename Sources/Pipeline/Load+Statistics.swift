// Statistics of final tables, when the run is done: the application's first queries in the morning are
// planned by them, and autovacuum may be a while.

import Logging
import Target

extension Load {
  /// Has the server analyse the final tables of which the run wrote more than a tenth, several at a time.
  ///
  /// Only an owner may; for a role that may load alone nothing is done. The run has succeeded by now: what
  /// goes wrong here is said and changes nothing about it.
  func gatherStatistics(of outcome: LoadOutcome, run: RunRecord) async {
    do {
      let tables = try await tablesToAnalyse(outcome, on: run.control)
      guard !tables.isEmpty else { return }
      let count = min(await jobCount(of: run), tables.count)
      try await ConnectionPool.using(
        target, count: count, runID: run.id, settings: [("lock_timeout", "\(Self.patience)s")]
      ) { pool in
        _ = try await forEachBlocking(tables, jobCount: count) { table in
          try await pool.withConnection { try await analyse(table, on: $0, run: run) }
        }
      }
    } catch is CancellationError {
      return
    } catch {
      logger.notice(
        "statistics of final tables were not gathered: ANALYZE them, or leave it to autovacuum",
        metadata: ["run": "\(run.id)", "reason": "\(error)"])
    }
  }

  /// Seconds to wait for a table that somebody else has for maintenance, as VACUUM does.
  private static let patience = 5

  /// Final tables, quoted, whose statistics the run made stale and that the role may analyse.
  private func tablesToAnalyse(
    _ outcome: LoadOutcome, on connection: TargetConnection
  ) async throws -> [String] {
    var tables: [String] = []
    for table in outcome.tables {
      let written = table.inserted + table.updated + table.deleted
      guard written > 0 else { continue }
      let found = try await connection.query(
        """
        SELECT c.relname
        FROM pg_catalog.pg_class AS c
        WHERE c.oid = pg_catalog.to_regclass($1)
          AND $2::bigint * 10 > c.reltuples
          AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
        """, [table.target, "\(written)"])
      if !found.rows.isEmpty { tables.append(table.target) }
    }
    return tables
  }

  private func analyse(
    _ table: String, on connection: TargetConnection, run: RunRecord
  ) async throws {
    do {
      try await connection.execute("ANALYZE \(table);")
    } catch {
      guard error.code == .lockTimeout || error.code == .sql else { throw error }
      logger.notice(
        "statistics of a final table were not gathered: ANALYZE it, or leave it to autovacuum",
        metadata: ["run": "\(run.id)", "target": "\(table)", "reason": "\(error)"])
    }
  }
}
