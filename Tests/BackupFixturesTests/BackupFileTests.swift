import BackupFixtures
import Catalog
import Testing

@Suite("Backups as described")
struct BackupFileTests {
  private static let kinds: [FixtureBackup.Kind] = [
    .plain, .compressed(version: 1), .compressed(version: 2), .zstd,
  ]

  @Test("a full backup", arguments: kinds, [512, 4096, 65_536])
  func full(kind: FixtureBackup.Kind, blockByteCount: Int) throws {
    let scratch = try Scratch()
    var backup = FixtureBackup(Self.database(), kind: kind)
    backup.blockByteCount = blockByteCount
    backup.transferByteCount = blockByteCount == 512 ? 1 << 20 : nil
    let files = try backup.write(to: scratch.file("full.bak"))
    try ReadBack.expect(files[0], equals: Self.database(), scratch)
  }

  @Test("three stripes", arguments: kinds)
  func stripes(kind: FixtureBackup.Kind) throws {
    let scratch = try Scratch()
    let files = try FixtureBackup(Self.database(), kind: kind, stripeCount: 3)
      .write(to: scratch.file("stripe.bak"))
    try ReadBack.expect(files.reversed().joined(separator: ","), equals: Self.database(), scratch)
  }

  @Test("two sets in one file", arguments: kinds)
  func sets(kind: FixtureBackup.Kind) throws {
    let scratch = try Scratch()
    let later = Self.database(state: 2, rowCount: 700)
    let files = try FixtureBackup([.init(Self.database()), .init(later)], kind: kind)
      .write(to: scratch.file("sets.bak"))
    try ReadBack.expect(files[0], setNumber: 1, equals: Self.database(), scratch)
    try ReadBack.expect(files[0], setNumber: 2, equals: later, scratch)
    try ReadBack.expect(files[0], equals: later, scratch)
  }

  @Test("a differential laid over its full", arguments: kinds)
  func differential(kind: FixtureBackup.Kind) throws {
    let scratch = try Scratch()
    let full = Self.database()
    let later = Self.database(state: 2, rowCount: 1900)
    let base = try FixtureBackup(full, kind: kind).write(to: scratch.file("full.bak"))
    let changes = try FixtureBackup([.init(later, type: .differential(since: full))], kind: kind)
      .write(to: scratch.file("diff.bak"))
    try ReadBack.expect("\(base[0])+\(changes[0])", equals: later, scratch)
  }

  @Test("a second region replaces what the first says")
  func regions() throws {
    let scratch = try Scratch()
    let set = FixtureBackup.BackupSet(Self.database(), repeatedExtentCount: 4)
    let files = try FixtureBackup([set], transferByteCount: 1 << 20)
      .write(to: scratch.file("regions.bak"))
    try ReadBack.expect(files[0], equals: Self.database(), scratch)
  }

  @Test("several data files", arguments: kinds)
  func dataFiles(kind: FixtureBackup.Kind) throws {
    let scratch = try Scratch()
    var database = Self.database()
    database.dataFileCount = 3
    let files = try FixtureWriter(database).writeMDF(to: scratch.file("d.mdf"))
    #expect(files.count == 3)
    try ReadBack.expect(files.joined(separator: ","), equals: database, scratch)
    let backup = try FixtureBackup(database, kind: kind).write(to: scratch.file("d.bak"))
    try ReadBack.expect(backup[0], equals: database, scratch)
  }

  @Test("several data files, each in a region of its own", arguments: [nil, 1 << 20])
  func regionPerFile(transferByteCount: Int?) throws {
    let scratch = try Scratch()
    var database = Self.database()
    database.dataFileCount = 3
    var set = FixtureBackup.BackupSet(database)
    set.hasRegionPerFile = true
    let files = try FixtureBackup([set], transferByteCount: transferByteCount)
      .write(to: scratch.file("regions.bak"))
    try ReadBack.expect(files[0], equals: database, scratch)
  }

  @Test("a full-text catalog, whose number no page can have")
  func fullTextCatalog() throws {
    let scratch = try Scratch()
    var set = FixtureBackup.BackupSet(Self.database())
    set.hasFullTextCatalog = true
    let files = try FixtureBackup([set]).write(to: scratch.file("catalog.bak"))
    try ReadBack.expect(files[0], equals: Self.database(), scratch)
  }

  private static func database(state: Int = 1, rowCount: Int = 1500) -> FixtureDatabase {
    var heap = FixtureTable(
      .fixture("Heap", [("a", "int"), ("b", "nvarchar(200)")]), rowCount: rowCount
    ) { n in [.integer(Int64(n * state)), .text(String(repeating: "é\(n) ", count: n % 20))] }
    heap.storage.usesMixedExtents = true
    let tree = FixtureTable(
      .fixture("Tree", key: "id", [("id", "int"), ("b", "varbinary(300)")]), rowCount: rowCount
    ) { n in
      [
        .integer(Int64(n)),
        .bytes((0..<n % 300).map { UInt8(truncatingIfNeeded: $0 &* n &* state) }),
      ]
    }
    return FixtureDatabase("Backed up", tables: [heap, tree], state: state)
  }
}
