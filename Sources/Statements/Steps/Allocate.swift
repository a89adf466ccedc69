import Catalog

extension TableNames {
  /// Step 30: every unseen row gets its place in the key map, and with it its new surrogate key.
  /// Sequence values are drawn for unseen rows alone: a run that finds nothing new burns none.
  func allocateFile() -> SQLFile {
    let keys = keyMapColumns
    let hasTargetKey = mapped.surrogate != nil || keyColumns.count == 1
    let targets = keys + (hasTargetKey ? ["target_key"] : []) + ["row_hash", "first_run", "last_run"]
    let values =
      (isWholeRow ? keys.map { "u.\($0)" } : keyColumns.map { "u.\(column($0))" })
      + (hasTargetKey ? [targetKeyValue] : [])
      + ["u.row_hash", "(SELECT restage.run_id())", "(SELECT restage.run_id())"]
    return SQLFile(
      .allocate, of: self,
      purpose: mapped.surrogate == nil
        ? "remember every unseen row in the key map"
        : "give every unseen row one new surrogate key",
      body: """
        WITH allocated AS (
          INSERT INTO \(keyMap) (
            \(lines: targets, indent: 4)
          )
          SELECT
            \(lines: values, indent: 4)
          FROM (
            \(isWholeRow ? unseenWholeRows : unseenRows)
          ) AS u
          RETURNING 1
        )
        SELECT count(*) AS rows
        FROM allocated;

        ANALYZE \(keyMap);

        SELECT count(*) AS rows
        FROM \(keyMap) AS k
        WHERE k.first_run = (SELECT restage.run_id());
        """)
  }

  private var targetKeyValue: String {
    switch mapped.surrogate?.generator {
    case .sequence:
      let sequence = mapped.surrogate.flatMap { mapped.columns[$0.column].identity?.sequence }
      guard let sequence else {
        preconditionFailure("a surrogate key from a sequence needs an identity column")
      }
      return "nextval(\(SQLLiteral.quoted(sequence.quoted)))"
    case .uuid: return "gen_random_uuid()"
    case nil: return "u.\(column(keyColumns[0]))"
    }
  }

  private var unseenRows: String {
    """
    SELECT
          \(lines: keyColumns.map { "s.\(column($0))" }, indent: 6),
          \(rowHash(indent: 6)) AS row_hash
        FROM \(stage) AS s
        WHERE NOT EXISTS (
          SELECT
          FROM \(keyMap) AS k
          WHERE \(lines: keyJoin(), indent: 8, separator: " AND")
        )
        ORDER BY
          \(lines: keyColumns.map { "s.\(column($0))" }, indent: 6)
    """
  }

  private var unseenWholeRows: String {
    """
    SELECT
          s.source_row_hash,
          s.source_occurrence,
          s.source_row_hash AS row_hash
        FROM (
          \(numberedRows(withColumns: false, indent: 6))
        ) AS s
        WHERE NOT EXISTS (
          SELECT
          FROM \(keyMap) AS k
          WHERE \(lines: keyJoin(), indent: 8, separator: " AND")
        )
        ORDER BY
          s.source_row_hash,
          s.source_occurrence
    """
  }

  /// The staged rows of a table without a key, equal ones numbered from 1. Which of two equal rows
  /// gets which number makes no difference: they are equal.
  func numberedRows(withColumns: Bool, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    let columns = withColumns ? allColumns.map { "\(margin)  h.\(column($0)),\n" }.joined() : ""
    let inner = withColumns ? allColumns.map { "\(margin)    s.\(column($0)),\n" }.joined() : ""
    return """
      SELECT
      \(columns)\(margin)  h.source_row_hash,
      \(margin)  row_number() OVER (PARTITION BY h.source_row_hash)::integer AS source_occurrence
      \(margin)FROM (
      \(margin)  SELECT
      \(inner)\(margin)    \(rowHash(indent: indent + 4)) AS source_row_hash
      \(margin)  FROM \(stage) AS s
      \(margin)) AS h
      """
  }
}
