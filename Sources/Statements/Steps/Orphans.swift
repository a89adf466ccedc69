import Catalog

extension TableNames {
  /// Step 35: rows whose parent is in no key map, foreign key by foreign key, as its policy says.
  /// Rejects first, then what fails the run, then what is loaded with NULL.
  func orphansFile() -> SQLFile {
    let tests = orphanTests
    let rejects = tests.filter { $0.policy == .reject }
    let refusals = cycle.count > 1 ? [cycleRefusals].compactMap { $0 } : rejects.map(refusal)
    let failures = tests.filter { $0.policy == .fail }.map(failure)
    let nulled = tests.filter { $0.policy == .null }.map(isWholeRow ? noteOfNulled : nulling)
    let settings = !tests.isEmpty && (isWholeRow || !nulled.isEmpty) ? [Settings.text] : []
    return SQLFile(
      .orphans, of: self,
      purpose: tests.isEmpty
        ? "no foreign key to check" : "find rows whose parent is in no key map",
      body: (settings + refusals + failures + nulled + [orphanCount]).joined(separator: "\n\n"))
  }

  private var orphanCount: String {
    """
    SELECT count(*) AS rows
    FROM restage.reject AS r
    WHERE r.run_id = restage.run_id()
      AND r.table_name = \(auditName)
      AND r.rule LIKE 'foreign key %';
    """
  }

  private func title(_ test: OrphanTest) -> String {
    "-- \(comment: test.name): on_orphan: \(test.policy.rawValue)"
  }

  private func failure(_ test: OrphanTest) -> String {
    """
    \(title(test))
    SELECT restage.fail_orphans(
      \(auditName),
      \(SQLLiteral.quoted(test.name)),
      count(*),
      min(\(block: object(of: test.columns, "s"), indent: 2)::text)
    )
    FROM \(stage) AS s
    WHERE \(all: test.conditions, indent: 2)
    HAVING count(*) > 0;
    """
  }
}

// MARK: - Reject

extension TableNames {
  private func refusal(_ test: OrphanTest) -> String {
    """
    \(title(test))
    \(refusing(test, counting: "SELECT restage.count_rows(\(auditName), 'rejected', count(*)) AS rows"));
    """
  }

  /// Moves the orphans out of the stage table and into the rejects.
  private func refusing(_ test: OrphanTest, counting: String) -> String {
    """
    WITH refused AS (
      DELETE FROM \(stage) AS s
      WHERE \(all: test.conditions, indent: 4)
      RETURNING
        \(block: keyObject(of: "s"), indent: 4) AS source_key,
        \(block: object(of: test.columns, "s"), indent: 4) AS value,
        row_to_json(s.*) AS row_data
    ),
    recorded AS (
      \(block: rejectInsert(
        rule: "foreign key \(test.name)", columns: test.columns,
        message: "'the parent is in no key map'"), indent: 2)
    )
    \(counting)
    FROM recorded
    """
  }

  /// In a cycle of tables, a refused row takes rows of the other tables with it, and they may take
  /// more of this one: the tables of the cycle that belong to this run lose rows by turns until
  /// nothing is lost any more, and with the rows the keys that step 30 gave them.
  private var cycleRefusals: String? {
    let turns = cycle.map(table).compactMap(\.turn)
    guard !turns.isEmpty else { return nil }
    let body = """
      DECLARE
        refused_rows bigint;
        lost_rows bigint;
      BEGIN
        LOOP
          lost_rows := 0;
          \(block: turns.joined(separator: "\n"), indent: 4)
          EXIT WHEN lost_rows = 0;
        END LOOP;
      END
      """
    return "-- The whole cycle, since a refused row takes its children with it.\n"
      + body.asDoStatement
  }

  /// One table's turn.
  private var turn: String? {
    let tests = orphanTests.filter { $0.policy == .reject }
    guard !tests.isEmpty else { return nil }
    let refusals = tests.map { test in
      """
      \(title(test))
      \(refusing(test, counting: "SELECT restage.count_rows(\(auditName), 'rejected', count(*))\nINTO refused_rows"));
      lost_rows := lost_rows + refused_rows;
      """
    }
    return """
      IF EXISTS (
        SELECT
        FROM restage.staged AS g
        WHERE g.run_id = restage.run_id()
          AND g.table_name = \(auditName)
      ) THEN
        \(block: refusals.joined(separator: "\n"), indent: 2)
        DELETE FROM \(keyMap) AS k
        WHERE k.first_run = restage.run_id()
          AND NOT EXISTS (
            SELECT
            FROM \(block: stagedRows(), indent: 6)
            WHERE \(all: keyJoin(), indent: 6)
          );
      END IF;
      """
  }
}

// MARK: - Null

extension TableNames {
  /// Empties the orphans' columns in the stage table, so that the row hash is that of the row as it
  /// is loaded: the night on which the parent arrives, the row counts as changed and gets it.
  private func nulling(_ test: OrphanTest) -> String {
    let keys = keyColumns.map { "s.\(column($0))" }
    return """
      \(title(test))
      WITH orphan AS (
        SELECT
          s.ctid AS row_id,
          \(block: keyObject(of: "s"), indent: 4) AS source_key,
          \(block: object(of: test.columns, "s"), indent: 4) AS value,
          row_to_json(s.*) AS row_data
        FROM \(stage) AS s
        WHERE \(all: test.conditions, indent: 4)
      ),
      nulled AS (
        UPDATE \(stage) AS s
        SET
          \(lines: test.nulled.map { "\(column($0)) = NULL" }, indent: 4)
        FROM orphan AS o
        WHERE s.ctid = o.row_id
        RETURNING
          \(lines: keys, indent: 4),
          \(block: rowHash(of: "s"), indent: 4) AS \(hashName)
      ),
      rehashed AS (
        UPDATE \(keyMap) AS k
        SET row_hash = n.\(hashName)
        FROM nulled AS n
        WHERE k.first_run = (SELECT restage.run_id())
          AND \(all: keyJoin("k", "n"), indent: 4)
      ),
      recorded AS (
        \(block: nulledInsert(test), indent: 2)
      )
      SELECT restage.count_rows(\(auditName), 'nulled', count(*)) AS rows
      FROM recorded;
      """
  }

  /// A row that is its own key cannot be changed in the stage table: step 40 finds no parent for it
  /// and inserts NULL.
  private func noteOfNulled(_ test: OrphanTest) -> String {
    """
    \(title(test))
    WITH orphan AS (
      SELECT
        \(block: keyObject(of: "s"), indent: 4) AS source_key,
        \(block: object(of: test.columns, "s"), indent: 4) AS value,
        row_to_json(s.*) AS row_data
      FROM \(stage) AS s
      WHERE \(all: test.conditions, indent: 4)
    ),
    recorded AS (
      \(block: nulledInsert(test), indent: 2)
    )
    SELECT restage.count_rows(\(auditName), 'nulled', count(*)) AS rows
    FROM recorded;
    """
  }

  private func nulledInsert(_ test: OrphanTest) -> String {
    rejectInsert(
      rule: "foreign key \(test.name)", columns: test.nulled,
      message: "'the parent is in no key map; loaded with NULL'", isLoaded: true, from: "orphan")
  }
}
