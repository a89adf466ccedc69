// A value of a key column on its way from one query into another. The server makes text or bytes of it
// and gets them back as a literal of the column's own type and collation, so that it compares as the
// index does. A value that loses something on the way costs nothing but evenness: a boundary need not be
// a key that exists.

import Catalog

/// How one column's values are asked for and written as literals.
struct KeyText {
  private let type: ColumnType
  private let form: Form
  private let textForm: TextForm
  private let collation: String?

  private enum Form {
    /// Digits and signs, which mean the same to every server.
    case plain
    /// ISO 8601.
    case moment
    case bytes
    case text
  }

  /// - Returns: nil for a type that no range begins with.
  init?(_ column: Column, _ textForm: TextForm) {
    // NULL is neither below nor above a boundary: rows with it would be in no range.
    guard !column.isNullable else { return nil }
    type = column.type
    self.textForm = textForm
    collation = column.collation?.name
    switch type.base {
    case .tinyint, .smallint, .int, .bigint, .decimal, .numeric, .uniqueidentifier: form = .plain
    case .date, .datetime, .datetime2, .smalldatetime: form = .moment
    case .binary, .varbinary, .rowversion: form = .bytes
    case .char, .varchar, .nchar, .nvarchar:
      form = .text
      // 8-bit text must become bytes of the column's code page again, not of the database's.
      if textForm == .stored, type.base == .char || type.base == .varchar {
        guard let collation, Self.isPlainName(collation) else { return nil }
      }
    default: return nil
    }
    if type.isMax { return nil }
  }

  var isWholeNumber: Bool { type.isInteger }

  /// What the value of a column is asked for with.
  func expression(_ name: String) -> String {
    switch form {
    case .plain: "CAST(\(name) AS varchar(60))"
    case .moment: "CONVERT(varchar(40), \(name), 126)"
    case .bytes: "CAST(\(name) AS varbinary(8000))"
    case .text:
      textForm == .stored
        ? "CAST(CAST(\(name) AS nvarchar(4000)) AS varbinary(8000))"
        : "CAST(\(name) AS nvarchar(4000))"
    }
  }

  /// The value as a range keeps it: text, or hexadecimal digits where it came as bytes.
  ///
  /// - Returns: nil for what is no such value.
  func kept(_ value: ResultValue?) -> String? {
    switch (value, comesAsBytes) {
    case (.bytes(let bytes), true): bytes.map(Self.hexDigits).joined()
    case (.text(let text), false): text
    default: nil
    }
  }

  /// - Throws: `Fault` for what `kept` does not return: a range can come out of a file.
  func literal(_ kept: String) throws(Fault) -> String {
    guard isWellFormed(kept) else { throw Fault("no value of \(type) in a range") }
    switch form {
    case .plain where textForm == .utf8 && type.isInteger && Int64(kept) != nil: return kept
    case .plain, .moment: return "CAST('\(kept)' AS \(spelledType))"
    case .bytes: return "CAST(0x\(kept) AS \(spelledType))"
    case .text where textForm != .stored:
      return "CAST(\(SQLText.literal(kept)) AS \(spelledType))"
    case .text:
      let text = "CAST(0x\(kept) AS nvarchar(4000))"
      guard type.base == .char || type.base == .varchar else {
        return "CAST(\(text) AS \(spelledType))"
      }
      return "CAST(\(text) COLLATE \(collation ?? "") AS \(spelledType))"
    }
  }

  private func isWellFormed(_ kept: String) -> Bool {
    if comesAsBytes { return kept.utf8.count % 2 == 0 && kept.utf8.allSatisfy(Self.isHexDigit) }
    if form == .text { return !kept.utf8.contains(0) }
    return !kept.isEmpty && kept.utf8.allSatisfy(Self.isPlain)
  }

  private var comesAsBytes: Bool {
    switch form {
    case .bytes: true
    case .text: textForm == .stored
    case .plain, .moment: false
    }
  }

  /// A rowversion cannot be cast to by its own name everywhere.
  private var spelledType: String {
    type.base == .rowversion ? "binary(8)" : type.description
  }

  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
        default: false
        }
      }
  }

  /// Digits, letters and what stands in numbers, times and uuids.
  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E, 0x3A: true
    default: false
    }
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x46: true
    default: false
    }
  }

  private static func hexDigits(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }
}
