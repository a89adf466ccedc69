import Catalog

extension TableNames {
  /// Step 15: rows whose source key is NULL or stands on several rows become rejects. Nobody can
  /// know which of the rows that share a key is meant, so all of them are refused.
  func checkFile() -> SQLFile {
    SQLFile(
      .check, of: self,
      purpose: isWholeRow
        ? "gather statistics; without a key there is nothing to check"
        : "refuse rows whose source key is NULL or not unique",
      body: isWholeRow ? analyzeStage + "\n\n" + noRows : checkedBody)
  }

  private var analyzeStage: String { "ANALYZE \(stage);" }
  private var noRows: String { "SELECT 0::bigint AS rows;" }

  private var checkedBody: String {
    let keys = keyColumns.map(column)
    return """
      \(analyzeStage)

      WITH repeated AS (
        SELECT
          \(lines: keys.map { "s.\($0)" }, indent: 4)
        FROM \(stage) AS s
        GROUP BY
          \(lines: keys.map { "s.\($0)" }, indent: 4)
        HAVING count(*) > 1
      ),
      refused AS (
        DELETE FROM \(stage) AS s
        WHERE \(lines: keys.map { "s.\($0) IS NULL" }, indent: 4, separator: " OR")
          OR EXISTS (
            SELECT
            FROM repeated AS r
            WHERE \(lines: keys.map { "r.\($0) = s.\($0)" }, indent: 8, separator: " AND")
          )
        RETURNING s.*
      ),
      recorded AS (
        INSERT INTO restage.reject (
          run_id,
          table_name,
          source_key,
          rule,
          column_names,
          message,
          row_data
        )
        SELECT
          restage.run_id(),
          \(auditName),
          \(keyObject(of: "r", indent: 4)),
          'source key',
          ARRAY[\(keyNameList)],
          CASE
            WHEN \(lines: keys.map { "r.\($0) IS NULL" }, indent: 6, separator: " OR") THEN 'the source key is NULL'
            ELSE 'several staged rows have this source key'
          END,
          to_jsonb(r)
        FROM refused AS r
        RETURNING 1
      )
      SELECT restage.count_rows(\(auditName), 'rejected', count(*)) AS rows
      FROM recorded;
      """
  }

  /// The source key of a row as jsonb, under its source column names.
  func keyObject(of alias: String, indent: Int) -> String {
    if isWholeRow {
      return "jsonb_build_object('row_hash', md5(\(alias)::text))"
    }
    let margin = String(repeating: " ", count: indent)
    let parts = keyColumns.map {
      "\(margin)  \(SQLLiteral.quoted(mapped.columns[$0].sourceName)), \(alias).\(column($0))"
    }
    return "jsonb_build_object(\n\(parts.joined(separator: ",\n"))\n\(margin))"
  }

  private var keyNameList: String {
    keyColumns.map { SQLLiteral.quoted(mapped.columns[$0].name.name) }.joined(separator: ", ")
  }
}
