// Ranges of a table by its key, compared by nobody but the server.
//
// A row is in a range when its key is not below the range's first and below the next range's first. Of
// any boundaries whatever, in any order, such ranges leave no row out: who is in no range is not below
// the first boundary, hence, as it is in none of the ranges between, not below the last, and then it is
// in the last range. So ranges whose rows together are as many as the table's hold each row once.

import Catalog
import Staging

/// The ordering columns of a table, as boundaries and conditions are made of them.
struct KeyRanges {
  private let name: ObjectName
  private let columns: [(key: KeyColumn, text: KeyText)]
  /// What stands before the name of a column. There is one table, but to learn that each name says so costs
  /// Babelfish time on each connection.
  private let prefix: String

  /// - Throws: `Fault` that says why the table has no ranges.
  init(of table: Table, _ form: TextForm) throws(Fault) {
    name = table.name
    var columns: [(KeyColumn, KeyText)] = []
    for key in TableQuery.orderColumns(of: table) {
      guard let column = table.column(named: key.name), let text = KeyText(column, form) else {
        throw Fault("no range begins with a value of column \(key.name)")
      }
      columns.append((key, text))
    }
    guard !columns.isEmpty, table.sourceKeyColumns != nil else {
      throw Fault("the table has no key")
    }
    self.columns = columns
    prefix = form == .utf8 ? "" : "t."
  }

  /// Asks for the lowest and the highest key.
  ///
  /// - Parameter counting: Whether the rows are counted in the same reading.
  /// - Returns: nil for a key that is not one column of whole numbers.
  func ends(counting: Bool = true) -> SQLBatch? {
    guard let key = wholeNumber else { return nil }
    let column = prefix + SQLText.quoted(key.name)
    return SQLBatch(
      "ends \(name.fileName)",
      """
      SELECT\(counting ? "\n  COUNT_BIG(*) AS row_count," : "")
        MIN(\(column)) AS lowest,
        MAX(\(column)) AS highest
      FROM \(SQLText.quoted(name))\(prefix.isEmpty ? "" : " AS t")
      """)
  }

  /// Boundaries at even distances between the ends. No number comes twice, so where at least every other
  /// is that of a row no range has more than twice the rows that it should have.
  ///
  /// - Returns: nil where the numbers are too far apart for that.
  func boundaries(rowCount: Int, rangeCount: Int, between ends: ResultRecord) -> [[String]]? {
    guard let key = wholeNumber, let lowest = ends.integer("lowest"),
      let highest = ends.integer("highest")
    else { return nil }
    let (distance, overflows) = highest.subtractingReportingOverflow(lowest)
    guard !overflows, (rowCount - 1..<2 * rowCount).contains(distance) else { return nil }
    return (1..<max(1, rangeCount)).map { number in
      let offset = (distance + 1) / rangeCount * number
      return ["\(key.isDescending ? highest - offset : lowest + offset)"]
    }
  }

  private var wholeNumber: KeyColumn? {
    columns.count == 1 && columns[0].text.isWholeNumber ? columns[0].key : nil
  }

  /// Asks for every n-th key in the order of the index. One reading of the index in its order, or of
  /// one page in a hundred of it.
  ///
  /// - Parameter rowCount: Of a range.
  func boundaries(rowCount: Int, isSampled: Bool) -> SQLBatch {
    let order = columns.map {
      "t." + SQLText.quoted($0.key.name) + ($0.key.isDescending ? " DESC" : "")
    }
    let list = columns.enumerated().map { index, column in
      column.text.expression("k." + SQLText.quoted(column.key.name)) + " AS key_\(index + 1)"
    }
    let keys = columns.map { "t." + SQLText.quoted($0.key.name) }
    let step = isSampled ? max(1, rowCount / 100) : rowCount
    return SQLBatch(
      "boundaries \(name.fileName)",
      """
      SELECT
        \(list.joined(separator: ",\n  "))
      FROM (
        SELECT
          \(keys.joined(separator: ",\n    ")),
          ROW_NUMBER() OVER (ORDER BY \(order.joined(separator: ", "))) AS restage_number
        FROM \(SQLText.quoted(name)) AS t\(isSampled ? " TABLESAMPLE SYSTEM (1 PERCENT)" : "")
      ) AS k
      WHERE k.restage_number > 1
        AND (k.restage_number - 1) % \(step) = 0
      ORDER BY k.restage_number
      """)
  }

  /// - Returns: nil where the answer is none of boundaries.
  func kept(_ record: ResultRecord) -> [String]? {
    var values: [String] = []
    for (index, column) in columns.enumerated() {
      guard let value = column.text.kept(record["key_\(index + 1)"]) else { return nil }
      values.append(value)
    }
    return values
  }

  /// The WHERE of a range.
  ///
  /// - Throws: `Fault` for a range that is none of this table.
  func condition(_ range: RowRange) throws(Fault) -> String {
    var parts: [String] = []
    if let from = range.from { parts.append(try compared(from, isBelow: false)) }
    if let to = range.to { parts.append(try compared(to, isBelow: true)) }
    return parts.isEmpty ? "" : "WHERE " + parts.joined(separator: "\n  AND ")
  }

  /// `a <= 1 AND (a < 1 OR (b <= 2 AND (b < 2 OR c < 3)))`: the first comparison is one that an index
  /// can be searched by.
  private func compared(_ values: [String], isBelow: Bool) throws(Fault) -> String {
    guard values.count == columns.count else {
      throw Fault("\(values.count) values in a range of \(columns.count) columns")
    }
    var condition = ""
    for (column, value) in zip(columns, values).reversed() {
      let name = prefix + SQLText.quoted(column.key.name)
      let literal = try column.text.literal(value)
      let sign = isBelow != column.key.isDescending ? "<" : ">"
      if condition.isEmpty {
        condition = "\(name) \(isBelow ? sign : sign + "=") \(literal)"
      } else {
        condition =
          "\(name) \(sign)= \(literal) AND (\(name) \(sign) \(literal) OR (\(condition)))"
      }
    }
    return condition
  }
}
