import Target

/// One thing that a target must be, asked of the server: `doctor` reports all of them, a load stops at
/// the first that is not so.
struct TargetCheck: Sendable {
  let name: String
  /// Columns `good` and `detail`.
  let query: String
  let status: ExitStatus
  let problem: String
  let advice: String

  /// - Returns: What was found, in a word.
  /// - Throws: `PipelineError` with the check's status when the target is not as it must be.
  @discardableResult
  func run(on connection: TargetConnection) async throws -> String {
    let result = try await connection.query(query)
    let detail = result.first("detail") ?? ""
    guard result.first("good") == "t" else {
      throw PipelineError(status, "\(problem): \(detail)", advice: advice)
    }
    return detail
  }

  /// A server that generated SQL can run on; asked by libpq, not by a query.
  static func checkVersion(of connection: TargetConnection) throws(PipelineError) -> String {
    let version = connection.serverVersion
    guard version >= Limits.serverVersionMin else {
      throw PipelineError(
        .usage, "the target is PostgreSQL \(version / 10_000), which is too old",
        advice: "PostgreSQL \(Limits.serverVersionMin / 10_000) or newer is needed")
    }
    return "PostgreSQL \(version / 10_000).\(version % 10_000)"
  }
}

extension TargetCheck {
  static let privileges = TargetCheck(
    name: "privileges",
    query: """
      SELECT
        has_database_privilege(current_database(), 'CREATE, TEMPORARY') AS good,
        current_user || ' in database ' || current_database() AS detail
      """,
    status: .notAllowed,
    problem: "the role may not create schemas in this database",
    advice: "GRANT CREATE ON DATABASE … TO the role")

  static let writes = TargetCheck(
    name: "writes",
    query: """
      SELECT
        NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS good,
        CASE
          WHEN pg_is_in_recovery() THEN 'it is a standby, and read-only'
          WHEN current_setting('transaction_read_only') = 'on'
            THEN 'transactions are read-only (default_transaction_read_only)'
          ELSE 'taken'
        END AS detail
      """,
    status: .notAllowed,
    problem: "the target takes no writes",
    advice: """
      name the primary instead of a standby (target_session_attrs=read-write in the URI finds it), \
      or turn default_transaction_read_only off
      """)

  static let encoding = TargetCheck(
    name: "encoding",
    query: """
      SELECT getdatabaseencoding() = 'UTF8' AS good, getdatabaseencoding() AS detail
      """,
    status: .usage,
    problem: "the database's encoding is not UTF8",
    advice: "make the target with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0")

  static let collations = TargetCheck(
    name: "collations",
    query: """
      SELECT
        count(*) > 0 AS good,
        CASE
          WHEN count(*) > 0 THEN 'ICU ' || coalesce(max(collversion), '')
          ELSE 'built without ICU'
        END AS detail
      FROM pg_collation
      WHERE collprovider = 'i'
      """,
    status: .usage,
    problem: "the server has no ICU collations, by which names that differ in case only are equal",
    advice: "use a server that was built with ICU, as the packages of PostgreSQL are")
}
