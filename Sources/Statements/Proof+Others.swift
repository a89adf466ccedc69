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
}

extension TableNames {
  fileprivate var othersQuery: String { isWholeRow ? wholeRowOthers : keyedOthers }

  var othersFile: GeneratedFile {
    GeneratedFile(
      proofOf: self, name: "others.sql",
      purpose: "count final rows that the key map does not know: not from this source",
      body: wholeRowSettings + othersQuery)
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
