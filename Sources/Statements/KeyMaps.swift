public import Catalog

extension Merge {
  /// `ddl/15_key_maps.sql`: makes the key maps that are not there yet and registers every table in
  /// `restage.table_map`. Repeatable: a second run writes nothing at all.
  public static func keyMapFile(for database: MappedDatabase) -> GeneratedFile {
    let tables = database.tables.indices.map { TableNames(database: database, index: $0) }
    return GeneratedFile(
      path: "ddl/15_key_maps.sql",
      purpose: "make the key maps: which source row became which final row",
      source: database.sourceName,
      body: (claims(of: tables, in: database) + tables.map(\.keyMapDefinition)).joined(
        separator: "\n\n"))
  }

  /// What was loaded earlier stays where it is: refused before a key map is made.
  private static func claims(of tables: [TableNames], in database: MappedDatabase) -> [String] {
    let names = [database.sourceName, database.databaseName].map(SQLLiteral.quoted)
    let source = """
      -- Which database the source's name stands for; refused (RS008) for another one.
      SELECT restage.claim_source(\(names.joined(separator: ", ")));
      """
    guard !tables.isEmpty else { return [source] }
    let columns = [
      "source_schema", "source_table", "target_schema", "target_table", "stage_table",
      "key_map_table", "keys",
    ]
    let rows = tables.map { table in
      let values = [
        table.mapped.source.schema, table.mapped.source.name,
        table.mapped.target.schema.name, table.mapped.target.name.name, table.stage, table.keyMap,
        table.surrogate == nil ? "preserve" : "remap",
      ]
      return "(" + values.map(SQLLiteral.quoted).joined(separator: ", ") + ")"
    }
    return [
      source,
      """
      -- Which table became which; refused (RS007) where it became another one.
      SELECT restage.claim_table(
        \(SQLLiteral.quoted(database.sourceName)),
        \(lines: columns.map { "v.\($0)" }, indent: 2)
      )
      FROM (
        VALUES
          \(lines: rows, indent: 4)
      ) AS v (\(columns.joined(separator: ", ")));
      """,
    ]
  }
}

extension TableNames {
  /// Made only where it is missing, comments included, so that nothing is written the second time.
  /// Step 30 of the first run adds its keys.
  fileprivate var keyMapDefinition: String {
    """
    -- \(comment: mapped.source.description)
    \("""
      BEGIN
        IF to_regclass(\(SQLLiteral.quoted(keyMap))) IS NOT NULL THEN
          RETURN;
        END IF;

        CREATE TABLE \(keyMap) (
          \(lines: keyMapColumnDefinitions, indent: 4)
        );

        \(lines: keyMapComments, indent: 2, separator: "")
      END
      """.asDoStatement)
    """
  }

  private var keyMapColumnDefinitions: [String] {
    let keys =
      isWholeRow
      ? zip(keyMapColumns, ["uuid", "integer"]).map { "\($0) \($1) NOT NULL" }
      : zip(keyMapColumns, keyColumns).map { "\($0) \(typeAndCollation($1)) NOT NULL" }
    let target = targetKeyColumn.map { ["target_key \(typeAndCollation($0)) NOT NULL"] } ?? []
    return keys + target + [
      "row_hash \(isWholeRow ? "uuid" : "bigint") NOT NULL",
      "first_run uuid NOT NULL",
      "last_run uuid NOT NULL",
      "vanished_run uuid",
      "matched_run uuid",
      "matched_row json",
      "chunk integer",
    ]
  }

  private var keyMapComments: [String] {
    let keys =
      isWholeRow
      ? zip(
        keyMapColumns,
        [
          "Hash of the whole row in the source, which is all that identifies it.",
          "Number of the row among equal ones, from 1.",
        ]
      ).map { ($0, $1) }
      : zip(keyMapColumns, keyColumns).map {
        ($0, "Column \(mapped.columns[$1].sourceName) of the row's key in the source.")
      }
    let target =
      targetKeyColumn.map {
        [("target_key", "Value of column \(mapped.columns[$0].name.name) of the final row.")]
      } ?? []
    let rest = [
      ("row_hash", "Hash of the row as it was loaded last: tells whether it changed since."),
      ("first_run", "The run that loaded the row first."),
      ("last_run", "The run that wrote the row last."),
      ("vanished_run", "The run that found the row gone from the source; NULL while it is there."),
      (
        "matched_run",
        "The run that recognised the final row by its natural key; NULL for rows that restage loaded."
      ),
      (
        "matched_row",
        "The row as the source has it, while restage has not written the final row it recognised."
      ),
      (
        "chunk",
        "The chunk that the row was staged from last, by restage.chunk.chunk_id; NULL where unknown."
      ),
    ]
    let comment =
      "Key map: which row of \(mapped.source) of \(database.sourceName) is which row of "
      + "\(mapped.target.quoted)."
    return ["COMMENT ON TABLE \(keyMap) IS \(SQLLiteral.quoted(comment));"]
      + (keys + target + rest).map {
        "COMMENT ON COLUMN \(keyMap).\($0.0) IS \(SQLLiteral.quoted($0.1));"
      }
  }
}
