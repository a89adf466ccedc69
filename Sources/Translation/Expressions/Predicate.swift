import Catalog

/// A T-SQL condition over one table's columns, as PostgreSQL: filters of indexes.
///
/// Only what certainly means the same is translated: comparisons of columns with constants and with
/// each other, IS NULL, IN, AND, OR, NOT.
struct Predicate {
  private(set) var sql = ""
  /// Columns that are never NULL in a row that the condition holds for.
  private(set) var notNullColumns: Set<Int> = []
  /// Whether that these columns are not NULL is all that the condition asks for.
  private(set) var isOnlyNotNull = false

  private let table: SourceTable
  private let mapped: MappedTable
  private let keyTables: [Int?]

  init(
    _ text: String, of table: SourceTable, mapped: MappedTable, keyTables: [Int?]
  ) throws(Untranslatable) {
    self.table = table
    self.mapped = mapped
    self.keyTables = keyTables
    let expression = try Expression(parsing: text)
    sql = try condition(expression)
    notNullColumns = demanded(by: expression)
    isOnlyNotNull = Self.isOnlyNotNull(expression)
  }

  private static func isOnlyNotNull(_ expression: Expression) -> Bool {
    switch expression {
    case .and(let left, let right): isOnlyNotNull(left) && isOnlyNotNull(right)
    case .isNull(.name, isNegated: true): true
    default: false
    }
  }

  /// Columns that an AND at the top asks to be there: every comparison with NULL fails.
  private func demanded(by expression: Expression) -> Set<Int> {
    switch expression {
    case .and(let left, let right): return demanded(by: left).union(demanded(by: right))
    case .isNull(.name(let name), isNegated: true), .binaryOperation(_, .name(let name), _),
      .isIn(.name(let name), _, isNegated: false):
      return Set([place(of: name)].compactMap { $0 })
    default: return []
    }
  }
}

// MARK: - Conditions

extension Predicate {
  private func condition(_ expression: Expression) throws(Untranslatable) -> String {
    switch expression {
    case .and(let left, let right):
      // OR brings its own parentheses, so AND needs none.
      return "\(try condition(left)) AND \(try condition(right))"
    case .or(let left, let right): return "(\(try condition(left)) OR \(try condition(right)))"
    case .not(let inner): return "NOT (\(try condition(inner)))"
    case .isNull(.name(let name), let isNegated):
      let column = try column(name)
      return "\(mapped.columns[column].name.quoted) IS \(isNegated ? "NOT " : "")NULL"
    case .binaryOperation(let symbol, let left, let right):
      return try comparison(symbol, left, right)
    case .isIn(.name(let name), let list, let isNegated):
      let column = try comparable(name, ordered: false)
      var values: [String] = []
      for item in list { values.append(try constant(item, for: column)) }
      let negation = isNegated ? "NOT " : ""
      return
        "\(mapped.columns[column].name.quoted) \(negation)IN (\(values.joined(separator: ", ")))"
    default: throw Untranslatable("the condition is not translated")
    }
  }

  private func comparison(
    _ symbol: String, _ left: Expression, _ right: Expression
  ) throws(Untranslatable) -> String {
    let operators = [
      "=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "!<": ">=",
      "!>": "<=",
    ]
    guard let sign = operators[symbol] else { throw Untranslatable("'\(symbol)' is no comparison") }
    let isOrdered = sign != "=" && sign != "<>"
    switch (left, right) {
    case (.name(let left), .name(let right)):
      let pair = try (comparable(left, ordered: isOrdered), comparable(right, ordered: isOrdered))
      guard table.columns[pair.0].type == table.columns[pair.1].type else {
        throw Untranslatable("columns of different types are compared")
      }
      return "\(mapped.columns[pair.0].name.quoted) \(sign) \(mapped.columns[pair.1].name.quoted)"
    case (.name(let name), _):
      let column = try comparable(name, ordered: isOrdered)
      return "\(mapped.columns[column].name.quoted) \(sign) \(try constant(right, for: column))"
    default: throw Untranslatable("something else than a column is compared")
    }
  }
}

// MARK: - Operands

extension Predicate {
  private func place(of name: [String]) -> Int? {
    guard name.count == 1 else { return nil }
    return table.columns.firstIndex { $0.name == name[0] }
      ?? table.columns.firstIndex { $0.name.lowercased() == name[0].lowercased() }
  }

  private func column(_ name: [String]) throws(Untranslatable) -> Int {
    guard let place = place(of: name) else {
      throw Untranslatable("\(name.joined(separator: ".")) is no stored column")
    }
    return place
  }

  /// A column whose comparison means the same in the target.
  private func comparable(_ name: [String], ordered: Bool) throws(Untranslatable) -> Int {
    let column = try column(name)
    let source = table.columns[column]
    guard keyTables[column] == nil else {
      throw Untranslatable("\(source.name) holds keys, and the target's keys are new")
    }
    guard mapped.columns[column].type == source.csvType else {
      throw Untranslatable("\(source.name) has another type in the target")
    }
    switch source.type.base {
    case .bit: guard !ordered else { throw Untranslatable("bits have no order in PostgreSQL") }
    case .tinyint, .smallint, .int, .bigint, .decimal, .numeric, .money, .smallmoney, .float, .real,
      .date, .time, .smalldatetime, .datetime, .datetime2:
      break
    case .uniqueidentifier:
      guard !ordered else { throw Untranslatable("uniqueidentifiers sort differently") }
    case .char, .varchar, .nchar, .nvarchar:
      // Under a collation that ignores case the constant may be spelled otherwise than the values.
      let isExact = source.collation.map {
        $0.isBinary || ($0.isCaseSensitive && $0.isAccentSensitive)
      }
      guard !ordered, isExact == true || mapped.columns[column].collation != nil else {
        throw Untranslatable("texts compare differently in PostgreSQL")
      }
    default: throw Untranslatable("values of \(source.type) are compared")
    }
    return column
  }

  private func constant(
    _ expression: Expression, for column: Int
  ) throws(Untranslatable) -> String {
    var evaluator = Evaluator()
    let value = try evaluator.value(of: expression)
      .converted(to: Self.exact(table.columns[column].type))
    guard let sql = value.sql else { throw Untranslatable("NULL is compared") }
    if case .computed = value { throw Untranslatable("the condition depends on the time") }
    return sql
  }

  /// The type in which SQL Server compares: a fraction is not cut off before it is compared with a
  /// whole number, and a text is not cut to the column's length.
  private static func exact(_ type: ColumnType) -> ColumnType {
    switch type.base {
    case .tinyint, .smallint, .int, .bigint, .decimal, .numeric, .money, .smallmoney:
      ColumnType(
        .decimal, precision: 38, scale: type.base == .decimal || type.base == .numeric ? 18 : 6)
    case .char, .varchar, .nchar, .nvarchar: ColumnType(.nvarchar, isMax: true)
    case .datetime2, .time: ColumnType(type.base, scale: 7)
    default: type
    }
  }
}
