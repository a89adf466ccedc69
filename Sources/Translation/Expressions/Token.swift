/// A word of a T-SQL expression.
enum Token: Hashable {
  /// A name or key word as written.
  case word(String)
  /// A name in brackets or double quotes.
  case quotedName(String)
  case number(String)
  case money(String)
  case string(String)
  /// Hex digits behind `0x`.
  case binary(String)
  /// `@@spid`, in small letters.
  case variable(String)
  /// An operator, parenthesis or comma.
  case symbol(String)
}

/// Cuts the text of an expression into tokens. Comments and blanks are left out.
struct Tokenizer {
  private let text: [Unicode.Scalar]
  private var place = 0

  init(_ text: String) {
    self.text = Array(text.unicodeScalars)
  }

  static func tokens(of text: String) throws(Untranslatable) -> [Token] {
    var tokenizer = Tokenizer(text)
    var tokens: [Token] = []
    while let token = try tokenizer.next() { tokens.append(token) }
    return tokens
  }

  private mutating func next() throws(Untranslatable) -> Token? {
    try skipBlanks()
    guard let first = peek() else { return nil }
    if (first == "N" || first == "n"), peek(1) == "'" { place += 1 }
    switch peek() {
    case "'": return .string(try delimited(by: "'"))
    case "[": return .quotedName(try delimited(by: "]"))
    case "\"": return .quotedName(try delimited(by: "\""))
    case "@": return .variable(take { $0 == "@" || Self.isWord($0) }.lowercased())
    case "$": return money()
    default: break
    }
    if first == "0", peek(1) == "x" || peek(1) == "X" {
      place += 2
      return .binary(take { $0.properties.isASCIIHexDigit })
    }
    if Self.isDigit(first) || (first == "." && peek(1).map(Self.isDigit) == true) {
      return .number(number())
    }
    if Self.isWord(first) { return .word(take(while: Self.isWord)) }
    return .symbol(try symbol(first))
  }

  private mutating func skipBlanks() throws(Untranslatable) {
    while let scalar = peek() {
      if scalar.properties.isWhitespace {
        place += 1
      } else if scalar == "-", peek(1) == "-" {
        _ = take { $0 != "\n" }
      } else if scalar == "/", peek(1) == "*" {
        try skipComment()
      } else {
        return
      }
    }
  }

  private mutating func skipComment() throws(Untranslatable) {
    place += 2
    while let scalar = peek() {
      place += 1
      if scalar == "*", peek() == "/" {
        place += 1
        return
      }
    }
    throw Untranslatable("a comment has no end")
  }

  /// The text up to a closing delimiter; a doubled one stands for itself.
  private mutating func delimited(by end: Unicode.Scalar) throws(Untranslatable) -> String {
    place += 1
    var scalars = String.UnicodeScalarView()
    while let scalar = peek() {
      place += 1
      if scalar == end {
        guard peek() == end else { return String(scalars) }
        place += 1
      }
      scalars.append(scalar)
    }
    throw Untranslatable("a text or name has no end")
  }

  private mutating func number() -> String {
    var text = take { Self.isDigit($0) || $0 == "." }
    guard peek() == "e" || peek() == "E" else { return text }
    let isSigned = peek(1) == "-" || peek(1) == "+"
    guard let digit = peek(isSigned ? 2 : 1), Self.isDigit(digit) else { return text }
    text += "e"
    place += 1
    if isSigned, let sign = peek() {
      text.unicodeScalars.append(sign)
      place += 1
    }
    return text + take(while: Self.isDigit)
  }

  private mutating func money() -> Token {
    place += 1
    return .money(take { Self.isDigit($0) || $0 == "." || $0 == "," }.replacing(",", with: ""))
  }

  private mutating func symbol(_ first: Unicode.Scalar) throws(Untranslatable) -> String {
    let pair = String(first) + (peek(1).map(String.init) ?? "")
    if ["<>", "!=", "<=", ">=", "!<", "!>"].contains(pair) {
      place += 2
      return pair
    }
    guard "()+-*/%,.=<>~&|^".unicodeScalars.contains(first) else {
      throw Untranslatable("'\(first)' is not understood")
    }
    place += 1
    return String(first)
  }

  private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
    place + ahead < text.count ? text[place + ahead] : nil
  }

  private mutating func take(while belongs: (Unicode.Scalar) -> Bool) -> String {
    var scalars = String.UnicodeScalarView()
    while let scalar = peek(), belongs(scalar) {
      scalars.append(scalar)
      place += 1
    }
    return String(scalars)
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar == "#" || scalar.properties.isAlphabetic || isDigit(scalar)
  }
}
