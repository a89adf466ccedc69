// A load has time and an application has not: where the two wait for each other, the load gives way.

import Staging
import Target

/// Ends a transaction of ours that has come into a deadlock, before the server ends somebody else's.
///
/// PostgreSQL looks for a deadlock once, `deadlock_timeout` (a second) after a session began to wait,
/// and ends the session that finds it: the one that began to wait last, which is the application when
/// the load was waiting already. That setting is a superuser's. So the run's other connection looks
/// while the transaction waits for a lock, more often than that, and cancels it.
struct GivingWay: Sendable {
  /// Outside the transaction.
  let control: TargetConnection

  /// Does `work` on a connection, and ends it where it waits for a session that waits for it.
  ///
  /// - Throws: `locked` for a deadlock, whoever found it; what `work` throws otherwise.
  func run<Outcome: Sendable>(
    _ connection: TargetConnection, _ work: () async throws -> Outcome
  ) async throws -> Outcome {
    let hasGivenWay = Locked(false)
    let pid = connection.backendPID
    async let _ = watch(pid, hasGivenWay)
    do {
      return try await work()
    } catch let error as TargetError {
      let isDeadlock = error.code == .conflict && error.sqlstate == "40P01"
      guard isDeadlock || hasGivenWay.withLock({ $0 }) else { throw error }
      throw PipelineError(
        .locked,
        """
        \(error.file.map { $0 + ": " } ?? "")another session and this run waited for each other \
        (deadlock), and the run gave way
        """,
        advice: "nothing half-done is kept; run again")
    }
  }

  /// Looks until the task is cancelled, which the end of the work does.
  private func watch(_ pid: Int, _ hasGivenWay: Locked<Bool>) async {
    while (try? await Task.sleep(for: Limits.deadlockCheckInterval)) != nil {
      guard let found = try? await control.query(Self.question, ["\(pid)"]),
        found.first("is_deadlock") == "t"
      else { continue }
      hasGivenWay.withLock { $0 = true }
      _ = try? await control.query("SELECT pg_cancel_backend($1::integer)", ["\(pid)"])
    }
  }

  /// Whether one of the sessions that a process waits for, directly or through others, waits for it.
  /// Whom it waits for is asked only while it waits: the answer takes locks inside the server.
  private static let question = """
    WITH RECURSIVE waiting AS MATERIALIZED (
      SELECT a.pid
      FROM pg_stat_activity AS a
      WHERE a.pid = $1::integer
        AND a.wait_event_type = 'Lock'
    ),
    blocker AS (
      SELECT b.pid
      FROM waiting AS w
      CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b (pid)
      UNION
      SELECT n.pid
      FROM blocker AS b
      CROSS JOIN LATERAL unnest(pg_blocking_pids(b.pid)) AS n (pid)
    )
    SELECT EXISTS (
      SELECT
      FROM blocker AS b
      JOIN waiting AS w ON w.pid = b.pid
    ) AS is_deadlock
    """
}
