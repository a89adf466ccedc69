import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport
import Testing

/// One description, once as a backup file and once as a live server: nobody may be able to tell the
/// snapshots apart. A failure names its seed: run it again with RESTAGE_FIXTURE_SEED;
/// RESTAGE_FIXTURE_COUNT tries more of them.
@Suite("A backup and a server of one description")
struct SameSnapshotTests {
  static let seeds: [UInt64] = {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["RESTAGE_FIXTURE_SEED"].flatMap(UInt64.init) { return [seed] }
    let count = environment["RESTAGE_FIXTURE_COUNT"].flatMap(UInt64.init) ?? 6
    return Array(1...count)
  }()

  @Test(
    "random databases give the same snapshot, whatever reads them", arguments: seeds,
    ["native", "freebcp"])
  func randomDatabases(seed: UInt64, engine: String) throws {
    var random = RandomDatabase(seed: seed, compressions: [.none])
    let database = random.make()
    var answers = DatabaseAnswers(database)
    // The server's freedom to choose must not show either.
    answers.form = ResultSet.Form(
      usesNullBitmap: seed % 2 == 0, partByteCount: seed % 3 == 0 ? 100 : 7000,
      knowsLengths: seed % 5 != 0)
    answers.allowsSnapshot = seed % 4 != 0
    let server = try answers.serve()
    let live = try ExportedSnapshot(of: database, on: server, options: ["--engine", engine])
    #expect(server.notes == [])
    try expectSame(live, try exportedBackup(of: database))
  }

  @Test("with TLS and a checked certificate, too", arguments: ["native", "freebcp"])
  func encrypted(engine: String) throws {
    var random = RandomDatabase(seed: 4711, compressions: [.none])
    let database = random.make()
    let certificate = try TestCertificate.shared.get()
    let server = try DatabaseAnswers(database).serve(encryption: .required(certificate.server))
    let live = try ExportedSnapshot(
      of: database, on: server, host: "localhost",
      uriOptions: "login_timeout=60&ca=\(certificate.certificateFile)",
      options: ["--engine", engine])
    try expectSame(live, try exportedBackup(of: database))
  }

  @Test("with a Windows login, too", arguments: ["native", "freebcp"])
  func windowsLogin(engine: String) throws {
    var random = RandomDatabase(seed: 4711, compressions: [.none])
    let database = random.make()
    let server = try DatabaseAnswers(database).serve(
      .init(users: ["FIXTURES\\mover": "Pässword1"], databases: [database.catalog.name]))
    let live = try ExportedSnapshot(
      of: database, on: server, user: "FIXTURES%5Cmover", options: ["--engine", engine])
    try expectSame(live, try exportedBackup(of: database))
    #expect(server.notes == [])
    let refused = try ExportedSnapshot(
      of: database, on: server, user: "FIXTURES%5Cmover", options: ["--engine", engine],
      environment: ["RESTAGE_SOURCE_PASSWORD": "password1"])
    #expect(refused.outcome.status == 77)
    #expect(refused.outcome.errors.contains("message 18456"))
    #expect(!refused.outcome.errors.contains("assword1"))
  }

  private func exportedBackup(of database: FixtureDatabase) throws -> ExportedSnapshot {
    let folder = try TemporaryFolder()
    let files = try FixtureBackup(database).write(to: "\(folder.path)/b.bak")
    return try ExportedSnapshot(of: files.joined(separator: ","))
  }

  private func expectSame(_ live: ExportedSnapshot, _ backup: ExportedSnapshot) throws {
    #expect(live.outcome.status == backup.outcome.status, "\(live.outcome.errors.suffix(2000))")
    try #require(live.isFinished && backup.isFinished, "\(live.outcome.errors.suffix(2000))")
    let (catalog, wanted) = (try live.comparableCatalog(), try backup.comparableCatalog())
    for (table, other) in zip(catalog.tables, wanted.tables) { #expect(table == other) }
    #expect(catalog == wanted)
    let tables = try backup.opened().manifest.tables
    #expect(try live.opened().manifest.tables.map(\.table) == tables.map(\.table))
    for table in tables {
      let other = try #require(try live.opened().manifest.table(named: table.table))
      #expect(other.rows == table.rows && other.rejects == table.rejects, "\(table.table)")
      #expect(other.altered == table.altered)
      // A file has the key order of each partition, a server that of the table.
      let inOrder = table.order == .key
      #expect(!inOrder || other.order == .key, "\(table.table)")
      let isSame =
        try live.records(of: other, inOrder: inOrder)
        == backup.records(of: table, inOrder: inOrder)
      #expect(isSame, "rows of \(table.table) differ")
      let isSameReject =
        try live.rejects(of: other, inOrder: inOrder)
        == backup.rejects(of: table, inOrder: inOrder)
      #expect(isSameReject, "rejects of \(table.table) differ")
    }
  }
}
