import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport
import Testing

/// The tool, a real KDC, and a server that checks tickets with the library that real ones use, too.
@Suite(
  "Logins by Kerberos", .enabled(if: KerberosRealm.isThere, KerberosRealm.skipped))
struct KerberosTests {
  /// A server of the realm, and a user of it.
  private struct Domain {
    let realm: KerberosRealm
    let user: String
    let userKeys: String
    let server: TDSServer
    let serverKeys: String
    let database: FixtureDatabase

    /// - Parameters:
    ///   - service: The server's name in the realm; nil for the one that clients make of its address.
    ///   - isKnown: Whether the server lets the user in.
    init(
      service: String? = nil, encryption: ServerEncryption = .unavailable, isKnown: Bool = true
    ) throws {
      realm = try KerberosRealm.shared.get()
      user = "mover-\(UUID().uuidString)"
      (userKeys, serverKeys) = (realm.newFile(), realm.newFile())
      try realm.add(user, to: userKeys)
      var random = RandomDatabase(seed: 4711, compressions: [.none])
      database = random.make()
      var configuration = TDSServer.Configuration(
        databases: [database.catalog.name], encryption: encryption)
      configuration.tickets = TicketLogins(
        keytab: serverKeys, users: isKnown ? ["\(user)@\(KerberosRealm.name)"] : [])
      server = try DatabaseAnswers(database).serve(configuration)
      try realm.add(service ?? "MSSQLSvc/127.0.0.1:\(server.port)", to: serverKeys)
    }

    func ticket(life: String = "10h") throws -> String {
      try realm.ticket(of: user, keytab: userKeys, life: life)
    }

    /// - Parameter environment: Beside that of the realm.
    func export(
      _ environment: [String: String], host: String = "127.0.0.1",
      uriOptions: String = "encrypt=off", options: [String] = []
    ) throws -> ExportedSnapshot {
      try ExportedSnapshot(
        of: database, on: server, user: nil, host: host,
        uriOptions: "auth=kerberos&login_timeout=60&\(uriOptions)", options: options,
        environment: ["KRB5_CONFIG": realm.configuration].merging(environment) { $1 })
    }

    func exportByPassword() throws -> ExportedSnapshot {
      let other = try DatabaseAnswers(database).serve()
      return try ExportedSnapshot(of: database, on: other)
    }
  }

  private func expectSame(_ one: ExportedSnapshot, _ other: ExportedSnapshot) throws {
    try #require(one.isFinished && other.isFinished, "\(one.outcome.errors.suffix(2000))")
    #expect(one.outcome.status == other.outcome.status)
    let (manifest, wanted) = (try one.opened().manifest, try other.opened().manifest)
    #expect(try one.opened().database == other.opened().database)
    #expect(manifest.tables.map(\.table) == wanted.tables.map(\.table))
    #expect(wanted.tables.contains { $0.rows > 0 })
    for (table, same) in zip(manifest.tables, wanted.tables) {
      #expect(table.rows == same.rows && table.rejects == same.rejects, "\(table.table)")
      let hasSameBytes =
        try one.records(of: table, inOrder: true) == other.records(of: same, inOrder: true)
      #expect(hasSameBytes, "\(table.table)")
    }
  }

  @Test("a ticket gives the snapshot that a password gives", arguments: ["native", "freebcp"])
  func export(engine: String) throws {
    let domain = try Domain()
    let ticket = try domain.ticket()
    let byTicket = try domain.export(
      ["KRB5CCNAME": "FILE:\(ticket)"], options: ["--engine", engine])
    try expectSame(byTicket, try domain.exportByPassword())
    #expect(domain.server.notes == [])
  }

  @Test("a ticket goes through TLS with a checked certificate, for a service of another name")
  func encrypted() throws {
    let certificate = try TestCertificate.shared.get()
    let service = "MSSQLSvc/listener-\(UUID().uuidString).restage.test:1433"
    let domain = try Domain(service: service, encryption: .required(certificate.server))
    let ticket = try domain.ticket()
    for name in [service, "\(service)@\(KerberosRealm.name)"] {
      let byTicket = try domain.export(
        ["KRB5CCNAME": "FILE:\(ticket)"], host: "localhost",
        uriOptions: "ca=\(certificate.certificateFile)&spn=\(name)")
      try expectSame(byTicket, try domain.exportByPassword())
    }
    #expect(domain.server.notes == [])
    // The ticket is good, so it is the channel that is to blame.
    let other = try domain.export(
      ["KRB5CCNAME": "FILE:\(ticket)"],
      uriOptions: "ca=\(certificate.certificateFile)&spn=\(service)")
    #expect(other.outcome.status == 69)
    #expect(other.outcome.errors.contains("is the certificate signed by one of ca"))
  }

  @Test("the keys of a user are enough: the library gets the ticket by itself")
  func clientKeys() throws {
    let domain = try Domain()
    let export = try domain.export([
      "KRB5CCNAME": "FILE:\(domain.realm.newFile())",
      "KRB5_CLIENT_KTNAME": "FILE:\(domain.userKeys)",
    ])
    try expectSame(export, try domain.exportByPassword())
  }

  /// What the tool says where it does not come in.
  private func expectRefusal(
    _ export: ExportedSnapshot, status: Int32 = 77, saying words: String...,
    place: SourceLocation = #_sourceLocation
  ) {
    #expect(export.outcome.status == status, sourceLocation: place)
    #expect(!export.isFinished, sourceLocation: place)
    for word in ["Kerberos"] + words {
      #expect(
        export.outcome.errors.contains(word), "\(word): \(export.outcome.errors)",
        sourceLocation: place)
    }
  }

  @Test(
    "without a ticket the library is quoted, and kinit named", arguments: ["native", "freebcp"])
  func noTicket(engine: String) throws {
    let domain = try Domain()
    let file = domain.realm.newFile()
    expectRefusal(
      try domain.export(["KRB5CCNAME": "FILE:\(file)"], options: ["--engine", engine]),
      saying: "No Kerberos credentials available (default cache: FILE:\(file))", "kinit",
      "MSSQLSvc/127.0.0.1:\(domain.server.port)")
    #expect(domain.server.batches == [])
  }

  @Test("a ticket that has expired is said to have expired")
  func expiredTicket() throws {
    let domain = try Domain()
    let ticket = try domain.ticket(life: "1s")
    try domain.realm.waitUntilExpired(ticket, life: 1)
    expectRefusal(
      try domain.export(["KRB5CCNAME": "FILE:\(ticket)"]), saying: "expired", "kinit")
  }

  @Test("a server that the realm does not know is named as it was asked for")
  func unknownService() throws {
    let domain = try Domain(service: "MSSQLSvc/\(UUID().uuidString).restage.test:1433")
    let ticket = try domain.ticket()
    expectRefusal(
      try domain.export(["KRB5CCNAME": "FILE:\(ticket)"]),
      saying: "Server MSSQLSvc/127.0.0.1:\(domain.server.port)@RESTAGE.TEST not found", "setspn",
      "spn in the URI")
  }

  @Test("a server that has another key than the realm refuses, in its own words")
  func staleKey() throws {
    let domain = try Domain()
    try domain.realm.add(
      "MSSQLSvc/127.0.0.1:\(domain.server.port)", to: domain.realm.newFile())
    let ticket = try domain.ticket()
    expectRefusal(
      try domain.export(["KRB5CCNAME": "FILE:\(ticket)"]), saying: "untrusted domain",
      "message 18452", "setspn -Q MSSQLSvc/127.0.0.1:\(domain.server.port)")
    #expect(domain.server.notes.contains { $0.contains("the ticket is refused") })
  }

  @Test("a user without a login is named by the server, and CREATE LOGIN by the tool")
  func unknownUser() throws {
    let domain = try Domain(isKnown: false)
    let ticket = try domain.ticket()
    expectRefusal(
      try domain.export(["KRB5CCNAME": "FILE:\(ticket)"]), saying: domain.user, "message 18456",
      "FROM WINDOWS")
    #expect(domain.server.notes == [])
  }

  @Test("a clock that is an hour ahead is found by the KDC")
  func skewedClock() throws {
    let domain = try Domain()
    let ticket = try domain.ticket()
    try domain.realm.skew(ticket, seconds: 3600)
    expectRefusal(
      try domain.export(["KRB5CCNAME": "FILE:\(ticket)"]), saying: "Clock skew too great", "clock")
  }

  @Test("a KDC that does not answer is out of reach, not a login that is refused")
  func noKDC() throws {
    let domain = try Domain()
    let ticket = try domain.ticket()
    let configuration = domain.realm.newFile()
    let text = try String(contentsOfFile: domain.realm.configuration, encoding: .utf8)
      .replacing(/kdc = 127.0.0.1:\d+/, with: "kdc = 127.0.0.1:1")
    try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
    expectRefusal(
      try domain.export(["KRB5CCNAME": "FILE:\(ticket)", "KRB5_CONFIG": configuration]), status: 69,
      saying: "Cannot contact any KDC for realm 'RESTAGE.TEST'", "krb5.conf")
  }

  @Test("without a krb5.conf it is krb5.conf that is named, not a ticket")
  func noConfiguration() throws {
    let domain = try Domain()
    let ticket = try domain.ticket()
    expectRefusal(
      try domain.export(["KRB5CCNAME": "FILE:\(ticket)", "KRB5_CONFIG": domain.realm.newFile()]),
      saying: "does not specify default realm", "set default_realm in /etc/krb5.conf")
  }

  @Test("doctor looks behind the login, and finds the missing ticket in it")
  func doctor() throws {
    let domain = try Domain()
    let ticket = try domain.ticket()
    let name = domain.database.catalog.name.utf8.map { byte in
      (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
    }.joined()
    let uri = "mssql://127.0.0.1:\(domain.server.port)/\(name)?encrypt=off&auth=kerberos"
    let environment = ["KRB5_CONFIG": domain.realm.configuration]
    let good = try Shell.run(
      RestageTool.path, ["doctor", uri],
      environment: environment.merging(["KRB5CCNAME": "FILE:\(ticket)"]) { $1 })
    // It always looks at a target, too, and there is none.
    #expect(good.output.contains("ok     source login"), "\(good.output)\(good.errors)")
    #expect(good.output.contains("ok     source large values"))
    let bad = try Shell.run(
      RestageTool.path, ["doctor", uri],
      environment: environment.merging(["KRB5CCNAME": "FILE:\(ticket).gone"]) { $1 })
    #expect(bad.status == 77, "\(bad.output)\(bad.errors)")
    #expect((bad.output + bad.errors).contains("No Kerberos credentials available"))
  }
}
