import Catalog

extension TableNames {
  /// Step 50: rows that changed in the source since they were loaded. Only they are touched; a row
  /// whose hash is as the key map remembers it is not written again.
  func updateFile() -> SQLFile {
    if isWholeRow {
      return SQLFile(
        .update, of: self, purpose: "nothing: without a key a changed row is an unseen row",
        body: "SELECT 0::bigint AS rows;")
    }
    switch mapped.onChanged {
    case .ignore:
      return SQLFile(
        .update, of: self, purpose: "nothing: the mapping says on_changed: ignore",
        body: "SELECT 0::bigint AS rows;")
    case .report:
      return SQLFile(
        .update, of: self, purpose: "count the rows that changed in the source",
        body: "WITH \(changedRows)\nSELECT count(*) AS rows\nFROM changed;")
    case .update:
      return SQLFile(
        .update, of: self, purpose: "carry over the rows that changed in the source",
        body: updateBody)
    }
  }

  private var changedRows: String {
    """
    changed AS MATERIALIZED (
      SELECT
        \(lines: keyColumns.map { "s.\(column($0))" }, indent: 4),
        \(rowHash(indent: 4)) AS row_hash
      FROM \(stage) AS s
      JOIN \(keyMap) AS k
        ON \(lines: keyJoin(), indent: 4, separator: " AND")
      WHERE k.row_hash <> \(rowHash(indent: 4))
    )
    """
  }

  private var updateBody: String {
    let references = self.references
    let isKept = Set(keyColumns)
    let assigned = allColumns.filter { !isKept.contains($0) }
    let remembered = """
      remembered AS (
        UPDATE \(keyMap) AS k
        SET
          row_hash = c.row_hash,
          last_run = (SELECT restage.run_id())
        FROM changed AS c
        WHERE \(lines: keyJoin("k", "c"), indent: 4, separator: " AND")
        RETURNING 1
      )
      """
    guard !assigned.isEmpty else {
      return "SELECT 0::bigint AS rows;"
    }
    let joins = (["""
      JOIN \(stage) AS s
        ON \(lines: keyColumns.map { "s.\(column($0)) = c.\(column($0))" }, indent: 2, separator: " AND")
      """, """
      JOIN \(keyMap) AS k
        ON \(lines: keyJoin(), indent: 2, separator: " AND")
      """] + parentJoins(references)).map { $0.replacing("\n", with: "\n  ") }
    let located = keyColumns.map {
      "t.\(column($0)) = \(targetValue(of: $0, references: references))"
    }
    return """
      \(deferredConstraints)WITH \(changedRows),
      updated AS (
        UPDATE \(target) AS t
        SET
          \(lines: assigned.map { "\(column($0)) = \(targetValue(of: $0, references: references))" }, indent: 4)
        FROM changed AS c
        \(lines: joins, indent: 2, separator: "")
        WHERE \(lines: located + parentGuards(references), indent: 4, separator: " AND")
        RETURNING 1
      ),
      \(remembered)
      SELECT restage.count_rows(\(auditName), 'updated', count(*)) AS rows
      FROM updated;
      """
  }

  private var deferredConstraints: String {
    mapped.isInCycle ? "SET CONSTRAINTS ALL DEFERRED;\n\n" : ""
  }
}
