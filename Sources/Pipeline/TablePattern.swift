public import Catalog

/// One word of `--tables`: `schema.table`, in which `*` stands for any run of characters.
public struct TablePattern: Hashable, Sendable, CustomStringConvertible {
  public let text: String

  /// - Parameter text: Without a dot it names tables of every schema.
  public init(_ text: String) {
    self.text = text.contains(".") ? text : "*." + text
  }

  /// Whether it names one table rather than a kind of tables.
  public var isExact: Bool { !text.contains("*") }

  public var description: String { text }

  /// SQL Server names are matched without regard to case, as its usual collations do.
  public func matches(_ name: ObjectName) -> Bool {
    Self.matches(
      pattern: Array(text.lowercased()), text: Array(name.description.lowercased()))
  }

  /// The usual greedy match with one place to come back to: O(pattern × text) at worst.
  private static func matches(pattern: [Character], text: [Character]) -> Bool {
    var inPattern = 0
    var inText = 0
    var afterStar: Int?
    var retryText = 0
    while inText < text.count {
      if inPattern < pattern.count, pattern[inPattern] == "*" {
        inPattern += 1
        afterStar = inPattern
        retryText = inText
      } else if inPattern < pattern.count, pattern[inPattern] == text[inText] {
        inPattern += 1
        inText += 1
      } else if let star = afterStar {
        retryText += 1
        inPattern = star
        inText = retryText
      } else {
        return false
      }
    }
    return pattern[inPattern...].allSatisfy { $0 == "*" }
  }
}

/// Which tables a run is about.
public struct TableSelection: Sendable {
  /// Empty for all tables.
  public let patterns: [TablePattern]
  /// Whether the tables that their foreign keys lead to, and those of these, belong to it too.
  public let hasParents: Bool

  public static let all = TableSelection(patterns: [])

  public init(patterns: [TablePattern], hasParents: Bool = false) {
    self.patterns = patterns
    self.hasParents = hasParents
  }

  /// Comma-separated patterns as `--tables` takes them.
  public init(_ text: String?, hasParents: Bool = false) {
    self.hasParents = hasParents
    patterns = (text ?? "").split(separator: ",").map {
      TablePattern($0.trimmingPrefix(while: \.isWhitespace).description)
    }
  }

  public var isAll: Bool { patterns.isEmpty }

  /// The names that are selected, in their order.
  ///
  /// - Throws: `noSuchTable` for a pattern that matches nothing: a typing error must not look like an
  ///   empty night.
  public func select(from names: [ObjectName]) throws(PipelineError) -> [ObjectName] {
    for pattern in patterns where !names.contains(where: pattern.matches) {
      throw PipelineError(
        .usage, "no table matches '\(pattern)'",
        advice: "tables are named schema.table; `restage inspect` lists them")
    }
    return names.filter(matches)
  }

  public func matches(_ name: ObjectName) -> Bool {
    isAll || patterns.contains { $0.matches(name) }
  }

  /// Whether the table is asked for by its very name.
  public func namesExactly(_ name: ObjectName) -> Bool {
    patterns.contains { $0.isExact && $0.matches(name) }
  }
}
