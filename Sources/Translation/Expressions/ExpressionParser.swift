import Catalog

/// Recursive descent over the tokens of one expression, one function for each level of precedence.
struct ExpressionParser {
  private let tokens: [Token]
  private var place = 0
  private var depth = 0

  /// Deeper nesting is refused, so that no text can exhaust the stack.
  private static let depthMax = 100

  init(tokens: [Token]) {
    self.tokens = tokens
  }

  mutating func whole() throws(Untranslatable) -> Expression {
    skipCreateDefault()
    let expression = try disjunction()
    guard place == tokens.count else { throw Untranslatable("it does not end where it should") }
    return expression
  }

  /// A bound default object brings its whole statement: `CREATE DEFAULT [dbo].[D] AS 0`.
  private mutating func skipCreateDefault() {
    guard isWord("create"), isWord("default", ahead: 1) else { return }
    guard let start = tokens.firstIndex(where: { Self.isWord("as", $0) }) else { return }
    place = start + 1
  }
}

// MARK: - Conditions

extension ExpressionParser {
  private mutating func disjunction() throws(Untranslatable) -> Expression {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthMax else { throw Untranslatable("it is nested too deeply") }
    var left = try conjunction()
    while takeWord("or") { left = .or(left, try conjunction()) }
    return left
  }

  private mutating func conjunction() throws(Untranslatable) -> Expression {
    var left = try negation()
    while takeWord("and") { left = .and(left, try negation()) }
    return left
  }

  private mutating func negation() throws(Untranslatable) -> Expression {
    var count = 0
    while takeWord("not") { count += 1 }
    let inner = try comparison()
    return count.isMultiple(of: 2) ? inner : .not(inner)
  }

  private mutating func comparison() throws(Untranslatable) -> Expression {
    let left = try sum()
    for symbol in ["=", "<>", "!=", "<=", ">=", "<", ">", "!<", "!>"] where takeSymbol(symbol) {
      return .binaryOperation(symbol, left, try sum())
    }
    if takeWord("is") {
      let isNegated = takeWord("not")
      guard takeWord("null") else { throw Untranslatable("IS stands without NULL") }
      return .isNull(left, isNegated: isNegated)
    }
    let isNegated = isWord("not") && takeWord("not")
    if takeWord("in") { return .isIn(left, try arguments(), isNegated: isNegated) }
    if takeWord("between") {
      let low = try sum()
      guard takeWord("and") else { throw Untranslatable("BETWEEN stands without AND") }
      let range = Expression.and(
        .binaryOperation(">=", left, low), .binaryOperation("<=", left, try sum()))
      return isNegated ? .not(range) : range
    }
    if isWord("like") { throw Untranslatable("LIKE means other patterns in PostgreSQL") }
    guard !isNegated else { throw Untranslatable("NOT stands where it cannot") }
    return left
  }
}

// MARK: - Values

extension ExpressionParser {
  private mutating func sum() throws(Untranslatable) -> Expression {
    var left = try product()
    while let symbol = takeSymbol(of: ["+", "-", "&", "|", "^"]) {
      left = .binaryOperation(symbol, left, try product())
    }
    return left
  }

  private mutating func product() throws(Untranslatable) -> Expression {
    var left = try signed()
    while let symbol = takeSymbol(of: ["*", "/", "%"]) {
      left = .binaryOperation(symbol, left, try signed())
    }
    return left
  }

  private mutating func signed() throws(Untranslatable) -> Expression {
    var signs: [String] = []
    while let sign = takeSymbol(of: ["-", "+", "~"]) { signs.append(sign) }
    let inner = try primary()
    return signs.reversed().reduce(inner) { .unary($1, $0) }
  }

  private mutating func primary() throws(Untranslatable) -> Expression {
    guard place < tokens.count else { throw Untranslatable("it ends too early") }
    if takeSymbol("(") {
      let inner = try disjunction()
      try close()
      return inner
    }
    switch tokens[place] {
    case .number(let text): return advance(.number(text))
    case .money(let text): return advance(.money(text))
    case .string(let text): return advance(.string(text))
    case .binary(let text): return advance(.binary(text))
    case .variable(let text): return advance(.variable(text))
    case .symbol(let text): throw Untranslatable("'\(text)' stands where a value should")
    case .word, .quotedName: return try named()
    }
  }

  private mutating func named() throws(Untranslatable) -> Expression {
    if takeWord("null") { return .null }
    if isWord("case") { throw Untranslatable("CASE is not translated") }
    if takeWord("next") {
      guard takeWord("value"), takeWord("for") else { throw Untranslatable("NEXT stands alone") }
      return .nextValue(try name())
    }
    for word in ["convert", "try_convert"] where isWord(word) && isSymbol("(", ahead: 1) {
      place += 2
      return try convert()
    }
    for word in ["cast", "try_cast"] where isWord(word) && isSymbol("(", ahead: 1) {
      place += 2
      return try cast()
    }
    let name = try name()
    return isSymbol("(") ? .call(name, try arguments()) : .name(name)
  }

  private mutating func convert() throws(Untranslatable) -> Expression {
    let type = try type()
    guard takeSymbol(",") else { throw Untranslatable("CONVERT has one argument") }
    let inner = try disjunction()
    let style = takeSymbol(",") ? try disjunction() : nil
    try close()
    return .cast(inner, to: type, style: style)
  }

  private mutating func cast() throws(Untranslatable) -> Expression {
    let inner = try disjunction()
    guard takeWord("as") else { throw Untranslatable("CAST stands without AS") }
    let type = try type()
    try close()
    return .cast(inner, to: type, style: nil)
  }

  private mutating func arguments() throws(Untranslatable) -> [Expression] {
    guard takeSymbol("(") else { throw Untranslatable("a list is missing") }
    if takeSymbol(")") { return [] }
    var arguments = [try disjunction()]
    while takeSymbol(",") { arguments.append(try disjunction()) }
    try close()
    return arguments
  }

  /// `a`, `[dbo].[a]`
  private mutating func name() throws(Untranslatable) -> [String] {
    var parts: [String] = []
    repeat {
      guard place < tokens.count else { throw Untranslatable("a name is missing") }
      switch tokens[place] {
      case .word(let text), .quotedName(let text): parts.append(text)
      default: throw Untranslatable("a name is missing")
      }
      place += 1
    } while takeSymbol(".")
    return parts
  }

  /// A type with its arguments: `[datetime]`, `decimal(18, 2)`, `varchar(max)`.
  private mutating func type() throws(Untranslatable) -> ColumnType {
    let parts = try name()
    let name = parts.last?.lowercased() ?? ""
    var inner: [String] = []
    if takeSymbol("(") {
      while place < tokens.count, !isSymbol(")") {
        switch tokens[place] {
        case .number(let text), .word(let text): inner.append(text.lowercased())
        case .symbol(","): break
        default: throw Untranslatable("the type \(name) is not understood")
        }
        place += 1
      }
      try close()
    }
    let spelled = Self.synonyms[name] ?? name
    let text = inner.isEmpty ? spelled : "\(spelled)(\(inner.joined(separator: ",")))"
    guard parts.count == 1 || parts.first?.lowercased() == "sys", let type = ColumnType(text) else {
      throw Untranslatable("the type \(parts.joined(separator: ".")) is not known")
    }
    return type
  }

  private static let synonyms = [
    "integer": "int", "dec": "decimal", "character": "char", "sysname": "nvarchar(128)",
    "national": "nchar", "timestamp": "rowversion",
  ]
}

// MARK: - Tokens

extension ExpressionParser {
  private mutating func advance(_ expression: Expression) -> Expression {
    place += 1
    return expression
  }

  private mutating func close() throws(Untranslatable) {
    guard takeSymbol(")") else { throw Untranslatable("a closing parenthesis is missing") }
  }

  private static func isWord(_ word: String, _ token: Token) -> Bool {
    if case .word(let text) = token { return text.lowercased() == word }
    return false
  }

  private func isWord(_ word: String, ahead: Int = 0) -> Bool {
    place + ahead < tokens.count && Self.isWord(word, tokens[place + ahead])
  }

  private mutating func takeWord(_ word: String) -> Bool {
    guard isWord(word) else { return false }
    place += 1
    return true
  }

  private func isSymbol(_ symbol: String, ahead: Int = 0) -> Bool {
    place + ahead < tokens.count && tokens[place + ahead] == .symbol(symbol)
  }

  private mutating func takeSymbol(_ symbol: String) -> Bool {
    guard isSymbol(symbol) else { return false }
    place += 1
    return true
  }

  private mutating func takeSymbol(of symbols: [String]) -> String? {
    for symbol in symbols where takeSymbol(symbol) { return symbol }
    return nil
  }
}
