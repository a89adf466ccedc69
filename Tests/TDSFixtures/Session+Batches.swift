// What a session does with batches.

import NIOCore

extension Session {
  func answer(_ bytes: [UInt8], _ context: ChannelHandlerContext) throws {
    var text = try BatchText(parsing: bytes, transaction: state.transaction ?? 0).text
    let number = server.count(batch: text)
    let fault = server.faultCounter.fault(for: text)
    let wantsColumnsOnly = SessionStatement.takeFormatOnly(from: &text)
    let changes = SessionStatement.take(from: &text).map { obey($0) }
    var response = Response(changes.flatMap(\.self))
    let isLeft = text.split(separator: "\n").contains {
      !$0.hasPrefix("--") && $0.contains { !$0.isWhitespace }
    }
    if isLeft {
      do {
        let batch = Batch(text: text, number: number, session: state, fault: fault)
        let parts = try server.answer(batch).parts
        response.parts += wantsColumnsOnly ? parts.map(\.withoutRows) : parts
      } catch let message as ServerMessage {
        response.parts.append(.message(message))
      } catch {
        response.parts.append(.message(ServerMessage(50_000, "\(error)")))
      }
    }
    begin(response, fault: fault, context)
  }

  private func obey(_ statement: SessionStatement) -> [Response.Part] {
    switch statement {
    case .set: return [.statement(rowCount: nil)]
    case .textSize(let size):
      state.textSize = size == -1 ? .max : size == 0 ? 4096 : size
      return [.statement(rowCount: nil)]
    case .use(let database):
      guard server.has(database: database) else {
        let text = "Database '\(database)' does not exist. Make sure that the name is right."
        return [.message(ServerMessage(911, text))]
      }
      defer { state.database = database }
      let text = "Changed database context to '\(database)'."
      return [
        .environment(.database(new: database, old: state.database)),
        .message(ServerMessage(5701, severity: 0, text)), .statement(rowCount: nil),
      ]
    case .begin:
      let id = UInt64(state.connection) << 32 | UInt64(server.batchCount)
      state.transaction = id
      return [.environment(.transactionBegun(id)), .statement(rowCount: nil)]
    case .commit, .rollback:
      guard let id = state.transaction else { return [.statement(rowCount: nil)] }
      state.transaction = nil
      var change = EnvironmentChange.transactionCommitted(id)
      if case .rollback = statement { change = .transactionRolledBack(id) }
      return [.environment(change), .statement(rowCount: nil)]
    }
  }

  func begin(
    _ response: Response, fault: Fault?, closesAtEnd: Bool = false,
    _ context: ChannelHandlerContext
  ) {
    outbox = Outbox(
      response, fault: fault, closesAtEnd: closesAtEnd || response.isFatal, session: state,
      server: server.name)
    phase = .answering
    pump(context)
  }

  /// Sends as much as the client takes, and now and then looks what the client has to say.
  func pump(_ context: ChannelHandlerContext) {
    var packetCount = 0
    while case .answering = phase, context.channel.isWritable, outbox?.isDrained == true,
      let step = outbox?.next()
    {
      switch step {
      case .packets(let packets):
        send(packets, context)
        packetCount += packets.count
        if packetCount >= 32 {
          pumpLater(context)
          return
        }
      case .last(let packet):
        phase = .ready
        send([packet], context)
        if outbox?.closesAtEnd == true { close(context) }
      case .halt(let packets, let halt):
        send(packets, context)
        self.halt(halt, context)
      }
    }
  }

  /// The pause is what makes the event loop look at its sockets again.
  private func pumpLater(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: .microseconds(50)) {
      let (session, context) = bound.value
      session.pump(context)
    }
  }

  /// The client wants no more: the answer ends with a DONE that says so.
  func interrupt(_ context: ChannelHandlerContext) {
    phase = .ready
    send(outbox?.interrupted() ?? [], context)
  }
}

extension Response.Part {
  fileprivate var withoutRows: Response.Part {
    guard case .rows(let result) = self else { return self }
    return .rows(ResultSet(result.columns, form: result.form, rows: []))
  }
}

extension Response {
  fileprivate var isFatal: Bool {
    parts.contains {
      if case .message(let message) = $0 { message.severity >= 20 } else { false }
    }
  }
}
