import Synchronization

/// One connection to the target PostgreSQL.
///
/// An actor on a thread queue of its own, so that waiting for the server blocks nobody else. Calls are
/// done one after the other. A cancelled task ends what it has running on the server, waits for that
/// end, and throws `TargetError.Code.cancelled`; so does the next call of a task that is cancelled
/// already, but for `rollback` and `close`.
public actor TargetConnection {
  private let executor = BlockingExecutor(label: "restage.target")
  private let interrupt = Interrupt()
  private var handle: ConnectionHandle?
  private let version = Atomic(0)
  private let pid = Atomic(0)

  private init() {}

  /// As libpq numbers it: 150006 is 15.6.
  public nonisolated var serverVersion: Int { version.load(ordering: .relaxed) }

  /// Process id of the server's side, as `pg_stat_activity` shows it.
  public nonisolated var backendPID: Int { pid.load(ordering: .relaxed) }

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }
}

// MARK: - Opening and closing

extension TargetConnection {
  /// Connects and gives the session its settings.
  ///
  /// Text forms are those of the CSV rule (UTF-8, ISO dates, UTC, hex bytea), the search path is
  /// `pg_catalog` alone, no statement times out, and a lock is waited for a minute.
  ///
  /// - Parameters:
  ///   - uri: Anything libpq accepts: a URI, `key=value` words, or nothing at all and the `PG*`
  ///     variables. Passwords by libpq's ways; none of it is repeated in errors.
  ///   - applicationName: What `pg_stat_activity` shows.
  ///   - settings: Set last, by the name PostgreSQL gives them: `("lock_timeout", "5s")`.
  /// - Throws: `badURI`, `unreachable`, `authentication`, `databaseMissing`, `privilege`; the error of
  ///   a setting that the server refuses.
  public static func open(
    _ uri: String, applicationName: String = "restage", settings: [(String, String)] = []
  ) async throws(TargetError) -> TargetConnection {
    let connection = TargetConnection()
    try await connection.connect(
      ConnectionParameters(uri: uri, applicationName: applicationName))
    _ = try await connection.execute(ConnectionParameters.pinningStatement)
    for (name, value) in settings {
      try await connection.set(name, to: value)
    }
    return connection
  }

  private func connect(_ parameters: ConnectionParameters) async throws(TargetError) {
    let interrupt = self.interrupt
    let outcome: Result<Void, TargetError> = await withTaskCancellationHandler {
      Result { () throws(TargetError) in
        handle = try ConnectionHandle.connect(parameters, interrupt: interrupt)
      }
    } onCancel: {
      interrupt.wake()
    }
    try outcome.get()
    version.store(handle?.serverVersion ?? 0, ordering: .relaxed)
    pid.store(Int(handle?.backendPID ?? 0), ordering: .relaxed)
  }

  /// Whether the server was reached through a socket of this machine or its loopback address; true of a
  /// connection that is closed.
  public var isOnThisMachine: Bool { handle?.isOnThisMachine ?? true }

  /// Closes the connection; the server rolls back what was not committed. Later calls throw
  /// `connectionLost`.
  public func close() { handle = nil }

  /// Asks the server to stop the statement that runs now, from any thread, and returns at once. Does
  /// nothing between statements.
  public nonisolated func cancel() { interrupt.cancelRunning() }
}

// MARK: - Statements

extension TargetConnection {
  /// Runs a text of one or more statements as one simple query: without a `BEGIN` in it or before it
  /// they are one transaction.
  ///
  /// - Parameter file: The file that the text is from, for errors.
  /// - Returns: One result for each statement, in order.
  /// - Throws: The first error, with the line where the server names a position.
  @discardableResult
  public func execute(
    _ sql: String, file: String? = nil
  ) async throws(TargetError) -> [QueryResult] {
    let text = try SQLText(sql, file: file)
    return try await interruptible { (handle) throws(TargetError) in try handle.execute(text) }
  }

  /// Runs one statement with parameters in text form: `$1`, `$2` … in the statement, nil for NULL.
  @discardableResult
  public func query(
    _ sql: String, _ parameters: [String?] = []
  ) async throws(TargetError) -> QueryResult {
    let text = try SQLText(sql)
    return try await interruptible { (handle) throws(TargetError) in
      try handle.query(text, parameters)
    }
  }

  /// Gives a setting a value for the rest of the session, names with a dot included.
  public func set(_ name: String, to value: String) async throws(TargetError) {
    try await query("SELECT pg_catalog.set_config($1, $2, false)", [name, value])
  }

  /// Feeds files to a COPY … FROM STDIN, in order and without touching a byte.
  ///
  /// - Returns: Rows copied.
  /// - Throws: `unreadableFile` for a file that cannot be read or does not end with a line feed; an
  ///   error of the server with the file, the line in it and the column where the server names them.
  ///   The COPY has then failed as a whole.
  public func copyIn(_ statement: String, files: [String]) async throws(TargetError) -> Int {
    let text = try SQLText(statement)
    return try await interruptible { (handle) throws(TargetError) in
      try handle.copyIn(text, files: files)
    }
  }

  /// Reads a COPY … TO STDOUT, one call of `body` for each row.
  ///
  /// - Parameters:
  ///   - state: What `body` works on; comes back at the end.
  ///   - body: Gets the bytes of one row, its line feed included, valid during the call only. Runs on
  ///     the connection's queue; an error of it ends the COPY and is rethrown.
  public func copyOut<State: Sendable>(
    _ statement: String, into state: State,
    _ body: @Sendable (inout State, UnsafeRawBufferPointer) throws -> Void
  ) async throws -> State {
    let text = try SQLText(statement)
    return try await interruptible { handle in
      Result {
        var state = state
        _ = try handle.copyOut(text) { try body(&state, $0) }
        return state
      }
    }.get()
  }

  /// Ends a transaction without effect, in a cancelled task too; outside a transaction it does
  /// nothing. A connection that breaks meanwhile has rolled back as well.
  public func rollback() {
    guard let isInTransaction = handle?.isInTransaction, isInTransaction else { return }
    _ = try? handle?.rollback()
  }

  /// What the server said beside its results since this was last called; at most 1,000 notices and
  /// the number of the others.
  public func takeNotices() -> [Notice] { handle?.notices.take() ?? [] }

  /// Runs `operation` so that the cancelling of this task reaches it.
  private func interruptible<Value: Sendable>(
    _ operation: (inout ConnectionHandle) throws(TargetError) -> Value
  ) async throws(TargetError) -> Value {
    let interrupt = self.interrupt
    let outcome = await withTaskCancellationHandler {
      Result { () throws(TargetError) in try perform(operation) }
    } onCancel: {
      interrupt.wake()
    }
    return try outcome.get()
  }

  private func perform<Value>(
    _ operation: (inout ConnectionHandle) throws(TargetError) -> Value
  ) throws(TargetError) -> Value {
    guard var taken = handle.take() else {
      throw TargetError(.connectionLost, "the connection is closed")
    }
    interrupt.beginStatement()
    defer { interrupt.endStatement() }
    do {
      let value = try operation(&taken)
      handle = consume taken
      return value
    } catch {
      handle = consume taken
      throw error
    }
  }
}
