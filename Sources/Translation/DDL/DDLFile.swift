public import Catalog

/// A generated file that makes a part of the final tables: plain SQL, run alike by libpq and psql.
public struct DDLFile: Hashable, Sendable {
  /// Below the plan's folder: `ddl/20_tables.sql`.
  public let path: String
  /// In the order of the file.
  public let statements: [DDLStatement]
  /// The whole file, its header included.
  public let text: String
}

/// One statement of a DDL file, its `;` included and without a line end behind it.
public struct DDLStatement: Hashable, Sendable {
  /// Index into `MappedDatabase.tables` of the table that the statement makes or alters; nil for a
  /// statement that serves all of them.
  public let table: Int?
  /// The constraint or index that it makes; nil for a table itself and for comments.
  public let object: Identifier?
  public let sql: String

  init(table: Int?, object: Identifier? = nil, sql: String) {
    self.table = table
    self.object = object
    self.sql = sql
  }
}

extension DDLFile {
  /// Puts the header over the statements.
  init(_ name: String, purpose: String, source: String, statements: [DDLStatement]) {
    self.path = "ddl/\(name)"
    self.statements = statements
    // A text without any statement is an error to libpq.
    let body =
      statements.isEmpty
      ? "-- Nothing to make.\nSELECT 0::bigint AS rows;"
      : statements.map(\.sql).joined(separator: "\n\n")
    text = """
      -- file:    \(name)
      -- purpose: \(purpose)
      -- source:  \(oneLine(source))
      -- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f \(name)

      \(body)

      """
  }
}

/// A name inside a `--` comment: line ends in it must not end the comment.
func oneLine(_ text: String) -> String {
  String(text.map { $0.isNewline ? " " : $0 })
}
