extension DefaultConstraint {
  /// A bound default keeps its whole statement: `CREATE DEFAULT name AS expression`.
  public init(boundObject statement: String) {
    self.init(name: nil, definition: Self.expression(ofCreateDefault: statement))
  }

  /// What follows the first word `AS`; the whole text where there is none.
  public static func expression(ofCreateDefault text: String) -> String {
    let blanks: Set<Character> = [" ", "\t", "\n", "\r", "\r\n"]
    var words = text[...]
    while !words.isEmpty {
      words = words.drop { blanks.contains($0) }
      let word = words.prefix { !blanks.contains($0) }
      words = words.dropFirst(word.count)
      guard word.lowercased() == "as" else { continue }
      words = words.drop { blanks.contains($0) }
      while let last = words.last, blanks.contains(last) { words = words.dropLast() }
      return String(words)
    }
    return text
  }
}
