import Catalog

extension TableNames {
  /// Step 60: keys that are staged no longer are marked, once; the mark goes when they are staged
  /// again. Nothing is deleted. A row that this run refused has not vanished: the source has it.
  func vanishedFile() -> SQLFile {
    SQLFile(
      .vanished, of: self,
      purpose: "mark rows that vanished from the source since they were loaded",
      body: """
        \(wholeRowSettings)\(Settings.withoutNestedLoops)

        WITH refused AS MATERIALIZED (
          SELECT
            \(block: refusedKey, indent: 4)
          \(block: rejectedRows(ofRun: "(SELECT restage.run_id())", where: "NOT r.is_loaded"), indent: 2)
        ),
        vanished AS (
          UPDATE \(keyMap) AS k
          SET vanished_run = (SELECT restage.run_id())
          WHERE k.vanished_run IS NULL
            AND k.first_run <> (SELECT restage.run_id())
            AND NOT EXISTS (
              SELECT
              FROM \(block: stagedRows(), indent: 6)
              WHERE \(all: keyJoin(), indent: 8)
            )
            AND NOT EXISTS (
              SELECT
              FROM refused AS r
              WHERE \(all: refusedJoin("r"), indent: 8)
            )
          RETURNING 1
        ),
        returned AS (
          UPDATE \(keyMap) AS k
          SET vanished_run = NULL
          FROM \(block: stagedRows(), indent: 2)
          WHERE k.vanished_run IS NOT NULL
            AND \(all: keyJoin(), indent: 4)
          RETURNING 1
        )
        SELECT
          restage.count_rows(\(auditName), 'vanished', (SELECT count(*) FROM vanished)) AS rows,
          restage.count_rows(\(auditName), 'returned', (SELECT count(*) FROM returned)) AS returned;
        """)
  }

  /// What of a rejected row `s` names its key map row. Equal rows of a table without a key are
  /// refused together, so their hash is enough.
  var refusedKey: String {
    isWholeRow
      ? "\(rowHash(of: "s")) AS \(hashName)"
      : keyColumns.map { "s.\(column($0))" }.joined(separator: ",\n")
  }

  func refusedJoin(_ alias: String) -> [String] {
    isWholeRow ? ["k.\(keyMapColumns[0]) = \(alias).\(hashName)"] : keyJoin("k", alias)
  }

  /// Step 70: sequences of identity columns whose values were carried over move past the highest of
  /// them and past the last one that the source handed out; they never move back.
  func resetFile() -> SQLFile {
    let columns = allColumns.filter {
      mapped.columns[$0].identity != nil && $0 != surrogate?.column
    }
    let statements = columns.compactMap(resetStatement)
    return SQLFile(
      .reset, of: self,
      purpose: statements.isEmpty
        ? "no sequence to move" : "move sequences past the values that were carried over",
      body: (statements + ["SELECT \(statements.count)::bigint AS rows;"]).joined(
        separator: "\n\n"))
  }

  private func resetStatement(_ index: Int) -> String? {
    guard let identity = mapped.columns[index].identity else { return nil }
    let sequence = identity.sequence.quoted
    let isAscending = identity.increment > 0
    return """
      SELECT setval(\(SQLLiteral.quoted(sequence)), m.outermost) AS \(column(index))
      FROM (
        SELECT \(isAscending ? "greatest" : "least")(
          (
            SELECT \(isAscending ? "max" : "min")(t.\(column(index)))::bigint
            FROM \(target) AS t
          ),
          (
            SELECT g.identity_last_value
            FROM restage.staged AS g
            WHERE g.run_id = restage.run_id()
              AND g.table_name = \(auditName)
          )
        ) AS outermost
      ) AS m
      CROSS JOIN \(sequence) AS q
      WHERE m.outermost \(isAscending ? ">" : "<") q.last_value
        OR (m.outermost = q.last_value AND NOT q.is_called);
      """
  }

  /// Step 90: staged = inserted + updated + unchanged + changed + matched + rejected, or the run
  /// fails. What is unchanged is counted on its own, not inferred from the other numbers.
  func accountFile() -> SQLFile {
    SQLFile(
      .account, of: self, purpose: "prove that every staged row is accounted for",
      body: """
        \(wholeRowSettings)\(Settings.withoutNestedLoops)

        SELECT restage.close_account(\(auditName), \(block: unchangedCount, indent: 0)) AS rows
        FROM \(stagedRows())
        JOIN \(keyMap) AS k
          ON \(all: keyJoin(), indent: 2)
        WHERE k.last_run <> (SELECT restage.run_id());
        """)
  }

  /// Under `on_changed: report` the rows that differ are counted on their own.
  private var unchangedCount: String {
    guard mapped.onChanged == .report, !isWholeRow else { return "count(*)" }
    return """
      count(*) - (
        SELECT coalesce(sum(c.rows), 0)::bigint
        FROM restage.row_count AS c
        WHERE c.run_id = restage.run_id()
          AND c.table_name = \(auditName)
          AND c.kind = 'changed'
      )
      """
  }
}
