public import Catalog

/// The queries by which a load is proven: read-only, and written to `verify/` of a plan so that a
/// person can run them with psql.
public enum Proof {
  /// Prints the final rows that came from this source as they stood in the source: own and parents'
  /// keys mapped back, columns in CSV order. Equal rows give equal bytes.
  public static func contentQuery(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).contentQuery
  }

  /// Key map rows, and how many of them have their row in the final table:
  /// columns `known`, `present`. Nil for tables keyed by their whole row.
  public static func keyQuery(for table: Int, of database: MappedDatabase) -> String? {
    TableNames(database: database, index: table).keyQuery
  }

  /// Rows of the final table whose parent is missing: one column `orphans`. One query for each
  /// foreign key, in order.
  public static func orphanQueries(
    for table: Int, of database: MappedDatabase
  ) -> [(foreignKey: MappedForeignKey, query: String)] {
    let names = TableNames(database: database, index: table)
    return names.mapped.foreignKeys.map { ($0, names.orphanQuery($0)) }
  }
}

extension TableNames {
  fileprivate var contentQuery: String {
    """
    COPY (
      SELECT
        \(lines: allColumns.map { mappedBack($0) }, indent: 4)
      FROM \(target) AS t\(mappedBackJoins.map { "\n  \($0)" }.joined())
    ) TO STDOUT WITH (FORMAT csv);
    """
  }

  fileprivate var keyQuery: String? {
    guard !isWholeRow else { return nil }
    return """
      SELECT
        (
          SELECT count(*)
          FROM \(keyMap)
        ) AS known,
        (
          SELECT count(*)
          FROM \(target) AS t\(mappedBackJoins.map { "\n      \($0.replacing("\n", with: "\n    "))" }.joined())
        ) AS present;
      """
  }

  fileprivate func orphanQuery(_ foreignKey: MappedForeignKey) -> String {
    let parent = TableNames(database: database, index: foreignKey.parent)
    let pairs = zip(foreignKey.columns, foreignKey.parentColumns).map {
      "p.\(parent.column($1)) = t.\(column($0))"
    }
    return """
      SELECT count(*) AS orphans
      FROM \(target) AS t
      WHERE \(lines: foreignKey.columns.map { "t.\(column($0)) IS NOT NULL" }, indent: 2, separator: " AND")
        AND NOT EXISTS (
          SELECT
          FROM \(parent.target) AS p
          WHERE \(lines: pairs, indent: 6, separator: " AND")
        );
      """
  }

  /// A column of the final row as it stood in the source.
  private func mappedBack(_ index: Int) -> String {
    if index == mapped.surrogate?.column { return "k.\(keyMapColumns[0])" }
    if let reference = references.first(where: { $0.column == index }) {
      return "\(reference.alias).\(reference.parentKey)"
    }
    return "t.\(column(index))"
  }

  /// Joins the parents' key maps, and the table's own one, which keeps rows out that restage never
  /// loaded. A table without a key has no way to tell its rows apart.
  private var mappedBackJoins: [String] {
    let parents = references.map { reference in
      """
      LEFT JOIN \(reference.parent.keyMap) AS \(reference.alias)
          ON \(reference.alias).target_key = t.\(column(reference.column))
      """
    }
    if isWholeRow { return parents }
    let own: [String]
    if let surrogate = mapped.surrogate {
      own = ["k.target_key = t.\(column(surrogate.column))"]
    } else {
      own = zip(keyMapColumns, keyColumns).map { "k.\($0) = \(mappedBack($1))" }
    }
    return parents + [
      """
      JOIN \(keyMap) AS k
          ON \(own.joined(separator: "\n      AND "))
      """
    ]
  }
}
