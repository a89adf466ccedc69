// How the bytes of a session leave, and how they stop leaving.

import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

extension Session {
  /// A message of its own.
  func send(_ tokens: [UInt8], _ context: ChannelHandlerContext) {
    var cutter = PacketCutter(packetByteCount: 4096)
    send(cutter.packets(adding: tokens) + [cutter.last()], context)
  }

  func send(_ packets: [[UInt8]], _ context: ChannelHandlerContext) {
    guard !packets.isEmpty else { return }
    if let drip = outbox?.drip {
      outbox?.drip?.waiting += packets.joined()
      if drip.waiting.isEmpty { self.drip(context) }
      return
    }
    for packet in packets {
      context.write(wrapOutboundOut(ByteBuffer(bytes: packet)), promise: nil)
    }
    context.flush()
  }

  /// Sends the next few bytes, and the rest by and by.
  private func drip(_ context: ChannelHandlerContext) {
    guard outbox?.isDrained == false, let piece = outbox?.drip?.next(),
      let pause = outbox?.drip?.pause
    else {
      pump(context)
      return
    }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: piece)), promise: nil)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: pause) {
      let (session, context) = bound.value
      session.drip(context)
    }
  }

  /// Stands still, or ends the connection.
  func halt(_ halt: ResponseStream.Halt, _ context: ChannelHandlerContext) {
    guard halt != .stall else {
      phase = .stalled
      return
    }
    if halt == .reset, let socket = context.channel as? any SocketOptionProvider {
      // Closing with a linger of zero seconds resets the connection instead of ending it.
      _ = socket.setSoLinger(linger(l_onoff: 1, l_linger: 0))
    }
    close(context)
  }

  /// Ends the connection when all that was written has left.
  func close(_ context: ChannelHandlerContext) {
    phase = .closed
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
      bound.value.close(promise: nil)
    }
  }
}
