public import Catalog

/// What the target does not get, for a person to read before the first load.
public enum UnsupportedReport {
  /// The text of `unsupported.md`: notes first, then every object by kind, with its source text.
  public static func markdown(for database: MappedDatabase) -> String {
    var parts = [
      "# What is not carried over from \(escaped(database.sourceName))",
      "Each item is in the source and not, or not quite, in the target. Rows are not concerned "
        + "unless an item says so.",
    ]
    if !database.notes.isEmpty {
      parts.append("## Decisions to know before approving the plan")
      parts.append(database.notes.map { "- \(escaped($0))" }.joined(separator: "\n"))
    }
    let kinds = Set(database.unsupported.map(\.kind)).sorted(by: utf8Precedes)
    if kinds.isEmpty { parts.append("Nothing: every object of the source is in the target.") }
    for kind in kinds {
      let items = database.unsupported.filter { $0.kind == kind }
      parts.append("## \(capitalized(kind)) (\(items.count))")
      parts += items.flatMap(item)
    }
    return parts.joined(separator: "\n\n") + "\n"
  }

  private static func item(_ item: Unsupported) -> [String] {
    let heading = "### \(escaped(item.name))"
    let reason = capitalized(escaped(item.reason)) + "."
    var parts = [heading, reason]
    if let text = item.sourceText, !text.isEmpty { parts.append(fenced(text)) }
    if let suggestion = item.suggestion {
      parts += ["In PostgreSQL, to be run by hand once the rows are there:", fenced(suggestion)]
    }
    return parts
  }

  /// A fence longer than any row of backticks in the text, so that the text cannot end it.
  private static func fenced(_ text: String) -> String {
    var longest = 0
    var current = 0
    for byte in text.utf8 {
      current = byte == 0x60 ? current + 1 : 0
      longest = max(longest, current)
    }
    let fence = String(repeating: "`", count: max(3, longest + 1))
    let lines = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    return "\(fence)sql\n\(lines)\(lines.hasSuffix("\n") ? "" : "\n")\(fence)"
  }

  /// Names and reasons stay on their line; no emphasis and no HTML comes out of them.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      if character.isNewline {
        result += " "
      } else {
        if character == "*" || character == "<" { result += "\\" }
        result.append(character)
      }
    }
    return result
  }

  private static func capitalized(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst()
  }
}
