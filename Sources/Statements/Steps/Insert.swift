import Catalog

extension TableNames {
  /// Step 40: the unseen rows, with their new keys and their parents' new keys. Values are known for
  /// every table by now, so the order of tables matters to constraints only.
  func insertFile() -> SQLFile {
    let references = self.references
    let joins = [keyMapJoin] + parentJoins(references)
    let values =
      allColumns.map {
        waitingValue(of: $0, emptied($0, targetValue(of: $0, references: references)))
      }
      + addedColumns.map { "s.\($0)" }
    let insertion = """
      \(waiting.isEmpty ? "" : "WITH \(waiting)\n")INSERT INTO \(target) (
        \(lines: allColumns.map(column) + addedColumns, indent: 2)
      )
      SELECT
        \(lines: values, indent: 2)
      FROM \(stagedRows(withColumns: true))
      \(lines: joins, indent: 0, separator: "")
      WHERE \(all: [notYet("inserted")] + parentGuards(references), indent: 2)
      """
    return SQLFile(
      .insert, of: self, purpose: "insert the unseen rows with their new keys",
      body: """
        \(wholeRowSettings)\(joinSettings)

        \(deferral)\(counting("inserted", insertion))\(following.map { "\n\n" + $0 }.joined())

        \(Settings.withDefaults)

        \(counted("inserted"))
        """)
  }

  private var following: [String] { [failuresAfterInsert, matchedCount].compactMap(\.self) }

  /// An orphan whose foreign key is loaded with NULL has that in the stage table, but for one that is its
  /// own key. Where its parent's new key is looked for, not to find it is enough.
  private func emptied(_ index: Int, _ value: String) -> String {
    guard isWholeRow else { return value }
    let tests = orphanTests.filter { test in
      test.nulled.contains(index)
        && !(test.columns.count == 1 && references.contains { $0.column == index })
    }
    guard !tests.isEmpty else { return value }
    let cases = tests.map { "WHEN \(all: $0.conditions, indent: 2) THEN NULL" }
    return """
      CASE
        \(lines: cases, indent: 2, separator: "")
        ELSE \(value)
      END
      """
  }

  private var keyMapJoin: String {
    """
    JOIN \(keyMap) AS k
      ON \(all: keyJoin() + isInserted, indent: 2)
    """
  }

  private var isInserted: [String] {
    ["k.first_run = (SELECT restage.run_id())"]
      + (mapped.naturalKey.isEmpty ? [] : ["k.matched_run IS NULL"])
  }

  /// An INSERT and the number of its rows in the audit. PL/pgSQL is told that number; in plain SQL every row
  /// would have to be returned to be counted, which costs half as much as to insert it.
  func counting(_ kind: String, _ insertion: String) -> String {
    """
    DECLARE
      \(kind)_rows bigint;
    BEGIN
      \(block: insertion, indent: 2);
      GET DIAGNOSTICS \(kind)_rows = ROW_COUNT;
      PERFORM restage.count_rows(\(auditName), '\(kind)', \(kind)_rows);
    END
    """.asDoStatement
  }

  /// What was counted so far of a kind: the rows of a step.
  func counted(_ kind: String) -> String {
    """
    SELECT c.rows
    FROM restage.row_count AS c
    WHERE c.run_id = restage.run_id()
      AND c.table_name = \(auditName)
      AND c.kind = '\(kind)';
    """
  }

  /// Run a second time, a step does and counts nothing.
  func notYet(_ kind: String) -> String {
    """
    NOT EXISTS (
      SELECT
      FROM restage.row_count AS c
      WHERE c.run_id = (SELECT restage.run_id())
        AND c.table_name = \(auditName)
        AND c.kind = '\(kind)'
    )
    """
  }

  /// Deferrable constraints hold again when the transaction commits: foreign keys of a cycle, those
  /// whose values change in parent and child, and unique keys whose values move between rows.
  var deferral: String {
    let hasUniqueKeys =
      !mapped.uniqueConstraints.isEmpty || mapped.indexes.contains(where: \.isUnique)
    let isLinked = database.tables.indices.contains { child in
      database.tables[child].foreignKeys.contains {
        $0.isDeferrable && (child == index || $0.parent == index)
      }
    }
    return mapped.isInCycle || hasUniqueKeys || isLinked ? Self.deferring : ""
  }

  private static let deferring = """
    -- What can wait is checked at the end of the transaction, when all rows are in place.
    SET CONSTRAINTS ALL DEFERRED;


    """
}
