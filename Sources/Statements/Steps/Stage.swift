import Catalog

extension TableNames {
  /// Step 10: an empty stage table. Unlogged, without constraints: it holds one run's rows as the
  /// CSV has them and is made anew each time.
  func stageFile() -> SQLFile {
    let columns = allColumns.map { index in
      let mappedColumn = mapped.columns[index]
      let collation = mappedColumn.collation.map { " COLLATE \($0.quoted)" } ?? ""
      return "\(column(index)) \(mappedColumn.type)\(collation)"
    }
    return SQLFile(
      .stage, of: self, purpose: "make an empty stage table for the rows of this run",
      body: """
        DROP TABLE IF EXISTS \(stage);

        CREATE UNLOGGED TABLE \(stage) (
          \(lines: columns, indent: 2)
        );
        """)
  }

  /// `COPY restage_stage.x (a, b) FROM STDIN WITH (FORMAT csv)`: by hand, `\copy` with the same words.
  var copyStatement: String {
    "COPY \(stage) (\(allColumns.map(column).joined(separator: ", "))) FROM STDIN WITH (FORMAT csv)"
  }
}
