import Catalog

extension TableNames {
  /// Step 15: the stage table holds what COPY took, and rows whose source key is NULL or stands on
  /// several rows become rejects. Nobody can know which of the rows that share a key is meant, so all
  /// of them are refused.
  func checkFile() -> SQLFile {
    SQLFile(
      .check, of: self,
      purpose: isWholeRow
        ? "gather statistics and count; without a key there is nothing to check"
        : "count, and refuse rows whose source key is NULL or not unique",
      body: """
        \(chunkColumn)\(expressionValues.isEmpty ? statistics + "\n\n" : "")\
        SELECT restage.count_staged(\(auditName), count(*)) AS staged
        FROM \(stage) AS s;

        \(expressionValues)\
        \(isWholeRow ? "SELECT 0::bigint AS rows;" : refusal)\
        \(naturalKeyCheck.map { "\n\n" + $0 } ?? "")
        """)
  }

  /// Statistics of the columns that the steps join by: those of others cost more than they help.
  var statistics: String {
    let columns = Set(keyColumns + mapped.naturalKey + mapped.foreignKeys.flatMap(\.columns))
    guard !columns.isEmpty else { return "ANALYZE \(stage);" }
    return "ANALYZE \(stage) (\(columns.sorted().map(column).joined(separator: ", ")));"
  }

  /// Whether keys are sorted in less time than they are hashed.
  private var hasNumbersAsKey: Bool { keyColumns.allSatisfy(isNumber) }

  private var refusal: String {
    guard hasNumbersAsKey else { return keyRefusals }
    return """
      -- Numbers are sorted faster than they are hashed.
      SET LOCAL enable_hashagg = off;

      \(keyRefusals)

      SET LOCAL enable_hashagg TO DEFAULT;
      """
  }

  private var keyRefusals: String {
    let keys = keyColumns.map { "s.\(column($0))" }
    let values = keyColumns.map { withoutBlanks("s.\(column($0))", $0) }
    let named = zip(values, keyColumns).map { isSpelled($1) ? "\($0) AS \(column($1))" : $0 }
    return """
      WITH repeated AS MATERIALIZED (
        SELECT
          \(lines: named, indent: 4)
        FROM \(stage) AS s
        WHERE \(all: keys.map { "\($0) IS NOT NULL" }, indent: 4)
        GROUP BY
          \(lines: values, indent: 4)
        HAVING count(*) > 1
      ),
      bad AS (
        SELECT
          s.ctid AS row_id,
          'the source key is NULL' AS message
        FROM \(stage) AS s
        WHERE \(lines: keys.map { "\($0) IS NULL" }, indent: 4, separator: " OR")
        UNION ALL
        SELECT
          s.ctid AS row_id,
          'several staged rows have this source key' AS message
        FROM repeated AS r
        JOIN \(stage) AS s
          ON \(all: zip(values, keyColumns).map { "\($0) = r.\(column($1))" }, indent: 4)
      ),
      refused AS (
        DELETE FROM \(stage) AS s
        USING bad AS b
        WHERE s.ctid = b.row_id
        RETURNING
          \(block: keyObject(of: "s"), indent: 4) AS source_key,
          \(block: object(of: keyColumns, "s"), indent: 4) AS value,
          b.message,
          row_to_json(s.*) AS row_data
      ),
      recorded AS (
        \(block: rejectInsert(rule: "source key", columns: keyColumns, message: "r.message"), indent: 2)
      )
      SELECT restage.count_rows(\(auditName), 'rejected', count(*)) AS rows
      FROM recorded;
      """
  }

  /// Records rows as rejects, from a query called `refused` with `source_key`, `value` and `row_data`.
  ///
  /// - Parameters:
  ///   - message: A SQL expression over `r`.
  ///   - join: What the expression needs beside `r`.
  func rejectInsert(
    rule: String, columns: [Int], message: String, isLoaded: Bool = false,
    from rows: String = "refused", join: String = ""
  ) -> String {
    let names = columns.map { SQLLiteral.quoted(mapped.columns[$0].name.name) }
    return """
      INSERT INTO restage.reject (
        run_id,
        table_name,
        source_key,
        rule,
        column_names,
        value,
        message,
        is_loaded,
        row_data
      )
      SELECT
        (SELECT restage.run_id()),
        \(auditName),
        r.source_key,
        \(SQLLiteral.quoted(rule)),
        ARRAY[\(names.joined(separator: ", "))],
        r.value::text,
        \(block: message, indent: 2),
        \(isLoaded),
        r.row_data
      FROM \(rows) AS r\(join.isEmpty ? "" : "\n" + join)
      RETURNING 1
      """
  }
}
