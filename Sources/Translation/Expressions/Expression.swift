import Catalog

/// A T-SQL expression as SQL Server keeps them for defaults, filters and checks.
indirect enum Expression: Hashable {
  case null
  case number(String)
  case money(String)
  case string(String)
  case binary(String)
  case variable(String)
  /// A column, a date part, or a function without parentheses; one text for each part of the name.
  case name([String])
  case call([String], [Expression])
  /// CAST, CONVERT and their TRY_ forms.
  case cast(Expression, to: ColumnType, style: Expression?)
  case nextValue([String])
  case unary(String, Expression)
  /// Arithmetic and comparisons.
  case binaryOperation(String, Expression, Expression)
  case and(Expression, Expression)
  case or(Expression, Expression)
  case not(Expression)
  case isNull(Expression, isNegated: Bool)
  case isIn(Expression, [Expression], isNegated: Bool)

  /// - Throws: `Untranslatable` for a text that is none, or with parts that no translation is known
  ///   for.
  init(parsing text: String) throws(Untranslatable) {
    let tokens = try Tokenizer.tokens(of: text)
    // Chains of operators nest as deep as they are long; no real default or filter is near this.
    guard tokens.count <= 2000 else { throw Untranslatable("it is too long") }
    var parser = ExpressionParser(tokens: tokens)
    self = try parser.whole()
  }

  /// The names of all sequences that the expression draws from.
  var sequences: [[String]] {
    switch self {
    case .nextValue(let name): [name]
    case .call(_, let arguments): arguments.flatMap(\.sequences)
    case .cast(let inner, _, _), .unary(_, let inner), .not(let inner), .isNull(let inner, _):
      inner.sequences
    case .binaryOperation(_, let left, let right), .and(let left, let right),
      .or(let left, let right):
      left.sequences + right.sequences
    case .isIn(let inner, let list, _): inner.sequences + list.flatMap(\.sequences)
    default: []
    }
  }
}
