/// Why something could not be read from a live server.
public struct ServerError: Error, Hashable, Sendable {
  /// The kind of failure, for code that has to decide something; a new code breaks no caller.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private init(_ description: String) { self.description = description }

    /// The URI, or what comes with it, is not what it should be (exit code 64).
    public static let badURI = Code("bad URI")
    /// The password file cannot be used (exit code 77).
    public static let passwordFile = Code("password file")
    /// The host's name has no address (69).
    public static let nameResolution = Code("name resolution")
    /// Nothing answers at the address and port (69).
    public static let unreachable = Code("unreachable")
    /// The encrypted channel was not to be had as it was asked for (69).
    public static let tls = Code("TLS")
    /// The server does not let this login in (77).
    public static let login = Code("login")
    /// The server has no such database, or the login may not open it (66).
    public static let database = Code("database")
    /// The login may not do this (77).
    public static let permission = Code("permission")
    /// The connection ended while it was in use (69); the work may be tried again.
    public static let connectionLost = Code("connection lost")
    /// No byte came for as long as the limit says (69); the work may be tried again.
    public static let stalled = Code("stalled")
    /// A lock was not to be had, or a deadlock chose this session (69); the work may be tried again.
    public static let conflict = Code("conflict")
    /// A program that is to do the work cannot be used (69).
    public static let program = Code("program")
    /// No connection is left that sees the state which ranges of a table are read in (69); the table
    /// can be begun again as a whole.
    public static let stateLost = Code("state lost")
    /// Any other error of the server (66).
    public static let sql = Code("SQL")
    /// The server's answer is not what it promised: a count, a column, a type, a value (66).
    public static let badAnswer = Code("bad answer")
    /// A kind of server, column or value that is not read (66).
    public static let unknown = Code("unknown")
  }

  public let code: Code
  /// `host:port/database`, without user and password.
  public let server: String
  /// What was being read: "dbo.Orders, row 17, column ShipName", "restage: columns".
  public var place: String?
  /// One clause: what was expected and what was there instead; the server's own words where it said
  /// something.
  public let problem: String
  /// One clause: what to give or do instead.
  public let advice: String?
  /// The server's message number; nil for an error that the server did not send.
  public let number: Int?

  public init(
    _ code: Code, server: String, place: String? = nil, problem: String, advice: String? = nil,
    number: Int? = nil
  ) {
    self.code = code
    self.server = server
    self.place = place
    self.problem = problem
    self.advice = advice
    self.number = number
  }

  /// Whether the same work on a new connection may succeed.
  public var isTransient: Bool {
    code == .connectionLost || code == .stalled || code == .conflict
  }

  /// Whether no session with the database came about, for a reason other than the login itself.
  var isOutOfReach: Bool {
    [.nameResolution, .unreachable, .tls, .database].contains(code)
  }

  /// The same error of a server that was in reach before.
  var asLostConnection: ServerError {
    ServerError(
      .connectionLost, server: server, place: place, problem: problem, advice: advice,
      number: number)
  }

  /// The same error, said to have happened at a place.
  func at(_ place: String) -> ServerError {
    var copy = self
    copy.place = self.place.map { "\(place), \($0)" } ?? place
    return copy
  }
}

extension ServerError: CustomStringConvertible {
  /// One line, safe to log: no cell values, no passwords.
  public var description: String {
    var line = server
    if let place { line += ", \(place)" }
    line += ": \(problem)"
    if let advice { line += "; \(advice)" }
    return line.split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
