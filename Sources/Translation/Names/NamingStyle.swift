import Catalog

/// How names of the source are spelled in the target.
public enum NamingStyle: String, Hashable, Sendable, CaseIterable {
  /// `AlbumID` → `album_id`, `SQLText` → `sql_text`, `Order Details` → `order_details`.
  case snakeCase = "snake_case"
  /// `AlbumID` → `albumid`; everything that is no letter stays.
  case lower
  /// As in the source.
  case preserve
}

extension NamingStyle {
  /// The spelling of a name, of any length. Never empty and without NUL.
  public func spelled(_ name: String) -> String {
    let kept = name.replacing("\0", with: "")
    let spelled =
      switch self {
      case .snakeCase: Self.snakeCased(kept)
      case .lower: kept.lowercased()
      case .preserve: kept
      }
    // A name of blanks and punctuation alone has nothing to be spelled with.
    return spelled.isEmpty ? "x_" + Identifier.hash(of: name) : spelled
  }

  /// Words, lower-cased and joined by `_`. A word begins where a capital follows a small letter or a
  /// digit, and at the last capital of a row of them that a small letter follows. Letters and digits
  /// of every script are kept; everything else separates words.
  private static func snakeCased(_ name: String) -> String {
    let characters = Array(name)
    var result = name.hasPrefix("_") ? "_" : ""
    var isWordOpen = false
    for (index, character) in characters.enumerated() {
      guard character.isLetter || character.isNumber else {
        isWordOpen = false
        continue
      }
      if !result.isEmpty, result != "_",
        !isWordOpen || beginsWord(characters, at: index)
      {
        result += "_"
      }
      result += character.lowercased()
      isWordOpen = true
    }
    let isDigit = result.utf8.first.map { (0x30...0x39).contains($0) } ?? false
    return result == "_" ? "" : isDigit ? "_" + result : result
  }

  private static func beginsWord(_ characters: [Character], at index: Int) -> Bool {
    guard index > 0, characters[index].isUppercase else { return false }
    if !characters[index - 1].isUppercase { return true }
    return index + 1 < characters.count && characters[index + 1].isLowercase
  }
}
