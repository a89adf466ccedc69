public import Catalog

extension Proof {
  /// Rows of the final table that the key map does not know: an application's, another source's, or
  /// those of a load that nothing remembers any more. One column `others`.
  public static func othersQuery(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).othersQuery
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

  private var keyedOthers: String {
    let joins = surrogate == nil ? mappedBackJoins(of: keyColumns) : []
    return """
      SELECT count(*) AS others
      FROM \(target) AS t\(joins.map { "\n" + $0 }.joined())
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
