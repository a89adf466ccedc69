/// A table for a terminal: columns aligned by what is seen, two blanks between them, no lines but the
/// one below the header.
///
/// TextTable, which could be expected here, counts Characters and not terminal columns, cuts text
/// outside the BMP when it pads, and stops the process where a cell does not fit.
public struct AlignedTable: Sendable {
  public struct Column: Sendable {
    public enum Alignment: Sendable { case left, right }

    public let title: String
    public let alignment: Alignment

    public static func text(_ title: String) -> Column { Column(title: title, alignment: .left) }
    public static func number(_ title: String) -> Column { Column(title: title, alignment: .right) }
  }

  public let columns: [Column]
  public private(set) var rows: [[String]] = []
  /// Stands below a second line, such as sums.
  public private(set) var footer: [String]?

  public init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row. Missing cells are empty, cells beyond the last column are left out.
  public mutating func add(_ cells: [String]) { rows.append(fitted(cells)) }

  public mutating func setFooter(_ cells: [String]) { footer = fitted(cells) }

  private func fitted(_ cells: [String]) -> [String] {
    columns.indices.map { $0 < cells.count ? cells[$0].printable : "" }
  }
}

extension AlignedTable: CustomStringConvertible {
  /// Lines, each with its line feed and without blanks at its end.
  public var description: String {
    let widths = columns.indices.map { index in
      ([columns[index].title] + (rows + [footer ?? []]).compactMap { $0.dropFirst(index).first })
        .map(\.displayWidth).max() ?? 0
    }
    let rule = widths.map { String(repeating: "-", count: $0) }
    let lines = [columns.map(\.title), rule] + rows + (footer.map { [rule, $0] } ?? [])
    return lines.map { line($0, widths: widths) + "\n" }.joined()
  }

  private func line(_ cells: [String], widths: [Int]) -> String {
    var text = ""
    for (index, cell) in cells.enumerated() {
      let padding = String(repeating: " ", count: max(0, widths[index] - cell.displayWidth))
      text += index == 0 ? "" : "  "
      text += columns[index].alignment == .right ? padding + cell : cell + padding
    }
    return String(text.trimmingSuffix(" "))
  }
}

extension BinaryInteger {
  /// With a comma every three digits, whatever the locale: 1,234,567.
  public var grouped: String {
    let digits = Array(String(magnitude))
    let text = digits.indices.reduce(into: "") { text, index in
      if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
      text.append(digits[index])
    }
    return self < 0 ? "-" + text : text
  }
}

extension String {
  fileprivate func trimmingSuffix(_ blank: Character) -> Substring {
    var end = self[...]
    while end.last == blank { end.removeLast() }
    return end
  }
}
