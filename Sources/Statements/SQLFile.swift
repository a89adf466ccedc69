import CLibMD
import Catalog

/// A generated file of the merge: plain SQL that libpq and psql run alike, its header included.
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

/// A generated file that is no step of the merge: definitions of key maps, queries of the proof.
public struct GeneratedFile: Hashable, Sendable {
  /// Below the plan's folder: `verify/003_dbo.Album/content.sql`.
  public let path: String
  /// Index into `MappedDatabase.tables`; nil for a file about all tables.
  public let table: Int?
  public let text: String

  /// SHA-256 of the whole text in hex: what `sha256sum` prints for the file.
  public var sha256: String { SQLFile.sha256(of: text) }
}

extension SQLFile {
  /// Puts the header over a body.
  init(_ step: Step, of table: TableNames, purpose: String, body: String) {
    let text = body.hasSuffix("\n") ? body : body + "\n"
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
      -- table:   \(comment: table.target)
      -- step:    \(step.operation)
      -- purpose: \(purpose)
      -- source:  \(comment: table.mapped.source.description), staged in \(comment: table.stage)
      -- body:    sha256:\(Self.sha256(of: text))
      \(byHand)

      \(text)
      """
  }
}

extension GeneratedFile {
  /// Puts the header over a query of the proof.
  init(proofOf table: TableNames, name: String, purpose: String, body: String) {
    let text = body + "\n"
    self.path = "verify/\(table.folder)/\(name)"
    self.table = table.index
    self.text = """
      -- table:   \(comment: table.target)
      -- purpose: \(purpose)
      -- source:  \(comment: table.mapped.source.description)
      -- body:    sha256:\(SQLFile.sha256(of: text))
      -- by hand: psql -X -q -v ON_ERROR_STOP=1 -f \(name)

      \(text)
      """
  }

  /// Puts the header over definitions that concern all tables.
  init(path: String, purpose: String, source: String, body: String) {
    let text = body + "\n"
    self.path = path
    self.table = nil
    self.text = """
      -- purpose: \(purpose)
      -- source:  \(comment: source)
      -- body:    sha256:\(SQLFile.sha256(of: text))
      -- by hand: psql -X -1 -v ON_ERROR_STOP=1 -f \(path.split(separator: "/").last ?? "")

      \(text)
      """
  }
}
