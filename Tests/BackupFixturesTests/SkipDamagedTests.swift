// Pages with a wrong checksum, skipped on request: all other rows arrive, and the rejects say where
// those of the damaged pages were.

import BackupFixtures
import BackupSource
import Catalog
import Foundation
import Staging
import Testing

@Suite("Damaged pages skipped on request")
struct SkipDamagedTests {
  private static let rowCount = 3000

  private static let database = FixtureDatabase(
    "Hurt",
    tables: [
      table("Heap", key: nil, .none), table("Tree", key: "id", .none),
      table("SmallHeap", key: nil, .row), table("SmallTree", key: "id", .page),
    ])

  private static func table(
    _ name: String, key: String?, _ compression: FixtureStorage.Compression
  ) -> FixtureTable {
    FixtureTable(
      .fixture(name, key: key, [("id", "int"), ("mark", "varchar(40)")]),
      storage: FixtureStorage(compression: compression), rowCount: rowCount
    ) { row in
      [.integer(Int64(row)), .text(mark(name, row))]
    }
  }

  /// Not two rows have the same, so a page can be searched for its rows.
  private static func mark(_ table: String, _ row: Int) -> String { "<\(row)|\(table)>" }

  /// Changes a byte of each page of the file in which a row's mark is found.
  ///
  /// - Returns: The rows of that table whose marks are on those pages.
  private func damage(_ path: String, around rows: [Int], of table: String) throws -> Set<Int> {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    var hurt: Set<Int> = []
    for row in rows {
      let place = try #require(bytes.range(of: Data(Self.mark(table, row).utf8)))
      let page = place.lowerBound / 8192 * 8192
      let text = String(decoding: bytes[page..<page + 8192], as: UTF8.self)
      for piece in text.split(separator: "<").dropFirst() where piece.contains("|\(table)>") {
        if let number = piece.split(separator: "|").first.flatMap({ Int($0) }) {
          hurt.insert(number)
        }
      }
      bytes[page + 96 + 5] ^= 0x55
    }
    try bytes.write(to: URL(fileURLWithPath: path))
    return hurt
  }

  @Test(
    "all other rows arrive", arguments: ["Heap", "Tree", "SmallHeap"], [[0], [1500], [7, 2990]])
  func othersArrive(table: String, rows: [Int]) throws {
    let scratch = try Scratch()
    let file = try FixtureWriter(Self.database).writeMDF(to: scratch.file("hurt.mdf"))[0]
    let hurt = try damage(file, around: rows, of: table)

    let strict = try BackupSource(file)
    #expect(throws: BackupError.self) { try export(table, strict, scratch) }
    let found = try export(table, BackupSource(file, skipsDamaged: true), scratch)

    #expect(!hurt.isEmpty && hurt.count < Self.rowCount)
    let expected = (0..<Self.rowCount).filter { !hurt.contains($0) }
      .map { "\($0),\(Self.mark(table, $0))" }
    #expect(found.lines.sorted() == expected.sorted())
    #expect(found.manifest.rejects == rows.count)
    #expect(found.manifest.unreadable == rows.count)
    #expect(found.manifest.sourceRows == Self.rowCount)
    #expect(found.manifest.absentRows == hurt.count)
    #expect(found.rejects.contains("checksum"))
    #expect(found.manifest.order == .physical)
    #expect(found.warnings.contains { $0.contains("\(rows.count) damaged places were skipped") })
  }

  @Test("an undamaged file gives the same either way", arguments: ["Tree", "SmallTree"])
  func nothingToSkip(table: String) throws {
    let scratch = try Scratch()
    let file = try FixtureWriter(Self.database).writeMDF(to: scratch.file("whole.mdf"))[0]
    let found = try export(table, BackupSource(file, skipsDamaged: true), scratch)
    #expect(found.lines == (0..<Self.rowCount).map { "\($0),\(Self.mark(table, $0))" })
    #expect(found.manifest.unreadable == nil)
    #expect(found.manifest.sourceRows == nil)
    #expect(found.manifest.order == .key)
  }

  private struct Found {
    var lines: [String]
    var rejects: String
    var manifest: TableManifest
    var warnings: [String]
  }

  @discardableResult
  private func export(_ name: String, _ source: BackupSource, _ scratch: Scratch) throws -> Found {
    let catalog = source.readCatalog()
    let table = try #require(catalog.tables.first { $0.name.name == name })
    let folder = scratch.file("snapshot-\(UUID().uuidString)")
    let snapshot = try SnapshotWriter(folder: folder)
    try snapshot.begin(catalog)
    var writer = try snapshot.makeTableWriter(for: table)
    let order = try source.readRows(of: table, into: &writer)
    let manifest = try writer.finish(order: order)
    var lines: [String] = []
    for chunk in manifest.chunks {
      let path = "\(folder)/data/\(manifest.folder)/\(chunk.file)"
      lines += try String(contentsOfFile: path, encoding: .utf8)
        .split(separator: "\n").map(String.init)
    }
    let rejects = try? String(
      contentsOfFile: "\(folder)/rejects/\(manifest.folder).csv", encoding: .utf8)
    return Found(
      lines: lines, rejects: rejects ?? "", manifest: manifest, warnings: source.identity.warnings)
  }
}
