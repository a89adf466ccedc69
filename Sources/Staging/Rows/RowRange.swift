/// The rows of a table from one key up to another, in the order and in the words of their source.
///
/// Only the source knows what its values mean and compares them: for everybody else a range is a number.
public struct RowRange: Codable, Hashable, Sendable {
  /// 1 for the first range of the table.
  public var number: Int
  /// The key of the first row, a value for each column that rows are ordered by; nil: from the first
  /// row of the table on.
  public var from: [String]?
  /// The key of the first row behind the range; nil: to the last row of the table.
  public var to: [String]?

  public init(number: Int, from: [String]?, to: [String]?) {
    self.number = number
    self.from = from
    self.to = to
  }
}

/// Ranges of a table that follow each other without a gap, from its first row to its last.
public struct RowRanges: Codable, Hashable, Sendable {
  /// Rows of the whole table, counted by the source: together the ranges must come to as many.
  public var rowCount: Int
  public var ranges: [RowRange]

  /// - Parameter boundaries: Keys in the order of the source, at each of which a range ends and the
  ///   next begins.
  public init(rowCount: Int, boundaries: [[String]]) {
    self.rowCount = rowCount
    let starts: [[String]?] = [nil] + boundaries
    ranges = starts.indices.map { index in
      RowRange(
        number: index + 1, from: starts[index],
        to: index + 1 < starts.count ? starts[index + 1] : nil)
    }
  }
}
