import Catalog

extension TableNames {
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

  /// Step 90: staged = inserted + updated + unchanged + changed + kept + matched + rejected, or the run
  /// fails. What is unchanged is counted on its own, not inferred from the other numbers.
  func accountFile() -> SQLFile {
    SQLFile(
      .account, of: self, purpose: "prove that every staged row is accounted for",
      body: """
        \(wholeRowSettings)\(joinSettings)

        \(skippedProof)SELECT restage.close_account(\(auditName), \(block: unchangedCount, indent: 0)) AS rows
        FROM \(stagedRows())
        JOIN \(keyMap) AS k
          ON \(all: keyJoin(), indent: 2)
        WHERE k.last_run NOT IN (SELECT restage.run_id())
          AND NOT (SELECT restage.is_all_new(\(auditName)));

        \(Settings.withDefaults)
        """)
  }

  /// Rows of chunks that were not staged are not taken on trust: no row has left the key map since they
  /// were counted, chunk by chunk.
  private var skippedProof: String {
    guard chunkName != nil else { return "" }
    return """
      -- Where chunks were skipped, the key map has the rows that were counted then, and this run's.
      SELECT restage.count_skipped(\(auditName), k.rows) AS skipped
      FROM restage.staged AS g
      CROSS JOIN LATERAL restage.count_known(\(SQLLiteral.quoted(keyMap))) AS k (rows)
      WHERE g.run_id = restage.run_id()
        AND g.table_name = \(auditName)
        AND g.skipped_rows > 0;


      """
  }

  /// Rows that differ and were left alone on purpose are counted on their own.
  private var unchangedCount: String {
    let leftAlone: String
    switch (mapped.onChanged, mapped.onConflict) {
    case (.report, _): leftAlone = "changed"
    case (.update, .keep): leftAlone = "kept"
    default: return "count(*)"
    }
    guard !isWholeRow else { return "count(*)" }
    return """
      count(*) - (
        SELECT coalesce(sum(c.rows), 0)::bigint
        FROM restage.row_count AS c
        WHERE c.run_id = restage.run_id()
          AND c.table_name = \(auditName)
          AND c.kind = '\(leftAlone)'
      )
      """
  }
}
