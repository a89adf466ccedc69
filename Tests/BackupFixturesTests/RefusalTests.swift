import BackupFixtures
import BackupSource
import Catalog
import Foundation
import Testing

@Suite("Files that must be refused, and data that hardly shrink")
struct RefusalTests {
  private static func database(state: Int = 1) -> FixtureDatabase {
    FixtureDatabase(
      "Refused",
      tables: [
        FixtureTable(.fixture("T", [("a", "int")]), rowCount: 10 * state) { [.integer(Int64($0))] }
      ], state: state)
  }

  private func expectRefusal(
    _ specification: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: BackupError.self, sourceLocation: sourceLocation) {
      _ = try BackupSource(specification)
    }
    #expect(error?.code == .refusedKind, sourceLocation: sourceLocation)
  }

  @Test("a stripe without the others")
  func stripe() throws {
    let scratch = try Scratch()
    let files = try FixtureBackup(Self.database(), stripeCount: 3).write(to: scratch.file("s.bak"))
    expectRefusal(files[1])
    expectRefusal(files[0] + "," + files[2])
  }

  @Test("a differential alone, and one on another full")
  func differential() throws {
    let scratch = try Scratch()
    let full = Self.database()
    let later = Self.database(state: 3)
    let changes = try FixtureBackup([.init(later, type: .differential(since: full))])
      .write(to: scratch.file("d.bak"))
    let other = try FixtureBackup(Self.database(state: 2)).write(to: scratch.file("o.bak"))
    expectRefusal(changes[0])
    expectRefusal("\(other[0])+\(changes[0])")
  }

  @Test("a log backup")
  func log() throws {
    let scratch = try Scratch()
    let files = try FixtureBackup([.init(Self.database(), type: .log)])
      .write(to: scratch.file("l.bak"))
    expectRefusal(files[0])
  }

  @Test("a log file beside the data file, and a data file of another database")
  func foreignFiles() throws {
    let scratch = try Scratch()
    var database = Self.database()
    database.dataFileCount = 2
    let files = try FixtureWriter(database).writeMDF(to: scratch.file("a.mdf"))
    database.catalog.name = "Another"
    let others = try FixtureWriter(database).writeMDF(to: scratch.file("b.mdf"))
    var log = try Data(contentsOf: URL(fileURLWithPath: files[0])).prefix(3 * 8192)
    log[36] = 2
    log[8192] = 0xAB
    let logPath = scratch.file("a.ldf")
    try log.write(to: URL(fileURLWithPath: logPath))
    let error = #expect(throws: BackupError.self) {
      _ = try BackupSource("\(files[0]),\(logPath)")
    }
    #expect(error?.description.contains("a.ldf: is a transaction log file") == true)
    expectRefusal(logPath)
    expectRefusal("\(files[0]),\(others[1])")
    _ = try BackupSource("\(files[0]),\(files[1])")
  }

  @Test(
    "an encrypted database (TDE), of whose pages only the headers can be read",
    arguments: ["t.mdf", "t.bak"])
  func encryptedDatabase(name: String) throws {
    let scratch = try Scratch()
    let path = scratch.file(name)
    if name.hasSuffix(".mdf") {
      try FixtureWriter(Self.database()).writeMDF(to: path)
    } else {
      try FixtureBackup(Self.database()).write(to: path)
    }
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var generator = SeededGenerator(9, 0)
    let isFileHeader: (Int) -> Bool = {
      bytes[$0] == 1 && bytes[$0 + 1] == 15 && bytes[$0 + 32..<$0 + 38] == [0, 0, 0, 0, 1, 0]
    }
    let first = try #require((0..<bytes.count - 8191).first(where: isFileHeader))
    for page in stride(from: first + 8192, to: bytes.count - 8191, by: 8192)
    where bytes[page] == 1 {
      bytes[page + 4] |= 0x08
      for offset in 96..<8192 { bytes[page + offset] = UInt8(truncatingIfNeeded: generator.next()) }
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: BackupError.self) { _ = try BackupSource(path) }
    #expect(error?.code == .refusedKind)
    #expect(error?.problem == "the database is encrypted (TDE)")
  }

  @Test(
    "random bytes in a compressed backup", arguments: Self.compressedKinds, [true, false])
  func incompressible(kind: FixtureBackup.Kind, isMarked: Bool) throws {
    let scratch = try Scratch()
    var backup = FixtureBackup(Self.noise, kind: kind)
    backup.marksStoredPieces = isMarked
    backup.storedPercentMin = 90
    let files = try backup.write(to: scratch.file("n.bak"))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: files[0]))
    #expect(bytes.range(of: Data(Self.value(20))) != nil, "its bytes as they are")
    try ReadBack.expect(files[0], equals: Self.noise, scratch)
  }

  @Test("a changed byte among them is named, never passed on", arguments: compressedKinds)
  func damagedNoise(kind: FixtureBackup.Kind) throws {
    let scratch = try Scratch()
    var backup = FixtureBackup(Self.noise, kind: kind)
    backup.storedPercentMin = 90
    let path = try backup.write(to: scratch.file("n.bak"))[0]
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    // The middle of a value that is stored as it is.
    let value = Data(Self.value(20)[3000..<3100])
    let place = try #require(bytes.range(of: value)).lowerBound
    bytes[place] ^= 0x40
    try bytes.write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: BackupError.self) {
      try ReadBack.expect(path, equals: Self.noise, scratch)
    }
    #expect(error?.code == .damaged)
    #expect(error?.problem.contains("the record's checksum does not fit its 65536 bytes") == true)
    let offset = try #require(error?.offset)
    #expect(offset < place && place - offset <= 65_540)
  }

  private static let compressedKinds: [FixtureBackup.Kind] = [
    .compressed(version: 1), .compressed(version: 2), .zstd,
  ]

  private static let noise = FixtureDatabase(
    "Noise",
    tables: [
      FixtureTable(.fixture("T", [("a", "varbinary(max)")]), rowCount: 24) { [.bytes(value($0))] }
    ])

  private static func value(_ row: Int) -> [UInt8] {
    // Neighbouring seeds of parts give runs of the same numbers, which would compress.
    var generator = SeededGenerator(UInt64(row + 1) << 32)
    return (0..<7900).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }
}
