// Says which layer a connection failed at: name, network, socket, TLS, authentication, database.

extension TargetError {
  /// - Parameters:
  ///   - text: libpq's message in verbose form: `… failed: FATAL:  28P01: password …` and a line
  ///     `LOCATION: …`, once for each address that was tried.
  ///   - needsPassword: Whether the server asked for a password and none was found.
  init(connecting text: String, needsPassword: Bool) {
    let lines = text.split(whereSeparator: \.isNewline)
      .filter { !$0.hasPrefix("LOCATION:") }
    let message = lines.joined(separator: "; ")
    let sqlstate = message.matches(of: #/[^ :]+:  ([0-9A-Z]{5}): /#).last.map { String($0.1) }
    let plain = message.replacing(#/([^ :]+:  )[0-9A-Z]{5}: /#) { String($0.1) }
    if let sqlstate {
      let code = Self.code(ofSQLSTATE: sqlstate)
      self.init(
        code == .sql || code == .connectionLost ? .unreachable : code, sqlstate: sqlstate, plain,
        hint: Self.hint(for: sqlstate))
    } else if needsPassword {
      self.init(.authentication, plain, hint: Self.passwordHint)
    } else {
      let layer = Layer.allCases.first { layer in layer.signs.contains(where: plain.contains) }
      self.init(layer?.code ?? .unreachable, plain, hint: layer?.hint)
    }
  }

  private static let passwordHint =
    "give the password in PGPASSWORD, in the file that PGPASSFILE names, or in ~/.pgpass"

  private static func hint(for sqlstate: String) -> String? {
    switch sqlstate {
    case "28P01": passwordHint
    case "28000": "check the role's name and the server's pg_hba.conf"
    case "3D000": "create the database, or name another one in the URI"
    case "42501": "the role needs CONNECT on the database"
    case "53300": "the server has no connection free: fewer --jobs, or a higher max_connections"
    case "57P03": "the server is starting, stopping or recovering: try again in a moment"
    default: nil
    }
  }
}

/// Where a connection failed before a server could say so; told by libpq's own messages, which are
/// not translated because the process never sets a locale.
private enum Layer: CaseIterable {
  case options, name, tls, authentication, database, socket, port, network

  var signs: [String] {
    switch self {
    case .options:
      ["invalid sslmode value", "invalid port number", "invalid integer"]
    case .name: ["could not translate host name", "could not parse network address"]
    case .tls: ["SSL", "certificate", "GSSAPI"]
    case .authentication: ["authentication", "password", "SCRAM", "FATAL:  role"]
    case .database: ["FATAL:  database"]
    case .socket: ["on socket"]
    case .port: ["Connection refused"]
    case .network: ["timeout expired", "timed out", "unreachable", "No route to host"]
    }
  }

  var code: TargetError.Code {
    switch self {
    case .options: .badURI
    case .authentication: .authentication
    case .database: .databaseMissing
    case .name, .tls, .socket, .port, .network: .unreachable
    }
  }

  var hint: String {
    switch self {
    case .options: "check the option's value in the URI"
    case .name: "check the host's name in the URI and DNS"
    case .tls: "TLS failed: check sslmode, sslrootcert and what the server offers"
    case .authentication: "check the role and how the server's pg_hba.conf lets it in"
    case .database: "create the database, or name another one in the URI"
    case .socket: "is the server running here? for another machine name a host in the URI"
    case .port: "the host answers and nothing listens: check the port and listen_addresses"
    case .network: "check host, port and firewall"
    }
  }
}
