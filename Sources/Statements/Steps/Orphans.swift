import Catalog

extension TableNames {
  /// Step 35: rows whose parent is in no key map, foreign key by foreign key, as its policy says.
  func orphansFile() -> SQLFile {
    let parts = mapped.foreignKeys.compactMap(orphanStatements)
    return SQLFile(
      .orphans, of: self,
      purpose: parts.isEmpty
        ? "no foreign key to check" : "find rows whose parent is in no key map",
      body: (parts + [orphanCount]).joined(separator: "\n\n"))
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

  /// Nil for a foreign key that leads to something else than the parent's source key: its constraint
  /// in the target decides.
  private func orphanStatements(_ foreignKey: MappedForeignKey) -> String? {
    guard let condition = orphanCondition(foreignKey) else { return nil }
    let title = "-- \(comment: foreignKey.name.name)"
    switch foreignKey.onOrphan {
    case .fail: return title + "\n" + failOnOrphans(foreignKey, condition)
    case .reject: return title + "\n" + rejectOrphans(foreignKey, condition)
    case .null: return title + "\n" + recordNulledOrphans(foreignKey, condition)
    }
  }

  /// Over `s`: every referencing column has a value, and the parent's key map does not know them.
  private func orphanCondition(_ foreignKey: MappedForeignKey) -> [String]? {
    let parent = TableNames(database: database, index: foreignKey.parent)
    guard Set(parent.keyColumns) == Set(foreignKey.parentColumns), !parent.isWholeRow else {
      return nil
    }
    let joins = zip(parent.keyColumns, parent.keyMapColumns).compactMap { keyColumn, keyMapColumn in
      foreignKey.parentColumns.firstIndex(of: keyColumn).map {
        "k.\(keyMapColumn) = s.\(column(foreignKey.columns[$0]))"
      }
    }
    return foreignKey.columns.map { "s.\(column($0)) IS NOT NULL" } + [
      """
      NOT EXISTS (
          SELECT
          FROM \(parent.keyMap) AS k
          WHERE \(joins.joined(separator: "\n      AND "))
        )
      """
    ]
  }

  private func failOnOrphans(_ foreignKey: MappedForeignKey, _ condition: [String]) -> String {
    """
    SELECT restage.fail_orphans(
      \(auditName),
      \(SQLLiteral.quoted(foreignKey.name.name)),
      count(*),
      min(\(orphanValues(foreignKey, "s", indent: 2))::text)
    )
    FROM \(stage) AS s
    WHERE \(lines: condition, indent: 2, separator: " AND")
    HAVING count(*) > 0;
    """
  }

  /// Rejects the orphans, and with them every row of this table that hangs on a rejected one.
  private func rejectOrphans(_ foreignKey: MappedForeignKey, _ condition: [String]) -> String {
    let isSelfReference = foreignKey.parent == index
    let recursion =
      isSelfReference
      ? """

          UNION
          SELECT
            s.ctid AS row_id,
            \(lines: keyColumns.map { "s.\(column($0))" }, indent: 4)
          FROM orphan AS o
          JOIN \(stage) AS s
            ON \(lines: zip(foreignKey.columns, foreignKey.parentColumns).map { "s.\(column($0)) = o.\(column($1))" }, indent: 4, separator: " AND")
        """ : ""
    return """
      WITH RECURSIVE orphan AS (
        SELECT
          \(lines: ["s.ctid AS row_id"] + keyColumns.map { "s.\(column($0))" }, indent: 4)
        FROM \(stage) AS s
        WHERE \(lines: condition, indent: 4, separator: " AND")\(recursion)
      ),
      refused AS (
        DELETE FROM \(stage) AS s
        USING orphan AS o
        WHERE s.ctid = o.row_id
        RETURNING s.*
      ),
      recorded AS (
        \(orphanInsert(foreignKey, rule: "foreign key", message: "the parent is in no key map", from: "refused"))
      )
      SELECT restage.count_rows(\(auditName), 'rejected', count(*)) AS rows
      FROM recorded;

      DELETE FROM \(keyMap) AS k
      WHERE k.first_run = (SELECT restage.run_id())
        AND NOT EXISTS (
          SELECT
          FROM \(isWholeRow ? "(\n        \(numberedRows(withColumns: false, indent: 8))\n      )" : stage) AS s
          WHERE \(lines: keyJoin(), indent: 6, separator: " AND")
        );
      """
  }

  private func recordNulledOrphans(_ foreignKey: MappedForeignKey, _ condition: [String]) -> String
  {
    """
    WITH orphan AS (
      SELECT
        \(lines: allColumns.map { "s.\(column($0))" }, indent: 4)
      FROM \(stage) AS s
      WHERE \(lines: condition, indent: 4, separator: " AND")
    )
    \(orphanInsert(foreignKey, rule: "foreign key set to NULL", message: "the parent is in no key map; loaded with NULL", from: "orphan", indent: 0));
    """
  }

  private func orphanInsert(
    _ foreignKey: MappedForeignKey, rule: String, message: String, from rows: String,
    indent: Int = 4
  ) -> String {
    let text = """
      INSERT INTO restage.reject (
        run_id,
        table_name,
        source_key,
        rule,
        column_names,
        value,
        message,
        row_data
      )
      SELECT
        restage.run_id(),
        \(auditName),
        \(keyObject(of: "r", indent: 2)),
        \(SQLLiteral.quoted("\(rule) \(foreignKey.name.name)")),
        ARRAY[\(foreignKey.columns.map { SQLLiteral.quoted(mapped.columns[$0].name.name) }.joined(separator: ", "))],
        \(orphanValues(foreignKey, "r", indent: 2))::text,
        \(SQLLiteral.quoted(message)),
        to_jsonb(r)
      FROM \(rows) AS r
      RETURNING 1
      """
    let margin = String(repeating: " ", count: indent)
    return (indent == 0 ? text.replacing("\nRETURNING 1", with: "") : text)
      .replacing("\n", with: "\n\(margin)")
  }

  private func orphanValues(_ foreignKey: MappedForeignKey, _ alias: String, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    let parts = foreignKey.columns.map {
      "\(margin)  \(SQLLiteral.quoted(mapped.columns[$0].sourceName)), \(alias).\(column($0))"
    }
    return "jsonb_build_object(\n\(parts.joined(separator: ",\n"))\n\(margin))"
  }
}
