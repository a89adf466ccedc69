import Catalog

extension TableNames {
  /// Step 20: the final rows that the run inserted, and what speaks against taking them back: later
  /// runs that wrote them, and edits in the target, which show in the row's hash.
  func findFile() -> UndoFile {
    let finding = isWholeRow ? [wholeRowFinding] : [keyedFinding, lostRows]
    let statements =
      [laterRuns, deletedRows, updatesNotKept, rekeyedRows] + finding + [otherSources]
    return UndoFile(
      .find, of: self,
      purpose: "find the rows that the run inserted, and what speaks against taking them back",
      body: """
        \(Settings.text)

        -- The rows are to stay as they are found.
        LOCK TABLE \(target) IN SHARE ROW EXCLUSIVE MODE;

        \(Settings.withoutNestedLoops)

        \(statements.compactMap(\.self).joined(separator: "\n\n"))

        \(Settings.withNestedLoops)
        """)
  }

  private var otherSources: String? {
    guard let targetKeyColumn else { return nil }
    return """
      SELECT restage.find_other_sources(
        \(auditName),
        \(SQLLiteral.quoted(keyMap)),
        \(SQLLiteral.quoted(mapped.columns[targetKeyColumn].name.name))
      ) AS other_sources;
      """
  }

  static let undoneRun = "(SELECT restage.undone_run())"

  /// Names a key map row for a person, under the source's column names.
  private func keyName(_ alias: String) -> String {
    let names =
      isWholeRow ? ["row_hash", "occurrence"] : keyColumns.map { mapped.columns[$0].sourceName }
    let parts = zip(names, keyMapColumns).map { "\(SQLLiteral.quoted($0)), \(alias).\($1)" }
    return "jsonb_build_object(\(parts.joined(separator: ", ")))::text"
  }

  /// Begins a statement that notes conflicts; FROM is to follow.
  private func conflict(_ kind: String, key: String, rows: String? = nil) -> String {
    """
    INSERT INTO pg_temp.restage_conflict (
      kind,
      table_name,
      row_key\(rows == nil ? "" : ",\n  rows")
    )
    SELECT
      '\(kind)',
      \(auditName),
      \(key)\(rows.map { ",\n  \($0)" } ?? "")
    """
  }
}

// MARK: - A table with a key

extension TableNames {
  private var keyedFinding: String {
    let values = allColumns.map { compared($0) }
    let undone = Self.undoneRun
    let isUpdated = """

            OR (
              k.last_run = \(undone)
              AND k.first_run <> \(undone)
              AND NOT restage.undo_option('inserts_only')
            )
      """
    return """
      -- A row is as the run left it where its hash, keys mapped back, is the key map's.
      WITH found AS MATERIALIZED (
        SELECT
          t.tableoid AS part,
          t.ctid AS row_id,
          \(keepsBefore ? "k.first_run = \(undone)" : "true") AS is_new,
          k.row_hash <> \(block: rowHash(of: "t", columns: values), indent: 4) AS is_edited,
          \(keyName("k")) AS row_key
        FROM \(target) AS t
        \(lines: allMappedBackJoins + [ownJoin], indent: 2, separator: "")
        WHERE \(block: isInserted, indent: 2)\(keepsBefore ? isUpdated : "")
      ),
      noted AS (
        INSERT INTO pg_temp.restage_undo (
          relation,
          part,
          row_id,
          is_new
        )
        SELECT
          \(auditName)::regclass,
          f.part,
          f.row_id,
          f.is_new
        FROM found AS f
      ),
      edited AS (
        \(block: conflict("edited", key: "f.row_key"), indent: 2)
        FROM found AS f
        WHERE f.is_edited
      )
      SELECT
        (
          SELECT count(*)
          FROM found AS f
          WHERE f.is_new
        ) AS rows,
        restage.count_rows(
          \(auditName),
          'missing',
          (
            SELECT count(*)
            FROM \(keyMap) AS k
            WHERE \(block: isInserted, indent: 6)
          ) - (
            SELECT count(*)
            FROM found AS f
            WHERE f.is_new
          )
        ) AS missing;
      """
  }

  /// A row that was recognised in the target was never inserted.
  private var isInserted: String {
    """
    (
      k.first_run = \(Self.undoneRun)
      AND k.matched_run IS NULL
    )
    """
  }

  /// Updated rows that are in the final table no longer.
  private var lostRows: String? {
    guard keepsBefore else { return nil }
    return """
      \(conflict("edited", key: "NULL", rows: "k.rows - u.rows"))
      FROM (
        SELECT count(*) AS rows
        FROM \(keyMap) AS k
        WHERE k.last_run = \(Self.undoneRun)
          AND k.first_run <> \(Self.undoneRun)
          AND NOT restage.undo_option('inserts_only')
      ) AS k
      CROSS JOIN (
        SELECT count(*) AS rows
        FROM pg_temp.restage_undo AS u
        WHERE u.relation = \(auditName)::regclass
          AND NOT u.is_new
      ) AS u
      WHERE k.rows > u.rows;
      """
  }

  /// Rows that the run deleted because they had vanished: `restage.displaced` shows them to a person.
  private var deletedRows: String? {
    guard mapped.onVanished == .delete else { return nil }
    return """
      \(conflict("deleted", key: "d.source_key::text"))
      FROM restage.displaced AS d
      WHERE d.run_id = \(Self.undoneRun)
        AND d.table_name = \(auditName)
        AND d.action = 'deleted';
      """
  }

  /// Rows of the run that a later run wrote or marked, and marks that a later run remembers.
  private var laterRuns: String {
    let undone = Self.undoneRun
    var parts = [
      """
      SELECT \(keyName("k")) AS row_key
      FROM \(keyMap) AS k
      WHERE k.first_run = \(undone)
        AND (
          k.last_run <> \(undone)
          OR k.vanished_run <> \(undone)
        )
      """,
      """
      SELECT CASE WHEN k.row_hash IS NULL THEN b.source_key::text ELSE \(keyName("k")) END
      FROM restage.before_image AS b
      LEFT JOIN \(keyMap) AS k
        ON \(keyTexts(of: "k")) = b.source_key
      WHERE b.run_id = \(undone)
        AND b.table_name = \(auditName)
        AND (
          k.row_hash IS NULL
          OR (
            b.operation = 'updated'
            AND k.last_run <> \(undone)
            AND NOT restage.undo_option('inserts_only')
          )
          OR (
            b.operation = 'returned'
            AND k.vanished_run IS NOT NULL
          )
        )
      """,
      """
      SELECT b.source_key::text
      FROM restage.before_image AS b
      WHERE b.vanished_run = \(undone)
        AND b.table_name = \(auditName)
      """,
    ]
    if isWholeRow {
      let hash = keyMapColumns[0]
      let occurrence = keyMapColumns[1]
      // Numbers of equal rows have no gaps.
      parts.append(
        """
        SELECT \(keyName("k"))
        FROM \(keyMap) AS k
        JOIN \(keyMap) AS l
          ON l.\(hash) = k.\(hash)
          AND l.\(occurrence) > k.\(occurrence)
        WHERE k.first_run = \(undone)
          AND l.first_run <> \(undone)
        """)
    }
    return """
      \(conflict("later_run", key: "l.row_key"))
      FROM (
        \(block: parts.joined(separator: "\nUNION\n"), indent: 2)
      ) AS l;
      """
  }

  /// Updates of which nobody knows any more what they wrote over.
  private var updatesNotKept: String? {
    guard mapped.onChanged == .update, !isWholeRow else { return nil }
    return """
      \(conflict("not_kept", key: "NULL", rows: "c.rows - b.rows"))
      FROM (
        SELECT coalesce(sum(c.rows), 0) AS rows
        FROM restage.row_count AS c
        WHERE c.run_id = \(Self.undoneRun)
          AND c.table_name = \(auditName)
          AND c.kind = 'updated'
      ) AS c
      CROSS JOIN (
        SELECT count(*) AS rows
        FROM restage.before_image AS b
        WHERE b.run_id = \(Self.undoneRun)
          AND b.table_name = \(auditName)
          AND b.operation = 'updated'
      ) AS b
      WHERE c.rows > b.rows;
      """
  }
}

extension TableNames {
  /// Keys that the run changed in the key map, and in those of the rows that refer to it.
  private var rekeyedRows: String? {
    guard !mapped.naturalKey.isEmpty, surrogate != nil else { return nil }
    return """
      \(conflict("rekeyed", key: "r.source_key::text"))
      FROM restage.reject AS r
      WHERE r.run_id = \(Self.undoneRun)
        AND r.table_name = \(auditName)
        AND r.rule = 'natural key';
      """
  }
}

// MARK: - A table without a key

extension TableNames {
  /// Rows that are equal are as good as each other: of each content as many are taken back as the run
  /// inserted, and those of other runs stay. Where there are too few, an application changed or
  /// deleted some, and nobody can tell which.
  private var wholeRowFinding: String {
    let hash = keyMapColumns[0]
    let emptied = Set(orphanTests.filter { $0.policy == .null }.flatMap(\.nulled))
    let known = emptied.isEmpty ? "k.\(hash)" : "coalesce(n.loaded_hash, k.\(hash))"
    let note =
      emptied.isEmpty
      ? ""
      : """

      LEFT JOIN nulled AS n
        ON n.run_id = k.first_run
        AND n.row_hash = k.\(hash)
      """
    return """
      WITH \(emptied.isEmpty ? "" : nulledRows(emptied))wanted AS MATERIALIZED (
        SELECT
          \(known) AS \(hashName),
          count(*) FILTER (WHERE k.first_run = \(Self.undoneRun)) AS wanted,
          count(*) FILTER (WHERE k.first_run <> \(Self.undoneRun)) AS others
        FROM \(keyMap) AS k\(block: note, indent: 2)
        GROUP BY
          \(known)
        HAVING count(*) FILTER (WHERE k.first_run = \(Self.undoneRun)) > 0
      ),
      present AS (
        SELECT
          h.part,
          h.row_id,
          h.\(hashName),
          row_number() OVER (PARTITION BY h.\(hashName)) AS number,
          count(*) OVER (PARTITION BY h.\(hashName)) AS rows
        FROM (
          SELECT
            t.tableoid AS part,
            t.ctid AS row_id,
            \(block: rowHash(of: "t", columns: allColumns.map { compared($0) }), indent: 6) AS \(hashName)
          FROM \(target) AS t\(block: allMappedBackJoins.map { "\n" + $0 }.joined(), indent: 4)
        ) AS h
      ),
      found AS MATERIALIZED (
        SELECT
          p.part,
          p.row_id,
          p.\(hashName)
        FROM present AS p
        JOIN wanted AS w
          ON w.\(hashName) = p.\(hashName)
        WHERE p.number <= least(w.wanted, p.rows - w.others)
      ),
      noted AS (
        INSERT INTO pg_temp.restage_undo (
          relation,
          part,
          row_id,
          is_new
        )
        SELECT
          \(auditName)::regclass,
          f.part,
          f.row_id,
          true
        FROM found AS f
      ),
      missing AS MATERIALIZED (
        SELECT
          w.\(hashName),
          w.wanted - count(f.row_id) AS rows
        FROM wanted AS w
        LEFT JOIN found AS f
          ON f.\(hashName) = w.\(hashName)
        GROUP BY
          w.\(hashName),
          w.wanted
        HAVING w.wanted > count(f.row_id)
      ),
      edited AS (
        \(block: conflict("edited", key: "jsonb_build_object('row_hash', m.\(hashName))::text", rows: "m.rows"), indent: 2)
        FROM missing AS m
      )
      SELECT
        (
          SELECT count(*)
          FROM found
        ) AS rows,
        restage.count_rows(
          \(auditName),
          'missing',
          (
            SELECT coalesce(sum(m.rows), 0)::bigint
            FROM missing AS m
          )
        ) AS missing;
      """
  }

  /// Rows that were loaded without a parent: their final rows have another hash than the key map.
  private func nulledRows(_ emptied: Set<Int>) -> String {
    let values = allColumns.map { index in
      guard emptied.contains(index) else { return "s.\(column(index))" }
      let name = SQLLiteral.quoted(mapped.columns[index].name.name)
      return "CASE WHEN \(name) = ANY (r.emptied) THEN NULL ELSE s.\(column(index)) END"
    }
    return """
      nulled AS MATERIALIZED (
        SELECT
          r.run_id,
          r.row_hash,
          \(block: rowHash(of: "s", columns: values), indent: 4) AS loaded_hash
        FROM (
          SELECT
            r.run_id,
            (r.source_key ->> 'row_hash')::uuid AS row_hash,
            array_agg(DISTINCT c.name) AS emptied,
            min(r.row_data::text)::json AS row_data
          FROM restage.reject AS r
          CROSS JOIN LATERAL unnest(r.column_names) AS c (name)
          WHERE r.table_name = \(auditName)
            AND r.is_loaded
          GROUP BY
            r.run_id,
            r.source_key ->> 'row_hash'
        ) AS r
        CROSS JOIN LATERAL json_populate_record(NULL::\(target), r.row_data) AS s
      ),

      """
  }
}
