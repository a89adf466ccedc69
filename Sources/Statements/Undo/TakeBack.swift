import Catalog

extension TableNames {
  var isRestored: Bool { keepsBefore || mapped.markColumn != nil || emptying != nil }

  /// Step 50: rows that the run updated or marked become what they were.
  func restoreFile() -> UndoFile {
    UndoFile(
      .restore, of: self,
      purpose: "write the rows that the run updated or marked as they were before",
      body: """
        \(Settings.text)

        \(Settings.withoutNestedLoops)

        \(deferral)\([emptying, restoredMarks, restoredRows].compactMap(\.self).joined(separator: "\n\n"))

        \(Settings.withNestedLoops)
        """)
  }

  private var restoredMarks: String? {
    mapped.markColumn.map { mark in
      """
      WITH image AS MATERIALIZED (
        SELECT
          t.tableoid AS part,
          t.ctid AS row_id,
          b.marked_at
        \(block: goneSource, indent: 2)
        JOIN restage.before_image AS b
          ON b.source_key = \(keyTexts(of: "k"))
        WHERE b.run_id = \(Self.undoneRun)
          AND b.table_name = \(auditName)
          AND b.operation = 'marked'
      ),
      restored AS (
        UPDATE \(target) AS t
        SET \(mark.quoted) = b.marked_at
        FROM image AS b
        WHERE t.tableoid = b.part
          AND t.ctid = b.row_id
        RETURNING 1
      )
      SELECT count(*) AS rows
      FROM restored;
      """
    }
  }

  private var restoredRows: String? {
    guard keepsBefore else { return nil }
    let located = keyColumns.map { sameText("t.\(column($0))", value(of: $0), of: $0) }
    // Columns that the mapping adds stand behind those of the source.
    let values =
      allColumns.filter(isAssigned).map { "\(column($0)) = \(value(of: $0))" }
      + mapped.added.enumerated().map { place, added in
        "\(added.name.quoted) = \(value(at: allColumns.count + place, as: added.type))"
      }
    return """
      WITH image AS MATERIALIZED (
        SELECT b.row_values
        FROM restage.before_image AS b
        WHERE b.run_id = \(Self.undoneRun)
          AND b.table_name = \(auditName)
          AND b.operation = 'updated'
          AND NOT restage.undo_option('inserts_only')
      ),
      present AS MATERIALIZED (
        SELECT
          (
            SELECT count(*)
            FROM image
          ) AS images,
          count(*) AS rows
        FROM image AS b
        JOIN \(target) AS t
          ON \(all: located, indent: 4)
      ),
      restored AS (
        UPDATE \(target) AS t
        SET
          \(lines: values, indent: 4)
        FROM image AS b
        WHERE \(all: located, indent: 4)
        RETURNING 1
      )
      SELECT
        restage.count_undone(\(auditName), 'restored', r.rows, p.rows) AS rows,
        restage.count_rows(\(auditName), 'missing', p.images - p.rows) AS missing
      FROM present AS p
      CROSS JOIN (
        SELECT count(*) AS rows
        FROM restored
      ) AS r;
      """
  }

  /// A value of a before image `b`, ready to be assigned: without the length of its type, since a cast
  /// to a length cuts and an assignment refuses.
  private func value(of index: Int) -> String {
    value(at: index, as: mapped.columns[index].type)
  }

  private func value(at place: Int, as type: String) -> String {
    "b.row_values[\(place + 1)]::\(Self.withoutLength(type))"
  }

  /// `varchar(40)` → `varchar`. Where the bare name means a length of 1 its other name stands.
  static func withoutLength(_ type: String) -> String {
    guard let open = type.firstIndex(of: "("), let close = type[open...].firstIndex(of: ")") else {
      return type
    }
    let bare = type[..<open] + type[type.index(after: close)...]
    switch bare {
    case "char", "character", "nchar": return "bpchar"
    case "bit": return "varbit"
    default: return String(bare)
    }
  }

  /// Step 60: the rows that the run inserted go, children before their parents.
  func deleteFile() -> UndoFile {
    UndoFile(
      .delete, of: self, purpose: "delete the rows that the run inserted",
      body: """
        \(Settings.withoutNestedLoops)

        \(deferral)WITH deleted AS (
          DELETE FROM \(target) AS t
          USING pg_temp.restage_undo AS u
          WHERE u.is_new
            AND u.relation = \(auditName)::regclass
            AND t.tableoid = u.part
            AND t.ctid = u.row_id
          RETURNING 1
        )
        SELECT restage.count_undone(
          \(auditName),
          'deleted',
          (
            SELECT count(*)
            FROM deleted
          ),
          (
            SELECT count(*)
            FROM pg_temp.restage_undo AS u
            WHERE u.is_new
              AND u.relation = \(auditName)::regclass
          )
        ) AS rows;

        \(Settings.withNestedLoops)
        """)
  }

  /// Step 70: the key map as it was before the run, so that the next load finds unseen what the run
  /// found unseen.
  func forgetFile() -> UndoFile {
    UndoFile(
      .forget, of: self, purpose: "make the key map what it was before the run",
      body: """
        \(Settings.withoutNestedLoops)

        \(keepsBefore ? restoredHashes + "\n\n" : "")UPDATE \(keyMap) AS k
        SET vanished_run = b.vanished_run
        FROM restage.before_image AS b
        WHERE b.run_id = \(Self.undoneRun)
          AND b.table_name = \(auditName)
          AND b.operation = 'returned'
          AND b.source_key = \(keyTexts(of: "k"));

        UPDATE \(keyMap) AS k
        SET vanished_run = NULL
        WHERE k.vanished_run = \(Self.undoneRun);

        WITH forgotten AS (
          DELETE FROM \(keyMap) AS k
          WHERE k.first_run = \(Self.undoneRun)
          RETURNING 1
        )
        SELECT restage.count_rows(\(auditName), 'forgotten', count(*)) AS rows
        FROM forgotten;

        \(Settings.withNestedLoops)
        """)
  }

  private var restoredHashes: String {
    """
    UPDATE \(keyMap) AS k
    SET
      row_hash = restage.image_hash(b.row_hash, k.row_hash),
      last_run = b.last_run\(restoredSpelling)\(mapped.naturalKey.isEmpty ? "" : ",\n  matched_row = b.matched_row")
    FROM restage.before_image AS b
    WHERE b.run_id = \(Self.undoneRun)
      AND b.table_name = \(auditName)
      AND b.operation = 'updated'
      AND b.source_key = \(keyTexts(of: "k"))
      AND NOT restage.undo_option('inserts_only');
    """
  }

  private var restoredSpelling: String {
    let keys = zip(keyMapColumns, keyColumns).filter { isSpelled($1) }
      .map { "\($0) = \(value(of: $1))" }
    let target = [targetKeyColumn].compactMap(\.self).filter(isSpelled).map {
      "target_key = \(value(of: $0))"
    }
    return (keys + target).map { ",\n  \($0)" }.joined()
  }
}
