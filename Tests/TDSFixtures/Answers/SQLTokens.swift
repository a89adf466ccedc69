// Words, names, texts and numbers of T-SQL: as much of it as clients of the fixtures write.

enum SQLToken: Hashable {
  /// A bare name, a keyword or a variable, in upper case.
  case word(String)
  /// `[name]`.
  case name(String)
  /// `N'text'` or `'text'`.
  case text(String)
  case number(Int)
  case symbol(Character)
}

/// Cuts a batch into tokens. Comments are left out.
struct SQLTokens {
  private let characters: [Character]
  private var index = 0

  static func tokens(of text: String) throws -> [SpelledToken] {
    var scanner = SQLTokens(text)
    var tokens: [SpelledToken] = []
    while let token = try scanner.next() { tokens.append(token) }
    return tokens
  }

  private init(_ text: String) { characters = Array(text) }

  private mutating func next() throws -> SpelledToken? {
    skipBlanks()
    guard let first = peek() else { return nil }
    if first == "[" { return SpelledToken(.name(try closed("]"))) }
    if first == "'" { return SpelledToken(.text(try closed("'"))) }
    if first == "N", index + 1 < characters.count, characters[index + 1] == "'" {
      index += 1
      return SpelledToken(.text(try closed("'")))
    }
    let word = take { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "@" || $0 == "#" }
    if let number = Int(word) { return SpelledToken(.number(number)) }
    if !word.isEmpty { return SpelledToken(.word(word.uppercased()), spelling: word) }
    index += 1
    return SpelledToken(.symbol(first))
  }

  private func peek() -> Character? { index < characters.count ? characters[index] : nil }

  private mutating func take(while isTaken: (Character) -> Bool) -> String {
    let start = index
    while let character = peek(), isTaken(character) { index += 1 }
    return String(characters[start..<index])
  }

  private mutating func skipBlanks() {
    while let character = peek() {
      if character.isWhitespace {
        index += 1
      } else if character == "-", index + 1 < characters.count, characters[index + 1] == "-" {
        _ = take { !$0.isNewline }
      } else {
        return
      }
    }
  }

  /// What stands between two delimiters; a doubled one stands for itself.
  private mutating func closed(_ end: Character) throws -> String {
    index += 1
    var content = ""
    while let character = peek() {
      index += 1
      if character == end {
        guard peek() == end else { return content }
        index += 1
      }
      content.append(character)
    }
    throw ServerMessage(105, severity: 15, "Unclosed quotation mark after '\(content.prefix(20))'.")
  }
}

/// A token and how it was written, where names keep their case.
struct SpelledToken {
  var token: SQLToken
  var spelling: String

  init(_ token: SQLToken, spelling: String = "") {
    self.token = token
    self.spelling = spelling
  }

  /// The name that it can be.
  var name: String? {
    switch token {
    case .name(let name): name
    case .word: spelling
    default: nil
    }
  }
}
