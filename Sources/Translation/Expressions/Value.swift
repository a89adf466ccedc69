import Catalog

/// What a T-SQL expression amounts to: a constant that is known while planning, or PostgreSQL that
/// computes it.
enum Value: Hashable {
  case null
  case boolean(Bool)
  case number(Number)
  case text(String)
  case bytes([UInt8])
  case uuid(String)
  case moment(Moment, Moment.Kind)
  /// PostgreSQL text that can stand as an operand without parentheses.
  case computed(String, Kind)

  enum Kind: Hashable {
    case boolean, integer, decimal, float, text, uuid, date, time, timestamp, instant
  }

  /// As it stands in SQL; nil for NULL.
  var sql: String? {
    switch self {
    case .null: nil
    case .boolean(let value): value ? "true" : "false"
    case .number(let number): number.text
    case .text(let text): SQLLiteral.quoted(text)
    case .bytes(let bytes): SQLLiteral.quoted("\\x" + bytes.map(hexDigits).joined()) + "::bytea"
    case .uuid(let text): SQLLiteral.quoted(text) + "::uuid"
    case .moment(let moment, let kind): moment.sql(as: kind)
    case .computed(let sql, _): sql
    }
  }
}

private func hexDigits(_ byte: UInt8) -> String {
  (byte < 16 ? "0" : "") + String(byte, radix: 16)
}
