// A foreign key that does not hold at the end of a run, told with what makes it hold.

import Catalog
import Target

extension Load {
  /// The error with the tables that the foreign key binds, the values, and what to do.
  func explained(
    _ refusal: TargetError, aboutForeignKey name: String, on connection: TargetConnection
  ) async -> any Error {
    let found = try? await connection.query(
      """
      WITH planned AS MATERIALIZED (
        SELECT n.relation
        FROM \(Drift.relations(plan.database.tables.map(\.target))) AS n (planned, relation)
        WHERE n.relation IS NOT NULL
      )
      SELECT
        c.conrelid::regclass::text AS child,
        c.confrelid::regclass::text AS parent,
        quote_ident(c.conname) AS name,
        c.condeferrable AS can_wait,
        c.conrelid IN (SELECT n.relation FROM planned AS n) AS is_planned
      FROM pg_constraint AS c
      WHERE c.contype = 'f'
        AND c.conname = $1
        AND c.confrelid IN (SELECT n.relation FROM planned AS n)
      """, [name])
    // Two tables may have a foreign key of one name.
    guard let found, found.rows.count == 1, let child = found.first("child"),
      let parent = found.first("parent"), let quoted = found.first("name")
    else { return refusal }
    return PipelineError(
      .differences,
      """
      foreign key \(quoted) of \(child) to \(parent) does not hold: \
      \(refusal.detail ?? refusal.message)
      """,
      advice: Self.advice(
        child, parent, quoted, canWait: found.first("can_wait") == "t",
        isPlanned: found.first("is_planned") == "t"))
  }

  private static func advice(
    _ child: String, _ parent: String, _ name: String, canWait: Bool, isPlanned: Bool
  ) -> String {
    guard isPlanned else {
      return "\(child) is not loaded by restage: change or delete the rows there that refer to the "
        + "value, or have the foreign key changed along (ON UPDATE CASCADE)"
    }
    guard canWait else {
      return "where the value changes in both tables, let the check wait for the end of the "
        + "transaction: ALTER TABLE \(child) ALTER CONSTRAINT \(name) DEFERRABLE INITIALLY "
        + "IMMEDIATE; for applications nothing changes"
    }
    return
      "rows of one side have a value that the other has no longer: load both tables; rows that "
      + "vanished from the source (on_vanished), that the mapping leaves as they are (on_changed, "
      + "on_conflict, where) or that an application made have to be changed or deleted; "
      + "docs/key-maps.md"
  }
}
