/// What is wrong with a backup or data file, where, and what to do about it.
public struct BackupError: Error, Hashable, Sendable {
  /// What kind of trouble it is; a new code breaks no caller.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private init(_ description: String) { self.description = description }

    /// The file cannot be opened or read by the operating system.
    public static let unreadable = Code("unreadable")
    /// The file is something else (a picture, a web page, a PostgreSQL dump …).
    public static let notABackup = Code("not a backup")
    /// A kind of backup that cannot be read alone or at all (differential, log, stripe, encrypted …).
    public static let refusedKind = Code("refused kind")
    /// The file ends before its contents do.
    public static let truncated = Code("truncated")
    /// A checksum, length or count does not fit.
    public static let damaged = Code("damaged")
    /// A structure, type or encoding that this version does not know.
    public static let unknown = Code("unknown")
  }

  public let code: Code
  /// File name without its folder.
  public let file: String
  /// Bytes from the start of the file, where a place in the file is known.
  public let offset: Int?
  /// What was being read: "page 1:432, slot 7", "dbo.Orders, column ShipName", "MTF block".
  public let place: String?
  /// One clause: what was expected and what was there instead.
  public let problem: String
  /// One clause: what to give or do instead.
  public let advice: String?

  public init(
    _ code: Code, file: String, offset: Int? = nil, place: String? = nil, problem: String,
    advice: String? = nil
  ) {
    self.code = code
    self.file = file
    self.offset = offset
    self.place = place
    self.problem = problem
    self.advice = advice
  }
}

extension BackupError {
  /// The bytes are at fault, not the kind of file: what lies elsewhere can still be read.
  var isSkippable: Bool { [.damaged, .truncated, .unknown].contains(code) }
}

extension BackupError: CustomStringConvertible {
  /// One line, safe to log: no cell values, and no line breaks or other control characters of names that
  /// a damaged file holds.
  public var description: String {
    var line = file
    if let offset { line += ", byte \(offset)" }
    if let place { line += ", \(place)" }
    line += ": \(problem)"
    if let advice { line += "; \(advice)" }
    return String(String.UnicodeScalarView(line.unicodeScalars.map(Self.printable)))
  }

  private static func printable(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
    default: scalar
    }
  }
}
