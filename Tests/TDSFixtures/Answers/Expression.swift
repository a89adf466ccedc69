// What a client may select: columns, casts to binary and text, properties of sql_variant, counts.

import BackupFixtures
import Catalog

/// An expression over the row of a described table.
indirect enum Expression: Sendable {
  case constant(FixtureValue, ColumnType)
  case column(Int, ResultColumn)
  case cast(Expression, ColumnType)
  /// From 1, as SQL counts; of bytes, or of UTF-16 units of text.
  case substring(Expression, Int, Int)
  case variantProperty(Expression, String)
  case collationProperty(Expression, String)
  case byteCount(Expression)
  /// CONVERT to text with style 121.
  case isoText(Expression)
  /// PostgreSQL's `convert_to`, which Babelfish has.
  case utf8(Expression)

  /// What names and functions stand for.
  struct Context {
    var columns: [Column] = []
    var rowCount = 0
    /// Rows of the statement before.
    var rowCountBefore = 0
    /// How the statement before ended.
    var errorBefore = 0
    /// The whole numbers that a column has in all rows.
    var integers: (Int) -> [Int64] = { _ in [] }
  }

  /// Its type, and the collation of text.
  var column: ResultColumn {
    switch self {
    case .constant(_, let type): ResultColumn("", type)
    case .column(_, let column): column
    case .cast(let inner, let type): ResultColumn("", type, collation: inner.column.collation)
    case .substring(let inner, _, _): inner.column
    case .variantProperty: ResultColumn("", ColumnType(.nvarchar, length: 128))
    case .collationProperty: ResultColumn("", ColumnType(.int))
    case .byteCount(let inner):
      ResultColumn("", ColumnType(inner.column.type.isMax ? .bigint : .int))
    case .isoText: ResultColumn("", ColumnType(.varchar, length: 40))
    case .utf8: ResultColumn("", ColumnType(.varbinary, length: nil, isMax: true))
    }
  }

  func value(_ row: [FixtureValue]) throws -> FixtureValue {
    switch self {
    case .constant(let value, _): return value
    case .column(let index, _): return row[index]
    case .cast(let inner, let type):
      return try Self.cast(inner.value(row), inner.column, to: type)
    case .substring(let inner, let start, let length):
      switch try inner.value(row) {
      case .bytes(let bytes): return .bytes(Array(bytes.dropFirst(start - 1).prefix(length)))
      case .text(let text):
        let units = text.utf16.dropFirst(start - 1).prefix(length)
        return .text(String(decoding: Array(units), as: UTF16.self))
      default: return .null
      }
    case .variantProperty(let inner, let name):
      let variant = VariantFacts(try inner.value(row), of: inner.column.type)
      return try variant?.property(name) ?? .null
    case .collationProperty(let inner, let name):
      let collation = try inner.value(row)
      return name == "CodePage" && collation != .null ? .integer(1252) : .null
    case .byteCount(let inner):
      let bytes = WireValue.bytes(try inner.value(row), inner.column)
      return bytes.map { .integer(Int64($0.count)) } ?? .null
    case .isoText(let inner): return try Self.isoText(inner.value(row), inner.column.type)
    case .utf8(let inner):
      switch try inner.value(row) {
      case .null: return .null
      case .text(let text): return .bytes(Array(text.utf8))
      default: throw ServerMessage(50_003, "the fixture has no UTF-8 of \(inner.column.type)")
      }
    }
  }

  /// Style 121 with as many digits as the type has.
  private static func isoText(_ value: FixtureValue, _ type: ColumnType) throws -> FixtureValue {
    let scale = type.scale ?? 7
    switch value {
    case .null: return .null
    case .date(let days): return .text(ISOText.date(days))
    case .time(let ticks): return .text(ISOText.time(ticks, scale: scale))
    case .timestamp(let days, let ticks):
      return .text("\(ISOText.date(days)) \(ISOText.time(ticks, scale: scale))")
    case .instant(let days, let ticks, let offset):
      return .text(ISOText.local(days, ticks, offset: offset, scale: scale))
    default: throw ServerMessage(50_003, "the fixture does not convert \(type) with style 121")
    }
  }

  private static func cast(
    _ value: FixtureValue, _ column: ResultColumn, to type: ColumnType
  ) throws -> FixtureValue {
    if value == .null { return .null }
    switch (type.base, value) {
    case (.varbinary, _):
      let bytes: [UInt8]?
      if let variant = VariantFacts(value, of: column.type) {
        bytes = try variant.binary()
      } else {
        bytes = WireValue.bytes(value, column)
      }
      return .bytes(Array((bytes ?? []).prefix(type.length ?? .max)))
    case (.binary, .bytes): return value
    case (.nvarchar, .bytes(let bytes)) where column.type.base == .varbinary:
      let units = stride(from: 0, to: bytes.count - 1, by: 2).map {
        UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8
      }
      return .utf16(units)
    case (.varchar, .integer(let number)): return .text("\(number)")
    case (.varchar, .date), (.varchar, .time), (.varchar, .timestamp), (.varchar, .instant):
      return try isoText(value, column.type)
    case (.varchar, .bytes(let bytes)) where column.type.base == .uniqueidentifier:
      return .text(UUIDText.text(bytes))
    case (.uniqueidentifier, .text(let text)): return .bytes(try UUIDText.bytes(text))
    case (.tinyint, .text(let text)), (.smallint, .text(let text)), (.int, .text(let text)),
      (.bigint, .text(let text)):
      guard let number = Int64(text) else {
        throw ServerMessage(245, "Conversion failed when converting '\(text)' to \(type).")
      }
      return .integer(number)
    case (.nvarchar, .xml(let document)): return .text(XMLText.text(document))
    case (.nvarchar, .text(let text)) where column.type.base == .xml:
      return .text(XMLText.text(.text(text)))
    case (.nvarchar, _), (.varchar, _), (.nchar, _), (.char, _), (.int, .integer): return value
    default:
      throw ServerMessage(50_003, "the fixture does not cast \(column.type) to \(type)")
    }
  }
}

// MARK: - Parsing

extension Expression {
  init(_ tokens: [SpelledToken], _ context: Context) throws {
    var parser = Parser(tokens: tokens[...], context: context)
    self = try parser.expression()
    guard parser.tokens.isEmpty else { throw parser.mistake }
  }

  struct Parser {
    var tokens: ArraySlice<SpelledToken>
    let context: Context

    var mistake: ServerMessage {
      let place = tokens.first.map { "\($0.token)" } ?? "its end"
      return ServerMessage(50_003, "the fixture does not understand an expression at \(place)")
    }

    mutating func expression() throws -> Expression {
      guard let first = tokens.popFirst() else { throw mistake }
      switch first.token {
      case .number(let number): return .constant(.integer(Int64(number)), ColumnType(.int))
      case .text(let text): return .constant(.text(text), ColumnType(.nvarchar, length: 4000))
      case .word(let digits) where digits.hasPrefix("0X"):
        return .constant(
          .bytes(try bytes(digits.dropFirst(2))), ColumnType(.varbinary, length: 8000))
      case .word("@@ERROR"):
        return .constant(.integer(Int64(context.errorBefore)), ColumnType(.int))
      case .word(let function) where tokens.first?.token == .symbol("("):
        try take(.symbol("("))
        let called = try call(function)
        try take(.symbol(")"))
        return called
      case .word("PG_CATALOG"):
        try take(.symbol("."))
        try take(.word("CONVERT_TO"))
        try take(.symbol("("))
        let text = try expression()
        guard try secondText() == "UTF8" else { throw mistake }
        try take(.symbol(")"))
        return .utf8(text)
      default: return try column(first)
      }
    }

    private mutating func call(_ function: String) throws -> Expression {
      switch function {
      case "CAST":
        let inner = try expression()
        if tokens.first?.token == .word("COLLATE") {
          tokens.removeFirst()
          guard tokens.popFirst()?.name == Collation.sqlLatin1.name else { throw mistake }
        }
        try take(.word("AS"))
        return .cast(inner, try type())
      case "SUBSTRING":
        let inner = try expression()
        guard [.varbinary, .nvarchar].contains(inner.column.type.base) else { throw mistake }
        return .substring(inner, try secondNumber(), try secondNumber())
      case "SQL_VARIANT_PROPERTY": return .variantProperty(try expression(), try secondText())
      case "COLLATIONPROPERTY": return .collationProperty(try expression(), try secondText())
      case "COUNT_BIG":
        try take(.symbol("*"))
        return .constant(.integer(Int64(context.rowCount)), ColumnType(.bigint))
      case "MIN", "MAX":
        guard case .column(let index, let column) = try expression() else { throw mistake }
        let values = context.integers(index)
        let end = function == "MIN" ? values.min() : values.max()
        return .constant(end.map { .integer($0) } ?? .null, column.type)
      case "ROWCOUNT_BIG":
        return .constant(.integer(Int64(context.rowCountBefore)), ColumnType(.bigint))
      case "DATALENGTH": return .byteCount(try expression())
      case "CONVERT":
        guard try type().base == .varchar else { throw mistake }
        try take(.symbol(","))
        let inner = try expression()
        try take(.symbol(","))
        try take(.number(121))
        return .isoText(inner)
      case "REPLICATE":
        let inner = try expression()
        try take(.symbol(","))
        guard case .number(let count) = tokens.popFirst()?.token,
          case .text(let text) = try inner.value([])
        else { throw mistake }
        return .constant(.text(String(repeating: text, count: count)), inner.column.type)
      default: throw ServerMessage(195, "'\(function)' is not a recognized built-in function name.")
      }
    }

    private func bytes(_ digits: Substring) throws -> [UInt8] {
      let pairs = stride(from: 0, to: digits.count, by: 2).map { digits.dropFirst($0).prefix(2) }
      return try pairs.map { pair in
        guard pair.count == 2, let byte = UInt8(pair, radix: 16) else { throw mistake }
        return byte
      }
    }

    private mutating func take(_ token: SQLToken) throws {
      guard tokens.first?.token == token else { throw mistake }
      tokens.removeFirst()
    }

    private mutating func secondText() throws -> String {
      try take(.symbol(","))
      guard case .text(let text) = tokens.popFirst()?.token else { throw mistake }
      return text
    }

    private mutating func secondNumber() throws -> Int {
      try take(.symbol(","))
      guard case .number(let number) = tokens.popFirst()?.token else { throw mistake }
      return number
    }

    /// `varbinary(max)`.
    private mutating func type() throws -> ColumnType {
      guard var spelled = tokens.popFirst()?.name else { throw mistake }
      if tokens.first?.token == .symbol("(") {
        tokens.removeFirst()
        switch tokens.popFirst()?.token {
        case .number(let length): spelled += "(\(length))"
        case .word("MAX"): spelled += "(max)"
        default: throw mistake
        }
        try take(.symbol(")"))
      }
      guard let type = ColumnType(spelled) else { throw mistake }
      return type
    }

    /// `name` or `t.name`.
    private mutating func column(_ first: SpelledToken) throws -> Expression {
      var name = first.name
      if tokens.first?.token == .symbol(".") {
        tokens.removeFirst()
        name = tokens.popFirst()?.name
      }
      guard let name else { throw mistake }
      guard let index = context.columns.firstIndex(where: { $0.name == name }) else {
        throw ServerMessage(207, "Invalid column name '\(name)'.")
      }
      let column = context.columns[index]
      return .column(
        index,
        ResultColumn(
          name, column.type, isNullable: column.isNullable,
          collation: column.collation ?? .sqlLatin1))
    }
  }
}

// MARK: - sql_variant

/// A sql_variant as rows store it: type, version 1, properties, value.
private struct VariantFacts {
  let type: UInt8
  let rest: [UInt8]

  /// - Returns: nil for NULL and for values of other types.
  init?(_ value: FixtureValue, of type: ColumnType) {
    guard type.base == .sqlVariant, case .encoded(let bytes, _) = value else { return nil }
    self.type = bytes[0]
    rest = Array(bytes[2...])
  }

  func property(_ name: String) throws -> FixtureValue {
    switch name {
    case "BaseType": return .text(try baseType())
    case "Collation":
      return isText ? .text(Collation.sqlLatin1.name ?? "") : .null
    default: throw ServerMessage(50_003, "the fixture does not know the property \(name)")
    }
  }

  private var isText: Bool { [167, 175, 231, 239].contains(type) }

  /// CAST to varbinary: whole numbers with their highest byte first, texts and bytes as they are.
  func binary() throws -> [UInt8] {
    switch type {
    case 48, 52, 56, 127: rest.reversed()
    case 167, 175, 231, 239: Array(rest.dropFirst(6))
    case 165, 173: Array(rest.dropFirst(2))
    default: throw ServerMessage(50_003, "the fixture does not cast a variant of type \(type)")
    }
  }

  private func baseType() throws -> String {
    let names: [UInt8: String] = [
      48: "tinyint", 52: "smallint", 56: "int", 127: "bigint", 167: "varchar", 175: "char",
      231: "nvarchar", 239: "nchar", 165: "varbinary", 173: "binary",
    ]
    guard let name = names[type] else {
      throw ServerMessage(50_003, "the fixture does not know a variant of type \(type)")
    }
    return name
  }
}

// MARK: - uniqueidentifier

/// A uniqueidentifier as text; its first three groups are stored with their lowest byte first.
enum UUIDText {
  private static let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]

  static func text(_ bytes: [UInt8]) -> String {
    let digits = order.map { index in
      (bytes[index] < 16 ? "0" : "") + String(bytes[index], radix: 16, uppercase: true)
    }
    return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
  }

  static func bytes(_ text: String) throws -> [UInt8] {
    let digits = Array(text.filter { $0 != "-" })
    let shown = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16)
    }
    guard shown.count == 16 else {
      throw ServerMessage(8169, "Conversion failed when converting to uniqueidentifier.")
    }
    return order.map { shown[$0] }
  }
}
