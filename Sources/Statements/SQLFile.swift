import CLibMD
import Catalog

/// A generated file: plain SQL that libpq and psql run alike, its header included.
public struct SQLFile: Hashable, Sendable {
  /// Below the plan's folder: `merge/003_dbo.Album/40_insert.sql`.
  public let path: String
  public let step: Step
  /// Index into `MappedDatabase.tables`.
  public let table: Int
  public let text: String

  /// SHA-256 of the whole text in hex: what `sha256sum` prints for the file.
  public var sha256: String { Self.sha256(of: text) }

  /// SHA-256 of a text's UTF-8 bytes, in lower-case hex.
  public static func sha256(of text: String) -> String {
    var bytes = Array(text.utf8)
    // SHA256Data writes 64 hex digits and a terminator.
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65) { digest in
      SHA256Data(&bytes, bytes.count, digest.baseAddress)
      return String(decoding: digest.prefix(64).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}

extension SQLFile {
  /// Puts the header over a body.
  init(_ step: Step, of table: TableNames, purpose: String, body: String) {
    let trimmed = body.hasSuffix("\n") ? body : body + "\n"
    let byHand =
      step == .stage
      ? "-- by hand: psql -X -v ON_ERROR_STOP=1 -f \(step.fileName)"
      : """
      -- by hand: PGOPTIONS='-c restage.run_id=<uuid of the run>' \\
      --          psql -X -1 -v ON_ERROR_STOP=1 -f \(step.fileName)
      """
    self.path = "merge/\(table.folder)/\(step.fileName)"
    self.step = step
    self.table = table.index
    self.text = """
      -- table:   \(comment: table.mapped.target.quoted)
      -- step:    \(step.operation)
      -- purpose: \(purpose)
      -- source:  \(comment: table.mapped.source.description), staged in \(comment: table.stage)
      -- body:    sha256:\(Self.sha256(of: trimmed))
      \(byHand)

      \(trimmed)
      """
  }
}

extension String.StringInterpolation {
  /// A name inside a `--` comment: line ends in it must not end the comment.
  mutating func appendInterpolation(comment text: String) {
    appendLiteral(String(text.map { $0.isNewline ? " " : $0 }))
  }

  /// Items one a line, each but the first indented, with `separator` at the end of all but the last.
  mutating func appendInterpolation(
    lines items: [String], indent: Int, separator: String = ","
  ) {
    let margin = String(repeating: " ", count: indent)
    appendLiteral(items.joined(separator: "\(separator)\n\(margin)"))
  }
}
