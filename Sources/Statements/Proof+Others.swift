public import Catalog

extension Proof {
  /// Rows of the final table that the key map does not know: an application's, another source's, or
  /// those of a load that nothing remembers any more. One column `others`.
  public static func othersQuery(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).othersQuery
  }

  /// Rows that the key map knows, that the source still has, and that are gone from the final table:
  /// one column `lost`. Cheap enough for every load: one anti join; of a table without a key, whose
  /// rows would all have to be hashed, by how many rows it has less than the key map.
  public static func lostQuery(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).lostQuery
  }

  /// Rows that the key map knows, one row a chunk: columns `chunk` (NULL where unknown), `rows` (that have
  /// not vanished), `vanished`, and `is_whole`, the same in each: all rows of the key map are in the final
  /// table, and no others. Where it is false, or no row comes, nothing is known of that.
  public static func knownRowsQuery(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).knownRowsQuery
  }
}

extension TableNames {
  fileprivate var othersQuery: String { isWholeRow ? wholeRowOthers : keyedOthers }

  var othersFile: GeneratedFile {
    GeneratedFile(
      proofOf: self, name: "others.sql",
      purpose: "count final rows that the key map does not know: not from this source",
      body: wholeRowSettings + othersQuery)
  }

  /// Nothing is joined: there are as many rows on both sides, and the 64-bit hashes of their keys have the
  /// same sum, which other keys have once in 2⁶⁴ times.
  fileprivate var knownRowsQuery: String {
    guard let key = targetKeyColumn, isNumber(key) else {
      return """
        SELECT
          k.chunk,
          count(*) FILTER (WHERE k.vanished_run IS NULL) AS rows,
          count(k.vanished_run) AS vanished,
          false AS is_whole
        FROM \(keyMap) AS k
        GROUP BY k.chunk
        """
    }
    return """
      WITH known AS MATERIALIZED (
        SELECT
          k.chunk,
          count(*) FILTER (WHERE k.vanished_run IS NULL) AS rows,
          count(k.vanished_run) AS vanished,
          sum(hashint8extended(k.target_key, 0)) AS keys
        FROM \(keyMap) AS k
        GROUP BY k.chunk
      ),
      final AS MATERIALIZED (
        SELECT
          count(*) AS rows,
          sum(hashint8extended(t.\(column(key)), 0)) AS keys
        FROM \(target) AS t
      )
      SELECT
        k.chunk,
        k.rows,
        k.vanished,
        (
          SELECT (sum(k.rows + k.vanished), sum(k.keys)) = (f.rows, f.keys)
          FROM known AS k
        ) AS is_whole
      FROM known AS k
      CROSS JOIN final AS f
      """
  }

  fileprivate var lostQuery: String {
    guard !isWholeRow else {
      return """
        SELECT greatest(
          0,
          (
            SELECT count(*)
            FROM \(keyMap) AS k
            WHERE k.vanished_run IS NULL
          ) - (
            SELECT count(*)
            FROM \(target)
          )
        ) AS lost
        """
    }
    return """
      SELECT count(*) AS lost
      FROM \(keyMap) AS k
      WHERE k.vanished_run IS NULL
        AND NOT EXISTS (
          SELECT
          FROM \(target) AS t\(neededJoins.map { "\n    " + $0.indented(by: 4) }.joined())
          WHERE \(all: ownPairs, indent: 6)
        )
      """
  }

  private var neededJoins: [String] { surrogate == nil ? mappedBackJoins(of: keyColumns) : [] }

  private var keyedOthers: String {
    """
    SELECT count(*) AS others
    FROM \(target) AS t\(neededJoins.map { "\n" + $0 }.joined())
    WHERE NOT EXISTS (
      SELECT
      FROM \(keyMap) AS k
      WHERE \(all: ownPairs, indent: 4)
    );
    """
  }

  /// Rows that were loaded without their parent have another hash than the key map knows: as many of
  /// them as the run says are its own.
  private var wholeRowOthers: String {
    let unknown = """
      SELECT count(*)
      FROM (
        \(block: numberedFinalRows(columns: []), indent: 2)
      ) AS s
      WHERE NOT EXISTS (
        SELECT
        FROM \(keyMap) AS k
        WHERE \(all: keyJoin(), indent: 4)
      )
      """
    return """
      SELECT greatest(
        0,
        (
          \(block: unknown, indent: 4)
        )\(block: orphansOnTrust.map { " - \($0)" } ?? "", indent: 2)
      ) AS others;
      """
  }
}
