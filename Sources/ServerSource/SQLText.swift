import Catalog

/// Names and texts as T-SQL writes them.
enum SQLText {
  /// `[name]`, whatever is in it.
  static func quoted(_ name: String) -> String {
    "[" + name.replacing("]", with: "]]") + "]"
  }

  static func quoted(_ name: ObjectName) -> String {
    quoted(name.schema) + "." + quoted(name.name)
  }

  /// `N'text'`.
  static func literal(_ text: String) -> String {
    "N'" + text.replacing("'", with: "''") + "'"
  }
}
