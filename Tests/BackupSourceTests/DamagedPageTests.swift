// Pages with random bytes changed, past all checksums: reading must end, in rows or in an error, and
// never trap or hang.

import Catalog
import Foundation
import Staging
import TestSupport
import Testing

@testable import BackupSource

@Suite("damaged pages", .enabled(if: SharedData.isThere, SharedData.skipped))
struct DamagedPageTests {
  /// `RESTAGE_SEED` repeats one case; `RESTAGE_CASES` asks for more.
  static let seeds: [UInt64] = {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["RESTAGE_SEED"].flatMap(UInt64.init) { return [seed] }
    return Array(1...(environment["RESTAGE_CASES"].flatMap(UInt64.init) ?? 20))
  }()

  @Test("end in rows or in an error", arguments: ["pubs-2008.mdf", "adventureworkslt-2012.mdf"])
  func endsSomehow(file: String) throws {
    let intact = try DataFilePages(primary: InputFile(path: SharedData.path("mdf/\(file)")))
    var errorCount = 0
    for seed in Self.seeds {
      do {
        // Half of the cases skip what is damaged and go on.
        try readAll(DamagedPages(intact, seed: seed), skipsDamaged: seed % 2 == 0)
      } catch is BackupError {
        errorCount += 1
      } catch is StagingError {
        errorCount += 1
      } catch {
        Issue.record("seed \(seed): \(error)")
      }
    }
    #expect(Self.seeds.count == 1 || errorCount > Self.seeds.count / 6)
  }

  private func readAll(_ pages: DamagedPages, skipsDamaged: Bool) throws {
    var reader = CatalogReader(try SystemCatalog(pages))
    let database = try reader.database(named: "damaged")
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("restage-damaged-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let snapshot = try SnapshotWriter(folder: folder.path)
    var failure: (any Error)?
    for (number, table) in database.tables.enumerated() where table.refusal == nil {
      guard let storage = reader.storage[table.name] else { continue }
      // Damage can give two tables one name; a snapshot holds each name once.
      var alone = table
      alone.name = ObjectName("dbo", "table\(number)")
      if number == 0 {
        let names = database.tables.indices.map { index in
          var renamed = database.tables[index]
          renamed.name = ObjectName("dbo", "table\(index)")
          return renamed
        }
        try snapshot.begin(Database(name: "damaged", serverVersion: "", tables: names))
      }
      do {
        var writer = try snapshot.makeTableWriter(for: alone)
        var rows = TableReader(alone, storage, pages: pages, skipsDamaged: skipsDamaged)
        _ = try rows.read(into: &writer)
      } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

/// Changes a few bytes of some pages, the same ones for the same seed.
private struct DamagedPages: PageReading {
  let fileName = "damaged"
  var byteCount: Int { intact.byteCount }
  private let intact: DataFilePages
  private let seed: UInt64

  init(_ intact: DataFilePages, seed: UInt64) {
    self.intact = intact
    self.seed = seed
  }

  func readPage(_ id: PageID, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    try intact.readPage(id, into: buffer)
    var random = SplitMix(state: seed &* 0x9E37_79B9 ^ UInt64(id.page) << 20)
    // Few pages, so that damage also gets past the catalog and into rows.
    guard random.next() % (8 << (seed % 5)) == 0 else { return }
    for _ in 0..<1 + random.next() % 6 {
      // Half of the changes hit headers and slot arrays, where they matter most.
      let places: [Range<Int>] = [0..<96, 96..<8192, 96..<160, 8092..<8192]
      let place = places[Int(random.next() % 4)]
      let offset = place.lowerBound + Int(random.next() % UInt64(place.count))
      // The page's own number stays: a wrong one is refused before anything is read.
      if (32..<38).contains(offset) { continue }
      buffer[offset] = UInt8(truncatingIfNeeded: random.next())
    }
  }
}

private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
