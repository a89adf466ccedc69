public import Logging
public import Target

/// The database part of restage on one target: schema `restage` and what is in it.
public struct Installation: Sendable {
  let connection: TargetConnection
  let logger: Logger

  public init(connection: TargetConnection, logger: Logger) {
    self.connection = connection
    self.logger = logger
  }

  /// The version of schema `restage` that this program works with.
  static let version = "1.1"

  /// The script of the extension, which is plain SQL as well.
  public static var script: String { String(decoding: PackageResources.install_sql, as: UTF8.self) }

  /// Scripts that lead from an earlier version to a later one, which are those of the extension too.
  private static var upgrades: [(from: String, to: String, script: String)] {
    [("1.0", "1.1", String(decoding: PackageResources.upgrade_1_0_1_1_sql, as: UTF8.self))]
  }

  /// Makes the roles restage_owner, restage_loader and restage_auditor and grants them what they need.
  public static var rolesScript: String {
    String(decoding: PackageResources.roles_sql, as: UTF8.self)
  }

  /// Installs what is missing and brings an earlier version up to date; does nothing where everything
  /// is there.
  ///
  /// - Returns: What was done, for a person.
  /// - Throws: `usage` for a server that is too old or a database that is not UTF-8, `notAllowed` for
  ///   one that takes no writes, without the right to create schemas, and for an earlier version that
  ///   this role does not own; `drifted` for a version that this program does not know.
  @discardableResult
  public func ensure() async throws -> Outcome {
    _ = try TargetCheck.checkVersion(of: connection)
    try await TargetCheck.encoding.run(on: connection)
    try await TargetCheck.writes.run(on: connection)
    guard try await Self.installedVersion(on: connection) != Self.version else { return .current }
    // Another run may be about to do the same; the second finds nothing left to do.
    try await connection.lockDefinitions()
    do {
      let outcome = try await installOrUpgrade()
      try await connection.unlockDefinitions()
      return outcome
    } catch {
      await connection.rollback()
      try? await connection.unlockDefinitions()
      throw error
    }
  }

  /// What `ensure` did.
  public enum Outcome: Hashable, Sendable {
    /// Nothing: the version that this program works with was there.
    case current
    case installed
    case upgraded(from: String)
  }

  /// Makes the roles that are missing and grants what is not granted.
  ///
  /// - Throws: `notAllowed` for a role that may not create roles or does not own what is granted.
  public func makeRoles() async throws {
    try await connection.execute("BEGIN;\n\(Self.rolesScript)\nCOMMIT;", file: "roles.sql")
  }

  /// Whether the schema is there, in the version that this program works with.
  ///
  /// - Throws: `drifted` for another version.
  static func isInstalled(on connection: TargetConnection) async throws -> Bool {
    guard let found = try await installedVersion(on: connection) else { return false }
    guard found != version else { return true }
    _ = try steps(from: found)
    throw PipelineError(
      .drifted, "schema restage has version \(found), this restage works with \(version)",
      advice: "restage install brings it up to date; its rows stay")
  }

  /// The version of schema `restage`; nil where it is not installed.
  static func installedVersion(on connection: TargetConnection) async throws -> String? {
    let found = try await connection.query(
      "SELECT to_regprocedure('restage.version()') AS version")
    guard found.first("version") != nil else { return nil }
    return try await connection.query("SELECT restage.version() AS version").first("version")
  }

  private func installOrUpgrade() async throws -> Outcome {
    guard let found = try await Self.installedVersion(on: connection) else {
      try await connection.execute(
        "BEGIN;\n\(Self.script)\nCOMMIT;", file: "restage--\(Self.version).sql")
      logger.notice("schema restage installed", metadata: ["version": "\(Self.version)"])
      return .installed
    }
    guard found != Self.version else { return .current }
    try await upgrade(from: found)
    logger.notice(
      "schema restage upgraded", metadata: ["from": "\(found)", "to": "\(Self.version)"])
    return .upgraded(from: found)
  }
}

// MARK: - Upgrading

extension Installation {
  private func upgrade(from found: String) async throws {
    let steps = try Self.steps(from: found)
    let owner = try await Owner.find(on: connection)
    guard owner.mayUpgrade else {
      throw PipelineError(
        .notAllowed,
        "schema restage has version \(found), this restage works with \(Self.version), and "
          + "\(owner.currentUser) does not own it",
        advice: "have \(owner.name) run restage install on this target")
    }
    guard !owner.isExtension else { return try await upgradeExtension(from: found) }
    let scripts = steps.map(\.script).joined(separator: "\n")
    try await connection.execute(
      "BEGIN;\n\(scripts)\nCOMMIT;", file: "restage--\(found)--\(Self.version).sql")
  }

  /// The scripts from `found` to this program's version, in order.
  private static func steps(
    from found: String
  ) throws(PipelineError) -> [(from: String, to: String, script: String)] {
    var steps: [(from: String, to: String, script: String)] = []
    var reached = found
    while let step = upgrades.first(where: { $0.from == reached }) {
      steps.append(step)
      reached = step.to
    }
    guard reached == version else {
      throw PipelineError(
        .drifted,
        "schema restage has version \(found) on this target; this restage works with \(version) "
          + "and knows no way there",
        advice: "use the restage that installed it, or a newer one")
    }
    return steps
  }

  /// What CREATE EXTENSION made is upgraded by the server, from the files that it has: otherwise the
  /// new objects would not belong to the extension.
  private func upgradeExtension(from found: String) async throws {
    do {
      try await connection.execute("ALTER EXTENSION restage UPDATE TO '\(Self.version)';")
    } catch {
      let isSaidByTheServer = [
        TargetError.Code.privilege, .lockTimeout, .cancelled, .connectionLost,
      ].contains(error.code)
      guard !isSaidByTheServer else { throw error }
      throw PipelineError(
        .drifted,
        "extension restage has version \(found), and the server cannot bring it to "
          + "\(Self.version): \(error)",
        advice: "put this version's files on the server: make --directory sql install")
    }
  }

  /// Who owns schema `restage`.
  private struct Owner {
    let name: String
    let currentUser: String
    let mayUpgrade: Bool
    let isExtension: Bool

    static func find(on connection: TargetConnection) async throws -> Owner {
      let found = try await connection.query(
        """
        SELECT
          quote_ident(pg_get_userbyid(o.role)) AS owner,
          quote_ident(current_user) AS "user",
          pg_has_role(o.role, 'USAGE') AS may,
          o.is_extension
        FROM (
          SELECT
            coalesce(e.extowner, n.nspowner) AS role,
            e.oid IS NOT NULL AS is_extension
          FROM pg_namespace AS n
          LEFT JOIN pg_extension AS e ON e.extname = 'restage'
          WHERE n.nspname = 'restage'
        ) AS o
        """)
      return Owner(
        name: found.first("owner") ?? "its owner", currentUser: found.first("user") ?? "this role",
        mayUpgrade: found.first("may") == "t", isExtension: found.first("is_extension") == "t")
    }
  }
}
