import Catalog

extension TableNames {
  /// Step 50: rows that changed in the source since they were loaded. Only they are touched; a row
  /// whose hash is as the key map remembers it is not written again.
  func updateFile() -> SQLFile {
    if isWholeRow {
      return emptyUpdate("nothing: without a key a changed row is an unseen row")
    }
    switch mapped.onChanged {
    case .ignore: return emptyUpdate("nothing: the mapping says on_changed: ignore")
    case .report:
      return SQLFile(
        .update, of: self, purpose: "count the rows that changed in the source",
        body: """
          \(Settings.text)

          \(Settings.withoutNestedLoops)

          SELECT restage.count_rows(\(auditName), 'changed', count(*)) AS rows
          \(changedSource)
          WHERE \(all: isChanged + [notYetCounted], indent: 2);
          """)
    case .update:
      return SQLFile(
        .update, of: self, purpose: "carry over the rows that changed in the source",
        body: updateBody)
    }
  }

  private func emptyUpdate(_ purpose: String) -> SQLFile {
    SQLFile(.update, of: self, purpose: purpose, body: "SELECT 0::bigint AS rows;")
  }

  private var changedSource: String {
    """
    FROM \(stage) AS s
    JOIN \(keyMap) AS k
      ON \(all: keyJoin(), indent: 2)
    """
  }

  /// Rows of this very run are as they were staged; their hash need not be computed again.
  private var isChanged: [String] {
    [
      "k.first_run <> (SELECT restage.run_id())",
      "k.row_hash <> \(rowHash(of: "s"))",
    ]
  }

  private var notYetCounted: String {
    """
    NOT EXISTS (
      SELECT
      FROM restage.row_count AS c
      WHERE c.run_id = (SELECT restage.run_id())
        AND c.table_name = \(auditName)
        AND c.kind = 'changed'
    )
    """
  }

  private var updateBody: String {
    let references = self.references
    let assigned = allColumns.filter(isAssigned)
    let joins =
      [
        """
        JOIN \(keyMap) AS k
          ON \(all: keyJoin("k", "c"), indent: 2)
        """
      ] + parentJoins(references, staged: "c")
    let located = keyColumns.map {
      "t.\(column($0)) = \(targetValue(of: $0, references: references, staged: "c"))"
    }
    guard !assigned.isEmpty else { return "SELECT 0::bigint AS rows;" }
    let values = assigned.map {
      "\(column($0)) = \(targetValue(of: $0, references: references, staged: "c"))"
    }
    return """
      \(Settings.text)

      \(Settings.withoutNestedLoops)

      \(deferral)WITH changed AS MATERIALIZED (
        SELECT
          \(lines: allColumns.map { "s.\(column($0))" }, indent: 4),
          \(block: rowHash(of: "s"), indent: 4) AS \(hashName)
        \(block: changedSource, indent: 2)
        WHERE \(all: isChanged, indent: 4)
      ),
      updated AS (
        UPDATE \(target) AS t
        SET
          \(lines: values, indent: 4)
        FROM changed AS c
        \(lines: joins, indent: 2, separator: "")
        WHERE \(all: located + parentGuards(references, staged: "c"), indent: 4)
        RETURNING 1
      ),
      remembered AS (
        UPDATE \(keyMap) AS k
        SET
          row_hash = c.\(hashName),
          last_run = (SELECT restage.run_id())
        FROM changed AS c
        WHERE \(all: keyJoin("k", "c"), indent: 4)
      )
      SELECT restage.count_rows(\(auditName), 'updated', count(*)) AS rows
      FROM updated;
      """
  }

  /// The key of a row never changes. Under a collation that ignores case its spelling can.
  private func isAssigned(_ index: Int) -> Bool {
    guard keyColumns.contains(index) else { return true }
    return index != surrogate?.column && mapped.columns[index].collation != nil
      && !references.contains { $0.column == index }
  }
}
