import Catalog

extension TableNames {
  /// Step 40: the unseen rows, with their new keys and their parents' new keys. Values are known for
  /// every table by now, so the order of tables matters to constraints only.
  func insertFile() -> SQLFile {
    let references = self.references
    let values = allColumns.map { targetValue(of: $0, references: references) }
    let conditions = parentGuards(references)
    let filter =
      conditions.isEmpty ? "" : "\n  WHERE " + conditions.joined(separator: "\n    AND ")
    let joins = ([keyMapJoin] + parentJoins(references)).map {
      $0.replacing("\n", with: "\n  ")
    }
    return SQLFile(
      .insert, of: self, purpose: "insert the unseen rows with their new keys",
      body: """
        \(deferral)WITH inserted AS (
          INSERT INTO \(target) (
            \(lines: allColumns.map(column), indent: 4)
          )
          SELECT
            \(lines: values, indent: 4)
          FROM \(stagedRows)
          \(lines: joins, indent: 2, separator: "")\(filter)
          RETURNING 1
        )
        SELECT restage.count_rows(\(auditName), 'inserted', count(*)) AS rows
        FROM inserted;
        """)
  }

  /// The constraints of a cycle hold again when the transaction commits.
  private var deferral: String {
    mapped.isInCycle ? "SET CONSTRAINTS ALL DEFERRED;\n\n" : ""
  }

  private var stagedRows: String {
    isWholeRow
      ? "(\n    \(numberedRows(withColumns: true, indent: 4))\n  ) AS s" : "\(stage) AS s"
  }

  private var keyMapJoin: String {
    """
    JOIN \(keyMap) AS k
      ON \(lines: keyJoin(), indent: 2, separator: " AND")
      AND k.first_run = (SELECT restage.run_id())
    """
  }
}
