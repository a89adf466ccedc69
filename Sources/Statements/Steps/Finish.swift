import Catalog

extension TableNames {
  /// Step 60: rows of the key map that are staged no longer. Counted; nothing is deleted.
  func vanishedFile() -> SQLFile {
    let staged =
      isWholeRow
      ? "(\n    \(numberedRows(withColumns: false, indent: 4))\n  ) AS s" : "\(stage) AS s"
    return SQLFile(
      .vanished, of: self, purpose: "count rows that vanished from the source since they were loaded",
      body: """
        SELECT restage.count_rows(\(auditName), 'vanished', count(*)) AS rows
        FROM \(keyMap) AS k
        WHERE NOT EXISTS (
          SELECT
          FROM \(staged)
          WHERE \(lines: keyJoin(), indent: 4, separator: " AND")
        );
        """)
  }

  /// Step 70: sequences of identity columns whose values were carried over move past the highest of
  /// them and past the last one that the source handed out; they never move back.
  func resetFile() -> SQLFile {
    let columns = allColumns.filter {
      mapped.columns[$0].identity != nil && $0 != mapped.surrogate?.column
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

  /// Step 90: staged = inserted + updated + unchanged + matched + rejected, or the run fails.
  /// What is unchanged is counted on its own, not inferred from the other numbers.
  func accountFile() -> SQLFile {
    let staged =
      isWholeRow
      ? "(\n  \(numberedRows(withColumns: false, indent: 2))\n) AS s" : "\(stage) AS s"
    return SQLFile(
      .account, of: self, purpose: "prove that every staged row is accounted for",
      body: """
        SELECT restage.count_rows(\(auditName), 'unchanged', count(*)) AS unchanged
        FROM \(staged)
        JOIN \(keyMap) AS k
          ON \(lines: keyJoin(), indent: 2, separator: " AND")
        WHERE k.last_run <> (SELECT restage.run_id());

        SELECT restage.close_account(\(auditName)) AS rows;
        """)
  }
}
