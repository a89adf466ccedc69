import BackupFixtures
import Catalog
import Foundation
import ServerSource
import Staging
import TDSFixtures
import TestSupport
import Testing

@Suite("connecting to a live server")
struct LoginTests {
  private static let answers = DatabaseAnswers(FixtureDatabase("d", tables: []))

  private func connect(
    _ uri: (TDSServer) -> String, password: String = TDSServer.password,
    configuration: TDSServer.Configuration = .init(databases: ["d"]),
    faults: FaultPlan = FaultPlan()
  ) throws -> ServerSource {
    let server = try Self.answers.serve(configuration, faults: faults)
    defer { server.stop() }
    return try ServerSource(try ServerAddress(uri(server)), password: password)
  }

  private func failure(
    _ uri: (TDSServer) -> String, password: String = TDSServer.password,
    configuration: TDSServer.Configuration = .init(databases: ["d"]),
    faults: FaultPlan = FaultPlan()
  ) -> ServerError? {
    #expect(throws: ServerError.self) {
      try connect(uri, password: password, configuration: configuration, faults: faults)
    }
  }

  @Test("user, password, database and application arrive as they are, in any letters")
  func login() throws {
    let configuration = TDSServer.Configuration(
      users: ["jo:ão@Ж": "пароль']\"; --"], databases: ["d"])
    let facts = try connect(
      { "mssql://jo%3A%C3%A3o%40%D0%96@127.0.0.1:\($0.port)/d?encrypt=off" },
      password: "пароль']\"; --", configuration: configuration
    ).facts
    #expect(facts.contains { $0.name == "version" && $0.value.contains("SQL Server 2017") })
  }

  @Test("a server or a database that is about to come is out of reach, not missing")
  func notReady() {
    for (number, code) in [
      (40613, ServerError.Code.unreachable), (18401, .unreachable), (921, .unreachable),
      (4060, .database), (978, .database),
    ] {
      let refusal = ServerMessage(number, severity: 14, "not now")
      let error = failure(
        { "mssql://sa@127.0.0.1:\($0.port)/d?encrypt=off" },
        faults: FaultPlan(loginRefusal: refusal))
      #expect(error?.code == code, "\(number)")
      #expect(error?.number == number)
      #expect(error?.advice != nil)
    }
  }

  @Test("a user with a backslash logs in by NTLMv2, whatever the letters of the password")
  func windowsLogin() throws {
    let password = "пароль 😀"
    let configuration = TDSServer.Configuration(
      users: ["FIXTURES\\Mover": password], databases: ["d"])
    _ = try connect(
      { "mssql://FIXTURES%5CMover@127.0.0.1:\($0.port)/d?encrypt=off" }, password: password,
      configuration: configuration)
    for (user, wrong) in [
      ("FIXTURES%5CMover", "Пароль 😀"), ("FIXTURES%5Cmover2", password),
      ("OTHER%5CMover", password),
    ] {
      let error = failure(
        { "mssql://\(user)@127.0.0.1:\($0.port)/d?encrypt=off" }, password: wrong,
        configuration: configuration)
      #expect(error?.code == .login)
      #expect(error?.number == 18456)
      #expect(error?.description.contains(wrong) == false)
    }
  }

  @Test("a Windows login goes through TLS, too")
  func encryptedWindowsLogin() throws {
    let certificate = try TestCertificate.shared.get()
    for options in ["ca=\(certificate.certificateFile)", "encrypt=request"] {
      _ = try connect(
        { "mssql://D%5Cu@localhost:\($0.port)/d?\(options)" }, password: "p",
        configuration: .init(
          users: ["D\\u": "p"], databases: ["d"], encryption: .optional(certificate.server)))
    }
  }

  @Test("a login by Kerberos without a ticket says what to look at")
  func noTicket() throws {
    // A cache that does not exist, whatever the machine has.
    setenv("KRB5CCNAME", "FILE:/nowhere/krb5cc", 1)
    defer { unsetenv("KRB5CCNAME") }
    let error = failure { "mssql://127.0.0.1:\($0.port)/d?encrypt=off&auth=kerberos" }
    #expect(error?.code == .login)
    #expect(error?.description.contains("kinit") == true)
    #expect(error?.description.contains("MSSQLSvc/127.0.0.1:") == true)
  }

  @Test("a wrong password is the login's fault, in the server's words and without the password")
  func wrongPassword() {
    let error = failure(
      { "mssql://sa@127.0.0.1:\($0.port)/d?encrypt=off" }, password: "s3cret")
    #expect(error?.code == .login)
    #expect(error?.number == 18456)
    #expect(error?.description.contains("Login failed") == true)
    #expect(error?.description.contains("s3cret") == false)
  }

  @Test("a database that is not there is the database's fault")
  func missingDatabase() {
    let error = failure { "mssql://sa@127.0.0.1:\($0.port)/other?encrypt=off" }
    #expect(error?.code == .database)
    #expect(error?.number == 4060)
  }

  @Test("a password that db-lib cannot hold is refused before anything is sent")
  func longPassword() {
    let error = failure(
      { "mssql://sa@127.0.0.1:\($0.port)/d?encrypt=off" },
      password: String(repeating: "x", count: 129))
    #expect(error?.code == .login)
  }

  @Test("a server that says no for another reason is quoted")
  func refusal() {
    let refusal = ServerMessage(
      40615, severity: 14, "Client with IP address '10.0.0.1' is not allowed to access the server.")
    let error = failure(
      { "mssql://sa@127.0.0.1:\($0.port)/d?encrypt=off" },
      faults: FaultPlan([], loginRefusal: refusal))
    #expect(error?.code == .login)
    #expect(error?.description.contains("firewall rules") == true)
  }

  @Test("a port where nothing listens, and a name that has no address, are told apart")
  func unreachable() throws {
    let server = try Self.answers.serve()
    let port = server.port
    server.stop()
    let refused = #expect(throws: ServerError.self) {
      try ServerSource(try ServerAddress("mssql://sa@127.0.0.1:\(port)/d"), password: "")
    }
    #expect(refused?.code == .unreachable)
    let nameless = #expect(throws: ServerError.self) {
      try ServerSource(try ServerAddress("mssql://sa@nowhere.invalid/d"), password: "")
    }
    #expect(nameless?.code == .nameResolution)
  }

  // MARK: - TLS

  private func encrypted(
    _ options: String, host: String = "localhost",
    _ encryption: (ServerEncryption.Certificate) -> ServerEncryption
  ) throws -> ServerSource {
    let certificate = try TestCertificate.shared.get()
    return try connect(
      { "mssql://sa@\(host):\($0.port)/d?\(options)" },
      configuration: .init(databases: ["d"], encryption: encryption(certificate.server)))
  }

  @Test(
    "TLS is used as it is asked for",
    arguments: ["encrypt=request", "encrypt=require", "login_timeout=5"])
  func tls(_ options: String) throws {
    _ = try encrypted(options) { .required($0) }
    _ = try encrypted(options) { .optional($0) }
  }

  @Test("a certificate is checked against its authority and the host's name")
  func certificate() throws {
    let certificate = try TestCertificate.shared.get()
    let ca = "ca=\(certificate.certificateFile)"
    _ = try encrypted(ca) { .optional($0) }
    // The certificate is made out to localhost.
    let wrongHost = #expect(throws: ServerError.self) {
      try encrypted(ca, host: "127.0.0.1") { .optional($0) }
    }
    #expect(wrongHost?.code == .tls)
    _ = try encrypted(ca + "&check_host=no", host: "127.0.0.1") { .optional($0) }
    let other = try TestCertificate()
    let stranger = #expect(throws: ServerError.self) {
      try encrypted("ca=\(other.certificateFile)") { .optional($0) }
    }
    #expect(stranger?.code == .tls)
  }

  @Test("a server without TLS is refused where TLS is required, or its certificate to be checked")
  func noTLS() throws {
    let certificate = try TestCertificate.shared.get()
    for options in ["encrypt=require", "ca=\(certificate.certificateFile)"] {
      let error = failure { "mssql://sa@localhost:\($0.port)/d?\(options)" }
      #expect(error?.code == .tls)
    }
    #expect(throws: ServerError.self) { try encrypted("encrypt=off") { .required($0) } }
  }

  @Test("a file of authorities that is none is said to be none")
  func wrongAuthorities() throws {
    for file in ["/dev/null", "/nowhere/ca.pem", "/etc/hostname"] {
      let error = failure { "mssql://sa@localhost:\($0.port)/d?ca=\(file)" }
      #expect(error?.code == .badURI)
    }
  }

  @Test("doctor looks at every layer, and at a value that must come back whole")
  func doctor() throws {
    var answers = Self.answers
    let server = try answers.serve()
    defer { server.stop() }
    let check = ServerCheck(try server.address("d"), password: TDSServer.password)
    for step in check.steps { _ = try step.run() }
    answers.overrides["large value"] = ResultSet(
      [ResultColumn("value", "varbinary(max)")],
      rows: [[.bytes([UInt8](repeating: 0x78, count: 65_536))]])
    let cutting = try answers.serve()
    defer { cutting.stop() }
    let steps = ServerCheck(try cutting.address("d"), password: TDSServer.password).steps
    for step in steps.dropLast() { _ = try step.run() }
    #expect(throws: ServerError.self) { try steps.last?.run() }
  }
}

/// A certificate for `localhost` that lives as long as the tests.
private struct TestCertificate {
  static let shared = Result { try TestCertificate() }

  let folder: TemporaryFolder
  var certificateFile: String { "\(folder.path)/certificate.pem" }
  var server: ServerEncryption.Certificate {
    .init(certificateFile: certificateFile, keyFile: "\(folder.path)/key.pem")
  }

  struct Failure: Error { let description: String }

  init() throws {
    folder = try TemporaryFolder()
    let made = try Shell.run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        "-keyout", "\(folder.path)/key.pem", "-out", "\(folder.path)/certificate.pem",
      ])
    guard made.status == 0 else { throw Failure(description: made.errors) }
  }
}
