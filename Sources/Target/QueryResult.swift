/// What one statement gave back.
public struct QueryResult: Sendable, Hashable {
  /// Column names in order; empty for a statement that returns no rows.
  public let columns: [String]
  /// Values in PostgreSQL's text form; nil is NULL.
  public let rows: [[String?]]
  /// The server's command tag, such as "INSERT 0 5".
  public let command: String
  /// The number in the command tag: rows inserted, updated, deleted, selected or copied; 0 for
  /// statements that have none.
  public let rowCount: Int

  /// The first row's value in a column; nil when there is no row, no such column, or it is NULL.
  public func first(_ column: String) -> String? {
    guard let index = columns.firstIndex(of: column), let row = rows.first else { return nil }
    return row[index]
  }

  /// The first row's value as a whole number; nil as for `first`, and when it is no number.
  public func firstInteger(_ column: String) -> Int? { first(column).flatMap { Int($0) } }

  /// All values of one column, in row order; empty when there is no such column.
  public func values(of column: String) -> [String?] {
    guard let index = columns.firstIndex(of: column) else { return [] }
    return rows.map { $0[index] }
  }
}

/// Something that the server said beside its results.
public struct Notice: Sendable, Hashable {
  /// "NOTICE", "WARNING" …, never translated.
  public let severity: String
  public let sqlstate: String
  public let message: String
}
