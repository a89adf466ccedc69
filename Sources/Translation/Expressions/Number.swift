/// A number constant of T-SQL, digit by digit: nothing is rounded unless SQL Server does.
struct Number: Hashable {
  enum Kind: Hashable {
    /// Digits alone.
    case integer
    case decimal
    case money
    case float
  }

  var kind: Kind
  var isNegative = false
  /// Without leading zeros; "0" for none.
  var integerDigits: String
  var fractionDigits: String
  /// Power of ten of a float.
  var exponent = 0

  /// Reads `12`, `1.50`, `.5`, `1e-3`; nil for anything else.
  init?(_ text: String, kind: Kind? = nil) {
    let parts = text.split(separator: "e", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let mantissa = parts.first else { return nil }
    let digits = mantissa.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(digits.count), mantissa.utf8.contains(where: { $0 != 0x2E }),
      digits.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
    else { return nil }
    let fraction = digits.count == 2 ? String(digits[1]) : ""
    integerDigits = String(digits[0].drop { $0 == "0" })
    if integerDigits.isEmpty { integerDigits = "0" }
    fractionDigits = fraction
    if parts.count == 2 {
      guard let exponent = Int(parts[1]), (-400...400).contains(exponent) else { return nil }
      self.exponent = exponent
    }
    self.kind = kind ?? (parts.count == 2 ? .float : digits.count == 2 ? .decimal : .integer)
  }

  /// Reads a number out of a text constant: blanks around it and a sign are fine.
  init?(signed text: String) {
    var rest = text.drop { $0.isWhitespace }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    let isNegative = rest.first == "-"
    if isNegative || rest.first == "+" { rest.removeFirst() }
    guard rest.first != "-", let number = Number(rest.lowercased()) else { return nil }
    self = number
    self.isNegative = isNegative && !isZero
  }

  init(_ value: Int64) {
    kind = .integer
    isNegative = value < 0
    integerDigits = String(value.magnitude)
    fractionDigits = ""
  }

  var isZero: Bool { (integerDigits + fractionDigits).allSatisfy { $0 == "0" } }

  var negated: Number {
    var number = self
    number.isNegative = !isNegative && !isZero
    return number
  }

  /// As PostgreSQL and T-SQL both write it.
  var text: String {
    let fraction = fractionDigits.isEmpty ? "" : "." + fractionDigits
    return (isNegative ? "-" : "") + integerDigits + fraction
      + (kind == .float ? "e\(exponent)" : "")
  }

  /// Nil for a fraction and for what 64 bits do not hold.
  var integer: Int64? {
    guard kind != .float, fractionDigits.isEmpty else { return nil }
    return Int64((isNegative ? "-" : "") + integerDigits)
  }
}

extension Number {
  /// Cut off toward zero, as SQL Server turns decimal and float into whole numbers; money it rounds.
  var wholeNumber: Int64? {
    switch kind {
    case .integer, .decimal: Int64((isNegative ? "-" : "") + integerDigits)
    case .money: rounded(toScale: 0).integer
    case .float: Double(text).flatMap { Int64(exactly: $0.rounded(.towardZero)) }
    }
  }

  /// Rounded half away from zero to so many fractional digits.
  func rounded(toScale scale: Int) -> Number {
    var number = self
    number.kind = .decimal
    guard fractionDigits.utf8.count > scale, kind != .float else { return number }
    let kept = Array(fractionDigits.utf8)
    var digits = Array(integerDigits.utf8) + kept.prefix(scale)
    if kept[scale] >= 0x35 { Self.increment(&digits) }
    let text = String(decoding: digits, as: UTF8.self)
    number.integerDigits = String(text.dropLast(scale))
    number.fractionDigits = String(text.suffix(scale))
    if number.isZero { number.isNegative = false }
    return number
  }

  private static func increment(_ digits: inout [UInt8]) {
    for index in digits.indices.reversed() {
      guard digits[index] == 0x39 else {
        digits[index] += 1
        return
      }
      digits[index] = 0x30
    }
    digits.insert(0x31, at: 0)
  }
}
