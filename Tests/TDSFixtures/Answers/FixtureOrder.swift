// How SQL Server orders the values of keys: what a description's rows must be sorted by.

public import BackupFixtures
public import Catalog

/// The order of values of one column.
public enum FixtureOrder {
  /// - Returns: Below zero, zero or above zero; nil for values that are not compared here.
  public static func compare(
    _ left: FixtureValue, _ right: FixtureValue, _ type: ColumnType
  ) -> Int? {
    switch (left, right) {
    case (.integer(let left), .integer(let right)): left < right ? -1 : left == right ? 0 : 1
    case (.bytes(let left), .bytes(let right)) where type.base == .uniqueidentifier:
      compare(rearranged(left), rearranged(right))
    case (.bytes(let left), .bytes(let right)): compare(left, right)
    default:
      if let left = folded(left), let right = folded(right) { compare(left, right) } else { nil }
    }
  }

  private static func compare<Item: Comparable>(_ left: [Item], _ right: [Item]) -> Int {
    left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
  }

  /// The last group counts most, and within the first three groups the last byte as it is stored.
  private static func rearranged(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count == 16 else { return bytes }
    return [10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3].map { bytes[$0] }
  }

  /// Without case and without blanks at the end. Letters and digits only come in the order of their
  /// codes, which is enough for keys that tests make.
  private static func folded(_ value: FixtureValue) -> [UInt32]? {
    let text: String
    switch value {
    case .text(let value): text = value
    case .utf16(let units): text = String(decoding: units, as: UTF16.self)
    default: return nil
    }
    let end = text.lastIndex { $0 != " " }
    let trimmed = end.map { text[...$0] } ?? ""
    return trimmed.uppercased().unicodeScalars.map(\.value)
  }
}
