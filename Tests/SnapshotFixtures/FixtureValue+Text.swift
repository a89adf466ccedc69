import BackupFixtures
import Catalog
import Foundation
import FoundationXML

extension FixtureValue {
  /// The value that PostgreSQL prints as `text` for the type of the cells (`ColumnType.csvType`).
  ///
  /// - Returns: nil for what is no such value, and for types whose stored form the text does not give
  ///   (sql_variant, CLR types).
  init?(_ text: String, _ type: ColumnType) {
    switch type.base {
    case .bit: self = .bool(text == "t")
    case .tinyint, .smallint, .int, .bigint:
      guard let number = Int64(text) else { return nil }
      self = .integer(number)
    case .decimal, .numeric, .money, .smallmoney: self.init(decimal: text)
    case .float:
      guard let double = Double(text) else { return nil }
      self = .double(double)
    case .real:
      guard let float = Float(text) else { return nil }
      self = .float(float)
    case .date:
      guard let days = Moment.days(text) else { return nil }
      self = .date(days: days)
    case .time:
      guard let ticks = Moment.ticks(text) else { return nil }
      self = .time(ticks: ticks)
    case .smalldatetime, .datetime, .datetime2, .datetimeoffset: self.init(moment: text, type.base)
    case .char, .varchar, .nchar, .nvarchar, .text, .ntext: self = .text(text)
    case .uniqueidentifier: self.init(guid: text)
    case .binary, .varbinary, .image, .rowversion: self.init(hex: text)
    case .xml:
      guard let document = XMLReader.read(text) else { return nil }
      self = document
    default: return nil
    }
  }

  private init?(decimal text: String) {
    guard let magnitude = UInt128(text.filter { $0 != "." && $0 != "-" }) else { return nil }
    self = .decimal(magnitude, isNegative: text.hasPrefix("-"))
  }

  private init?(moment text: String, _ base: ColumnType.Base) {
    let parts = text.split(separator: " ")
    guard parts.count == 2, let days = Moment.days(String(parts[0])),
      let ticks = Moment.ticks(String(parts[1].prefix { $0 != "+" }))
    else { return nil }
    switch base {
    // Milliseconds stand for the nearest of 300 parts of a second.
    case .datetime: self = .datetime(days: days, ticks300: Int((ticks * 3 + 50_000) / 100_000))
    case .datetimeoffset: self = .instant(days: days, ticks: ticks, offset: 0)
    default: self = .timestamp(days: days, ticks: ticks)
    }
  }

  /// The first three groups are stored with their lowest byte first.
  private init?(guid text: String) {
    guard case .bytes(let bytes)? = FixtureValue(hex: "\\x" + text.filter { $0 != "-" }),
      bytes.count == 16
    else { return nil }
    self = .bytes([3, 2, 1, 0, 5, 4, 7, 6].map { bytes[$0] } + bytes[8...])
  }

  private init?(hex text: String) {
    guard text.hasPrefix("\\x"), text.utf8.count % 2 == 0 else { return nil }
    let digits = Array(text.utf8.dropFirst(2))
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
      guard let byte = UInt8(pair, radix: 16) else { return nil }
      bytes.append(byte)
    }
    self = .bytes(bytes)
  }
}

private enum Moment {
  /// Days since 0001-01-01 of the proleptic Gregorian calendar.
  static func days(_ text: String) -> Int? {
    let parts = text.split(separator: "-").compactMap { Int($0) }
    guard parts.count == 3, (1...9999).contains(parts[0]), (1...12).contains(parts[1]) else {
      return nil
    }
    let year = parts[0] - 1
    let isLeap = parts[0] % 4 == 0 && (parts[0] % 100 != 0 || parts[0] % 400 == 0)
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][parts[1] - 1]
    return year * 365 + year / 4 - year / 100 + year / 400 + before
      + (isLeap && parts[1] > 2 ? 1 : 0) + parts[2] - 1
  }

  /// Units of 100 ns since midnight.
  static func ticks(_ text: String) -> Int64? {
    let halves = text.split(separator: ".")
    let parts = halves[0].split(separator: ":").compactMap { Int64($0) }
    guard parts.count == 3, halves.count <= 2 else { return nil }
    let fraction = halves.count == 2 ? String(halves[1]) : ""
    let padded = fraction + String(repeating: "0", count: max(0, 7 - fraction.count))
    guard let tail = Int64(padded) else { return nil }
    return ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 10_000_000 + tail
  }
}

/// An XML text as the tree that the fixtures write.
private final class XMLReader: NSObject, XMLParserDelegate {
  private var open: [(name: String, attributes: [FixtureXML.Attribute], children: [FixtureXML])] =
    []
  private var root: FixtureXML?

  static func read(_ text: String) -> FixtureValue? {
    let reader = XMLReader()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = reader
    guard parser.parse(), let root = reader.root else { return nil }
    return .xml(root)
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    // A dictionary has lost the order: attributes come sorted by name.
    let sorted = attributes.sorted { $0.key < $1.key }
    open.append((name, sorted.map { FixtureXML.Attribute($0.key, $0.value) }, []))
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    guard let last = open.indices.last else { return }
    if case .text(let before)? = open[last].children.last {
      open[last].children[open[last].children.count - 1] = .text(before + text)
    } else {
      open[last].children.append(.text(text))
    }
  }

  func parser(_ parser: XMLParser, foundComment comment: String) {
    guard let last = open.indices.last else { return }
    open[last].children.append(.comment(comment))
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    guard let element = open.popLast() else { return }
    let finished = FixtureXML.element(
      element.name, attributes: element.attributes, children: element.children)
    if let last = open.indices.last {
      open[last].children.append(finished)
    } else {
      root = finished
    }
  }
}
