import Catalog

extension TableNames {
  /// Step 10: an empty stage table. Unlogged, without constraints: it holds one run's rows as the
  /// CSV has them and is made anew each time.
  func stageFile() -> SQLFile {
    SQLFile(
      .stage, of: self, purpose: "make an empty stage table for the rows of this run",
      body: stageDefinition + removedDefinition + expressionCheck)
  }

  var stageDefinition: String {
    """
    DROP TABLE IF EXISTS \(stage);

    CREATE UNLOGGED TABLE \(stage) (
      \(lines: columnDefinitions, indent: 2)
    )
    WITH (autovacuum_enabled = false);
    """
  }

  /// Says which chunk the rows of the COPY to come are from. The column is none of the table's own
  /// until then, so that a COPY by hand need not name columns.
  func chunkStatement(_ number: Int) -> String? {
    chunkName.map { chunk in
      """
      ALTER TABLE \(stage)
        ADD COLUMN IF NOT EXISTS \(chunk) integer,
        ALTER COLUMN \(chunk) SET DEFAULT \(number);
      """
    }
  }

  /// Begins step 15.
  var chunkColumn: String {
    guard let chunkName else { return "" }
    return """
      -- The chunk that a row is from: by hand nobody says it.
      ALTER TABLE \(stage) ADD COLUMN IF NOT EXISTS \(chunkName) integer;


      """
  }

  /// `COPY restage_stage.x (a, b) FROM STDIN WITH (FORMAT csv)`: by hand, `\copy` with the same words.
  var copyStatement: String {
    "COPY \(stage) (\(allColumns.map(column).joined(separator: ", "))) FROM STDIN WITH (FORMAT csv)"
  }

  /// A column's type as DDL writes it. Stage, key map and final table have the same collation, so
  /// that comparing them raises no conflict.
  func typeAndCollation(_ index: Int) -> String {
    let mappedColumn = mapped.columns[index]
    return mappedColumn.type + (mappedColumn.collation.map { " COLLATE \($0.quoted)" } ?? "")
  }
}
