import Catalog

// Snapshots may hold only the rows of a table that changed (`MappedTable.changes`). What such a snapshot
// lacks has not vanished: rows that are gone are those whose keys the source names, and those that a
// change took out of the mapping's `where`.

extension TableNames {
  /// The table of keys that are gone, beside the stage table; nil where none are named.
  var removed: String? {
    guard let changes = mapped.changes, changes.knowsRemovals || mapped.filter != nil else {
      return nil
    }
    let taken = Set(database.tables.map(\.stage.name.name))
    var name = Identifier.shortened(mapped.stage.name.name + "_removed")
    while taken.contains(name.name) { name = .shortened(name.name + "_") }
    return QualifiedIdentifier(mapped.stage.schema, name).quoted
  }

  /// Part of step 10.
  var removedDefinition: String {
    removed.map { removed in
      """


      -- Keys of rows that are gone, where the snapshot holds changed rows alone.
      DROP TABLE IF EXISTS \(removed);

      CREATE UNLOGGED TABLE \(removed) (
        \(lines: removedColumnDefinitions, indent: 2)
      )
      WITH (autovacuum_enabled = false);
      """
    } ?? ""
  }

  var removedColumnDefinitions: [String] {
    keyColumns.map { "\(column($0)) \(typeAndCollation($0))" }
  }

  var removedCopyStatement: String? {
    guard mapped.changes?.knowsRemovals == true else { return nil }
    return removed.map { removedCopyStatement(into: $0) }
  }

  /// The columns stand as in the CSV: in the order of their numbers, whatever that of the key is.
  func removedCopyStatement(into table: String) -> String {
    let columns = keyColumns.sorted().map(column).joined(separator: ", ")
    return "COPY \(table) (\(columns)) FROM STDIN WITH (FORMAT csv)"
  }

  /// Part of step 15: the keys of rows that the condition leaves out. Of a row that was never loaded
  /// the key means nothing.
  var filteredKeys: String {
    removed.map { removed in
      """
      ,
      gone AS (
        INSERT INTO \(removed) (
          \(lines: keyColumns.map(column), indent: 4)
        )
        SELECT
          \(lines: keyColumns.map { "f.\(column($0))" }, indent: 4)
        FROM filtered AS f
      )
      """
    } ?? ""
  }

  /// Part of step 60: where the snapshot holds changed rows alone, only a row that is named is gone.
  var namedAsGone: String {
    guard mapped.changes != nil else { return "" }
    let isWhole = """
      NOT EXISTS (
        SELECT
        FROM restage.staged AS g
        WHERE g.run_id = (SELECT restage.run_id())
          AND g.table_name = \(auditName)
          AND g.since IS NOT NULL
      )
      """
    guard let removed else { return "\nAND \(isWhole)" }
    return """

      AND (
        \(block: isWhole, indent: 2)
        OR EXISTS (
          SELECT
          FROM \(removed) AS d
          WHERE \(all: keyJoin("k", "d"), indent: 6)
        )
      )
      """
  }
}
