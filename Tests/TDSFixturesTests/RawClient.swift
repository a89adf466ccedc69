// A client of bare packets, for what no program of FreeTDS does on purpose.

import Foundation
import TDSFixtures
import Testing

#if canImport(Glibc)
  import Glibc
#endif

final class RawClient {
  private let socket: Int32
  /// Kept, because a server stops with its last reference.
  private let server: TDSServer

  init(_ server: TDSServer) throws {
    self.server = server
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(
      socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(server.port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw Refused() }
  }

  struct Refused: Error {}

  deinit { Glibc.close(socket) }

  /// Sends a message in packets of at most so many bytes.
  func send(_ type: UInt8, _ bytes: [UInt8], packetByteCount: Int = 4096) {
    var rest = bytes[...]
    repeat {
      let data = rest.prefix(packetByteCount - 8)
      rest = rest.dropFirst(data.count)
      let length = data.count + 8
      let header: [UInt8] = [
        type, rest.isEmpty ? 1 : 0, UInt8(length >> 8), UInt8(length & 0xFF), 0, 0, 1, 0,
      ]
      let packet = header + data
      _ = Glibc.send(socket, packet, packet.count, Int32(MSG_NOSIGNAL))
    } while !rest.isEmpty
  }

  /// The next packet whole; nil when the server has closed the connection.
  func packet() -> [UInt8]? {
    guard let header = read(8) else { return nil }
    guard let data = read(Int(header[2]) << 8 + Int(header[3]) - 8) else { return nil }
    return header + data
  }

  /// The next message and the sizes of its packets.
  func message() throws -> (bytes: [UInt8], packetByteCounts: [Int]) {
    var bytes: [UInt8] = []
    var counts: [Int] = []
    while true {
      let packet = try #require(self.packet(), "the server closed the connection inside a message")
      bytes += packet.dropFirst(8)
      counts.append(packet.count)
      if packet[1] & 1 != 0 { return (bytes, counts) }
    }
  }

  private func read(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let got = bytes.withUnsafeMutableBytes {
        recv(socket, $0.baseAddress?.advanced(by: done), count - done, 0)
      }
      guard got > 0 else { return nil }
      done += got
    }
    return bytes
  }

  /// PRELOGIN without encryption, LOGIN7 as sa with the password of the fixtures.
  func logIn(packetByteCount: Int = 4096) throws {
    send(18, [1, 0, 6, 0, 1, 0xFF, 2])
    _ = try message()
    var head = [UInt8](repeating: 0, count: 94)
    var texts: [UInt8] = []
    func put(_ text: String, at place: Int, scrambled: Bool = false) {
      let offset = 94 + texts.count
      let bytes = text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
      texts += scrambled ? bytes.map { ($0 << 4 | $0 >> 4) ^ 0xA5 } : bytes
      head[place] = UInt8(offset & 0xFF)
      head[place + 1] = UInt8(offset >> 8)
      head[place + 2] = UInt8(text.utf16.count)
    }
    put("sa", at: 40)
    put("Pässword1", at: 44, scrambled: true)
    head[4] = 4
    head[7] = 0x74
    head[8] = UInt8(packetByteCount & 0xFF)
    head[9] = UInt8(packetByteCount >> 8)
    head[0] = UInt8(94 + texts.count)
    send(16, head + texts)
    let answer = try message().bytes
    #expect(answer.contains(0xAD), "no LOGINACK")
  }

  /// A batch outside any transaction.
  static func batch(_ text: String) -> [UInt8] {
    [22, 0, 0, 0, 18, 0, 0, 0, 2, 0] + [UInt8](repeating: 0, count: 8) + [1, 0, 0, 0]
      + text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
  }
}
