import BackupFixtures
import BackupSource
import Catalog
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

  @Test("random bytes in a compressed backup", arguments: [1, 2])
  func incompressible(version: Int) throws {
    let scratch = try Scratch()
    let database = FixtureDatabase(
      "Noise",
      tables: [
        FixtureTable(.fixture("T", [("a", "varbinary(max)")]), rowCount: 40) { row in
          var generator = SeededGenerator(7, row)
          return [.bytes((0..<7900).map { _ in UInt8(truncatingIfNeeded: generator.next()) })]
        }
      ])
    let files = try FixtureBackup(database, kind: .compressed(version: version))
      .write(to: scratch.file("n.bak"))
    try ReadBack.expect(files[0], equals: database, scratch)
  }
}
