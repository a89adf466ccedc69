// Statements that a connection obeys by itself, before the answering function sees the batch.

/// USE, SET and transactions, one a line, as clients send them.
enum SessionStatement {
  case use(database: String)
  case textSize(Int)
  /// A SET without a meaning here.
  case set
  case begin
  case commit
  case rollback

  /// Takes the statements at the start of a batch off it. Comment lines stay, so that what is left
  /// keeps its name.
  static func take(from text: inout String) -> [SessionStatement] {
    var statements: [SessionStatement] = []
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
    var kept: [Substring] = []
    while let line = lines.first {
      let words = line.trimming { $0.isWhitespace || $0 == ";" }
      if words.isEmpty || words.hasPrefix("--") {
        kept.append(line)
      } else {
        let parts = words.split(separator: ";").map(Self.init)
        guard parts.allSatisfy({ $0 != nil }) else { break }
        statements += parts.compactMap { $0 }
      }
      lines.removeFirst()
    }
    text = (kept + lines).joined(separator: "\n")
    return statements
  }

  /// Takes off what freebcp writes around a query to get its columns alone.
  static func takeFormatOnly(from text: inout String) -> Bool {
    let (head, tail) = ("SET FMTONLY ON ", " SET FMTONLY OFF")
    guard text.hasPrefix(head), text.hasSuffix(tail) else { return false }
    text = String(text.dropFirst(head.count).dropLast(tail.count))
    return true
  }

  init?(_ statement: Substring) {
    let words = statement.uppercased().split { $0.isWhitespace }
    guard !words.contains("SELECT") else { return nil }
    switch (words.first ?? "", words.dropFirst().first ?? "") {
    case ("SET", "TEXTSIZE"):
      guard let size = words.dropFirst(2).first.flatMap({ Int($0) }) else { return nil }
      self = .textSize(size)
    case ("SET", _): self = .set
    case ("USE", _):
      let name = statement.trimming { $0.isWhitespace }.dropFirst(3)
      self = .use(database: Self.unquoted(name.trimming { $0.isWhitespace }))
    case ("BEGIN", "TRAN"), ("BEGIN", "TRANSACTION"): self = .begin
    case ("COMMIT", _): self = .commit
    case ("ROLLBACK", _): self = .rollback
    default:
      guard words.joined(separator: " ").hasPrefix("IF @@TRANCOUNT > 0 ROLLBACK") else {
        return nil
      }
      self = .rollback
    }
  }

  private static func unquoted(_ name: Substring) -> String {
    guard name.hasPrefix("[") && name.hasSuffix("]") else { return String(name) }
    return name.dropFirst().dropLast().split(separator: "]]", omittingEmptySubsequences: false)
      .joined(separator: "]")
  }
}

extension Substring {
  /// Without the characters at both ends that are of a kind.
  fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> Substring {
    guard let first = firstIndex(where: { !isTrimmed($0) }),
      let last = lastIndex(where: { !isTrimmed($0) })
    else { return "" }
    return self[first...last]
  }
}
