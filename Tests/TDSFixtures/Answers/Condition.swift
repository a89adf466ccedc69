// What may stand in a WHERE: comparisons, AND, OR and parentheses.

import BackupFixtures
import Catalog

/// A condition on the row of a described table.
indirect enum Condition: Sendable {
  case compared(Operand, Set<Int>, Operand)
  case both(Condition, Condition)
  case either(Condition, Condition)

  /// An expression, or a whole number made of one.
  indirect enum Operand: Sendable {
    case expression(Expression)
    case difference(Operand, Int)
    case remainder(Operand, Int)
  }

  func holds(_ row: [FixtureValue]) throws -> Bool {
    switch self {
    case .both(let left, let right): return try left.holds(row) && right.holds(row)
    case .either(let left, let right): return try left.holds(row) || right.holds(row)
    case .compared(let left, let wanted, let right):
      let (one, other) = (try left.value(row), try right.value(row))
      if one == .null || other == .null { return false }
      guard let order = FixtureOrder.compare(one, other, left.type) else {
        throw ServerMessage(50_003, "the fixture does not compare \(left.type) with \(right.type)")
      }
      return wanted.contains(order)
    }
  }
}

extension Condition.Operand {
  fileprivate var type: ColumnType {
    switch self {
    case .expression(let expression): expression.column.type
    case .difference, .remainder: ColumnType(.bigint)
    }
  }

  fileprivate func value(_ row: [FixtureValue]) throws -> FixtureValue {
    switch self {
    case .expression(let expression): return try expression.value(row)
    case .difference(let inner, let number):
      guard case .integer(let value) = try inner.value(row) else { return .null }
      return .integer(value - Int64(number))
    case .remainder(let inner, let number):
      guard case .integer(let value) = try inner.value(row), number != 0 else { return .null }
      return .integer(value % Int64(number))
    }
  }
}

// MARK: - Parsing

extension Condition {
  init(_ tokens: [SpelledToken], _ context: Expression.Context) throws {
    var parser = ConditionParser(parser: Expression.Parser(tokens: tokens[...], context: context))
    self = try parser.either()
    guard parser.parser.tokens.isEmpty else { throw parser.parser.mistake }
  }
}

private struct ConditionParser {
  var parser: Expression.Parser

  mutating func either() throws -> Condition {
    var condition = try both()
    while take(.word("OR")) { condition = .either(condition, try both()) }
    return condition
  }

  private mutating func both() throws -> Condition {
    var condition = try single()
    while take(.word("AND")) { condition = .both(condition, try single()) }
    return condition
  }

  /// What begins with a parenthesis is a condition or a number.
  private mutating func single() throws -> Condition {
    let start = self
    if take(.symbol("(")), let condition = try? either(), take(.symbol(")")), !isBeforeOperator {
      return condition
    }
    self = start
    let left = try operand()
    let wanted = try comparison()
    return .compared(left, wanted, try operand())
  }

  private var isBeforeOperator: Bool {
    guard case .symbol(let symbol) = parser.tokens.first?.token else { return false }
    return "%-<>=".contains(symbol)
  }

  private mutating func comparison() throws -> Set<Int> {
    var wanted: Set<Int> = []
    if take(.symbol("<")) { wanted.insert(-1) } else if take(.symbol(">")) { wanted.insert(1) }
    if take(.symbol("=")) { wanted.insert(0) }
    guard !wanted.isEmpty else { throw parser.mistake }
    return wanted
  }

  private mutating func operand() throws -> Condition.Operand {
    var operand: Condition.Operand
    if take(.symbol("(")) {
      operand = try self.operand()
      guard take(.symbol(")")) else { throw parser.mistake }
    } else {
      operand = .expression(try parser.expression())
    }
    while case .symbol(let symbol) = parser.tokens.first?.token, symbol == "-" || symbol == "%" {
      parser.tokens.removeFirst()
      guard case .number(let number) = parser.tokens.popFirst()?.token else { throw parser.mistake }
      operand = symbol == "-" ? .difference(operand, number) : .remainder(operand, number)
    }
    return operand
  }

  private mutating func take(_ token: SQLToken) -> Bool {
    guard parser.tokens.first?.token == token else { return false }
    parser.tokens.removeFirst()
    return true
  }
}
