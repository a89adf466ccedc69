import BackupFixtures
import Foundation
import Testing

/// Any database must be read as it was described. A failure names its seed: run it again with
/// RESTAGE_FIXTURE_SEED; RESTAGE_FIXTURE_COUNT tries more of them.
@Suite("Random databases")
struct RandomDatabaseTests {
  static let seeds: [UInt64] = {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["RESTAGE_FIXTURE_SEED"].flatMap(UInt64.init) { return [seed] }
    let count = environment["RESTAGE_FIXTURE_COUNT"].flatMap(UInt64.init) ?? 12
    return Array(1...count)
  }()

  @Test("read as they were described", arguments: seeds)
  func plainRows(seed: UInt64) throws {
    try readBack(seed, [.none])
  }

  @Test("read as they were described, rows and pages compressed", arguments: seeds)
  func compressedRows(seed: UInt64) throws {
    try readBack(seed, [.row, .page])
  }

  private func readBack(_ seed: UInt64, _ compressions: [FixtureStorage.Compression]) throws {
    var random = RandomDatabase(seed: seed, compressions: compressions)
    let database = random.make()
    let scratch = try Scratch()
    switch seed % 3 {
    case 0:
      let files = try FixtureWriter(database).writeMDF(to: scratch.file("r.mdf"))
      try ReadBack.expect(files.joined(separator: ","), equals: database, scratch)
    default:
      let backup = FixtureBackup(
        database, kind: seed % 3 == 1 ? .plain : .compressed, stripeCount: seed % 5 == 0 ? 2 : 1)
      let files = try backup.write(to: scratch.file("r.bak"))
      try ReadBack.expect(files.joined(separator: ","), equals: database, scratch)
    }
  }
}
