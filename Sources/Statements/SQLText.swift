// How SQL text is put together: lists one item a line, blocks moved to the right, bodies of DO.

extension String.StringInterpolation {
  /// A name inside a `--` comment: line ends in it must not end the comment.
  mutating func appendInterpolation(comment text: String) {
    appendLiteral(String(text.map { $0.isNewline ? " " : $0 }))
  }

  /// Items one a line, each but the first indented, with `separator` at the end of all but the last.
  mutating func appendInterpolation(
    lines items: [String], indent: Int, separator: String = ","
  ) {
    let margin = String(repeating: " ", count: indent)
    let moved = items.map { $0.indented(by: indent) }
    appendLiteral(moved.joined(separator: "\(separator)\n\(margin)"))
  }

  /// Conditions one a line, joined by AND. `indent` is where AND stands, two columns to the right of
  /// the clause that the first condition follows.
  mutating func appendInterpolation(all conditions: [String], indent: Int) {
    let margin = String(repeating: " ", count: indent)
    let moved = conditions.enumerated().map {
      $1.indented(by: $0 == 0 ? max(indent - 2, 0) : indent)
    }
    appendLiteral(moved.joined(separator: "\n\(margin)AND "))
  }

  /// A text of several lines, each but the first indented.
  mutating func appendInterpolation(block text: String, indent: Int) {
    appendLiteral(text.indented(by: indent))
  }
}

extension String {
  /// The text with every line but the first moved to the right.
  ///
  /// A line end inside quotes belongs to a name or a constant and is left as it is.
  func indented(by count: Int) -> String {
    guard count > 0, utf8.contains(0x0A) else { return self }
    let margin = String(repeating: " ", count: count)
    var result = ""
    var openQuote: Unicode.Scalar?
    var isInComment = false
    var isAtLineStart = false
    var previous: Unicode.Scalar?
    for scalar in unicodeScalars {
      // Empty lines stay empty.
      if isAtLineStart && scalar != "\n" { result += margin }
      isAtLineStart = scalar == "\n" && openQuote == nil
      result.unicodeScalars.append(scalar)
      switch scalar {
      case "\n": isInComment = false
      case "-" where previous == "-" && openQuote == nil: isInComment = true
      case "'", "\"":
        guard !isInComment else { break }
        if openQuote == nil { openQuote = scalar } else if openQuote == scalar { openQuote = nil }
      default: break
      }
      previous = scalar
    }
    return result
  }

  /// The text as the body of a DO statement, in dollar quotes that do not occur in it.
  var asDoStatement: String {
    var tag = "$restage$"
    var number = 1
    while contains(tag) {
      number += 1
      tag = "$restage\(number)$"
    }
    return "DO \(tag)\n\(self)\n\(tag);"
  }
}

/// Settings on which the text form of values depends, and with it row hashes and the bytes of the
/// proof. The loader's connections have them too; written into the files, psql prints the same.
enum Settings {
  static let text = """
    -- Texts of values depend on these, and hashes of rows on the texts.
    SET DateStyle = 'ISO, YMD';
    SET TimeZone = 'UTC';
    SET bytea_output = 'hex';
    SET extra_float_digits = 1;
    """

  /// Before a statement that joins a stage table and its key map. Either may be far larger than the
  /// planner thinks: a key map that was empty a moment ago, or one whose rows all came with one run,
  /// so that no row seems left of another. A hash join costs about the same however wrong it is.
  /// Loops that cannot be avoided seem so dear then that the server would compile them.
  static let withoutNestedLoops = """
    -- A nested loop would not end where the planner takes a full key map for an empty one.
    SET LOCAL enable_nestloop = off;
    SET LOCAL jit = off;
    """

  static let withNestedLoops = "SET LOCAL enable_nestloop TO DEFAULT;\nSET LOCAL jit TO DEFAULT;"

  /// After `TableNames.joinSettings`.
  static let withDefaults = """
    \(withNestedLoops)
    SET LOCAL seq_page_cost TO DEFAULT;
    SET LOCAL random_page_cost TO DEFAULT;
    """
}
