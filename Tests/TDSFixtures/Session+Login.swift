// How a connection comes to its session: PRELOGIN, TLS, LOGIN7.

import BackupFixtures
import NIOCore
import NIOSSL

extension Session {
  func beginLogin(_ bytes: [UInt8], _ context: ChannelHandlerContext) throws {
    let wish = try Prelogin(parsing: bytes).encryption
    let answer = server.configuration.encryption.answer(wish)
    send(Prelogin.answer(answer), context)
    phase = .login(answer)
    guard answer != .notSupported, wish != .notSupported, let tls = server.tls else { return }
    // What the server requires is what the client now does.
    if answer == .required { phase = .login(.on) }
    try context.pipeline.syncOperations.addHandlers(
      [TLSTunnel(), NIOSSLServerHandler(context: tls)], position: .first)
  }

  func logIn(
    _ bytes: [UInt8], _ encryption: Prelogin.Encryption, _ context: ChannelHandlerContext
  ) {
    guard encryption == .off else {
      state.isEncrypted = encryption == .on
      finishLogin(bytes, encryption, context)
      return
    }
    // The TLS handler is still at work on the record that brought the login.
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.execute {
      let (session, context) = bound.value
      do {
        let handler = try context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
        context.pipeline.syncOperations.removeHandler(handler).assumeIsolated().whenComplete { _ in
          session.finishLogin(bytes, encryption, context)
        }
      } catch {
        session.fail(error, context)
      }
    }
  }

  private func finishLogin(
    _ bytes: [UInt8], _ encryption: Prelogin.Encryption, _ context: ChannelHandlerContext
  ) {
    do {
      let login = try Login7(parsing: bytes)
      guard encryption != .required else {
        throw ProtocolError("a login in the clear, where the server requires TLS")
      }
      if NTLM.isNegotiate(login.securityToken), server.faults.loginRefusal == nil {
        let challenge = NTLM.Challenge()
        send(Token.security(challenge.token), context)
        phase = .challenged(login, challenge)
        return
      }
      if let tickets = server.configuration.tickets, !login.securityToken.isEmpty {
        checkTicket(of: login, tickets, context)
        return
      }
      if let refusal = refusal(of: login) {
        begin(Response(refusal.map { .message($0) }), fault: nil, closesAtEnd: true, context)
        return
      }
      accept(login, context)
    } catch {
      fail(error, context)
    }
  }

  private func checkTicket(
    of login: Login7, _ tickets: TicketLogins, _ context: ChannelHandlerContext
  ) {
    let ticket: AcceptedTicket
    do {
      guard login.user.isEmpty, login.password.isEmpty else {
        throw ProtocolError("a user or a password beside a ticket")
      }
      ticket = try AcceptedTicket(checking: login.securityToken, tickets)
    } catch {
      // The client hears less than the server's log.
      server.note("connection \(state.connection): \(error)")
      begin(Response([.message(Self.untrusted)]), fault: nil, closesAtEnd: true, context)
      return
    }
    var login = login
    login.user = ticket.user
    if let refusal = refusal(of: login, isKnown: tickets.users.contains(ticket.user)) {
      begin(Response(refusal.map { .message($0) }), fault: nil, closesAtEnd: true, context)
      return
    }
    accept(login, context, proof: ticket.answer)
  }

  private static let untrusted = ServerMessage(
    18452, severity: 14,
    "Login failed. The login is from an untrusted domain and cannot be used with Integrated "
      + "authentication.")

  /// A Windows login becomes one with the password that its last token proves.
  func finishWindowsLogin(
    _ login: Login7, _ challenge: NTLM.Challenge, answer: [UInt8], _ context: ChannelHandlerContext
  ) {
    do {
      let proof = try NTLM.Authenticate(parsing: answer)
      var login = login
      login.user = "\(proof.domain)\\\(proof.user)"
      let password = server.configuration.users[login.user]
      if let password, proof.proves(password, for: challenge) { login.password = password }
      if let refusal = refusal(of: login) {
        begin(Response(refusal.map { .message($0) }), fault: nil, closesAtEnd: true, context)
        return
      }
      accept(login, context)
    } catch {
      fail(error, context)
    }
  }

  /// The messages with which the login is refused; nil when it is right.
  ///
  /// - Parameter isKnown: Whether a ticket's user is let in; nil for a login with a password.
  private func refusal(of login: Login7, isKnown: Bool? = nil) -> [ServerMessage]? {
    let configuration = server.configuration
    let failed = ServerMessage(
      18456, severity: 14, "Login failed for user '\(login.user)'.")
    if let refusal = server.refusalOfNextLogin() { return [refusal] }
    guard login.tdsVersion >= 0x7300_0000 else {
      let version = String(login.tdsVersion, radix: 16)
      return [ServerMessage(50_002, "TDS version \(version) is too old for this server")]
    }
    guard isKnown != nil || login.securityToken.isEmpty || NTLM.isNegotiate(login.securityToken)
    else { return [Self.untrusted] }
    guard isKnown ?? (configuration.users[login.user] == login.password) else { return [failed] }
    guard login.database.isEmpty || server.has(database: login.database) else {
      let text =
        "Cannot open database \"\(login.database)\" requested by the login. The login failed."
      return [ServerMessage(4060, severity: 11, text), failed]
    }
    return nil
  }

  /// - Parameter proof: A token with which the answer begins, where the client has asked for one.
  private func accept(
    _ login: Login7, _ context: ChannelHandlerContext, proof: [UInt8] = []
  ) {
    let defaultDatabase = server.configuration.databases.first ?? "master"
    state.user = login.user
    state.application = login.application
    state.database = login.database.isEmpty ? defaultDatabase : login.database
    state.tdsVersion = min(login.tdsVersion, 0x7400_0004)
    if login.isODBC { state.textSize = .max }
    let wish = login.packetByteCount == 0 ? 4096 : login.packetByteCount
    let old = state.packetByteCount
    let new = min(max(wish, 512), 32_767)
    let changes: [EnvironmentChange] = [
      .database(new: state.database, old: "master"), .collation(.sqlLatin1),
      .language(new: "us_english"), .packetSize(new: new, old: old),
    ]
    server.countLogin(context.channel)
    let welcome = ServerMessage(
      5701, severity: 0, "Changed database context to '\(state.database)'.")
    send(
      (proof.isEmpty ? [] : Token.security(proof)) + changes.flatMap(Token.environment)
        + Token.message(welcome, server: server.name)
        + Token.loginAck(version: state.tdsVersion) + Token.done([]), context)
    state.packetByteCount = new
    phase = .ready
  }
}
