// mssql://[USER@]HOST[\INSTANCE][:PORT]/DATABASE[?option=value&…]

/// Which server, which database, as whom, and how the channel is protected. Never a password.
public struct ServerAddress: Hashable, Sendable {
  public enum Encryption: String, Sendable {
    /// In the clear; a server that insists on TLS refuses.
    case off
    /// TLS for the login, and for the rest where the server wants it.
    case request
    /// TLS from the login to the end, or no connection.
    case require
  }

  /// Whether the server is who it says.
  public enum Trust: Hashable, Sendable {
    /// Whatever certificate it shows.
    case anyone
    /// A certificate signed by one of those in a PEM file.
    case authorities(file: String)
    /// A certificate signed by one that the operating system trusts.
    case system
  }

  /// How the server is told who asks.
  public enum Authentication: String, Sendable {
    /// A user and a password; a user with a backslash is a Windows login by NTLMv2.
    case password
    /// The ticket of whoever runs restage.
    case kerberos
  }

  /// Empty with `kerberos`.
  public var user: String
  public var authentication = Authentication.password
  /// The name of the server in the realm of `kerberos`; nil for the one that follows from host and port.
  public var serviceName: String?
  public var host: String
  public var port: Int?
  public var instance: String?
  public var database: String
  public var encryption = Encryption.request
  public var trust = Trust.anyone
  /// Whether the certificate must name `host`; only asked where a certificate is checked at all.
  public var checksHost = true
  /// 7.3 instead of 7.4, for SQL Server 2008.
  public var usesTDS73 = false
  /// Asks an availability group for a secondary replica that can be read.
  public var isReadOnlyIntent = false
  public var limits = ServerLimits()

  public static let scheme = "mssql://"

  /// Whether a source specification means a live server.
  public static func isURI(_ text: String) -> Bool {
    text.prefix(scheme.count).lowercased() == scheme
  }

  /// - Throws: `badURI`. The message never repeats what could be a password.
  public init(_ uri: String) throws(ServerError) {
    let parts = try URIParts(uri)
    user = try parts.user()
    (host, instance, port) = try parts.hostInstanceAndPort()
    database = try parts.database()
    for (name, value) in try parts.options() {
      try set(name, value)
    }
    try check()
  }

  /// `host:port/database`, for messages.
  public var label: String {
    let shownHost = host.contains(":") ? "[\(host)]" : host
    let place = instance.map { "\\\($0)" } ?? ":\(port ?? Self.defaultPort)"
    return "\(shownHost)\(place)/\(database)"
  }

  static let defaultPort = 1433
  /// db-lib's own bound of a login field (TDS_MAX_LOGIN_STR_SZ).
  static let fieldByteCountMax = 128

  private mutating func set(_ name: String, _ value: String) throws(ServerError) {
    switch name {
    case "auth":
      guard let way = Authentication(rawValue: value) else {
        throw .badURI("auth takes password or kerberos")
      }
      authentication = way
    case "spn":
      guard Self.isServiceName(value) else {
        throw .badURI(
          "spn takes a service and a host, MSSQLSvc/HOST:PORT, with @REALM where it is another one")
      }
      serviceName = value
    case "encrypt":
      guard let level = Encryption(rawValue: value) else {
        throw .badURI("encrypt takes off, request or require")
      }
      encryption = level
    case "ca":
      guard !value.isEmpty else { throw .badURI("ca takes a PEM file, or system") }
      trust = value == "system" ? .system : .authorities(file: value)
    case "check_host": checksHost = try Self.flag(name, value)
    case "instance":
      guard instance == nil else { throw .badURI("the instance is given twice") }
      guard Self.isInstanceName(value) else {
        throw .badURI("instance takes 1 to 16 letters, digits, _, $ and #")
      }
      instance = value
    case "tds":
      guard value == "7.4" || value == "7.3" else { throw .badURI("tds takes 7.4 or 7.3") }
      usesTDS73 = value == "7.3"
    case "intent":
      guard value == "read" else { throw .badURI("intent takes read") }
      isReadOnlyIntent = true
    case "login_timeout": limits.loginSeconds = try Self.seconds(name, value)
    case "stall_timeout": limits.stallSeconds = try Self.seconds(name, value)
    case "range_rows":
      guard let number = Int(value), (1...1_000_000_000).contains(number) else {
        throw .badURI("range_rows takes 1 to 1000000000 rows")
      }
      limits.rangeRowCount = number
    default:
      throw .badURI(
        "there is no option of this name in the source's URI",
        advice: """
          known are auth, spn, encrypt, ca, check_host, instance, tds, intent, login_timeout, \
          stall_timeout and range_rows
          """)
    }
  }

  private mutating func check() throws(ServerError) {
    switch authentication {
    case .password:
      guard !user.isEmpty else { throw .badURI("it names no user") }
      guard serviceName == nil else { throw .badURI("spn is for auth=kerberos") }
    case .kerberos:
      guard user.isEmpty else {
        throw .badURI(
          "it names a user, and auth=kerberos takes the one of the ticket",
          advice: "write mssql://HOST/DATABASE?auth=kerberos, and kinit as that user before")
      }
    }
    if instance != nil, port != nil {
      throw .badURI("both an instance and a port are given; the instance's port is looked up")
    }
    if trust != .anyone {
      guard encryption != .off else {
        throw .badURI("ca needs TLS, and encrypt=off is without it")
      }
      // A server without TLS must not pass for one whose certificate was checked.
      encryption = .require
    }
    for (name, value) in [("user", user), ("database", database)]
    where value.utf8.count > Self.fieldByteCountMax {
      throw .badURI("the \(name)'s name has more than \(Self.fieldByteCountMax) bytes")
    }
  }

  static func isInstanceName(_ name: String) -> Bool {
    (1...16).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x24, 0x23: true
        default: false
        }
      }
  }

  /// The name goes into a configuration line, so nothing passes that could end one.
  private static func isServiceName(_ name: String) -> Bool {
    let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    return name.utf8.count <= 300 && parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
      && name.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x3A, 0x40, 0x5F, 0x24: true
        default: false
        }
      }
  }

  private static func flag(_ name: String, _ value: String) throws(ServerError) -> Bool {
    switch value {
    case "yes": return true
    case "no": return false
    default: throw .badURI("\(name) takes yes or no")
    }
  }

  private static func seconds(_ name: String, _ value: String) throws(ServerError) -> Int {
    guard let number = Int(value), (1...86_400).contains(number) else {
      throw .badURI("\(name) takes 1 to 86400 seconds")
    }
    return number
  }
}

/// The URI cut into its parts, each still percent-encoded.
private struct URIParts {
  private let userInfo: Substring
  private let authority: Substring
  private let path: Substring
  private let query: Substring

  init(_ uri: String) throws(ServerError) {
    guard ServerAddress.isURI(uri) else { throw .badURI("it does not begin with mssql://") }
    guard !uri.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      throw .badURI("it holds a control character")
    }
    var rest = uri.dropFirst(ServerAddress.scheme.count)
    guard !rest.contains("#") else { throw .badURI("# must be written %23") }
    let mark = rest.firstIndex(of: "?")
    query = mark.map { rest[rest.index(after: $0)...] } ?? ""
    rest = rest[..<(mark ?? rest.endIndex)]
    guard let slash = rest.firstIndex(of: "/") else { throw .badURI("it names no database") }
    path = rest[rest.index(after: slash)...]
    rest = rest[..<slash]
    guard let at = rest.lastIndex(of: "@") else {
      (userInfo, authority) = ("", rest)
      return
    }
    guard at > rest.startIndex else { throw .badURI("it names no user") }
    userInfo = rest[..<at]
    authority = rest[rest.index(after: at)...]
  }

  func user() throws(ServerError) -> String {
    guard !userInfo.contains(":") else {
      throw .badURI(
        "it holds a password",
        advice: "give the password in RESTAGE_SOURCE_PASSWORD or with --password-file")
    }
    guard !userInfo.contains("@") else { throw .badURI("an @ in the user's name must be %40") }
    return try decoded(userInfo, "user")
  }

  func hostInstanceAndPort() throws(ServerError) -> (String, instance: String?, port: Int?) {
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else {
        throw .badURI("the address in brackets has no end")
      }
      let address = authority[authority.index(after: authority.startIndex)..<end]
      guard isIPv6(address) else { throw .badURI("what is in brackets is no IPv6 address") }
      let (instance, port) = try instanceAndPort(authority[authority.index(after: end)...])
      // RFC 6874 writes the % before a zone as %25.
      return (String(address).replacing("%25", with: "%"), instance, port)
    }
    let end =
      authority.firstIndex { $0 == ":" || $0 == "\\" }
      ?? authority.firstRange(of: "%5C")?.lowerBound
      ?? authority.firstRange(of: "%5c")?.lowerBound
      ?? authority.endIndex
    let host = authority[..<end]
    guard isHostName(host) else {
      throw .badURI("the host's name is empty, too long, or holds what no host's name holds")
    }
    let (instance, port) = try instanceAndPort(authority[end...])
    return (String(host), instance, port)
  }

  func database() throws(ServerError) -> String {
    guard !path.contains("/") else {
      throw .badURI("a / in the database's name must be written %2F")
    }
    let database = try decoded(path, "database")
    guard !database.isEmpty else { throw .badURI("it names no database") }
    return database
  }

  func options() throws(ServerError) -> [(String, String)] {
    var options: [(String, String)] = []
    for part in query.split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else { throw .badURI("an option has no value") }
      let name = try decoded(pair[0], "option")
      guard !options.contains(where: { $0.0 == name }) else {
        throw .badURI("an option is given twice")
      }
      options.append((name, try decoded(pair[1], "option")))
    }
    return options
  }

  /// What follows the host: nothing, `:PORT`, or `\INSTANCE`.
  private func instanceAndPort(
    _ rest: Substring
  ) throws(ServerError) -> (instance: String?, port: Int?) {
    if rest.isEmpty { return (nil, nil) }
    if rest.hasPrefix(":") {
      let digits = rest.dropFirst()
      guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits),
        (1...65_535).contains(port)
      else { throw .badURI("the port is not a number from 1 to 65535") }
      return (nil, port)
    }
    let decodedRest = try decoded(rest, "instance")
    guard decodedRest.hasPrefix("\\"),
      ServerAddress.isInstanceName(String(decodedRest.dropFirst()))
    else {
      throw .badURI("the instance is not 1 to 16 letters, digits, _, $ and #")
    }
    return (String(decodedRest.dropFirst()), nil)
  }

  private func decoded(_ text: Substring, _ what: String) throws(ServerError) -> String {
    guard let decoded = PercentEncoding.decode(text), !decoded.utf8.contains(0) else {
      throw .badURI("the \(what) is not well percent-encoded", advice: "write other bytes as %XX")
    }
    return decoded
  }

  /// The name goes into a configuration line, so nothing passes that could end or comment one.
  private func isHostName(_ host: Substring) -> Bool {
    (1...200).contains(host.utf8.count)
      && host.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
      }
  }

  private func isIPv6(_ address: Substring) -> Bool {
    (2...64).contains(address.utf8.count) && address.contains(":")
      && address.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x3A, 0x25: true
        default: false
        }
      }
  }
}

/// Percent-encoding of URIs (RFC 3986).
enum PercentEncoding {
  /// - Returns: nil where a % is not followed by two hex digits or the bytes are not UTF-8.
  static func decode(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexDigit),
        let low = rest.popFirst().flatMap(hexDigit)
      else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}

extension ServerError {
  static func badURI(_ problem: String, advice: String? = nil) -> ServerError {
    ServerError(
      .badURI, server: "source URI", problem: problem,
      advice: advice ?? "write mssql://USER@HOST[:PORT]/DATABASE[?encrypt=require&ca=FILE]")
  }
}
