import Catalog
import Yams

/// One key of the YAML document with its value, and the path and line by which messages name it.
struct MappingField {
  let file: String
  let key: String
  /// `tables.dbo.Artist`: this key and those above it.
  let path: String
  let line: Int?
  private let value: Node

  /// The keys of the document's top level; none for an empty document.
  static func fields(ofDocument yaml: String, file: String) throws(MappingError) -> [MappingField] {
    let root: Node?
    do {
      root = try Yams.compose(yaml: yaml)
    } catch {
      throw MappingError(error, file: file)
    }
    guard let root, root.null == nil else { return [] }
    let document = MappingField(file: file, key: "", path: "", line: 1, value: root)
    return try document.fields()
  }

  /// The keys below this one, in the order of the file; none where nothing is said.
  func fields() throws(MappingError) -> [MappingField] {
    if value.null != nil { return [] }
    guard case .mapping(let mapping) = value else {
      throw error(.wrongValue, expected: "keys with values", actual: actual)
    }
    var fields: [MappingField] = []
    for (node, value) in mapping {
      guard case .scalar(let scalar) = node else {
        throw error(.wrongValue, expected: "a plain key", actual: "a list or keys as a key")
      }
      fields.append(
        MappingField(
          file: file, key: scalar.string,
          path: path.isEmpty ? scalar.string : "\(path).\(scalar.string)",
          line: scalar.mark?.line ?? line, value: value))
    }
    return fields
  }
}

// MARK: - Values

extension MappingField {
  /// The key itself, as a value with its place.
  var name: Located<String> { located(key) }

  func located<Value>(_ value: Value) -> Located<Value> {
    Located(value, line: line, path: path)
  }

  func located() throws(MappingError) -> Located<String> { located(try text()) }

  /// A text of at least one character, without NUL.
  func text() throws(MappingError) -> String {
    guard case .scalar(let scalar) = value, !scalar.string.isEmpty else {
      throw error(.wrongValue, expected: "a text", actual: actual)
    }
    guard !scalar.string.utf8.contains(0) else {
      throw error(.wrongValue, expected: "a text without NUL", actual: "one with NUL")
    }
    return scalar.string
  }

  /// Whether there are keys below this one.
  var hasFields: Bool {
    if case .mapping = value { true } else { false }
  }

  func textOrNull() throws(MappingError) -> String? {
    value.null == nil ? try text() : nil
  }

  /// A list of at least one text, no text twice.
  func texts() throws(MappingError) -> [String] {
    guard case .sequence(let sequence) = value, !sequence.isEmpty else {
      throw error(
        .wrongValue, expected: "a list such as [FirstColumn, SecondColumn]", actual: actual)
    }
    var texts: [String] = []
    for node in sequence {
      let item = MappingField(
        file: file, key: key, path: path, line: node.mark?.line ?? line, value: node)
      let text = try item.text()
      guard !texts.contains(text) else {
        throw item.error(.wrongValue, expected: "each name once", actual: "'\(text)' twice")
      }
      texts.append(text)
    }
    return texts
  }

  /// One of the words of an enumeration. `null` is a word here, not the absence of one.
  func choice<Choice>() throws(MappingError) -> Choice
  where Choice: RawRepresentable<String> & CaseIterable {
    if case .scalar(let scalar) = value, let choice = Choice(rawValue: scalar.string) {
      return choice
    }
    let words = Choice.allCases.map(\.rawValue)
    let last = words.last ?? ""
    throw error(
      .wrongValue,
      expected: words.dropLast().joined(separator: ", ") + " or " + last, actual: actual)
  }
}

extension MappingField {
  func flag() throws(MappingError) -> Bool {
    switch value {
    case .scalar(let scalar) where scalar.string == "true": return true
    case .scalar(let scalar) where scalar.string == "false": return false
    default: throw error(.wrongValue, expected: "true or false", actual: actual)
    }
  }
}

// MARK: - Errors

extension MappingField {
  func error(_ code: MappingError.Code, expected: String, actual: String) -> MappingError {
    MappingError(
      code: code, file: file, line: line, path: path, expected: expected, actual: actual)
  }

  func unknown(_ expected: String) -> MappingError {
    error(.unknownKey, expected: "one of \(expected)", actual: "the unknown key '\(key)'")
  }

  var notSupported: MappingError {
    error(
      .notSupported, expected: "a key that this version carries out",
      actual: "'\(key)', not supported by this version; take it out")
  }

  private var actual: String {
    switch value {
    case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string)'"
    case .sequence: "a list"
    case .mapping: "keys with values"
    case .alias: "an alias"
    }
  }
}

extension MappingError {
  /// What the YAML parser says, with the line that it names.
  fileprivate init(_ error: any Error, file: String) {
    switch error as? YamlError {
    case .duplicatedKeysInMapping(let keys, let context):
      self.init(
        code: .duplicateKey, file: file, line: context.mark.line, path: "",
        expected: "each key once",
        actual: keys.map { "'\($0)'" }.joined(separator: ", ") + " again further down")
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      self.init(
        code: .syntax, file: file, line: mark.line, path: "", expected: "YAML",
        actual: [context?.text, problem].compactMap { $0 }.joined(separator: ": "))
    case .reader(let problem, let offset, _, let yaml):
      let line = offset.map { yaml.prefix($0).count { $0.isNewline } + 1 }
      self.init(
        code: .syntax, file: file, line: line, path: "", expected: "YAML in UTF-8", actual: problem)
    default:
      self.init(
        code: .syntax, file: file, line: nil, path: "", expected: "YAML", actual: "\(error)")
    }
  }
}
