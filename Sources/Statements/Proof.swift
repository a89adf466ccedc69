public import Catalog

/// The queries by which a load is proven: read-only, and written to `verify/` of a plan so that a
/// person can run them with psql.
///
/// They speak of the last run that loaded the table: rows that it refused are in `restage.reject` and
/// nowhere else, so the proof takes them from there, and rows that vanished from the source are left
/// out though they are still in the final table.
public enum Proof {
  /// Prints the rows of the snapshot as the target remembers them: final rows with their own and
  /// their parents' keys mapped back, and rejected rows as they were staged; columns in CSV order.
  /// Equal rows give equal bytes; the order of rows means nothing.
  public static func contentQuery(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).contentQuery()
  }

  /// How a table is proven of which the snapshot holds changed rows alone: they are copied into a
  /// temporary table of the same connection and transaction, and only final rows whose key is there are
  /// counted and printed.
  public static func partial(of table: Int, of database: MappedDatabase) -> Partial {
    let names = TableNames(database: database, index: table)
    return Partial(
      definition: names.scratchDefinition, copy: names.scratchCopy,
      content: names.contentQuery(among: names.amongScratch),
      counts: names.countQuery(among: names.amongScratch),
      removed: names.scratchRemoved)
  }

  /// SQL for one connection, in this order.
  public struct Partial: Sendable {
    public let definition: String
    /// COPY … FROM STDIN.
    public let copy: String
    /// As `contentQuery`.
    public let content: String
    /// As `countQuery`.
    public let counts: String
    /// Where the source says which rows it deleted.
    public let removed: Removed?

    /// Makes the temporary tables.
    public var definitions: String {
      [definition, removed?.definition].compactMap(\.self).joined(separator: "\n\n")
    }
  }

  /// How deleted rows are proven: their keys are copied, too, and no row with one may be left.
  public struct Removed: Sendable {
    public let definition: String
    /// COPY … FROM STDIN.
    public let copy: String
    /// How many rows are taken to be in the source all the same: column `left_over`.
    public let query: String
  }

  /// How many keys the key map holds of rows that have not vanished, and how many of them have their
  /// row in the final table: columns `known`, `present`. Vanished ones in column `vanished`.
  public static func keyQuery(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).keyQuery
  }

  /// Columns `snapshot_rows`, `present`, `rejected`: the rows of the snapshot, those of them in the
  /// final table, and those refused. The first is the sum of the others when all is well. No row when
  /// the table was never loaded.
  public static func countQuery(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).countQuery()
  }

  /// How a table is proven whose rows are loaded otherwise than they stand in the snapshot: they are
  /// copied into a temporary table, the mapping's expressions do there what they did to the staged
  /// rows, and what comes out is the snapshot's side. Nil for other tables.
  public static func transformation(
    of table: Int, of database: MappedDatabase
  ) -> Transformation? {
    let names = TableNames(database: database, index: table)
    guard names.mapped.isTransformed else { return nil }
    return Transformation(
      definition: names.scratchDefinition, copy: names.scratchCopy,
      statements: names.scratchTransformation, content: names.scratchContent)
  }

  /// SQL for one connection, in this order.
  public struct Transformation: Sendable {
    public let definition: String
    /// COPY … FROM STDIN.
    public let copy: String
    public let statements: String
    /// COPY … TO STDOUT.
    public let content: String
  }

  /// Rows of the final table whose parent is missing: one column `orphans`. One query for each
  /// foreign key, in order.
  public static func orphanQueries(
    for table: Int, of database: MappedDatabase
  ) -> [(foreignKey: MappedForeignKey, query: String)] {
    let names = TableNames(database: database, index: table)
    return names.mapped.foreignKeys.map { ($0, names.orphanQuery($0)) }
  }

  /// All of them as files below `verify/`, table by table.
  public static func files(for database: MappedDatabase) -> [GeneratedFile] {
    database.tables.indices.flatMap { TableNames(database: database, index: $0).proofFiles }
  }
}

// MARK: - Queries

extension TableNames {
  /// - Parameter among: A condition more that key map rows `k` must meet.
  fileprivate func contentQuery(among: String? = nil) -> String {
    """
    COPY (
      WITH noted AS MATERIALIZED (
        \(block: notedRows, indent: 4)
      )
      \(block: isWholeRow ? wholeRowContent : keyedContent(among: among), indent: 2)
      UNION ALL
      SELECT
        \(lines: allColumns.map(isWholeRow ? { "n.\(column($0))" } : notedValue), indent: 4)
      FROM noted AS n\(isWholeRow ? "" : "\n  WHERE NOT n.\(isLoadedName)")
    ) TO STDOUT WITH (FORMAT csv);
    """
  }

  private var isLoadedName: String { unused("is_loaded") }

  /// Rows that the last run refused, or loaded without a parent, as they were staged. Of a row that
  /// lost several parents only the first note has it whole.
  private var notedRows: String {
    let added =
      isWholeRow
      ? "\(rowHash(of: "s")) AS \(hashName)"
      : isLoadedName == "is_loaded" ? "r.is_loaded" : "r.is_loaded AS \(isLoadedName)"
    return """
      SELECT
        \(lines: allColumns.map { "s.\(column($0))" } + [added], indent: 2)
      FROM (
        SELECT
          r.row_data,
          r.is_loaded,
          r.rule,
          first_value(r.rule) OVER (PARTITION BY \(block: notedKey, indent: 4) ORDER BY r.id) AS first_rule
        FROM restage.reject AS r
        WHERE r.run_id = \(lastRun)
          AND r.table_name = \(auditName)
      ) AS r
      CROSS JOIN LATERAL json_populate_record(NULL::\(target), r.row_data) AS s
      WHERE r.rule = r.first_rule
      """
  }

  /// The source key of a note. A row whose key takes its parent's spelling has another one in its later
  /// notes than in the first.
  private var notedKey: String {
    guard isKeyRespelled else { return "r.source_key" }
    return keyColumns.map { index in
      let name = SQLLiteral.quoted(mapped.columns[index].sourceName)
      guard isSpelled(index) else { return "r.source_key -> \(name)" }
      let collation = mapped.columns[index].collation.map { " COLLATE \($0.quoted)" } ?? ""
      return "rtrim(r.source_key ->> \(name))\(collation)"
    }.joined(separator: ", ")
  }

  /// A column that was emptied for want of a parent shows what was staged in it, and one that was
  /// given its parent's spelling the blanks that it had.
  private func keyedContent(among: String?) -> String {
    let emptied = Set(orphanTests.flatMap(\.nulled))
    let respelled = orphanTests.filter { !$0.respelled.isEmpty }
    let values = allColumns.map { index in
      let noted = notedValue(index)
      let found = compared(index, otherwise: emptied.contains(index) ? noted : nil)
      guard let test = respelled.first(where: { $0.respelled.contains(index) }),
        let pair = test.pairs.first(where: { $0.column == index })
      else { return orMatched(found, index, asText: isComparedAsText(index)) }
      let isSame =
        sameText(noted, found, of: index)
        + test.parent.collation(ofComparing: pair.parentColumn, with: mapped.columns[index])
      return orMatched("CASE WHEN \(isSame) THEN \(noted) ELSE \(found) END", index)
    }
    let note = """
      LEFT JOIN noted AS n
        ON \(all: keyJoin("k", "n"), indent: 2)
      """
    return """
      SELECT
        \(lines: values, indent: 2)
      FROM \(target) AS t
      \(lines: allMappedBackJoins + [ownJoin, note] + matchedJoin, indent: 0, separator: "")
      WHERE k.vanished_run IS NULL
        AND n.\(isLoadedName) IS NOT FALSE\(among.map { "\n  AND \($0)" } ?? "")
      """
  }

  private func notedValue(_ index: Int) -> String {
    "n.\(column(index))" + (isComparedAsText(index) ? "::text" : "")
  }

  /// The source's row of a final row that was recognised and is as it was found.
  var matchedJoin: [String] {
    guard !mapped.naturalKey.isEmpty else { return [] }
    return [
      """
      LEFT JOIN LATERAL json_populate_record(NULL::\(target), k.matched_row) AS m
        ON k.matched_row IS NOT NULL
      """
    ]
  }

  func orMatched(_ found: String, _ index: Int, asText: Bool = false) -> String {
    guard !mapped.naturalKey.isEmpty else { return found }
    let matched = "m.\(column(index))" + (asText ? "::text" : "")
    return "CASE WHEN k.matched_row IS NULL THEN \(found) ELSE \(matched) END"
  }

  private var wholeRowContent: String {
    """
    SELECT
      \(lines: allColumns.map { "s.\(column($0))" }, indent: 2)
    FROM (
      \(block: numberedFinalRows(columns: allColumns), indent: 2)
    ) AS s
    JOIN \(keyMap) AS k
      ON \(all: keyJoin(), indent: 2)
    WHERE \(all: presentConditions("noted", "n"), indent: 2)
    """
  }

  fileprivate var keyQuery: String {
    """
    SELECT
      (
        SELECT count(*)
        FROM \(keyMap) AS k
        WHERE k.vanished_run IS NULL
      ) AS known,
      (
        SELECT count(*)
        \(block: presentSource, indent: 4)
        WHERE k.vanished_run IS NULL
      )\(block: addedOnTrust, indent: 2) AS present,
      (
        SELECT count(*)
        FROM \(keyMap) AS k
        WHERE k.vanished_run IS NOT NULL
      ) AS vanished;
    """
  }

  fileprivate func countQuery(among: String? = nil) -> String {
    """
    WITH refused AS MATERIALIZED (
      SELECT
        \(block: refusedKey, indent: 4)
      \(block: rejectedRows(ofRun: lastRun, where: "NOT r.is_loaded"), indent: 2)
    )
    SELECT
      coalesce(g.chunk_rows, g.staged_rows) AS snapshot_rows,
      (
        SELECT count(*)
        \(block: presentSource, indent: 4)
        WHERE \(all: presentConditions("refused", "r") + [among].compactMap(\.self), indent: 6)
      )\(block: addedOnTrust, indent: 2) AS present,
      (
        SELECT count(*)
        FROM refused
      ) AS rejected\(filteredCount)
    FROM restage.staged AS g
    WHERE g.run_id = \(lastRun)
      AND g.table_name = \(auditName);
    """
  }

  /// Rows that the mapping's condition left out.
  private var filteredCount: String {
    guard mapped.filter != nil else { return "" }
    return """
      ,
        (
          SELECT coalesce(sum(c.rows), 0)
          FROM restage.row_count AS c
          WHERE c.run_id = g.run_id
            AND c.table_name = g.table_name
            AND c.kind = 'filtered'
        ) AS filtered
      """
  }

  fileprivate func orphanQuery(_ foreignKey: MappedForeignKey) -> String {
    let parent = table(foreignKey.parent)
    let pairs = zip(foreignKey.columns, foreignKey.parentColumns).map {
      "p.\(parent.column($1)) = t.\(column($0))"
        + parent.collation(ofComparing: $1, with: mapped.columns[$0])
    }
    return """
      SELECT count(*) AS orphans
      FROM \(target) AS t
      WHERE \(all: foreignKey.columns.map { "t.\(column($0)) IS NOT NULL" }, indent: 2)
        AND NOT EXISTS (
          SELECT
          FROM \(parent.target) AS p
          WHERE \(all: pairs, indent: 6)
        );
      """
  }

  private var lastRun: String {
    "(SELECT restage.last_run(\(SQLLiteral.quoted(database.sourceName)), \(auditName)))"
  }
}

// MARK: - Final rows as they stood in the source

extension TableNames {
  /// A column of the final row as it stood in the source.
  func mappedBack(_ index: Int) -> String {
    if index == surrogate?.column { return "k.\(keyMapColumns[0])" }
    guard let reference = references.first(where: { $0.column == index }) else {
      return "t.\(column(index))"
    }
    let value = "\(reference.alias).\(reference.parent.keyMapColumns[0])"
    // The parent's column may be wider: its value is to print as this column's did.
    let type = mapped.columns[index].type
    return reference.parent.mapped.columns[reference.parentColumn].type == type
      ? value : "\(value)::\(type)"
  }

  /// The same where it is held against what the source has: the key of a row that is none of the source's
  /// must not read as no key at all, which is what the source may have.
  ///
  /// - Parameter otherwise: What stands for no key.
  func compared(_ index: Int, otherwise: String? = nil) -> String {
    let values =
      (isComparedAsText(index)
        ? ["\(mappedBack(index))::text", "'final ' || t.\(column(index))"] : [mappedBack(index)])
      + [otherwise].compactMap(\.self)
    return values.count == 1 ? values[0] : "coalesce(\(values.joined(separator: ", ")))"
  }

  private func isComparedAsText(_ index: Int) -> Bool {
    mapped.columns[index].isNullable && references.contains { $0.column == index }
  }

  /// Joins the parents' key maps to the final row.
  var allMappedBackJoins: [String] {
    references.map { reference in
      """
      LEFT JOIN \(reference.parent.keyMap) AS \(reference.alias)
        ON \(reference.alias).target_key = t.\(column(reference.column))
      """
    }
  }

  /// The table's own key map keeps rows out that restage never loaded.
  var ownJoin: String {
    """
    JOIN \(keyMap) AS k
      ON \(all: ownPairs, indent: 2)
    """
  }

  var ownPairs: [String] {
    (foundByTargetKey ?? surrogate?.column).map { ["k.target_key = t.\(column($0))"] }
      ?? zip(keyMapColumns, keyColumns).map { sameText("k.\($0)", mappedBack($1), of: $1) }
  }

  /// The key column by whose value in the target final rows are found: that of a row which was
  /// recognised may be spelled otherwise, and so may a text key that changed its spelling.
  var foundByTargetKey: Int? {
    guard !isWholeRow, !mapped.naturalKey.isEmpty || !spelledKeyColumns.isEmpty else { return nil }
    return targetKeyColumn
  }

  /// Key map rows joined to their final rows.
  var presentSource: String {
    guard isWholeRow else {
      let needed = surrogate == nil ? mappedBackJoins(of: keyColumns) : []
      return """
        FROM \(target) AS t
        \(lines: needed + [ownJoin], indent: 0, separator: "")
        """
    }
    return """
      FROM (
        \(block: numberedFinalRows(columns: []), indent: 2)
      ) AS s
      JOIN \(keyMap) AS k
        ON \(all: keyJoin(), indent: 2)
      """
  }

  /// Rows of a table without a key that were loaded without their parent look like rows that never
  /// had one, and nothing tells them apart: they count as present because the run says so.
  var orphansOnTrust: String? {
    guard isWholeRow, orphanTests.contains(where: { $0.policy == .null }) else { return nil }
    return """
      (
        SELECT count(*)
        FROM (
          SELECT
            r.rule,
            first_value(r.rule) OVER (PARTITION BY r.source_key ORDER BY r.id) AS first_rule
          FROM restage.reject AS r
          WHERE r.run_id = \(lastRun)
            AND r.table_name = \(auditName)
            AND r.is_loaded
        ) AS r
        WHERE r.rule = r.first_rule
      )
      """
  }

  private var addedOnTrust: String { orphansOnTrust.map { " + \($0)" } ?? "" }

  func mappedBackJoins(of columns: [Int]) -> [String] {
    zip(references, allMappedBackJoins).filter { columns.contains($0.0.column) }.map(\.1)
  }

  private func presentConditions(_ refused: String, _ alias: String) -> [String] {
    [
      "k.vanished_run IS NULL",
      """
      NOT EXISTS (
        SELECT
        FROM \(refused) AS \(alias)
        WHERE \(all: refusedJoin(alias), indent: 4)
      )
      """,
    ]
  }

  /// Final rows of a table without a key, hashed as they stood in the source.
  ///
  /// The last ones of equal rows are those that vanish: rows that are marked as vanished come last, the
  /// ones that were marked first behind the others.
  ///
  /// - Parameter withRowID: Whether the place of the row is shown, as `rowIDName`, and marks count.
  func numberedFinalRows(columns: [Int], withRowID: Bool = false) -> String {
    let values = allColumns.map { compared($0) }
    let mark = withRowID ? mapped.markColumn?.quoted : nil
    let shown =
      columns.map { "\(mappedBack($0)) AS \(column($0))" }
      + (withRowID ? ["t.ctid AS \(rowIDName)"] : [])
      + (mark.map { ["t.\($0) AS \(markedName)"] } ?? [])
      + ["\(rowHash(of: "t", columns: values)) AS \(hashName)"]
    let rows = """
      SELECT
        \(lines: shown, indent: 2)
      FROM \(target) AS t\(allMappedBackJoins.map { "\n" + $0 }.joined())
      """
    return numbered(
      rows, columns: columns.map(column) + (withRowID ? [rowIDName] : []),
      order: mark == nil ? "" : " ORDER BY h.\(markedName) DESC NULLS FIRST")
  }

  var rowIDName: String { unused("row_id") }
  private var markedName: String { unused("marked_at") }
}

// MARK: - Files

extension TableNames {
  fileprivate var proofFiles: [GeneratedFile] {
    [
      GeneratedFile(
        proofOf: self, name: "content.sql",
        purpose: "print the snapshot's rows as the target remembers them",
        body: """
          \(Settings.text)
          SET client_encoding = 'UTF8';

          \(contentQuery())
          """),
      GeneratedFile(
        proofOf: self, name: "counts.sql",
        purpose: "snapshot_rows = present + rejected, when all is well",
        body: wholeRowSettings + countQuery()),
      GeneratedFile(
        proofOf: self, name: "keys.sql",
        purpose: "known = present, when every key has its final row",
        body: wholeRowSettings + keyQuery),
      othersFile,
    ] + orphanFile + collisionFile
  }

  private var orphanFile: [GeneratedFile] {
    guard !mapped.foreignKeys.isEmpty else { return [] }
    let queries = mapped.foreignKeys.map { "-- \(comment: $0.name.name)\n\(orphanQuery($0))" }
    return [
      GeneratedFile(
        proofOf: self, name: "orphans.sql",
        purpose: "count final rows without their parent; 0 for each foreign key, when all is well",
        body: queries.joined(separator: "\n\n"))
    ]
  }
}
