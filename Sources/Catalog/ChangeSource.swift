/// How the rows of a table that changed since an earlier export are found.
public enum ChangeSource: Codable, Hashable, Sendable {
  /// By a column of type rowversion.
  case rowversion(column: String)
  /// By SQL Server's Change Tracking, which also knows which rows were deleted.
  case changeTracking
  /// By a column in which an application keeps when a row was last modified. Rows that are so many
  /// seconds older than the newest one are read again: clocks differ, and transactions take time.
  case column(String, overlapSeconds: Int)

  /// Whether the source says which rows were deleted.
  public var knowsRemovals: Bool { self == .changeTracking }
}
