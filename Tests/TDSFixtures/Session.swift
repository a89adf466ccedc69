// One connection: PRELOGIN, TLS, LOGIN7, then batches one after another.

import NIOCore
import NIOSSL

final class Session: ChannelInboundHandler {
  typealias InboundIn = Message
  typealias OutboundOut = ByteBuffer

  let server: ServerCore
  var phase = Phase.prelogin
  var state: SessionState
  var outbox: Outbox?

  enum Phase {
    case prelogin
    case login(Prelogin.Encryption)
    case challenged(Login7, NTLM.Challenge)
    case ready
    case answering
    /// An answer that was stopped on purpose; nothing is sent any more.
    case stalled
    case closed
  }

  init(_ server: ServerCore, connection: Int) {
    self.server = server
    state = SessionState(connection: connection)
  }

  /// Until the login has agreed on a size, what any packet may have.
  var packetByteCountMax: Int {
    if case .prelogin = phase { return 32_767 }
    if case .login = phase { return 32_767 }
    if case .challenged = phase { return 32_767 }
    return state.packetByteCount
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let message = unwrapInboundIn(data)
    do {
      switch (phase, message.type) {
      case (.prelogin, .prelogin): try beginLogin(message.bytes, context)
      case (.login(let encryption), .login7): logIn(message.bytes, encryption, context)
      case (.challenged(let login, let challenge), .securityToken):
        finishWindowsLogin(login, challenge, answer: message.bytes, context)
      case (.ready, .sqlBatch): try answer(message.bytes, context)
      case (.ready, .attention): send(Token.done(.attention), context)
      case (.answering, .attention), (.stalled, .attention): interrupt(context)
      case (.ready, .rpc), (.ready, .bulkLoad), (.ready, .transactionManager):
        begin(
          Response([
            .message(ServerMessage(50_001, "the server takes SQL batches only"))
          ]), fault: nil, context)
      case (.closed, _): break
      default: throw ProtocolError("a message \(message.type) where none may come")
      }
    } catch {
      fail(error, context)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { pump(context) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    phase = .closed
    outbox = nil
    server.configuration.onEnd(state.connection)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Many clients leave without a goodbye of TLS.
    if case .uncleanShutdown = error as? NIOSSLError { return }
    fail(error, context)
  }

  /// Whatever goes wrong below or above TDS ends the connection, and is remembered.
  func fail(_ error: any Error, _ context: ChannelHandlerContext) {
    if case .closed = phase { return }
    server.note("connection \(state.connection): \(error)")
    phase = .closed
    context.close(promise: nil)
  }
}
