// What SQL Server does when a value becomes another type, for constants at once and for computed
// values as PostgreSQL. What is not certain is refused.

import Catalog

extension Value {
  /// Whether a value that is too long is cut, as CAST does, or refused, as a column does.
  enum Purpose: Hashable {
    case cast, assignment
  }

  func converted(
    to type: ColumnType, style: Int? = nil, for purpose: Purpose = .cast
  ) throws(Untranslatable) -> Value {
    if self == .null { return .null }
    switch type.base {
    case .bit: return try boolean()
    case .tinyint, .smallint, .int, .bigint: return try wholeNumber(type)
    case .decimal, .numeric, .money, .smallmoney, .float, .real: return try number(type)
    case .date, .time, .smalldatetime, .datetime, .datetime2, .datetimeoffset:
      return try moment(type, style: style)
    case .char, .varchar, .text, .nchar, .nvarchar, .ntext:
      return try text(type, style: style, for: purpose)
    case .binary, .varbinary, .image: return try bytes(type, for: purpose)
    case .uniqueidentifier: return try uuid()
    case .xml, .json:
      if case .text = self { return self }
    case .sqlVariant:
      if case .number(let number) = self, number.kind == .integer { return .text(number.text) }
      if case .text = self { return self }
    case .rowversion, .hierarchyid, .geometry, .geography, .vector, .clr: break
    }
    throw Untranslatable("a value of \(type) is not translated")
  }

  private func refused(_ type: ColumnType) -> Untranslatable {
    Untranslatable("it is not certain what SQL Server makes of it as \(type)")
  }
}

// MARK: - Numbers

extension Value {
  private func boolean() throws(Untranslatable) -> Value {
    switch self {
    case .boolean, .computed(_, .boolean): return self
    case .number(let number): return .boolean(!number.isZero)
    case .text(let text):
      let word = text.lowercased()
      if word == "true" || word == "false" { return .boolean(word == "true") }
      if word.isEmpty { return .boolean(false) }
      guard let number = Number(signed: text)?.integer else { break }
      return .boolean(number != 0)
    case .computed(let sql, .integer): return .computed("(\(sql) <> 0)", .boolean)
    default: break
    }
    throw refused(ColumnType(.bit))
  }

  private func wholeNumber(_ type: ColumnType) throws(Untranslatable) -> Value {
    switch self {
    case .boolean(let value): return .number(Number(value ? 1 : 0))
    case .number(let number): return try Self.fitting(number.wholeNumber, type)
    case .text(let text):
      if text.allSatisfy({ $0 == " " }) { return .number(Number(0)) }
      return try Self.fitting(Number(signed: text)?.integer, type)
    case .computed(_, .integer): return self
    case .computed(let sql, .decimal), .computed(let sql, .float):
      return .computed("trunc(\(sql))::\(type.csvType)", .integer)
    default: throw refused(type)
    }
  }

  private static func fitting(
    _ number: Int64?, _ type: ColumnType
  ) throws(Untranslatable) -> Value {
    let range: ClosedRange<Int64> =
      switch type.base {
      case .tinyint: 0...255
      case .smallint: Int64(Int16.min)...Int64(Int16.max)
      case .int: Int64(Int32.min)...Int64(Int32.max)
      default: Int64.min...Int64.max
      }
    guard let number, range.contains(number) else {
      throw Untranslatable("it is no number that fits \(type)")
    }
    return .number(Number(number))
  }

  private func number(_ type: ColumnType) throws(Untranslatable) -> Value {
    switch self {
    case .boolean(let value): return .number(Number(value ? 1 : 0))
    case .number(let number): return .number(try Self.fitting(number, type))
    case .text(let text):
      let isBlank = text.allSatisfy { $0 == " " }
      if isBlank, ![.decimal, .numeric].contains(type.base) { return .number(Number(0)) }
      guard let number = Number(signed: text) else { break }
      return .number(try Self.fitting(number, type))
    case .computed(_, .integer), .computed(_, .decimal), .computed(_, .float): return self
    default: break
    }
    throw refused(type)
  }

  private static func fitting(_ number: Number, _ type: ColumnType) throws(Untranslatable) -> Number
  {
    var fitted = number
    switch type.base {
    case .decimal, .numeric:
      fitted = number.rounded(toScale: type.scale ?? 0)
      guard number.kind != .float,
        fitted.integerDigits.utf8.count <= (type.precision ?? 18) - (type.scale ?? 0)
          || fitted.integerDigits == "0"
      else { throw Untranslatable("it is no number that fits \(type)") }
    case .money, .smallmoney:
      guard number.kind != .float, fitted.integerDigits.utf8.count <= 14 else {
        throw Untranslatable("it is no number that fits \(type)")
      }
      fitted = number.fractionDigits.utf8.count > 4 ? number.rounded(toScale: 4) : number
      fitted.kind = .money
    default: break
    }
    return fitted
  }
}

// MARK: - Text, bytes, uuid

extension Value {
  private func text(
    _ type: ColumnType, style: Int?, for purpose: Purpose
  ) throws(Untranslatable) -> Value {
    // CAST and CONVERT without a length mean 30 characters.
    let length = type.isMax ? nil : type.length ?? ([.text, .ntext].contains(type.base) ? nil : 30)
    switch self {
    case .text(let text): return .text(try Self.cut(text, to: length, for: purpose))
    case .boolean(let value): return .text(value ? "1" : "0")
    case .number(let number) where number.kind == .integer || number.kind == .decimal:
      return .text(try Self.cut(number.text, to: length, for: .assignment))
    case .uuid(let text):
      return .text(try Self.cut(text.uppercased(), to: length, for: .assignment))
    case .computed(let sql, .text): return Self.cut(sql, to: length, for: purpose)
    case .computed(let sql, .integer): return .computed("(\(sql))::text", .text)
    case .computed(let sql, .uuid):
      return Self.cut(
        "upper(\(sql)::text)", to: length.flatMap { $0 < 36 ? $0 : nil }, for: purpose)
    case .computed(let sql, .timestamp), .computed(let sql, .date):
      guard let style, let format = Self.formats[style] else { break }
      let text = "to_char(\(sql), \(SQLLiteral.quoted(format.pattern)))"
      return Self.cut(
        text, to: length.flatMap { $0 < format.length ? $0 : nil }, for: purpose)
    default: break
    }
    throw refused(type)
  }

  private static func cut(
    _ text: String, to length: Int?, for purpose: Purpose
  ) throws(Untranslatable) -> String {
    guard let length, text.utf16.count > length else { return text }
    guard purpose == .cast else { throw Untranslatable("it has more than \(length) characters") }
    return String(text.prefix(length))
  }

  private static func cut(_ sql: String, to length: Int?, for purpose: Purpose) -> Value {
    guard let length, purpose == .cast else { return .computed(sql, .text) }
    return .computed("left(\(sql), \(length))", .text)
  }

  /// Styles of CONVERT from a date to text, with the length of what they print.
  private static let formats: [Int: (pattern: String, length: Int)] = [
    1: ("MM/DD/YY", 8), 2: ("YY.MM.DD", 8), 3: ("DD/MM/YY", 8), 4: ("DD.MM.YY", 8),
    5: ("DD-MM-YY", 8), 8: ("HH24:MI:SS", 8), 10: ("MM-DD-YY", 8), 11: ("YY/MM/DD", 8),
    12: ("YYMMDD", 6), 23: ("YYYY-MM-DD", 10), 101: ("MM/DD/YYYY", 10), 102: ("YYYY.MM.DD", 10),
    103: ("DD/MM/YYYY", 10), 104: ("DD.MM.YYYY", 10), 105: ("DD-MM-YYYY", 10),
    108: ("HH24:MI:SS", 8), 110: ("MM-DD-YYYY", 10), 111: ("YYYY/MM/DD", 10),
    112: ("YYYYMMDD", 8), 20: ("YYYY-MM-DD HH24:MI:SS", 19), 120: ("YYYY-MM-DD HH24:MI:SS", 19),
    21: ("YYYY-MM-DD HH24:MI:SS.MS", 23), 121: ("YYYY-MM-DD HH24:MI:SS.MS", 23),
  ]

  private func bytes(_ type: ColumnType, for purpose: Purpose) throws(Untranslatable) -> Value {
    guard case .bytes(var bytes) = self else { throw refused(type) }
    if let length = type.length, bytes.count > length {
      guard purpose == .cast else { throw Untranslatable("it has more than \(length) bytes") }
      bytes = Array(bytes.prefix(length))
    }
    if type.base == .binary, let length = type.length, length <= 8000 {
      bytes += Array(repeating: 0, count: length - bytes.count)
    }
    return .bytes(bytes)
  }

  private func uuid() throws(Untranslatable) -> Value {
    switch self {
    case .uuid, .computed(_, .uuid): return self
    case .text(let text):
      let bare =
        text.hasPrefix("{") && text.hasSuffix("}") ? String(text.dropFirst().dropLast()) : text
      let groups = bare.split(separator: "-", omittingEmptySubsequences: false)
      guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12],
        groups.allSatisfy({ $0.unicodeScalars.allSatisfy(\.properties.isASCIIHexDigit) })
      else { break }
      return .uuid(bare.lowercased())
    default: break
    }
    throw refused(ColumnType(.uniqueidentifier))
  }
}

// MARK: - Dates and times

extension ColumnType {
  fileprivate var momentKind: Moment.Kind {
    switch base {
    case .date: .date
    case .time: .time
    case .datetimeoffset: .instant
    default: .timestamp
    }
  }
}

extension Value {
  private func moment(_ type: ColumnType, style: Int?) throws(Untranslatable) -> Value {
    let isLegacy = type.base == .datetime || type.base == .smalldatetime
    switch self {
    case .moment(let moment, let kind):
      return try Self.stored(moment, from: kind, as: type)
    case .text(let text):
      let moment = try Moment(parsing: text, style: style, isLegacy: isLegacy)
      guard moment.offsetMinutes == nil || type.base == .datetimeoffset else { throw refused(type) }
      return try Self.stored(moment, from: type.momentKind, as: type)
    case .number(let number) where isLegacy:
      guard let days = number.integer, let moment = Moment.epoch(plus: days) else { break }
      return try Self.stored(moment, from: .timestamp, as: type)
    case .computed(let sql, let kind):
      guard let converted = Self.convertedSQL(sql, from: kind, to: type.momentKind) else { break }
      return converted
    default: break
    }
    throw refused(type)
  }

  private static func stored(
    _ moment: Moment, from kind: Moment.Kind, as type: ColumnType
  ) throws(Untranslatable) -> Value {
    var moment = moment
    let target = type.momentKind
    switch (kind, target) {
    case (.date, .time), (.time, .date): throw Untranslatable("a date is no time")
    case (.time, .timestamp), (.time, .instant): moment.days = Moment.epochDays
    case (.instant, .timestamp), (.instant, .date), (.instant, .time):
      throw Untranslatable("the offset of a constant would be lost")
    default: break
    }
    guard let stored = moment.stored(as: type) else {
      throw Untranslatable("\(type) has no such value")
    }
    return .moment(stored, target)
  }

  /// The clock's values have shorter forms than a cast.
  private static func convertedSQL(
    _ sql: String, from kind: Kind, to target: Moment.Kind
  ) -> Value? {
    let isLocal = sql == Clock.local
    switch (kind, target) {
    case (.timestamp, .timestamp): return .computed(sql, .timestamp)
    case (.date, .timestamp): return .computed("\(sql)::timestamp", .timestamp)
    case (.timestamp, .date): return .computed(isLocal ? "current_date" : "\(sql)::date", .date)
    case (.timestamp, .time): return .computed(isLocal ? "localtime" : "\(sql)::time", .time)
    // SQL Server gives a value without an offset the offset +00:00.
    case (.timestamp, .instant):
      return .computed(sql == Clock.utc ? Clock.instant : "(\(sql) AT TIME ZONE 'utc')", .instant)
    case (.date, .date): return .computed(sql, .date)
    case (.time, .time): return .computed(sql, .time)
    case (.instant, .instant): return .computed(sql, .instant)
    // The instant keeps the server's own offset in SQL Server, so its clock shows local time.
    case (.instant, _) where sql == Clock.instant:
      return convertedSQL(Clock.local, from: .timestamp, to: target)
    default: return nil
    }
  }
}

/// How PostgreSQL tells the time. All are the start of the transaction.
enum Clock {
  static let local = "localtimestamp"
  static let utc = "(now() AT TIME ZONE 'utc')"
  static let instant = "now()"
}

extension Moment {
  /// The day that many days after 1900-01-01.
  static func epoch(plus days: Int64) -> Moment? {
    guard (Int64(-Moment.epochDays)...Int64(Moment.daysMax)).contains(days) else { return nil }
    return Moment(days: epochDays + Int(days))
  }
}
