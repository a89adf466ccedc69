import FoundationEssentials
import Glibc
import Logging

/// Writes log records to stderr: `level message key=value …`, or one JSON object a line.
struct LogLines: LogHandler {
  enum Format: Sendable { case text, json }

  let format: Format
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]

  init(format: Format, level: Logger.Level) {
    self.format = format
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let pairs = metadata.merging(event.metadata ?? [:]) { $1 }.map { ($0, "\($1)") }
      .sorted { $0.0 < $1.0 }
    let line =
      switch format {
      case .text: Self.text(event, pairs)
      case .json: Self.json(event, pairs)
      }
    Terminal.write(line + "\n", to: STDERR_FILENO)
  }

  private static func text(_ event: LogEvent, _ pairs: [(String, String)]) -> String {
    let prefix = event.level >= .warning ? "\(event.level): " : ""
    return ([prefix + "\(event.message)"] + pairs.map { "\($0)=\(quoted($1))" })
      .joined(separator: " ")
  }

  /// A value with blanks or quotes stands in quotes, so that `key=value` can be cut apart again.
  private static func quoted(_ value: String) -> String {
    guard value.isEmpty || value.contains(where: { $0.isWhitespace || $0 == "\"" }) else {
      return value
    }
    let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return "\"" + escaped.replacing("\n", with: "\\n") + "\""
  }

  private static func json(_ event: LogEvent, _ pairs: [(String, String)]) -> String {
    var object = Dictionary(pairs, uniquingKeysWith: { $1 })
    object["time"] = Date.now.formatted(.iso8601)
    object["level"] = "\(event.level)"
    object["event"] = "\(event.message)"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let bytes = try? encoder.encode(object) else { return "{}" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
