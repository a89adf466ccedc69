// Packets and messages ([MS-TDS] 2.2.3): eight bytes of header before at most a packet's worth of
// data; a message ends with the packet whose status says so.

import NIOCore

enum PacketType: UInt8 {
  case sqlBatch = 1
  case rpc = 3
  case tabularResult = 4
  case attention = 6
  case bulkLoad = 7
  case transactionManager = 14
  case login7 = 16
  case securityToken = 17
  case prelogin = 18
}

enum PacketHeader {
  static let byteCount = 8
  static let endOfMessage: UInt8 = 1

  /// - Parameter length: Bytes of the packet, header included; big-endian, unlike all that follows.
  static func bytes(_ type: PacketType, status: UInt8, length: Int, number: UInt8) -> [UInt8] {
    [type.rawValue, status, UInt8(length >> 8), UInt8(length & 0xFF), 0, 0, number, 0]
  }
}

/// A message from the client, its packets joined.
struct Message {
  var type: PacketType
  var bytes: [UInt8]
}

/// Joins the client's packets to messages.
struct MessageDecoder: ByteToMessageDecoder {
  typealias InboundOut = Message

  /// What the session has agreed to; a longer packet is the client's mistake.
  private let packetByteCountMax: () -> Int
  private var unfinished: Message?

  init(packetByteCountMax: @escaping () -> Int) {
    self.packetByteCountMax = packetByteCountMax
  }

  mutating func decode(
    context: ChannelHandlerContext, buffer: inout ByteBuffer
  ) throws -> DecodingState {
    guard
      let length = buffer.getInteger(at: buffer.readerIndex + 2, as: UInt16.self).map(Int.init)
    else { return .needMoreData }
    guard (PacketHeader.byteCount...packetByteCountMax()).contains(length) else {
      throw ProtocolError("a packet of \(length) bytes, where at most \(packetByteCountMax()) fit")
    }
    guard let packet = buffer.readBytes(length: length) else { return .needMoreData }
    guard let type = PacketType(rawValue: packet[0]) else {
      throw ProtocolError("a packet of unknown type \(packet[0])")
    }
    var message = unfinished ?? Message(type: type, bytes: [])
    guard message.type == type else {
      throw ProtocolError("a packet of type \(type) inside a message of type \(message.type)")
    }
    message.bytes += packet[PacketHeader.byteCount...]
    unfinished = message
    if packet[1] & PacketHeader.endOfMessage != 0 {
      unfinished = nil
      context.fireChannelRead(Self.wrapInboundOut(message))
    }
    return .continue
  }

  mutating func decodeLast(
    context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
  ) throws -> DecodingState {
    buffer.clear()
    return .needMoreData
  }
}

/// Cuts what the server says into packets of one size.
struct PacketCutter {
  private let type: PacketType
  private let dataByteCount: Int
  private var waiting: [UInt8] = []
  private var number: UInt8 = 1

  init(_ type: PacketType = .tabularResult, packetByteCount: Int) {
    self.type = type
    dataByteCount = packetByteCount - PacketHeader.byteCount
  }

  /// Takes data in and gives back the packets that it fills.
  ///
  /// A packet that is just full waits: it may yet turn out to be the last.
  mutating func packets(adding bytes: [UInt8]) -> [[UInt8]] {
    waiting += bytes
    var packets: [[UInt8]] = []
    var start = 0
    while waiting.count - start > dataByteCount {
      packets.append(packet(waiting[start..<start + dataByteCount], status: 0))
      start += dataByteCount
    }
    waiting.removeFirst(start)
    return packets
  }

  /// What waits, as a packet that does not end the message; nil when nothing does.
  mutating func flushed() -> [UInt8]? {
    guard !waiting.isEmpty else { return nil }
    defer { waiting = [] }
    return packet(waiting[...], status: 0)
  }

  /// The last packet of the message.
  mutating func last() -> [UInt8] {
    defer { waiting = [] }
    return packet(waiting[...], status: PacketHeader.endOfMessage)
  }

  private mutating func packet(_ data: ArraySlice<UInt8>, status: UInt8) -> [UInt8] {
    defer { number &+= 1 }
    let length = data.count + PacketHeader.byteCount
    return PacketHeader.bytes(type, status: status, length: length, number: number) + data
  }
}

/// What a client did that [MS-TDS] does not allow.
struct ProtocolError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
