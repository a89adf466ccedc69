// One connection through db-lib. Every call blocks; the wait for the server ends after the address's
// time limits, or when the task that waits is cancelled.

import CSybDB
import CSystemCalls

/// A connection to the source, used by one thread at a time and closed with its last reference.
///
/// After an error it is not used again: what a server still sends cannot be told apart from an answer.
// Sendable because the pool hands it from one thread to the next and never to two.
final class ServerConnection: @unchecked Sendable {
  let address: ServerAddress
  let process: OpaquePointer
  /// The session reads inside a transaction of SNAPSHOT isolation.
  var isInSnapshot = false
  /// That transaction has begun at the same state as those of other connections.
  var sharesState = false
  private let log = MessageLog()

  /// Connects, lets the server check the login, and opens the database.
  ///
  /// - Throws: `nameResolution`, `unreachable`, `tls`, `login`, `database` or `unknown`.
  init(_ address: ServerAddress, password: String) throws(ServerError) {
    self.address = address
    try DBLibrary.start()
    let section = try LibraryConfiguration.shared.section(for: address)
    let record = try LoginRecord.filled(address, password: password)
    let opened = log.whileOpening { restage_open(record.login, section) }
    guard let process = opened else {
      let failure = ServerError(connecting: address, log)
      let isWithoutPassword = password.isEmpty && address.authentication == .password
      throw isWithoutPassword ? failure.withoutPassword : failure
    }
    self.process = process
    log.attach(to: process)
    dbsetinterrupt(process, { _ in Task.isCancelled ? 1 : 0 }, { _ in INT_CANCEL })
    try checkProtocol()
    log.removeAll()
  }

  deinit {
    log.attach(to: process)
    dbclose(process)
  }

  /// Whether the channel to the server is gone.
  var isDead: Bool { dbdead(process) != 0 }

  /// Whether the server has hung up on a connection that is idle. Other threads may ask, too.
  var isHungUp: Bool { restage_is_hung_up(dbiordesc(process)) != 0 }

  private func checkProtocol() throws(ServerError) {
    let spoken = dbtds(process)
    guard spoken == (address.usesTDS73 ? DBTDS_7_3 : DBTDS_7_4) else {
      throw ServerError(
        .unknown, server: address.label,
        problem:
          "the server speaks another version of TDS than \(address.usesTDS73 ? "7.3" : "7.4")",
        advice: address.usesTDS73
          ? "SQL Server 2008 or later is needed" : "for SQL Server 2008 add tds=7.3 to the URI")
    }
  }
}

// MARK: - Batches

/// A text of SQL with the name by which errors, and those who watch the server, know it.
struct SQLBatch: Hashable, Sendable {
  let name: String
  let text: String
  /// The text without its name.
  let statements: String

  /// - Parameter body: Statements without a comment of their own at the beginning.
  init(_ name: String, _ body: String) {
    self.name = name
    statements = body
    text = "-- restage: \(name)\n\(body)"
  }
}

extension ServerConnection {
  /// Sends a batch and waits for the beginning of its answer.
  func execute(_ batch: SQLBatch) throws(ServerError) {
    log.removeAll()
    guard !batch.text.utf8.contains(0) else {
      throw ServerError(
        .unknown, server: address.label, place: batch.name,
        problem: "a name in the SQL holds a NUL character")
    }
    guard dbcmd(process, batch.text) == SUCCEED, dbsqlexec(process) == SUCCEED else {
      throw failure("the server does not take the query").at(batch.name)
    }
    try check(batch)
  }

  /// Goes to the next result of a batch.
  ///
  /// - Returns: `false` after the last one, when the server has said that it was.
  func nextResult(of batch: SQLBatch) throws(ServerError) -> Bool {
    let status = dbresults(process)
    try check(batch)
    switch status {
    case SUCCEED: return true
    case NO_MORE_RESULTS: return false
    default: throw failure("the results end without an end").at(batch.name)
    }
  }

  /// Runs statements that have no rows.
  func run(_ batch: SQLBatch) throws(ServerError) {
    try execute(batch)
    while try nextResult(of: batch) {
      while try nextRow(of: batch) {}
    }
  }

  func nextRow(of batch: SQLBatch) throws(ServerError) -> Bool {
    let status = dbnextrow(process)
    try check(batch)
    switch status {
    case REG_ROW: return true
    case NO_MORE_ROWS: return false
    default: throw failure("the rows end without an end").at(batch.name)
    }
  }

  func forgetMessages() { log.removeAll() }

  /// Throws what the server or db-lib has said.
  func check(_ batch: SQLBatch) throws(ServerError) {
    if !log.isEmpty { throw failure("").at(batch.name) }
    if isDead { throw failure("the connection is gone").at(batch.name) }
  }

  /// Whether nothing is wrong so far; cheap enough for every row.
  @inline(__always)
  var isSilent: Bool { log.isEmpty }

  /// The error that was heard, or `otherwise`.
  func failure(_ otherwise: String) -> ServerError {
    ServerError(using: address, log, isDead: isDead, otherwise: otherwise)
  }
}

/// The login record of db-lib.
private struct LoginRecord: ~Copyable {
  let login: OpaquePointer

  private init(owning login: OpaquePointer) { self.login = login }

  static func filled(
    _ address: ServerAddress, password: String
  ) throws(ServerError) -> LoginRecord {
    guard !password.utf8.contains(0), password.utf8.count <= ServerAddress.fieldByteCountMax else {
      throw ServerError(
        .login, server: address.label,
        problem: "the password has more than \(ServerAddress.fieldByteCountMax) bytes, or a NUL")
    }
    guard let login = dblogin() else {
      throw ServerError(.unreachable, server: address.label, problem: "db-lib is out of memory")
    }
    let record = LoginRecord(owning: login)
    try record.fill(address, password)
    return record
  }

  private func fill(_ address: ServerAddress, _ password: String) throws(ServerError) {
    let version = UInt8(address.usesTDS73 ? DBVERSION_73 : DBVERSION_74)
    let results = [
      restage_set_user(login, address.user),
      restage_set_password(login, password),
      restage_set_application(login, "restage"),
      restage_set_charset(login, "UTF-8"),
      restage_set_database(login, address.database),
      restage_set_packet_size(login, address.limits.packetByteCount),
      restage_set_read_only(login, address.isReadOnlyIntent ? 1 : 0),
      restage_set_version(login, version),
    ]
    guard results.allSatisfy({ $0 == SUCCEED }) else {
      throw ServerError(
        .login, server: address.label, problem: "db-lib does not take the login's fields",
        advice: "check the lengths of user, password and database")
    }
  }

  deinit { dbloginfree(login) }
}

extension ServerConnection {
  /// Throws away what is left of a batch that the server refused.
  ///
  /// - Returns: Whether the connection can be used for another batch.
  func recover() -> Bool {
    let isCancelled = dbcancel(process) == SUCCEED
    forgetMessages()
    return isCancelled && !isDead
  }
}
