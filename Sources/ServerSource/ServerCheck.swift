// Looks at a source layer by layer, so that a person sees which one fails first.

import CSybDB
import Catalog
import Glibc
import Staging

/// What `doctor` checks of a live server: name, port, TLS and login, database, permissions, and a large
/// value that must come back whole.
public struct ServerCheck {
  /// One check; later ones need the earlier.
  public struct Step {
    public let name: String
    /// Says what was found, or throws what is wrong.
    public let run: () throws -> String
  }

  private let address: ServerAddress
  private let password: String
  private let session = Session()

  /// The connection that the later steps use.
  private final class Session {
    var connection: ServerConnection?
    var facts: ServerFacts?
  }

  public init(_ address: ServerAddress, password: String) {
    self.address = address
    self.password = password
  }

  public var steps: [Step] {
    [
      Step(name: "source name", run: resolve),
      Step(name: "source port", run: reach),
      Step(name: "source login", run: logIn),
      Step(name: "source permissions", run: checkPermissions),
      Step(name: "source consistency", run: checkConsistency),
      Step(name: "source large values", run: checkLargeValue),
    ]
  }

  private func resolve() throws -> String {
    let found = try Reachability.addresses(of: address)
    return "\(address.host) is \(found.map(\.text).joined(separator: ", "))"
  }

  private func reach() throws -> String {
    if let instance = address.instance {
      return "the port of instance \(instance) is asked of the server at the login"
    }
    return "\(try Reachability.connect(to: address)) answers"
  }

  private func logIn() throws -> String {
    let connection = try ServerConnection.ready(address, password: password)
    session.connection = connection
    let facts = try ServerFacts(connection)
    session.facts = facts
    let channel =
      switch (address.encryption, address.trust) {
      case (.off, _): "without TLS"
      case (.request, _): "TLS if the server wants it, certificate not checked"
      case (.require, .anyone): "TLS, certificate not checked"
      case (.require, _): "TLS, certificate checked"
      }
    return "\(facts.version) (\(facts.version.build)), database \(facts.database), \(channel)"
  }

  private func checkPermissions() throws -> String {
    let (connection, facts) = try usable()
    let mode = try ReadMode(nil, facts, address)
    var reader = CatalogReader(connection, version: facts.version, isolation: mode.isolation)
    let database = try reader.database(facts)
    if let warning = reader.warnings.first {
      throw ServerError(
        .permission, server: address.label, problem: warning,
        advice: "GRANT VIEW DEFINITION ON DATABASE::… TO the login's user")
    }
    let refused = database.tables.filter { $0.refusal?.contains("no SELECT permission") ?? false }
    if let first = refused.first {
      throw ServerError(
        .permission, server: address.label, place: "\(first.name)",
        problem: "\(refused.count) tables cannot be read by this login",
        advice: "GRANT SELECT on them, or on their schemas, to the login's user")
    }
    return "the catalog and all of \(database.tables.count) tables can be read"
  }

  private func checkConsistency() throws -> String {
    let (_, facts) = try usable()
    if facts.isReadOnly { return "the database is read-only" }
    return facts.allowsSnapshot
      ? "SNAPSHOT isolation is allowed"
      : "SNAPSHOT isolation is not allowed: an export reads what others change meanwhile"
  }

  /// More than the 64 KB at which a default TEXTSIZE or a packet could cut.
  private func checkLargeValue() throws -> String {
    let (connection, _) = try usable()
    let byteCount = 200_000
    let batch = SQLBatch(
      "large value",
      """
      SELECT CAST(REPLICATE(CAST('x' AS varchar(max)), \(byteCount)) AS varbinary(max)) AS value
      """)
    let record = try connection.query(batch).first
    guard case .bytes(let bytes) = record?["value"], bytes.count == byteCount,
      bytes.allSatisfy({ $0 == UInt8(ascii: "x") })
    else {
      throw ServerError(
        .badAnswer, server: address.label, place: batch.name,
        problem: "a value of \(byteCount) bytes did not come back whole",
        advice: "do not export (max) columns through this server")
    }
    return "\(byteCount) bytes came back whole"
  }

  private func usable() throws -> (ServerConnection, ServerFacts) {
    guard let connection = session.connection, let facts = session.facts else {
      throw ServerError(
        .unreachable, server: address.label, problem: "not checked, because the login failed")
    }
    return (connection, facts)
  }
}
