import Catalog

/// `SELECT list [FROM table [AS t] … [WHERE condition] [ORDER BY columns]]`, as far as it is written out;
/// also from a SELECT in parentheses.
struct SelectStatement {
  struct Item {
    var expression: [SpelledToken]
    /// Empty for an expression without a name.
    var alias: String
  }

  var items: [Item]
  /// The first table after FROM.
  var table: ObjectName?
  var orderBy: [KeyColumn] = []
  var condition: [SpelledToken] = []
  /// `TOP (n)`.
  var rowCountMax: Int?
  /// What stands in parentheses after FROM.
  private(set) var source: [SpelledToken] = []
  /// Whether it has a JOIN or a GROUP BY.
  var isMoreThanAList = false

  /// The statements of a batch.
  static func statements(in batch: String) throws -> [SelectStatement] {
    let tokens = try SQLTokens.tokens(of: batch)
    return try split(tokens[...], at: .symbol(";")).filter { !$0.isEmpty }.map { try Self($0) }
  }

  private init(_ tokens: ArraySlice<SpelledToken>) throws {
    guard tokens.first?.token == .word("SELECT") else {
      let word = tokens.first?.name ?? ""
      throw ServerMessage(102, severity: 15, "Incorrect syntax near '\(word)': no SELECT.")
    }
    let clauses = Self.clauses(of: tokens.dropFirst())
    var list = clauses["SELECT"] ?? []
    if list.first?.token == .word("TOP"), case .number(let count) = list.dropFirst(2).first?.token {
      rowCountMax = count
      list = list.dropFirst(4)
    }
    items = Self.split(list, at: .symbol(",")).map { Item($0) }
    guard let from = clauses["FROM"] else { return }
    if from.first?.token == .symbol("(") {
      let end = from.lastIndex { $0.token == .symbol(")") } ?? from.startIndex
      source = Array(from[..<end].dropFirst())
      // The table within, so that it is not taken for a view.
      table = try inner().table
    } else {
      table = try Self.table(from)
    }
    condition = Array(clauses["WHERE"] ?? [])
    isMoreThanAList =
      clauses["GROUP"] != nil || from.contains { $0.token == .word("JOIN") }
    orderBy = try Self.split(clauses["ORDER"]?.dropFirst() ?? [], at: .symbol(",")).map {
      try Self.keyColumn($0, of: items)
    }
  }

  /// The SELECT in parentheses.
  func inner() throws -> SelectStatement { try Self(source[...]) }

  /// The columns of `ROW_NUMBER() OVER (ORDER BY …)`, and the name that the number has.
  func rowNumber() throws -> (order: [KeyColumn], name: String)? {
    guard let item = items.first(where: { $0.expression.first?.token == .word("ROW_NUMBER") })
    else { return nil }
    let words = item.expression.dropFirst(3)
    let over: [SQLToken] = [.word("OVER"), .symbol("("), .word("ORDER"), .word("BY")]
    guard words.prefix(4).map(\.token) == over, words.last?.token == .symbol(")") else {
      throw ServerMessage(102, severity: 15, "Incorrect syntax near 'OVER'.")
    }
    let columns = Self.split(words.dropFirst(4).dropLast(), at: .symbol(","))
    return (try columns.map { try Self.keyColumn($0) }, item.alias)
  }

  /// Parts by the word that begins them.
  private static func clauses(
    of tokens: ArraySlice<SpelledToken>
  ) -> [String: ArraySlice<SpelledToken>] {
    var clauses: [String: ArraySlice<SpelledToken>] = [:]
    var (name, start, depth) = ("SELECT", tokens.startIndex, 0)
    for index in tokens.indices {
      depth += depthChange(tokens[index])
      guard depth == 0, case .word(let word) = tokens[index].token,
        ["FROM", "WHERE", "GROUP", "ORDER"].contains(word)
      else { continue }
      clauses[name] = tokens[start..<index]
      (name, start) = (word, index + 1)
    }
    clauses[name] = tokens[start...]
    return clauses
  }

  /// Parts between separators that stand in no parentheses.
  private static func split(
    _ tokens: ArraySlice<SpelledToken>, at separator: SQLToken
  ) -> [ArraySlice<SpelledToken>] {
    guard !tokens.isEmpty else { return [] }
    var parts: [ArraySlice<SpelledToken>] = []
    var (start, depth) = (tokens.startIndex, 0)
    for index in tokens.indices {
      depth += depthChange(tokens[index])
      guard depth == 0, tokens[index].token == separator else { continue }
      parts.append(tokens[start..<index])
      start = index + 1
    }
    return parts + [tokens[start...]]
  }

  private static func depthChange(_ token: SpelledToken) -> Int {
    switch token.token {
    case .symbol("("): 1
    case .symbol(")"): -1
    default: 0
    }
  }

  private static func table(_ from: ArraySlice<SpelledToken>) throws -> ObjectName {
    let parts = Array(from.prefix(3))
    guard parts.count == 3, parts[1].token == .symbol("."), let schema = parts[0].name,
      let name = parts[2].name
    else { throw ServerMessage(102, severity: 15, "Incorrect syntax: a table without a schema.") }
    return ObjectName(schema, name)
  }

  /// `t.[name] DESC`, or the place in the list of a column that stands there as it is.
  private static func keyColumn(
    _ tokens: ArraySlice<SpelledToken>, of items: [Item] = []
  ) throws -> KeyColumn {
    let isDescending = tokens.last?.token == .word("DESC")
    var column = isDescending || tokens.last?.token == .word("ASC") ? tokens.dropLast() : tokens
    if column.count == 1, case .number(let place) = column.first?.token {
      let item = items.indices.contains(place - 1) ? items[place - 1].expression : []
      column = item.count == 1 ? item[...] : []
    }
    guard let name = column.last?.name else {
      throw ServerMessage(102, severity: 15, "Incorrect syntax in ORDER BY.")
    }
    return KeyColumn(name, isDescending: isDescending)
  }
}

extension SelectStatement.Item {
  fileprivate init(_ tokens: ArraySlice<SpelledToken>) {
    let hasAlias = tokens.count > 2 && tokens.dropLast().last?.token == .word("AS")
    expression = Array(hasAlias ? tokens.dropLast(2) : tokens)
    alias = tokens.last?.name ?? ""
  }

  /// Whether it is a whole number and nothing else.
  var constant: Int? {
    guard expression.count == 1, case .number(let number) = expression[0].token else { return nil }
    return number
  }
}
