/// What becomes of text with characters that PostgreSQL cannot store: U+0000 and halves of surrogate
/// pairs.
public enum TextPolicy: String, Hashable, Sendable, CaseIterable, Codable {
  /// The row is a reject.
  case fail
  /// The characters are left out; the row is kept and listed.
  case strip
  /// U+FFFD takes the place of each; the row is kept and listed.
  case replace
}
