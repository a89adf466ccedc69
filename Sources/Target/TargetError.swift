/// Why something could not be done on the target.
public struct TargetError: Error, Hashable, Sendable {
  /// The kind of failure, for code that has to decide something.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// The URI or one of its parameters is not what libpq accepts.
    public static let badURI = Code(description: "bad URI")
    /// No server answered: name, network, socket, TLS, or a server that takes no connections now.
    public static let unreachable = Code(description: "unreachable")
    /// The server does not let this user in.
    public static let authentication = Code(description: "authentication")
    /// The server has no such database.
    public static let databaseMissing = Code(description: "database missing")
    /// SQLSTATE 42501: the user may not do this.
    public static let privilege = Code(description: "privilege")
    /// SQLSTATE 25006: a standby, or a session whose transactions are read-only.
    public static let readOnly = Code(description: "read only")
    /// SQLSTATE 55P03: a lock was not to be had within `lock_timeout`.
    public static let lockTimeout = Code(description: "lock timeout")
    /// SQLSTATE 40001 and 40P01: a serialization failure or a deadlock; the transaction may be tried
    /// again.
    public static let conflict = Code(description: "conflict")
    /// The connection ended while it was in use, or is closed.
    public static let connectionLost = Code(description: "connection lost")
    /// SQLSTATE 53100: no space left on the server.
    public static let diskFull = Code(description: "disk full")
    /// SQLSTATE class 23: a constraint of the target refuses the rows.
    public static let constraint = Code(description: "constraint")
    /// SQLSTATE class 22: a value that its type does not accept.
    public static let badValue = Code(description: "bad value")
    /// SQLSTATE class RS: a check in our own SQL failed.
    public static let raised = Code(description: "raised")
    /// The task was cancelled, or somebody else cancelled the statement (SQLSTATE 57014).
    public static let cancelled = Code(description: "cancelled")
    /// A file to be copied could not be read, or ends in the middle of a row.
    public static let unreadableFile = Code(description: "unreadable file")
    /// Any other error of the server.
    public static let sql = Code(description: "SQL")
  }

  public let code: Code
  /// Five characters; nil for an error that the server did not send.
  public let sqlstate: String?
  /// The server's primary message or ours. May hold a value of the row; `description` leaves that
  /// out.
  public let message: String
  /// The server's DETAIL, which often holds values of rows.
  public var detail: String?
  public var hint: String?
  /// The server's CONTEXT: the function, or the row of a COPY with its values.
  public var context: String?
  /// Name of the constraint that was violated.
  public var constraint: String?
  /// The column of a COPY whose value was refused.
  public var column: String?
  /// The SQL file, or the CSV file of a COPY.
  public var file: String?
  /// Line in `file`, from 1; in the SQL text when there is no file.
  public var line: Int?
  /// Which statement of a text of several statements failed, from 1.
  public var statement: Int?

  public init(
    _ code: Code, sqlstate: String? = nil, _ message: String, hint: String? = nil,
    file: String? = nil
  ) {
    self.code = code
    self.sqlstate = sqlstate
    self.message = message
    self.hint = hint
    self.file = file
  }
}

extension TargetError {
  /// The code of a server's SQLSTATE.
  static func code(ofSQLSTATE sqlstate: String) -> Code {
    switch sqlstate {
    case "42501": .privilege
    case "25006": .readOnly
    case "55P03": .lockTimeout
    case "40001", "40P01": .conflict
    case "53100": .diskFull
    case "57014": .cancelled
    case "57P01", "57P02", "57P05", "25P03", "25P04": .connectionLost
    case "57P03", "53300": .unreachable
    case "3D000": .databaseMissing
    default:
      switch sqlstate.prefix(2) {
      case "08": .connectionLost
      case "22": .badValue
      case "23": .constraint
      case "28": .authentication
      case "RS": .raised
      default: .sql
      }
    }
  }
}

extension TargetError: CustomStringConvertible, CustomDebugStringConvertible {
  /// One line without values of rows, passwords or connection strings: safe to log.
  public var description: String {
    var text = place.map { $0 + ": " } ?? ""
    if let sqlstate { text += "[\(sqlstate)] " }
    text += code == .badValue ? Self.redacted(message) : message
    if let column { text += ": column \(column)" }
    if let hint { text += " (\(hint))" }
    return Self.oneLine(text)
  }

  /// Everything known, one line for each part, with the values of rows that the server quotes.
  public var debugDescription: String {
    let head = (place.map { $0 + ": " } ?? "") + (sqlstate.map { "[\($0)] " } ?? "") + message
    let parts = [
      ("detail", detail), ("hint", hint), ("context", context), ("constraint", constraint),
    ]
    return ([head] + parts.compactMap { name, value in value.map { "\(name): \($0)" } })
      .joined(separator: "\n")
  }

  private var place: String? {
    let parts = [
      file, line.map { "line \($0)" },
      line == nil ? statement.map { "statement \($0)" } : nil,
    ].compactMap(\.self)
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// Leaves out what stands in quotes, from the first quotation mark of any kind to the last:
  /// messages of class 22 quote the value that was refused.
  private static func redacted(_ message: String) -> String {
    let marks: Set<Character> = ["\"", "'", "«", "»", "„", "“", "”", "‘", "’", "「", "」"]
    guard let first = message.firstIndex(where: marks.contains),
      let last = message.lastIndex(where: marks.contains), first < last
    else { return message }
    return message[..<first] + "\"…\"" + message[message.index(after: last)...]
  }

  static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
