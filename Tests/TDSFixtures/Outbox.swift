// An answer on its way: tokens cut into packets, and where they stop.

import NIOCore

struct Outbox {
  private var stream: ResponseStream
  private var cutter: PacketCutter
  var drip: Drip?
  let closesAtEnd: Bool

  enum Step {
    case packets([[UInt8]])
    case last([UInt8])
    /// The packets are the last that are sent, and the connection ends or stands still.
    case halt([[UInt8]], ResponseStream.Halt)
  }

  /// Bytes that leave by and by.
  struct Drip {
    var byteCount: Int
    var pause: TimeAmount
    var waiting: [UInt8] = []

    mutating func next() -> [UInt8] {
      defer { waiting.removeFirst(min(byteCount, waiting.count)) }
      return Array(waiting.prefix(byteCount))
    }
  }

  init(
    _ response: Response, fault: Fault?, closesAtEnd: Bool, session: SessionState, server: String
  ) {
    stream = ResponseStream(response, fault: fault, session: session, server: server)
    cutter = PacketCutter(packetByteCount: session.packetByteCount)
    if case .drip(let byteCount, let milliseconds) = fault {
      drip = Drip(byteCount: byteCount, pause: .milliseconds(Int64(milliseconds)))
    }
    self.closesAtEnd = closesAtEnd
  }

  /// Whether there is room for the next step.
  var isDrained: Bool { drip?.waiting.isEmpty ?? true }

  mutating func next() -> Step {
    switch stream.next() {
    case .tokens(let bytes): .packets(cutter.packets(adding: bytes))
    case .halt(let bytes, let halt): .halt(lastPackets(adding: bytes, halt), halt)
    case nil: .last(cutter.last())
    }
  }

  /// What is left after an interruption: the end of the message.
  mutating func interrupted() -> [[UInt8]] {
    cutter.packets(adding: Token.done(.attention)) + [cutter.last()]
  }

  private mutating func lastPackets(
    adding bytes: [UInt8], _ halt: ResponseStream.Halt
  ) -> [[UInt8]] {
    var packets = cutter.packets(adding: bytes)
    guard let waiting = cutter.flushed() else { return packets }
    let isWhole = halt != .truncatedPacket
    packets.append(isWhole ? waiting : waiting.dropLast(min(4, waiting.count - 1)))
    return packets
  }
}
