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

  /// The script of the extension, which is plain SQL as well.
  public static var script: String { String(decoding: PackageResources.install_sql, as: UTF8.self) }

  /// Makes the roles restage_owner, restage_loader and restage_auditor and grants them what they need.
  public static var rolesScript: String {
    String(decoding: PackageResources.roles_sql, as: UTF8.self)
  }

  /// Installs what is missing; does nothing where everything is there.
  ///
  /// - Throws: `usage` for a server that is too old or a database that is not UTF-8, `notAllowed` for
  ///   one that takes no writes, and without the right to create schemas.
  public func ensure() async throws {
    _ = try TargetCheck.checkVersion(of: connection)
    try await TargetCheck.encoding.run(on: connection)
    try await TargetCheck.writes.run(on: connection)
    guard try await !Self.isInstalled(on: connection) else { return }
    // Another run may be about to install it as well; applied again the script changes nothing.
    try await connection.lockDefinitions()
    try await connection.execute(
      "BEGIN;\n\(Self.script)\nCOMMIT;", file: "restage--1.0.sql")
    try await connection.unlockDefinitions()
    logger.notice("schema restage installed")
  }

  /// Makes the roles that are missing and grants what is not granted.
  ///
  /// - Throws: `notAllowed` for a role that may not create roles or does not own what is granted.
  public func makeRoles() async throws {
    try await connection.execute("BEGIN;\n\(Self.rolesScript)\nCOMMIT;", file: "roles.sql")
  }

  /// Whether the schema and its functions are there.
  static func isInstalled(on connection: TargetConnection) async throws -> Bool {
    let found = try await connection.query("SELECT to_regprocedure('restage.run_id()') AS found")
    return found.first("found") != nil
  }
}
