// What the mapping says in PostgreSQL's own words: which rows are loaded (where), which value a column
// gets (expr), and columns of the final table alone (add).

import Catalog

extension TableNames {
  var addedColumns: [String] { mapped.added.map(\.name.quoted) }

  /// The columns of the CSV, then those that the mapping adds.
  var columnDefinitions: [String] {
    allColumns.map { "\(column($0)) \(typeAndCollation($0))" }
      + mapped.added.map { "\($0.name.quoted) \($0.type)" }
  }

  private var assignments: [(column: String, expression: String)] {
    allColumns.compactMap { index in
      mapped.columns[index].expression.map { (column(index), $0) }
    } + mapped.added.map { ($0.name.quoted, $0.expression) }
  }

  /// In parentheses. A comment at its end must not take the closing one along.
  private static func enclosed(_ expression: String) -> String {
    expression.contains("--") ? "(\(expression)\n)" : "(\(expression))"
  }

  /// Step 10: PostgreSQL reads the mapping's expressions before a row is staged.
  var expressionCheck: String {
    let values = assignments.map { Self.enclosed($0.expression) }
    let filter = mapped.filter.map { "\nWHERE \(Self.enclosed($0))" } ?? ""
    guard !values.isEmpty || !filter.isEmpty else { return "" }
    return """


      -- The mapping's expressions, read before they are needed.
      SELECT
        \(lines: values.isEmpty ? ["1"] : values, indent: 2)
      FROM \(stage) AS s\(filter)
      LIMIT 0;
      """
  }

  /// Step 15: from here on the stage table holds the rows as they are loaded. The condition and all
  /// expressions see the rows as they stand in the snapshot. A second time nothing is done.
  var expressionValues: String {
    var parts: [String] = []
    if let filter = mapped.filter {
      parts.append(
        """
        -- where
        WITH filtered AS (
          DELETE FROM \(stage) AS s
          WHERE \(Self.enclosed(filter)) IS NOT TRUE
            AND \(block: notYet("filtered"), indent: 4)
          RETURNING \(removed == nil ? "1" : "s.*")
        )\(block: filteredKeys, indent: 0)
        SELECT restage.count_rows(\(auditName), 'filtered', count(*)) AS filtered
        FROM filtered;
        """)
    }
    if let update = expressionUpdate(of: stage, where: notYet("transformed")) {
      parts.append(
        """
        -- expr and add
        WITH transformed AS (
          \(block: update, indent: 2)
          RETURNING 1
        )
        SELECT restage.count_rows(\(auditName), 'transformed', count(*)) AS transformed
        FROM transformed;
        """)
    }
    guard !parts.isEmpty else { return "" }
    return ([Settings.text] + parts + ["ANALYZE \(stage);"]).joined(separator: "\n\n") + "\n\n"
  }

  private func expressionUpdate(of relation: String, where condition: String?) -> String? {
    guard !assignments.isEmpty else { return nil }
    return """
      UPDATE \(relation) AS s
      SET
        \(lines: assignments.map { "\($0.column) = \(Self.enclosed($0.expression))" }, indent: 2)\
      \(condition.map { "\nWHERE \($0)" } ?? "")
      """
  }
}

// MARK: - Proof

extension TableNames {
  private static let scratch = "pg_temp.restage_proof"

  /// Makes a temporary table for the snapshot's rows.
  var scratchDefinition: String {
    """
    DROP TABLE IF EXISTS \(Self.scratch);

    CREATE TEMPORARY TABLE restage_proof (
      \(lines: columnDefinitions, indent: 2)
    );
    """
  }

  var scratchCopy: String {
    "COPY \(Self.scratch) (\(allColumns.map(column).joined(separator: ", "))) "
      + "FROM STDIN WITH (FORMAT csv)"
  }

  /// Of key map rows `k`: that the temporary table has their row.
  var amongScratch: String {
    """
    EXISTS (
      SELECT
      FROM \(Self.scratch) AS x
      WHERE \(all: keyJoin("k", "x"), indent: 4)
    )
    """
  }

  /// The keys of deleted rows, beside the temporary table.
  var scratchRemoved: Proof.Removed? {
    guard mapped.changes?.knowsRemovals == true else { return nil }
    let scratch = "pg_temp.restage_proof_removed"
    return Proof.Removed(
      definition: """
        DROP TABLE IF EXISTS \(scratch);

        CREATE TEMPORARY TABLE restage_proof_removed (
          \(lines: removedColumnDefinitions, indent: 2)
        );
        """,
      copy: removedCopyStatement(into: scratch),
      query: """
        SELECT count(*) AS left_over
        FROM \(scratch) AS d
        JOIN \(keyMap) AS k
          ON \(all: keyJoin("k", "d"), indent: 2)
        WHERE k.vanished_run IS NULL
          AND NOT \(block: amongScratch, indent: 2)
        """)
  }

  /// Does with them what step 15 does with the staged rows.
  var scratchTransformation: String {
    let filter = mapped.filter.map {
      "DELETE FROM \(Self.scratch) AS s\nWHERE \(Self.enclosed($0)) IS NOT TRUE;"
    }
    let update = expressionUpdate(of: Self.scratch, where: nil).map { $0 + ";" }
    return [filter, update].compactMap { $0 }.joined(separator: "\n\n")
  }

  var scratchContent: String {
    """
    COPY (
      SELECT
        \(lines: allColumns.map { "s.\(column($0))" }, indent: 4)
      FROM \(Self.scratch) AS s
    ) TO STDOUT WITH (FORMAT csv);
    """
  }
}
