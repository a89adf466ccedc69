// Name resolution and TCP by themselves: db-lib does both in one call and says little of either.

import Glibc

/// Whether a host can be found and a port answers.
enum Reachability {
  /// One address of a host.
  struct Address {
    let text: String
    fileprivate let bytes: [UInt8]
    fileprivate let family: Int32
  }

  /// - Throws: `nameResolution` with the resolver's reason.
  static func addresses(of address: ServerAddress) throws(ServerError) -> [Address] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let port = "\(address.port ?? ServerAddress.defaultPort)"
    let status = getaddrinfo(address.host, port, &hints, &list)
    guard status == 0, let list else {
      throw ServerError(
        .nameResolution, server: address.label,
        problem: "the host's name \(address.host) has no address: "
          + String(cString: gai_strerror(status)),
        advice: "check the host's name in the URI and DNS")
    }
    defer { freeaddrinfo(list) }
    var addresses: [Address] = []
    var entry: UnsafeMutablePointer<addrinfo>? = list
    while let current = entry {
      if let made = Address(current.pointee) { addresses.append(made) }
      entry = current.pointee.ai_next
    }
    return addresses
  }

  /// Connects to the first address that answers, and hangs up.
  ///
  /// - Throws: `nameResolution`; `unreachable` with the reason for the last address.
  static func connect(to address: ServerAddress) throws(ServerError) -> String {
    var reason = "no address"
    for candidate in try addresses(of: address) {
      let failure = tryConnecting(to: candidate, seconds: address.limits.loginSeconds)
      guard let failure else { return "\(candidate.text), port \(address.port ?? 1433)," }
      reason = failure
    }
    throw ServerError(
      .unreachable, server: address.label, problem: "the port cannot be connected to: \(reason)",
      advice: "check host, port and firewall, and that TCP/IP is enabled on the server")
  }

  /// - Returns: Why it failed; nil when it did not.
  private static func tryConnecting(to address: Address, seconds: Int) -> String? {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.family, type, 0)
    guard descriptor >= 0 else { return String(cString: strerror(errno)) }
    defer { close(descriptor) }
    let status = address.bytes.withUnsafeBytes { bytes in
      bytes.baseAddress.map {
        Glibc.connect(
          descriptor, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
      } ?? -1
    }
    if status == 0 { return nil }
    guard errno == EINPROGRESS else { return String(cString: strerror(errno)) }
    var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard poll(&wait, 1, Int32(clamping: seconds * 1000)) == 1 else {
      return "no answer within \(seconds) s"
    }
    var failure: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
    return failure == 0 ? nil : String(cString: strerror(failure))
  }
}

extension Reachability.Address {
  /// - Returns: nil for a kind of address that has no numbers to show.
  fileprivate init?(_ info: addrinfo) {
    guard let pointer = info.ai_addr else { return nil }
    var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let status = getnameinfo(
      pointer, info.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
    guard status == 0 else { return nil }
    text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    bytes = Array(UnsafeRawBufferPointer(start: pointer, count: Int(info.ai_addrlen)))
    family = info.ai_family
  }
}
