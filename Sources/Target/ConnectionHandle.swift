// The libpq connection itself. libpq is used without blocking calls: every wait is a poll() on the
// socket and on the interrupt, so that a statement can be cancelled at any moment by the one thread
// that owns the connection.

import CLibPQ
import Glibc

/// Owns one `PGconn`; used by its actor alone.
struct ConnectionHandle: ~Copyable {
  let connection: OpaquePointer
  let interrupt: Interrupt
  let notices = NoticeBox()
  /// Whether the server was asked to cancel what runs now, or shall not be asked.
  private(set) var isCancelling = false

  /// - Parameter connection: A connection, established or about to be; closed with the value.
  init(owning connection: OpaquePointer, interrupt: Interrupt) {
    self.connection = connection
    self.interrupt = interrupt
    PQsetNoticeReceiver(
      connection,
      { box, result in
        // The receiver borrows the result: libpq frees it.
        guard let box, let result else { return }
        Unmanaged<NoticeBox>.fromOpaque(box).takeUnretainedValue().add(Notice(borrowing: result))
      }, Unmanaged.passUnretained(notices).toOpaque())
  }

  deinit { PQfinish(connection) }

  var isUsable: Bool { PQstatus(connection) == CONNECTION_OK }
  var serverVersion: Int { Int(PQserverVersion(connection)) }
  var backendPID: Int32 { PQbackendPID(connection) }
  var isOnThisMachine: Bool {
    Self.isOfThisMachine(address: PQhostaddr(connection).map { String(cString: $0) } ?? "")
  }
  var isInTransaction: Bool { PQtransactionStatus(connection) != PQTRANS_IDLE }

  /// - Parameter address: As libpq gives it: empty for a Unix socket.
  static func isOfThisMachine(address: String) -> Bool {
    address.isEmpty || address.hasPrefix("127.") || address == "::1"
  }
}

// MARK: - Statements

extension ConnectionHandle {
  /// Runs a text of one or more statements.
  mutating func execute(_ sql: SQLText) throws(TargetError) -> [QueryResult] {
    try begin(sql)
    try accept(sql.text.withCString { PQsendQuery(connection, $0) })
    return try finish(sql)
  }

  /// Runs one statement with parameters.
  mutating func query(
    _ sql: SQLText, _ parameters: [String?]
  ) throws(TargetError) -> QueryResult {
    guard let count = Int32(exactly: parameters.count), count <= 65_535 else {
      throw TargetError(.sql, "\(parameters.count) parameters; a statement takes at most 65535")
    }
    guard !parameters.contains(where: { $0?.utf8.contains(0) ?? false }) else {
      throw TargetError(.badValue, "a parameter holds a NUL byte, which PostgreSQL cannot store")
    }
    try begin(sql)
    let values = CStrings(parameters)
    try accept(
      sql.text.withCString {
        PQsendQueryParams(connection, $0, count, nil, values.pointers, nil, nil, 0)
      })
    return try finish(sql).last
      ?? QueryResult(columns: [], rows: [], command: "", rowCount: 0)
  }

  /// Ends a transaction, whatever the interrupt says.
  mutating func rollback() throws(TargetError) {
    isCancelling = true
    try accept(PQsendQuery(connection, "ROLLBACK"))
    _ = try finish(SQLText("ROLLBACK"))
  }

  /// Checks that a statement may start now.
  mutating func begin(_ sql: SQLText) throws(TargetError) {
    isCancelling = false
    guard isUsable else {
      throw TargetError(.connectionLost, "the connection is no longer open", file: sql.file)
    }
    if interrupt.isWanted { throw .cancelled }
  }

  /// Takes the return code of a PQsend function.
  func accept(_ sent: Int32) throws(TargetError) {
    guard sent == 1 else { throw lost }
  }

  /// Waits for the results of all statements in the text.
  ///
  /// - Throws: The first error, once the server has ended the whole text.
  mutating func finish(_ sql: SQLText) throws(TargetError) -> [QueryResult] {
    var results: [QueryResult] = []
    var failure: TargetError?
    while let result = nextResult() {
      switch result.status {
      case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
        results.append(result.copied())
      case PGRES_COPY_IN:
        failure = failure ?? TargetError(.sql, "COPY FROM STDIN where no data was expected")
        endCopyIn(because: "no data was expected")
      case PGRES_COPY_OUT:
        discardCopyOut()
        failure = failure ?? TargetError(.sql, "COPY TO STDOUT where no data was expected")
      default:
        failure = failure ?? TargetError(result, of: sql, statement: results.count + 1)
      }
    }
    if let failure { throw isCancelling && failure.code == .cancelled ? .cancelled : failure }
    return results
  }
}

// MARK: - Waiting

extension ConnectionHandle {
  /// The next result of what was sent; nil when there is no further one.
  mutating func nextResult() -> ServerResult? {
    // After a failed read PQgetResult returns the error itself.
    while PQisBusy(connection) == 1, pump() {}
    return PQgetResult(connection).map { ServerResult(owning: $0) }
  }

  /// Sends what libpq holds back and waits until the server has said something.
  ///
  /// - Returns: `false` when the connection broke.
  mutating func pump() -> Bool {
    let unsent = PQflush(connection)
    guard unsent >= 0 else { return false }
    let events = Int16(POLLIN) | (unsent == 1 ? Int16(POLLOUT) : 0)
    let isReadable = wait(for: events)
    if interrupt.isWanted { cancel() }
    return !isReadable || PQconsumeInput(connection) == 1
  }

  /// Sleeps until the socket is ready or somebody wakes the interrupt.
  ///
  /// - Returns: Whether the socket can be read (its end counts).
  func wait(for events: Int16) -> Bool {
    let socket = PQsocket(connection)
    // poll() would ignore a closed socket and sleep for ever.
    guard socket >= 0 else { return true }
    return Poll.wait(socket, for: events, interrupt: interrupt) & ~Int16(POLLOUT) != 0
  }

  /// Asks the server to stop what runs now, once for each statement.
  mutating func cancel() {
    guard !isCancelling else { return }
    isCancelling = true
    guard let cancel = PQgetCancel(connection) else { return }
    defer { PQfreeCancel(cancel) }
    // A request that does not arrive leaves the statement running; its end is waited for anyway.
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
      _ = PQcancel(cancel, message.baseAddress, 256)
    }
  }

  /// The error of a connection that libpq calls broken.
  var lost: TargetError {
    let text = TargetError.oneLine(String(cString: PQerrorMessage(connection)))
    return TargetError(.connectionLost, text.isEmpty ? "the connection was lost" : text)
  }
}

/// poll(2) on a socket and an interrupt.
enum Poll {
  /// Sleeps until the socket is ready, somebody wakes the interrupt, or time is up.
  ///
  /// - Parameter milliseconds: -1 for no limit.
  /// - Returns: What the socket is ready for; 0 when something else ended the wait.
  static func wait(
    _ socket: Int32, for events: Int16, interrupt: Interrupt, milliseconds: Int32 = -1
  ) -> Int16 {
    var descriptors = [
      pollfd(fd: socket, events: events, revents: 0),
      pollfd(fd: interrupt.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    let ready = poll(&descriptors, 2, milliseconds)
    guard ready > 0 else { return 0 }
    if descriptors[1].revents != 0 { interrupt.drain() }
    return descriptors[0].revents
  }
}

extension TargetError {
  /// What a statement throws whose task was cancelled.
  static let cancelled = TargetError(.cancelled, "cancelled")
}

extension Notice {
  init(borrowing result: OpaquePointer) {
    func field(_ code: Int32) -> String {
      PQresultErrorField(result, code).map { String(cString: $0) } ?? ""
    }
    self.init(
      severity: field(restage_diag_severity), sqlstate: field(restage_diag_sqlstate),
      message: field(restage_diag_primary))
  }
}

/// Copies of strings as C wants them, freed with the value; nil stays nil.
struct CStrings: ~Copyable {
  let pointers: [UnsafePointer<CChar>?]

  init(_ strings: [String?]) {
    pointers = strings.map { $0.flatMap { strdup($0) }.map { UnsafePointer($0) } }
  }

  deinit {
    for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) }
  }
}
