import Catalog

extension TableNames {
  /// Step 60: keys that are staged no longer are noted, once; the note goes when the source has them
  /// again. A row that this run refused has not vanished: the source has it. Then the mapping decides
  /// about the final rows, within its ceiling.
  ///
  /// The step goes through the tables in reverse order, so that children are gone before their parents.
  func vanishedFile() -> SQLFile {
    let purpose =
      switch mapped.onVanished {
      case .report: "note rows that vanished from the source since they were loaded"
      case .delete: "note rows that vanished from the source, and delete them"
      case .mark: "note rows that vanished from the source, and mark them"
      }
    let parts =
      switch mapped.onVanished {
      case .report: [noting]
      case .delete: [noting, guarding(going: goingCount), deletion]
      case .mark: [noting, guarding(going: "0"), marking].compactMap { $0 }
      }
    let movement = moving.map { [joinSettings, $0, Settings.withDefaults] } ?? []
    let statements =
      movement + [Settings.withoutNestedLoops] + parts + [Settings.withNestedLoops]
    return SQLFile(
      .vanished, of: self, purpose: purpose,
      body: wholeRowSettings + statements.joined(separator: "\n\n"))
  }

  /// The rows of a chunk that was not staged are in the snapshot all the same.
  private var notSkipped: String {
    guard chunkName != nil else { return "" }
    return """

      AND (
        k.chunk IS NULL
        OR k.chunk NOT IN (
          SELECT c.chunk_id
          FROM restage.chunk AS c
          WHERE c.run_id = (SELECT restage.run_id())
            AND c.table_name = \(auditName)
            AND c.is_skipped
            AND c.chunk_id IS NOT NULL
        )
      )
      """
  }

  /// Where the numbers of rows leave no room for one that vanished, the key map is not read.
  private var mayHaveVanished: String {
    chunkName == nil ? "" : "\nAND (SELECT restage.may_have_vanished(\(auditName)))"
  }

  /// Known rows that came in another chunk than before. By hand nobody says which, and the key map
  /// stays as it is.
  private var moving: String? {
    chunkName.map { chunk in
      """
      -- Known rows that came in another chunk than before; by hand nobody says which. None of them is in a
      -- chunk that was skipped: only a row that had vanished may have the number of one, from before it did.
      WITH moved AS MATERIALIZED (
        SELECT
          \(lines: keyMapColumns.map { "k.\($0)" } + ["k.chunk AS old_chunk", "s.\(chunk) AS new_chunk", "k.vanished_run"], indent: 4)
        FROM \(stage) AS s
        JOIN \(keyMap) AS k
          ON \(all: keyJoin(), indent: 4)
        WHERE \(all: isElsewhere(chunk), indent: 4)
      ),
      placed AS (
        UPDATE \(keyMap) AS k
        SET chunk = m.new_chunk
        FROM moved AS m
        WHERE \(all: keyMapColumns.map { "k.\($0) = m.\($0)" }, indent: 4)
      )
      SELECT restage.fail_skipped(\(auditName), count(*), min(c.file))
      FROM moved AS m
      JOIN restage.chunk AS c
        ON c.chunk_id = m.old_chunk
      WHERE c.run_id = (SELECT restage.run_id())
        AND c.table_name = \(auditName)
        AND c.is_skipped
        AND m.vanished_run IS NULL
      HAVING count(*) > 0;
      """
    }
  }

  /// Rows of this very run are where they were staged.
  private func isElsewhere(_ chunk: String) -> [String] {
    [
      "k.first_run NOT IN (SELECT restage.run_id())",
      "s.\(chunk) IS DISTINCT FROM k.chunk",
      "s.\(chunk) IS NOT NULL",
    ]
  }

  private var noting: String {
    """
    WITH refused AS MATERIALIZED (
      SELECT
        \(block: refusedKey, indent: 4)
      \(block: rejectedRows(ofRun: "(SELECT restage.run_id())", where: "NOT r.is_loaded"), indent: 2)
    ),
    vanished AS (
      UPDATE \(keyMap) AS k
      SET vanished_run = (SELECT restage.run_id())
      WHERE k.vanished_run IS NULL
        AND k.first_run NOT IN (SELECT restage.run_id())\(block: mayHaveVanished + namedAsGone + notSkipped, indent: 4)
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
    gone AS MATERIALIZED (
      SELECT
        \(lines: returning, indent: 4)
      FROM \(keyMap) AS k
      WHERE k.vanished_run IS NOT NULL\(block: mayHaveVanished, indent: 4)
    ),
    back AS MATERIALIZED (
      SELECT
        \(lines: returning, indent: 4)
      FROM gone AS k
      JOIN \(block: stagedRows(), indent: 2)
        ON \(all: keyJoin(), indent: 4)
      UNION
      SELECT
        \(lines: returning, indent: 4)
      FROM gone AS k
      JOIN refused AS r
        ON \(all: refusedJoin("r"), indent: 4)
    ),
    \(imagesOfNotes),
    returned AS (
      UPDATE \(keyMap) AS k
      SET vanished_run = NULL
      FROM back AS b
      WHERE \(all: keyMapColumns.map { "k.\($0) = b.\($0)" }, indent: 4)
      RETURNING 1
    )
    SELECT
      restage.count_rows(\(auditName), 'vanished', (SELECT count(*) FROM vanished)) AS rows,
      restage.count_rows(\(auditName), 'returned', (SELECT count(*) FROM returned)) AS returned;
    """
  }

  private var returning: [String] { keyMapColumns.map { "k.\($0)" } + ["k.vanished_run"] }

  private func guarding(going: String) -> String {
    let ceiling =
      switch mapped.vanishedMax {
      case .rows(let count): "max_rows => \(count)"
      case .percent(let number): "max_percent => \(number)"
      }
    return """
      SELECT restage.guard_vanished(
        table_name => \(auditName),
        going => \(block: going, indent: 2),
        known => (
          SELECT count(*)
          FROM \(keyMap) AS k
        ),
        \(ceiling)
      );
      """
  }
}

// MARK: - Delete

extension TableNames {
  /// Rows that hold each other within the table go together, leaf by leaf, so they all count.
  private var goingCount: String {
    """
    (
      WITH candidates AS MATERIALIZED (
        SELECT t.ctid AS row_id
        \(block: goneSource, indent: 4)
        WHERE \(all: goneConditions(selfIncluded: false), indent: 6)
      ),
      \(block: heldRows(selfIncluded: false), indent: 2)
      SELECT count(*)
      FROM candidates AS c
      WHERE NOT EXISTS (
        SELECT
        FROM held AS h
        WHERE h.row_id = c.row_id
      )
    )
    """
  }

  /// Foreign keys that the plan does not know: an application's, or those of tables that were loaded
  /// once and left the plan.
  private func heldRows(selfIncluded: Bool) -> String {
    """
    held AS MATERIALIZED (
      SELECT h.row_id
      FROM restage.held_rows(
        table_name => \(auditName),
        row_ids => ARRAY(SELECT c.row_id FROM candidates AS c),
        self_included => \(selfIncluded)
      ) AS h (row_id)
    )
    """
  }

  /// Deletes what nothing refers to. In a table that refers to itself a row may hold another that
  /// goes as well: then it goes first, and the other in the next round.
  private var deletion: String {
    let refersToItself = mapped.foreignKeys.contains { $0.parent == index }
    guard refersToItself else { return "\(deleting(into: nil));" }
    return
      "\("""
      DECLARE
        deleted_rows bigint;
      BEGIN
        LOOP
          \(block: deleting(into: "deleted_rows"), indent: 4);
          EXIT WHEN deleted_rows = 0;
        END LOOP;
      END
      """.asDoStatement)\n\n\(counted("deleted"))"
  }

  private func deleting(into variable: String?) -> String {
    """
    WITH candidates AS MATERIALIZED (
      SELECT
        t.ctid AS row_id,
        \(lines: keyMapColumns.map { "k.\($0)" }, indent: 4)
      \(block: goneSource, indent: 2)
      WHERE \(all: goneConditions(selfIncluded: true), indent: 4)
    ),
    \(heldRows(selfIncluded: true)),
    gone AS (
      SELECT c.*
      FROM candidates AS c
      WHERE NOT EXISTS (
        SELECT
        FROM held AS h
        WHERE h.row_id = c.row_id
      )
    ),
    deleted AS (
      DELETE FROM \(target) AS t
      USING gone AS g
      WHERE t.ctid = g.row_id
      RETURNING
        \(lines: keyMapColumns.map { "g.\($0)" }, indent: 4),
        row_to_json(t.*) AS row_data
    ),
    forgotten AS (
      DELETE FROM \(keyMap) AS k
      USING deleted AS d
      WHERE \(all: keyMapColumns.map { "k.\($0) = d.\($0)" }, indent: 4)
    ),
    recorded AS (
      \(block: displacedInsert(reason: "vanished", action: "deleted", from: "deleted"), indent: 2)
    )
    SELECT restage.count_rows(\(auditName), 'deleted', count(*)) AS rows
    \(variable.map { "INTO \($0)\n" } ?? "")FROM recorded
    """
  }

  /// Records final rows as a run found them, from a query with the key map's key columns and
  /// `row_data`.
  func displacedInsert(reason: String, action: String, from rows: String) -> String {
    let key = keyMapColumns.enumerated().map { place, name in
      "\(SQLLiteral.quoted(mapped.keyMapColumns[place].name)), d.\(name)"
    }
    return """
      INSERT INTO restage.displaced (
        run_id,
        table_name,
        source_key,
        reason,
        action,
        row_data
      )
      SELECT
        (SELECT restage.run_id()),
        \(auditName),
        jsonb_build_object(\(key.joined(separator: ", "))),
        '\(reason)',
        '\(action)',
        d.row_data
      FROM \(rows) AS d
      RETURNING 1
      """
  }

  /// Final rows `t` with their key map rows `k`.
  var goneSource: String {
    guard isWholeRow else { return presentSource }
    return """
      FROM (
        \(block: numberedFinalRows(columns: [], withRowID: true), indent: 2)
      ) AS s
      JOIN \(keyMap) AS k
        ON \(all: keyJoin(), indent: 2)
      JOIN \(target) AS t
        ON t.ctid = s.\(rowIDName)
      """
  }

  private func goneConditions(selfIncluded: Bool) -> [String] {
    ["k.vanished_run IS NOT NULL", isOurs, isWhollyRead] + isShared
      + holders(selfIncluded: selfIncluded)
  }

  /// A row that was in the target before restage came is never taken away.
  private var isOurs: String { "k.matched_run IS NULL" }

  /// Rows that the export refused may be those that seem to have vanished.
  private var isWhollyRead: String {
    """
    NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = (SELECT restage.run_id())
        AND g.table_name = \(auditName)
        AND g.export_rejects > 0
    )
    """
  }

  /// Another source may know the same final row.
  private var isShared: [String] {
    let place = [
      database.sourceName, mapped.target.schema.name, mapped.target.name.name,
    ].map(SQLLiteral.quoted)
    guard targetKeyColumn != nil else {
      return [
        """
        NOT EXISTS (
          SELECT
          FROM restage.table_map AS m
          WHERE m.source_name <> \(place[0])
            AND m.target_schema = \(place[1])
            AND m.target_table = \(place[2])
        )
        """
      ]
    }
    return [
      """
      NOT EXISTS (
        SELECT
        FROM restage.shared_keys(\(place.joined(separator: ", "))) AS o (target_key)
        WHERE o.target_key = k.target_key::text
      )
      """
    ]
  }

  /// No row of any table of the plan refers to it, whether the target has the foreign key or not.
  private func holders(selfIncluded: Bool) -> [String] {
    database.tables.indices.filter { selfIncluded || $0 != index }.flatMap { child in
      database.tables[child].foreignKeys.filter { $0.parent == index }.map { foreignKey in
        isUnheld(by: table(child), foreignKey)
      }
    }
  }

  private func isUnheld(by child: TableNames, _ foreignKey: MappedForeignKey) -> String {
    let pairs = zip(foreignKey.columns, foreignKey.parentColumns).map {
      "t.\(column($1)) = c.\(child.column($0))"
        + collation(ofComparing: $1, with: child.mapped.columns[$0])
    }
    let others = child.index == index ? ["c.ctid <> t.ctid"] : []
    return """
      NOT EXISTS (
        SELECT
        FROM \(child.target) AS c
        WHERE \(all: pairs + others, indent: 4)
      )
      """
  }
}

// MARK: - Mark

extension TableNames {
  /// The time in the mark column, from the night on which the row was found gone until it is back.
  private var marking: String? {
    mapped.markColumn.map { mark in
      """
      WITH changed AS MATERIALIZED (
        SELECT
          t.ctid AS row_id,
          k.vanished_run IS NOT NULL AS is_gone,
          t.\(mark.quoted) AS marked_at,
          \(keyTexts(of: "k")) AS source_key
        \(block: goneSource, indent: 2)
        WHERE \(isOurs)
          AND (
            (k.vanished_run IS NULL AND t.\(mark.quoted) IS NOT NULL)
            OR (k.vanished_run IS NOT NULL AND t.\(mark.quoted) IS NULL)
          )
          AND \(block: isWhollyRead, indent: 4)
      ),
      \(imagesOfMarks),
      marked AS (
        UPDATE \(target) AS t
        SET \(mark.quoted) = CASE WHEN c.is_gone THEN transaction_timestamp() END
        FROM changed AS c
        WHERE t.ctid = c.row_id
        RETURNING 1
      )
      SELECT restage.count_rows(\(auditName), 'marked', count(*)) AS rows
      FROM marked;
      """
    }
  }
}
