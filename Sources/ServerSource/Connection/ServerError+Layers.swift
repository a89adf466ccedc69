// Says which layer failed: name, network, TLS, login, database, permission, or the work itself.

import CSybDB

extension ServerError {
  /// - Parameter log: What was heard while `dbopen` failed.
  init(connecting address: ServerAddress, _ log: MessageLog) {
    if let message = log.errors.first(where: { Refusal($0, address) != nil }) ?? log.errors.last {
      self.init(connecting: address, message)
      return
    }
    // The library says more than one thing; the first is the cause.
    let layer = log.libraryErrors.lazy.compactMap { Layer($0) }.first ?? .handshake
    // Without a ticket db-lib gives up before the login is sent, and does not say so.
    if layer == .handshake, let refused = ServerError(withoutTicketFor: address) {
      self = refused
      return
    }
    let heard = log.libraryErrors.first
    self.init(
      layer.code(address), server: address.label, problem: layer.problem(address, heard),
      advice: layer.advice(address))
  }

  /// - Returns: nil where the ticket is not to blame.
  private init?(withoutTicketFor address: ServerAddress) {
    guard address.authentication == .kerberos else { return nil }
    let service = Kerberos.service(of: address)
    // The realm may know an instance by its port alone. The user's own ticket is then all that can be asked for.
    let asked = service ?? "MSSQLSvc/\(address.host)"
    guard let refusal = Kerberos.refusal(of: asked) else { return nil }
    guard service != nil || !refusal.isUnknownService else {
      self.init(
        .login, server: address.label,
        problem: "the server was reached, and no login by Kerberos came about",
        advice:
          "has the directory the service \(asked):PORT with the port of the instance (setspn -Q)? "
          + "another name is given with spn in the URI; else look at TLS (encrypt, ca)")
      return
    }
    self.init(
      refusal.code, server: address.label,
      problem: "the server was reached, and there is no Kerberos ticket for \(asked): "
        + refusal.reason,
      advice: refusal.advice)
  }

  private init(connecting address: ServerAddress, _ message: ServerMessage) {
    let refusal = Refusal(message, address)
    self.init(
      refusal?.code ?? .login, server: address.label,
      problem: "\(message.text) (message \(message.number), state \(message.state))",
      advice: refusal?.advice, number: message.number)
  }

  /// The same error of a login that was tried without a password: more often one that was forgotten
  /// than one that is empty.
  var withoutPassword: ServerError {
    guard code == .login else { return self }
    return ServerError(
      code, server: server, place: place,
      problem: problem
        + ", and no password was given (RESTAGE_SOURCE_PASSWORD or --password-file)",
      advice: advice, number: number)
  }

  /// - Parameters:
  ///   - log: What was heard while the connection was used.
  ///   - otherwise: The problem where nothing was heard.
  init(using address: ServerAddress, _ log: MessageLog, isDead: Bool, otherwise: String) {
    if let message = log.errors.first {
      let refusal = Refusal(message, address)
      self.init(
        refusal?.code ?? (isDead ? .connectionLost : .sql), server: address.label,
        problem: "\(message.text) (message \(message.number), line \(message.line))",
        advice: refusal?.advice, number: message.number)
    } else if let error = log.libraryErrors.first {
      self.init(using: address, error, isDead: isDead)
    } else {
      self.init(
        isDead ? .connectionLost : .badAnswer, server: address.label,
        problem: otherwise.isEmpty ? "the server's answer ends too early" : otherwise,
        advice: "try again; the server's error log may say why it ended")
    }
  }

  private init(using address: ServerAddress, _ error: LibraryError, isDead: Bool) {
    switch error.number {
    case SYBETIME:
      self.init(
        .stalled, server: address.label,
        problem: "not a byte came for \(address.limits.stallSeconds) s",
        advice: "is the query blocked or sorting? stall_timeout in the URI changes the limit")
    case SYBEICONVI, SYBEICONVIU, SYBEICONVO, SYBEICONVAVAIL, SYBEICONV2BIG:
      self.init(
        .badAnswer, server: address.label,
        problem: "text of the catalog cannot be converted: \(error.text)",
        advice: "look for names that are not valid UTF-16")
    default:
      self.init(
        isDead ? .connectionLost : .badAnswer, server: address.label,
        problem: "db-lib error \(error.number): \(error.text)\(error.systemReason)",
        advice: isDead ? "try again; the server's error log may say why it ended" : nil)
    }
  }
}

extension LibraryError {
  fileprivate var systemReason: String {
    systemError == 0 || systemText.isEmpty ? "" : " (\(systemText))"
  }
}

/// What a message of the server comes to, by its number.
private struct Refusal {
  let code: ServerError.Code
  let advice: String?

  init?(_ message: ServerMessage, _ address: ServerAddress) {
    switch message.number {
    case 18452 where address.authentication == .kerberos:
      code = .login
      let service = Kerberos.service(of: address) ?? "MSSQLSvc/HOST:PORT"
      advice =
        "the server does not take the Kerberos ticket: does \(service) belong to the account that "
        + "it runs as, and to no other (setspn -Q \(service))? do the clocks agree?"
    case 18456 where address.authentication == .kerberos:
      code = .login
      advice =
        "the Kerberos ticket is good and its user is not let in: CREATE LOGIN [DOMAIN\\USER] FROM "
        + "WINDOWS; the server's error log has the state that says why"
    case 18456, 18452, 18450, 18486:
      code = .login
      advice = "check user and password; the server's error log has the state that says why"
    case 18470:
      code = .login
      advice = "the login is disabled: ALTER LOGIN … ENABLE"
    case 18487, 18488:
      code = .login
      advice = "change the login's password first"
    case 40615, 40914:
      code = .login
      advice = "add this machine's address to the server's firewall rules"
    case 904, 921, 922, 952, 983, 17142, 18401, 40613, 49918, 49919, 49920:
      code = .unreachable
      advice = "the server or the database is about to start, or moves; try again in some minutes"
    case 976, 978:
      code = .database
      advice = "does the availability group let secondary replicas be read? with intent=read alone?"
    case 4060, 4064, 911, 916, 942, 945, 927:
      code = .database
      advice = "check the database's name and state, and that the login has a user in it"
    case 229, 230, 262, 297, 300, 371, 15247:
      code = .permission
      advice = "GRANT SELECT and VIEW DEFINITION to the login's user; see docs/live-source.md"
    case 1205:
      code = .conflict
      advice = nil
    case 1222:
      code = .conflict
      advice = "somebody holds a lock on the table; allow SNAPSHOT isolation in the database"
    case 3958, 3967:
      code = .conflict
      advice = "the server had no room left for versions of rows that others changed (tempdb)"
    case 3960, 3961, 3966:
      code = .conflict
      advice = "the table was changed in the middle of the snapshot; try again"
    case 596, 6002, 6005, 17187, 17809, 10928, 10929, 40197, 40501:
      code = .connectionLost
      advice = "the server ended or refused the session; try again"
    default: return nil
    }
  }
}

/// Where a connection failed before the server could say so.
private enum Layer {
  case name, network, silence, handshake

  init?(_ error: LibraryError) {
    switch error.number {
    case SYBEUHST, SYBEINTF: self = .name
    case SYBECONN, SYBESOCK: self = .network
    case SYBETIME: self = .silence
    case SYBEFCON, SYBESEOF, SYBEREAD, SYBEWRIT, SYBETDSVER, SYBEUTDS, SYBEBTOK: self = .handshake
    default: return nil
    }
  }

  func code(_ address: ServerAddress) -> ServerError.Code {
    switch self {
    case .name: .nameResolution
    case .network, .silence: .unreachable
    case .handshake: address.encryption == .off ? .unreachable : .tls
    }
  }

  func problem(_ address: ServerAddress, _ heard: LibraryError?) -> String {
    let reason = heard?.systemReason ?? ""
    return switch self {
    case .name: "the host's name \(address.host) has no address"
    case .network:
      address.instance.map { "instance \($0) cannot be connected to\(reason)" }
        ?? "the port cannot be connected to\(reason)"
    case .silence: "the server did not answer within \(address.limits.loginSeconds) s"
    case .handshake: "the server was reached, and the login did not come about\(reason)"
    }
  }

  func advice(_ address: ServerAddress) -> String {
    switch self {
    case .name: "check the host's name in the URI and DNS"
    case .network:
      address.instance == nil
        ? "check host, port and firewall, and that TCP/IP is enabled on the server"
        : "is the instance running, and the SQL Server Browser (UDP 1434)? or name its port"
    case .silence:
      "check host, port and firewall; login_timeout in the URI changes the limit"
    case .handshake:
      switch (address.encryption, address.trust) {
      case (.off, _): "the server may insist on TLS: leave out encrypt=off"
      case (.request, _): "does a server of SQL listen there? try encrypt=require or encrypt=off"
      case (.require, .anyone): "the server may be without TLS: try encrypt=request"
      case (.require, _):
        "is the certificate signed by one of ca, in date, and made out to the host of the URI?"
      }
    }
  }
}
