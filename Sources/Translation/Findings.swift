import Catalog

/// What a person should know about a translation, gathered while it is made.
struct Findings {
  private(set) var unsupported: [Unsupported] = []
  private(set) var notes: [String] = []
  private var knownNotes: Set<String> = []

  mutating func report(
    _ kind: String, _ name: String, _ reason: String, text: String?, suggestion: String? = nil
  ) {
    unsupported.append(
      Unsupported(
        kind: kind, name: name, reason: reason, sourceText: text, suggestion: suggestion))
  }

  mutating func note(_ sentence: String) {
    if knownNotes.insert(sentence).inserted { notes.append(sentence) }
  }

  /// Notes a name that is not what the spelling rule alone would give.
  mutating func noteName(of what: String, wanted: String, got: Identifier) {
    guard wanted != got.name else { return }
    let reason =
      if wanted.utf8.count > Identifier.byteCountMax {
        "its name has more than \(Identifier.byteCountMax) bytes"
      } else if NamePlan.systemColumns.contains(wanted) {
        "PostgreSQL keeps \(wanted) for itself"
      } else {
        "\(wanted) is taken"
      }
    note("\(what) is named \(got.name) in the target: \(reason).")
  }
}
