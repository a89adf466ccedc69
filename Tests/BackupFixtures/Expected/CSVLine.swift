import Catalog
import Foundation

extension FixtureTable {
  /// Row n as PostgreSQL prints it with `COPY … TO STDOUT (FORMAT csv)`, without its line feed.
  ///
  /// Slow and plain on purpose: what the product writes is compared with it.
  ///
  /// - Returns: nil where PostgreSQL cannot hold the row: U+0000 or an unpaired surrogate in text.
  public func csvLine(_ row: Int) -> String? {
    var cells: [String] = []
    let columns = table.storedColumns
    for (column, value) in zip(columns, self.row(row)) {
      if value == .null {
        cells.append("")
        continue
      }
      guard let text = CellText.text(value, column.type) else { return nil }
      cells.append(quoted(text, isAlone: columns.count == 1))
    }
    return cells.joined(separator: ",")
  }

  private func quoted(_ text: String, isAlone: Bool) -> String {
    let needsQuotes =
      text.isEmpty || isAlone && text == "\\."
      || text.unicodeScalars.contains { [",", "\"", "\n", "\r"].contains($0) }
    guard needsQuotes else { return text }
    var result = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { result += "\"" }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }
}

/// The text form of values, as PostgreSQL prints the type of `ColumnType.csvType`.
enum CellText {
  static func text(_ value: FixtureValue, _ type: ColumnType) -> String? {
    switch value {
    case .null: nil
    case .bool(let bool): bool ? "t" : "f"
    case .integer(let number): String(number)
    case .decimal(let magnitude, let isNegative):
      decimal(magnitude, isNegative, scale: type.isMoney ? 4 : type.scale ?? 0)
    case .double(let double): FloatText.text(double, fixedBelow: 15)
    case .float(let float): FloatText.text(float, fixedBelow: 6)
    case .date(let days): DateText.date(days)
    case .time(let ticks): DateText.time(ticks)
    case .timestamp(let days, let ticks):
      DateText.date(days) + " " + DateText.time(ticks)
    case .datetime(let days, let ticks300):
      DateText.date(days) + " " + DateText.time(Int64(milliseconds(ticks300)) * 10_000)
    case .instant(let days, let ticks, _): DateText.date(days) + " " + DateText.time(ticks) + "+00"
    case .text(let text), .encoded(_, let text): character(text, type)
    case .utf16(let units):
      String(validating: units, as: UTF16.self).flatMap { character($0, type) }
    case .bytes(let bytes): type.base == .uniqueidentifier ? guid(bytes) : hex(bytes, type)
    case .xml(let document): XMLText.text(document)
    }
  }

  private static func decimal(_ magnitude: UInt128, _ isNegative: Bool, scale: Int) -> String {
    var digits = String(magnitude)
    while digits.count <= scale { digits = "0" + digits }
    if scale > 0 { digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale)) }
    return (isNegative && magnitude != 0 ? "-" : "") + digits
  }

  /// 1/300 s shown as .000, .003 or .007.
  private static func milliseconds(_ ticks300: Int) -> Int { (ticks300 * 10 + 1) / 3 }

  /// char(n) and nchar(n) are filled with blanks to n characters.
  private static func character(_ text: String, _ type: ColumnType) -> String? {
    if text.unicodeScalars.contains("\0") { return nil }
    guard type.base == .char || type.base == .nchar else { return text }
    let count = text.unicodeScalars.count
    return text + String(repeating: " ", count: max((type.length ?? 1) - count, 0))
  }

  /// binary(n) is filled with zeros to n bytes.
  private static func hex(_ bytes: [UInt8], _ type: ColumnType) -> String {
    var bytes = bytes
    if type.base == .binary {
      while bytes.count < type.length ?? 1 { bytes.append(0) }
    }
    return "\\x" + bytes.map(hex).joined()
  }

  private static func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }

  private static func guid(_ bytes: [UInt8]) -> String {
    let groups = [[3, 2, 1, 0], [5, 4], [7, 6], [8, 9], [10, 11, 12, 13, 14, 15]]
    return groups.map { $0.map { hex(bytes[$0]) }.joined() }.joined(separator: "-")
  }
}

extension ColumnType {
  fileprivate var isMoney: Bool { base == .money || base == .smallmoney }
}

/// Dates and times by counting, year after year.
enum DateText {
  static func date(_ days: Int) -> String {
    var rest = days
    var year = 1
    while rest >= dayCount(year) {
      rest -= dayCount(year)
      year += 1
    }
    var month = 0
    var lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    if dayCount(year) == 366 { lengths[1] = 29 }
    while rest >= lengths[month] {
      rest -= lengths[month]
      month += 1
    }
    return "\(padded(year, 4))-\(padded(month + 1, 2))-\(padded(rest + 1, 2))"
  }

  /// The seventh digit is cut off; zeros at the end of the fraction are not printed.
  static func time(_ ticks: Int64) -> String {
    let seconds = Int(ticks / 10_000_000)
    let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }
      .joined(separator: ":")
    var fraction = padded(Int(ticks % 10_000_000) / 10, 6)
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return fraction.isEmpty ? clock : clock + "." + fraction
  }

  private static func dayCount(_ year: Int) -> Int {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 : 365
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(width - digits.count, 0)) + digits
  }
}

/// Floating-point numbers: the fewest digits that read back the same, laid out as PostgreSQL does.
enum FloatText {
  /// - Parameter fixedBelow: The decimal exponent from which on scientific notation is used.
  static func text<Number: BinaryFloatingPoint & LosslessStringConvertible>(
    _ number: Number, fixedBelow: Int
  ) -> String {
    let sign = number.sign == .minus ? "-" : ""
    if number == 0 { return sign + "0" }
    for digitCount in 1...17 {
      let spelled = String(format: "%.\(digitCount - 1)e", Double(number.magnitude))
      let parts = spelled.split(separator: "e")
      let digits = parts[0].filter { $0 != "." }.map { $0 }
      guard let exponent = Int(parts[1]), Number(spelled) == number.magnitude,
        !isTie(digits, exponent, number.magnitude)
      else { continue }
      let isFixed = (-4..<fixedBelow).contains(exponent)
      return sign + (isFixed ? fixed(digits, exponent) : scientific(digits, exponent))
    }
    return sign + "\(number)"
  }

  /// Whether the digits stand exactly between two numbers. Such a text reads back by the rule of even
  /// numbers alone, and PostgreSQL does not rely on it. It happens to large whole numbers only.
  private static func isTie<Number: BinaryFloatingPoint>(
    _ digits: [Character], _ exponent: Int, _ number: Number
  ) -> Bool {
    guard exponent >= digits.count - 1, exponent < 38,
      var spelled = UInt128(String(digits)), let exact = UInt128(exactly: number),
      let above = UInt128(exactly: number.nextUp), let below = UInt128(exactly: number.nextDown)
    else { return false }
    for _ in digits.count..<exponent + 1 { spelled *= 10 }
    return 2 * spelled == exact + above || 2 * spelled == exact + below
  }

  private static func fixed(_ digits: [Character], _ exponent: Int) -> String {
    if exponent < 0 { return "0." + String(repeating: "0", count: -exponent - 1) + String(digits) }
    if digits.count <= exponent + 1 {
      return String(digits) + String(repeating: "0", count: exponent + 1 - digits.count)
    }
    return String(digits[...exponent]) + "." + String(digits[(exponent + 1)...])
  }

  private static func scientific(_ digits: [Character], _ exponent: Int) -> String {
    let mantissa =
      digits.count == 1 ? String(digits) : "\(digits[0])." + String(digits.dropFirst())
    let size = String(abs(exponent))
    return mantissa + "e" + (exponent < 0 ? "-" : "+") + (size.count == 1 ? "0" : "") + size
  }
}

/// xml as the server prints it.
package enum XMLText {
  package static func text(_ node: FixtureXML) -> String {
    switch node {
    case .text(let text): escaped(text, alsoQuotes: false)
    case .comment(let text): "<!--\(text)-->"
    case .element(let name, let attributes, let children):
      "<\(name)"
        + attributes.map { " \($0.name)=\"\(escaped($0.value, alsoQuotes: true))\"" }.joined()
        + (children.isEmpty ? "/>" : ">\(children.map(text).joined())</\(name)>")
    }
  }

  private static func escaped(_ text: String, alsoQuotes: Bool) -> String {
    text.map { character in
      switch character {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"" where alsoQuotes: "&quot;"
      default: String(character)
      }
    }.joined()
  }
}
