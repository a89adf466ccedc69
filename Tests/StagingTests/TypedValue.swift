import Catalog
import Staging

/// A value of the source, with three ways to print it: the fast writer, a slow and obvious one, and
/// an expression from which PostgreSQL makes the same value by itself.
enum TypedValue: Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case decimal(UInt128, isNegative: Bool, scale: Int)
  case double(Double)
  case float(Float)
  case date(days: Int)
  case time(ticks: Int64)
  case timestamp(days: Int, ticks: Int64)
  case instant(days: Int, ticks: Int64)
  case guid([UInt8])
  case bytes([UInt8])
  case text(String)
  case character(String, width: Int)

  func write(to writer: inout TableWriter) {
    switch self {
    case .null: writer.writeNull()
    case .bool(let value): writer.write(bool: value)
    case .integer(let value): writer.write(integer: value)
    case .decimal(let magnitude, let isNegative, let scale):
      writer.write(decimal: magnitude, isNegative: isNegative, scale: scale)
    case .double(let value): writer.write(double: value)
    case .float(let value): writer.write(float: value)
    case .date(let days): writer.write(dateDays: days)
    case .time(let ticks): writer.write(timeTicks: ticks)
    case .timestamp(let days, let ticks): writer.write(timestampDays: days, ticks: ticks)
    case .instant(let days, let ticks): writer.write(instantDays: days, ticks: ticks)
    case .guid(let bytes): bytes.withUnsafeBytes { writer.write(guid: $0) }
    case .bytes(let bytes): bytes.withUnsafeBytes { writer.write(bytes: $0) }
    case .text(let text): utf16(text).withUnsafeBytes { writer.write(utf16: $0) }
    case .character(let text, let width):
      utf16(text).withUnsafeBytes { writer.write(utf16: $0, paddedTo: width) }
    }
  }

  /// As `write`, text and bytes in pieces that end anywhere.
  func write(to writer: inout TableWriter, pieceLength: Int) {
    switch self {
    case .bytes(let bytes):
      writer.beginBytes()
      append(bytes, to: &writer, pieceLength)
    case .text(let text):
      writer.beginUTF16()
      append(utf16(text), to: &writer, pieceLength)
    default: write(to: &writer)
    }
  }

  private func append(_ bytes: [UInt8], to writer: inout TableWriter, _ pieceLength: Int) {
    for start in stride(from: 0, to: bytes.count, by: pieceLength) {
      bytes[start..<min(start + pieceLength, bytes.count)].withUnsafeBytes { writer.append($0) }
    }
    writer.endValue()
  }
}

func utf16(_ text: String) -> [UInt8] {
  text.utf16.flatMap { unit -> [UInt8] in [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
}

// The slow and obvious way.
extension TypedValue {
  /// The cell in a line of more than one.
  var slowCell: String {
    if case .null = self { return "" }
    let text = slowText
    let needsQuotes =
      text.isEmpty || text.unicodeScalars.contains { ["\"", ",", "\n", "\r"].contains($0) }
    if !needsQuotes { return text }
    var quoted = String.UnicodeScalarView("\"".unicodeScalars)
    for scalar in text.unicodeScalars {
      quoted.append(scalar)
      if scalar == "\"" { quoted.append(scalar) }
    }
    return String(quoted) + "\""
  }

  private var slowText: String {
    switch self {
    case .null: ""
    case .bool(let value): value ? "t" : "f"
    case .integer(let value): String(value)
    case .decimal(let magnitude, let isNegative, let scale):
      (isNegative && magnitude > 0 ? "-" : "") + slowDecimal(magnitude, scale)
    case .double(let value): slowFloat("\(value)", plainBelow: 15)
    case .float(let value): slowFloat("\(value)", plainBelow: 6)
    case .date(let days): slowDate(days)
    case .time(let ticks): slowTime(ticks)
    case .timestamp(let days, let ticks): slowDate(days) + " " + slowTime(ticks)
    case .instant(let days, let ticks): slowDate(days) + " " + slowTime(ticks) + "+00"
    case .guid(let bytes): slowGUID(bytes)
    case .bytes(let bytes): "\\x" + bytes.map { padded(String($0, radix: 16), 2) }.joined()
    case .text(let text): text
    case .character(let text, let width):
      text + String(repeating: " ", count: max(0, width - text.unicodeScalars.count))
    }
  }

  private func padded(_ digits: String, _ width: Int) -> String {
    String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private func slowDecimal(_ magnitude: UInt128, _ scale: Int) -> String {
    let digits = padded(String(magnitude), scale + 1)
    return scale == 0 ? digits : digits.dropLast(scale) + "." + digits.suffix(scale)
  }

  private func slowDate(_ days: Int) -> String {
    var (year, rest) = (1, days)
    func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
    while rest >= (isLeap(year) ? 366 : 365) {
      rest -= isLeap(year) ? 366 : 365
      year += 1
    }
    var month = 1
    let lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    while rest >= lengths[month - 1] {
      rest -= lengths[month - 1]
      month += 1
    }
    return [padded("\(year)", 4), padded("\(month)", 2), padded("\(rest + 1)", 2)]
      .joined(separator: "-")
  }

  private func slowTime(_ ticks: Int64) -> String {
    let seconds = ticks / 10_000_000
    let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded("\($0)", 2) }
    var fraction = padded("\(ticks % 10_000_000 / 10)", 6)
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return clock.joined(separator: ":") + (fraction.isEmpty ? "" : "." + fraction)
  }

  private func slowGUID(_ bytes: [UInt8]) -> String {
    let groups = [
      bytes[0..<4].reversed(), bytes[4..<6].reversed(), bytes[6..<8].reversed(),
      Array(bytes[8..<10]), Array(bytes[10...]),
    ]
    return groups.map { $0.map { padded(String($0, radix: 16), 2) }.joined() }
      .joined(separator: "-")
  }

  /// From Swift's own digits, which are the shortest too.
  private func slowFloat(_ description: String, plainBelow: Int) -> String {
    let sign = description.hasPrefix("-") ? "-" : ""
    let parts = description.drop { $0 == "-" }.split(separator: "e")
    let number = parts[0].split(separator: ".")
    let fraction = number.count > 1 && number[1] != "0" ? String(number[1]) : ""
    var digits = String(number[0]) + fraction
    var exponent = number[0].count - 1 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    while digits.hasPrefix("0") && digits.count > 1 {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.hasSuffix("0") && digits.count > 1 { digits.removeLast() }
    if digits == "0" { return sign + "0" }
    if exponent < -4 || exponent >= plainBelow {
      let mantissa = digits.prefix(1) + (digits.count > 1 ? "." + digits.dropFirst() : "")
      return "\(sign)\(mantissa)e\(exponent < 0 ? "-" : "+")\(padded("\(abs(exponent))", 2))"
    }
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
    let whole = exponent + 1
    if digits.count <= whole {
      return sign + digits + String(repeating: "0", count: whole - digits.count)
    }
    return sign + digits.prefix(whole) + "." + digits.dropFirst(whole)
  }
}

// PostgreSQL's way.
extension TypedValue {
  /// An expression of SQL; days and microseconds are left for PostgreSQL to count.
  var sql: String {
    switch self {
    case .null: "NULL"
    case .bool(let value): "\(value)"
    case .integer(let value): "'\(value)'"
    case .decimal(let magnitude, let isNegative, let scale):
      "'\(isNegative ? "-" : "")\(magnitude)'::numeric * '1e-\(scale)'::numeric"
    case .double(let value): "'\(Self.hex(value))'"
    case .float(let value): "'\(Self.hex(Double(value)))'"
    case .date(let days): "date '0001-01-01' + \(days)"
    case .time(let ticks): "time '00:00' + \(Self.interval(ticks))"
    case .timestamp(let days, let ticks):
      "timestamp '0001-01-01' + interval '\(days) days' + \(Self.interval(ticks))"
    case .instant(let days, let ticks):
      "timestamptz '0001-01-01 00:00+00' + interval '\(days) days' + \(Self.interval(ticks))"
    case .guid(let bytes):
      "'"
        + ([3, 2, 1, 0, 5, 4, 7, 6] + Array(8..<16)).map { Self.hex([bytes[$0]]) }.joined() + "'"
    case .bytes(let bytes): "decode('\(Self.hex(bytes))', 'hex')"
    case .text(let text), .character(let text, _):
      "convert_from(decode('\(Self.hex(Array(text.utf8)))', 'hex'), 'UTF8')"
    }
  }

  private static func interval(_ ticks: Int64) -> String { "interval '\(ticks / 10) microseconds'" }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// All digits that the number has: exact, so that no shortest form is taken for granted.
  private static func hex(_ value: Double) -> String { exactDecimal(value) }
}

/// The exact value of a finite number as an integer times a power of ten.
func exactDecimal(_ value: Double) -> String {
  guard value != 0 else { return value.sign == .minus ? "-0" : "0" }
  // value = significand x 2^exponent; below zero 2^-n = 5^n x 10^-n.
  var digits = String(UInt64(value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)))
    .reversed().compactMap(\.wholeNumberValue)
  let exponent = (value.isNormal ? Int(value.exponent) : -1022) - 52
  for _ in 0..<abs(exponent) { multiply(&digits, by: exponent > 0 ? 2 : 5) }
  let text = digits.reversed().map(String.init).joined()
  return (value < 0 ? "-" : "") + text + (exponent < 0 ? "e\(exponent)" : "")
}

/// - Parameter digits: The lowest first.
private func multiply(_ digits: inout [Int], by factor: Int) {
  var carry = 0
  for index in digits.indices {
    let product = digits[index] * factor + carry
    digits[index] = product % 10
    carry = product / 10
  }
  while carry > 0 {
    digits.append(carry % 10)
    carry /= 10
  }
}
