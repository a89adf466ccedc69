/// The lock by which two runs of the same source into the same target keep out of each other's way.
///
/// A session's lock: it is gone with the connection, however that ends. Its two keys are a constant
/// of ours and a hash of the source's name, so an accidental second owner is possible (one in 4
/// billion for two names) and does no harm but waiting.
public enum AdvisoryLock {
  /// First key: "rstg" in ASCII.
  static let firstKey: Int32 = 0x7273_7467

  /// Second key: FNV-1a of the name's UTF-8 bytes.
  static func secondKey(_ source: String) -> Int32 {
    Int32(
      bitPattern: source.utf8.reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 })
  }

  /// Second key of the lock on definitions; no source has the empty name.
  static let definitionsKey = secondKey("")

  public enum Outcome: Hashable, Sendable {
    case acquired
    /// Another session has it; its description is nil when it ended in the same moment.
    case held(by: Holder?)
  }

  /// The session that has the lock.
  public struct Holder: Hashable, Sendable {
    public let pid: Int
    /// Nil where this role may not see the other's activity.
    public let user: String?
    public let applicationName: String?
    /// Nil for a local connection, and where this role may not see it.
    public let address: String?
    /// When that session began, in UTC.
    public let since: String?
  }
}

extension TargetConnection {
  /// Takes the lock of a source if nobody has it, without waiting.
  public func tryLock(source: String) async throws(TargetError) -> AdvisoryLock.Outcome {
    let keys = ["\(AdvisoryLock.firstKey)", "\(AdvisoryLock.secondKey(source))"]
    let attempt = try await query(
      "SELECT pg_catalog.pg_try_advisory_lock($1::int4, $2::int4) AS taken", keys)
    if attempt.first("taken") == "t" { return .acquired }
    // pg_locks shows both keys as oids, which have no sign; objsubid 2 marks a lock with two keys.
    let holders = try await query(
      """
      SELECT l.pid, a.usename, a.application_name, a.client_addr, a.backend_start
      FROM pg_catalog.pg_locks AS l
      LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory'
        AND l.granted
        AND l.objsubid = 2
        AND l.database = (
          SELECT d.oid
          FROM pg_catalog.pg_database AS d
          WHERE d.datname = pg_catalog.current_database()
        )
        AND l.classid::bigint = $1::bigint & 4294967295
        AND l.objid::bigint = $2::bigint & 4294967295
      """, keys)
    return .held(by: holders.firstInteger("pid").map { holders.holder(pid: $0) })
  }

  /// Takes the lock on definitions that runs of all sources share (schema restage, schemas,
  /// collations), waiting for it: IF NOT EXISTS alone fails when two sessions come at once.
  ///
  /// - Throws: `lockTimeout` when it is not to be had within the session's `lock_timeout`.
  public func lockDefinitions() async throws(TargetError) {
    try await query(
      "SELECT pg_catalog.pg_advisory_lock($1::int4, $2::int4)",
      ["\(AdvisoryLock.firstKey)", "\(AdvisoryLock.definitionsKey)"])
  }

  /// Gives the lock on definitions back before the connection is closed.
  public func unlockDefinitions() async throws(TargetError) {
    try await query(
      "SELECT pg_catalog.pg_advisory_unlock($1::int4, $2::int4)",
      ["\(AdvisoryLock.firstKey)", "\(AdvisoryLock.definitionsKey)"])
  }

  /// Gives the lock of a source back before the connection is closed.
  public func unlock(source: String) async throws(TargetError) {
    try await query(
      "SELECT pg_catalog.pg_advisory_unlock($1::int4, $2::int4)",
      ["\(AdvisoryLock.firstKey)", "\(AdvisoryLock.secondKey(source))"])
  }
}

extension QueryResult {
  fileprivate func holder(pid: Int) -> AdvisoryLock.Holder {
    AdvisoryLock.Holder(
      pid: pid, user: first("usename"), applicationName: first("application_name"),
      address: first("client_addr"), since: first("backend_start"))
  }
}

extension AdvisoryLock.Holder: CustomStringConvertible {
  public var description: String {
    var text = "process \(pid)"
    if let applicationName, !applicationName.isEmpty { text += " (\(applicationName))" }
    if let user { text += " of \(user)" }
    if let address { text += " from \(address)" }
    if let since { text += ", connected since \(since)" }
    return text
  }
}
