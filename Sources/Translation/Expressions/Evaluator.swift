import Catalog

/// Translates one T-SQL expression. Constants are worked out at once, everything else becomes
/// PostgreSQL.
struct Evaluator {
  /// `nextval('…')` by the name of the source's sequence, in small letters.
  var sequences: [String: String] = [:]
  /// What a person should know although the expression was translated.
  private(set) var remarks: [String] = []

  mutating func value(of expression: Expression) throws(Untranslatable) -> Value {
    switch expression {
    case .null: return .null
    case .number(let text): return .number(try Self.number(text))
    case .money(let text): return .number(try Self.number(text.isEmpty ? "0" : text, kind: .money))
    case .string(let text):
      guard !text.utf8.contains(0) else { throw Untranslatable("PostgreSQL text holds no NUL") }
      return .text(text)
    case .binary(let digits): return .bytes(Self.bytes(digits))
    case .cast(let inner, let type, let style): return try cast(inner, to: type, style: style)
    case .unary(let sign, let inner): return try signed(sign, inner)
    case .binaryOperation(let symbol, let left, let right):
      return try operation(symbol, left, right)
    case .nextValue(let name): return try nextValue(name)
    case .name(let name) where name.count == 1: return try call(name[0].lowercased(), [])
    case .call(let name, let arguments):
      guard name.count == 1 else {
        throw Untranslatable("the function \(name.joined(separator: ".")) is the source's own")
      }
      return try call(name[0].lowercased(), arguments)
    case .variable("@@spid"): return .computed("pg_backend_pid()", .integer)
    case .variable(let name): throw Untranslatable("PostgreSQL has no \(name)")
    case .name: throw Untranslatable("it names a column")
    case .and, .or, .not, .isNull, .isIn: throw Untranslatable("a condition is no value")
    }
  }

  private static func number(
    _ text: String, kind: Number.Kind? = nil
  ) throws(Untranslatable) -> Number {
    guard let number = Number(text, kind: kind) else {
      throw Untranslatable("the number \(text) is not understood")
    }
    return number
  }

  /// A digit too few stands for a leading zero.
  private static func bytes(_ digits: String) -> [UInt8] {
    let even = digits.utf8.count.isMultiple(of: 2) ? digits : "0" + digits
    let nibbles = even.compactMap(\.hexDigitValue)
    return stride(from: 0, to: nibbles.count - 1, by: 2).map {
      UInt8(nibbles[$0] << 4 | nibbles[$0 + 1])
    }
  }

  private mutating func cast(
    _ inner: Expression, to type: ColumnType, style: Expression?
  ) throws(Untranslatable) -> Value {
    var number: Int?
    if let style {
      guard case .number(let value) = try value(of: style), let integer = value.integer else {
        throw Untranslatable("the style of CONVERT is no number")
      }
      number = Int(integer)
    }
    return try value(of: inner).converted(to: type, style: number)
  }

  private func nextValue(_ name: [String]) throws(Untranslatable) -> Value {
    let key = name.suffix(2).joined(separator: ".").lowercased()
    guard let sql = sequences[key] else {
      throw Untranslatable("the sequence \(name.joined(separator: ".")) is not among the source's")
    }
    return .computed(sql, .integer)
  }
}

// MARK: - Arithmetic

extension Evaluator {
  private mutating func signed(
    _ sign: String, _ inner: Expression
  ) throws(Untranslatable) -> Value {
    guard case .number(let number) = try value(of: inner), sign != "~" else {
      throw Untranslatable("'\(sign)' before something that is no number")
    }
    return .number(sign == "-" ? number.negated : number)
  }

  private mutating func operation(
    _ symbol: String, _ leftExpression: Expression, _ rightExpression: Expression
  ) throws(Untranslatable) -> Value {
    let left = try value(of: leftExpression)
    let right = try value(of: rightExpression)
    switch (left, right) {
    case (.null, _), (_, .null): return .null
    case (.number(let left), .number(let right)): return try Self.compute(symbol, left, right)
    case (.text(let left), .text(let right)) where symbol == "+": return .text(left + right)
    case (.computed(let time, .timestamp), .number(let days)) where symbol == "+" || symbol == "-":
      guard let count = days.integer else { break }
      return .computed("(\(time) \(symbol) interval '\(count) days')", .timestamp)
    default: break
    }
    guard symbol == "+", left.isText, right.isText, let leftSQL = left.sql, let rightSQL = right.sql
    else { throw Untranslatable("'\(symbol)' is not translated for such operands") }
    return .computed("(\(leftSQL) || \(rightSQL))", .text)
  }

  /// Whole numbers alone: digits of decimal results follow rules of their own.
  private static func compute(
    _ symbol: String, _ left: Number, _ right: Number
  ) throws(Untranslatable) -> Value {
    guard let left = left.integer, let right = right.integer else {
      throw Untranslatable("arithmetic with fractions is not translated")
    }
    let result: (partialValue: Int64, overflow: Bool)
    switch symbol {
    case "+": result = left.addingReportingOverflow(right)
    case "-": result = left.subtractingReportingOverflow(right)
    case "*": result = left.multipliedReportingOverflow(by: right)
    case "/": result = left.dividedReportingOverflow(by: right)
    case "%": result = left.remainderReportingOverflow(dividingBy: right)
    default: throw Untranslatable("'\(symbol)' is not translated")
    }
    guard !result.overflow else { throw Untranslatable("the result is no number") }
    return .number(Number(result.partialValue))
  }
}

extension Value {
  fileprivate var isText: Bool {
    switch self {
    case .text, .computed(_, .text): true
    default: false
    }
  }
}

extension Evaluator {
  mutating func remark(_ sentence: String) {
    if !remarks.contains(sentence) { remarks.append(sentence) }
  }
}
