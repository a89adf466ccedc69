// TLS inside TDS ([MS-TDS] 2.2.6.5): the handshake travels in PRELOGIN packets, what follows it
// goes bare.

import NIOCore
import NIOSSL

/// Sits between the socket and the TLS handler and takes the handshake in and out of packets.
///
/// A server speaks first in no part of TLS 1.2, so the client decides when the packets end: the first
/// byte that is not a PRELOGIN packet's is a TLS record of its own. TLS 1.3, which has the server
/// talk after the handshake, is therefore not offered.
final class TLSTunnel: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var isWrapped = true
  private var received = ByteBuffer()
  private var handshake: [UInt8] = []

  static func makeContext(_ certificate: ServerEncryption.Certificate) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMFile(certificate.certificateFile)
        .map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(file: certificate.keyFile, format: .pem)))
    configuration.maximumTLSVersion = .tlsv12
    return try NIOSSLContext(configuration: configuration)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    while isWrapped, let first = received.getInteger(at: received.readerIndex, as: UInt8.self) {
      guard first == PacketType.prelogin.rawValue else {
        isWrapped = false
        break
      }
      guard
        let length = received.getInteger(at: received.readerIndex + 2, as: UInt16.self),
        Int(length) >= PacketHeader.byteCount,
        var packet = received.readSlice(length: Int(length))
      else { return }
      packet.moveReaderIndex(forwardBy: PacketHeader.byteCount)
      context.fireChannelRead(wrapInboundOut(packet))
    }
    if !isWrapped && received.readableBytes > 0 {
      let rest = received
      received = ByteBuffer()
      context.fireChannelRead(wrapInboundOut(rest))
    }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard isWrapped else {
      context.write(data, promise: promise)
      return
    }
    handshake += unwrapOutboundIn(data).readableBytesView
    promise?.succeed()
  }

  func flush(context: ChannelHandlerContext) {
    if !handshake.isEmpty {
      var cutter = PacketCutter(.prelogin, packetByteCount: 4096)
      let packets = cutter.packets(adding: handshake) + [cutter.last()]
      handshake = []
      for packet in packets {
        context.write(wrapOutboundOut(ByteBuffer(bytes: packet)), promise: nil)
      }
    }
    context.flush()
  }
}
