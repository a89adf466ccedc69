public import Catalog

/// `schema.table`, where `*` stands for any number of characters. Case does not matter, unless a name
/// in the database is spelled exactly as the pattern.
public struct TablePattern: Hashable, Sendable {
  public let text: String

  public init(_ text: String) {
    self.text = text
  }

  public var hasWildcard: Bool { text.contains("*") }

  /// Indexes of the names that the pattern means.
  public func matches(in names: [ObjectName]) -> [Int] {
    let exact = names.indices.filter { names[$0].description == text }
    if !exact.isEmpty { return exact }
    let pattern = Array(text.lowercased().unicodeScalars)
    return names.indices.filter {
      Self.matches(Array(names[$0].description.lowercased().unicodeScalars), pattern)
    }
  }

  /// Goes back to the last `*` only, which is enough: an earlier one could not match more.
  private static func matches(_ name: [Unicode.Scalar], _ pattern: [Unicode.Scalar]) -> Bool {
    var nameIndex = 0
    var patternIndex = 0
    var lastStar: (pattern: Int, name: Int)?
    while nameIndex < name.count {
      if patternIndex < pattern.count, pattern[patternIndex] == "*" {
        lastStar = (patternIndex, nameIndex)
        patternIndex += 1
      } else if patternIndex < pattern.count, pattern[patternIndex] == name[nameIndex] {
        patternIndex += 1
        nameIndex += 1
      } else if let star = lastStar {
        lastStar = (star.pattern, star.name + 1)
        patternIndex = star.pattern + 1
        nameIndex = star.name + 1
      } else {
        return false
      }
    }
    return pattern[patternIndex...].allSatisfy { $0 == "*" }
  }
}
