// Connecting without blocking calls (but for the look-up of the name, which has none other), so that it
// can be cancelled, and so that libpq can be told beforehand to name the SQLSTATE of a refusal: its
// text may be in any language. A URI of several hosts has neither.

import CLibPQ
import Glibc

extension ConnectionHandle {
  static func connect(
    _ parameters: ConnectionParameters, interrupt: Interrupt
  ) throws(TargetError) -> ConnectionHandle {
    let keywords = parameters.keywords
    try check(parameters.uri)
    let names = CStrings(keywords.map(\.0) + [nil])
    let values = CStrings(keywords.map(\.1) + [nil])
    guard let connection = PQconnectStartParams(names.pointers, values.pointers, 1) else {
      throw TargetError(.unreachable, "libpq is out of memory")
    }
    let handle = ConnectionHandle(owning: connection, interrupt: interrupt)
    guard handle.timeLimit.hostCount == 1 else {
      return try connectToFirst(names, values, interrupt: interrupt)
    }
    PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
    try handle.establish()
    PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
    guard PQsetnonblocking(connection, 1) == 0 else { throw handle.lost }
    return handle
  }

  /// Connects to the first of several hosts that answers. Only the blocking function of libpq turns
  /// from a host that is silent to the next.
  private static func connectToFirst(
    _ names: borrowing CStrings, _ values: borrowing CStrings, interrupt: Interrupt
  ) throws(TargetError) -> ConnectionHandle {
    guard let connection = PQconnectdbParams(names.pointers, values.pointers, 1) else {
      throw TargetError(.unreachable, "libpq is out of memory")
    }
    let handle = ConnectionHandle(owning: connection, interrupt: interrupt)
    guard handle.isUsable else { throw handle.refusal }
    guard PQsetnonblocking(connection, 1) == 0 else { throw handle.lost }
    return handle
  }

  /// Refuses what libpq cannot parse, without its message, which repeats the text and a password in
  /// it.
  private static func check(_ uri: String) throws(TargetError) {
    guard !uri.utf8.contains(0) else {
      throw TargetError(.badURI, "the target's URI holds a NUL byte")
    }
    guard uri.contains("=") || uri.contains("://") else { return }
    guard let options = PQconninfoParse(uri, nil) else {
      throw TargetError(
        .badURI, "libpq cannot read the target's URI",
        hint: "write postgresql://user@host:port/database?option=value, other characters as %XX")
    }
    PQconninfoFree(options)
  }

  /// Drives libpq's state machine until the connection is made or refused.
  private func establish() throws(TargetError) {
    let seconds = timeLimit.seconds
    let deadline = ContinuousClock.now + .seconds(seconds)
    var events = Int16(POLLOUT)
    while PQstatus(connection) != CONNECTION_BAD {
      let left = (deadline - .now).components
      guard left.seconds >= 0, left.attoseconds >= 0 else {
        throw TargetError(
          .unreachable, "the server did not answer within \(seconds) s",
          hint: "check host, port and firewall; connect_timeout in the URI changes the limit")
      }
      _ = Poll.wait(
        PQsocket(connection), for: events, interrupt: interrupt,
        milliseconds: Int32(clamping: (left.seconds + 1) * 1000))
      if Task.isCancelled { throw .cancelled }
      switch PQconnectPoll(connection) {
      case PGRES_POLLING_OK: return
      case PGRES_POLLING_READING: events = Int16(POLLIN)
      case PGRES_POLLING_WRITING: events = Int16(POLLOUT)
      default: throw refusal
      }
    }
    throw refusal
  }

  private var refusal: TargetError {
    TargetError(
      connecting: String(cString: PQerrorMessage(connection)),
      needsPassword: PQconnectionNeedsPassword(connection) == 1)
  }

  /// `connect_timeout` as URI, service file or environment say it, and how many hosts they name.
  private var timeLimit: (seconds: Int, hostCount: Int) {
    guard let options = PQconninfo(connection) else { return (Limits.connectSeconds, 1) }
    defer { PQconninfoFree(options) }
    var seconds = 0
    var hostCount = 1
    var option = options
    while let keyword = option.pointee.keyword {
      let value = option.pointee.val.map { String(cString: $0) }
      switch String(cString: keyword) {
      case "connect_timeout": seconds = value.flatMap { Int($0) } ?? 0
      case "host", "hostaddr": hostCount = max(hostCount, 1 + (value ?? "").count { $0 == "," })
      default: break
      }
      option += 1
    }
    // libpq: zero, negative or absent waits for ever, one second is taken as two.
    return (seconds > 0 ? min(max(2, seconds), 24 * 3600) : 24 * 3600, hostCount)
  }
}
