extension Variant {
  /// The value for people to read, as `CONVERT(nvarchar(4000), value, 121)` of its type prints it:
  /// dates in ISO form with the digits of their type, binary values as `0x…`.
  ///
  /// - Returns: nil for bytes that are no value of the type, and for types that are not known.
  func plainText(codePage: Int?) -> String? {
    switch xtype {
    case XType.nchar, XType.nvarchar, XType.char, XType.varchar, XType.bit, XType.tinyint,
      XType.smallint, XType.int, XType.bigint:
      return text(codePage: codePage)
    case XType.decimal, XType.numeric: return decimalText
    case XType.money where payload.count == 8: return Self.decimal(number, scale: 4)
    case XType.smallmoney where payload.count == 4: return Self.decimal(number, scale: 4)
    case XType.float where payload.count == 8:
      return "\(Double(bitPattern: unsigned(0..<8)))"
    case XType.real where payload.count == 4:
      return "\(Float(bitPattern: UInt32(truncatingIfNeeded: unsigned(0..<4))))"
    case XType.uniqueidentifier where payload.count == 16: return guidText
    case XType.binary, XType.varbinary: return "0x" + payload.map(Self.hex).joined()
    default: return timeText
    }
  }

  private func unsigned(_ range: Range<Int>) -> UInt64 {
    range.reversed().reduce(0) { $0 << 8 | UInt64(payload[$1]) }
  }

  /// The whole payload as a signed number of at most 8 bytes.
  private var number: Int64 {
    let shift = UInt64(64 - 8 * payload.count)
    return Int64(bitPattern: unsigned(payload.indices) << shift) >> Int64(shift)
  }

  private static func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }

  private var guidText: String {
    let order = [[3, 2, 1, 0], [5, 4], [7, 6], [8, 9], [10, 11, 12, 13, 14, 15]]
    return order.map { $0.map { Self.hex(payload[$0]) }.joined() }.joined(separator: "-")
  }

  private var decimalText: String? {
    guard arguments.count == 2, (5...17).contains(payload.count), arguments[1] <= 38 else {
      return nil
    }
    let magnitude = payload.dropFirst().reversed().reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    return Self.decimal("\(magnitude)", isNegative: payload[0] == 0, scale: Int(arguments[1]))
  }

  private static func decimal(_ value: Int64, scale: Int) -> String {
    decimal("\(value.magnitude)", isNegative: value < 0, scale: scale)
  }

  private static func decimal(_ digits: String, isNegative: Bool, scale: Int) -> String {
    let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
    let point = scale > 0 ? ".\(padded.suffix(scale))" : ""
    return (isNegative ? "-" : "") + padded.dropLast(scale) + point
  }
}

// MARK: - Dates and times

extension Variant {
  private var timeText: String? {
    let scale = Int(arguments.first ?? 0)
    switch xtype {
    case XType.date where payload.count == 3: return Self.date(days: Int(unsigned(0..<3)))
    case XType.datetime where payload.count == 8:
      let ticks = Int(unsigned(0..<4))
      let days = Int(Int32(truncatingIfNeeded: unsigned(4..<8)))
      guard (-53_690...2_958_463).contains(days), ticks < 25_920_000 else { return nil }
      let milliseconds = (ticks * 20 + 3) / 6
      return Self.date(days: days + 693_595) + " " + Self.time(milliseconds, digits: 3)
    case XType.smalldatetime where payload.count == 4:
      let seconds = Int(unsigned(0..<2)) * 60
      return Self.date(days: Int(unsigned(2..<4)) + 693_595) + " " + Self.time(seconds, digits: 0)
    case XType.time where (3...5).contains(payload.count) && scale <= 7:
      return Self.time(Int(unsigned(payload.indices)), digits: scale)
    case XType.datetime2 where (6...8).contains(payload.count) && scale <= 7:
      let split = payload.count - 3
      return Self.date(days: Int(unsigned(split..<payload.count))) + " "
        + Self.time(Int(unsigned(0..<split)), digits: scale)
    case XType.datetimeoffset where (8...10).contains(payload.count) && scale <= 7:
      return offsetText(scale: scale)
    default: return nil
    }
  }

  /// The stored time is UTC; what is printed is the time at the place.
  private func offsetText(scale: Int) -> String {
    let split = payload.count - 5
    let offset = Int(Int16(truncatingIfNeeded: unsigned(split + 3..<split + 5)))
    let unit = (0..<scale).reduce(1) { power, _ in power * 10 }
    let perDay = 86_400 * unit
    var days = Int(unsigned(split..<split + 3))
    var ticks = Int(unsigned(0..<split)) + offset * 60 * unit
    if ticks < 0 { (ticks, days) = (ticks + perDay, days - 1) }
    if ticks >= perDay { (ticks, days) = (ticks - perDay, days + 1) }
    let minutes = abs(offset)
    let sign = offset < 0 ? "-" : "+"
    return Self.date(days: days) + " " + Self.time(ticks, digits: scale)
      + " \(sign)\(Self.padded(minutes / 60)):\(Self.padded(minutes % 60))"
  }

  /// - Parameter days: Since 0001-01-01.
  static func date(days: Int) -> String {
    // Years of 400 years' cycles that begin on 1 March (the civil calendar as a day count).
    let shifted = days + 306
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let day = shifted - era * 146_097
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * year + year / 4 - year / 100)
    let month = (5 * dayOfYear + 2) / 153
    let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
    let civilMonth = month < 10 ? month + 3 : month - 9
    let civilYear = year + era * 400 + (civilMonth <= 2 ? 1 : 0)
    return "\(padded(civilYear, 4))-\(padded(civilMonth))-\(padded(dayOfMonth))"
  }

  /// - Parameter ticks: Of the last of `digits` fractional digits.
  private static func time(_ ticks: Int, digits: Int) -> String {
    let unit = (0..<digits).reduce(1) { power, _ in power * 10 }
    let seconds = ticks / unit
    let whole =
      "\(padded(seconds / 3600)):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
    return digits == 0 ? whole : whole + ".\(padded(ticks % unit, digits))"
  }

  static func padded(_ number: Int, _ width: Int = 2) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
