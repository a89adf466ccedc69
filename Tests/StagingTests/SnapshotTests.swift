import Catalog
import Foundation
import Staging
import TestSupport
import Testing

@Suite("Snapshot folders")
struct SnapshotTests {
  private let folder: ScratchFolder
  private let table = makeTable([ColumnType(.int), ColumnType(.varchar, length: 20)])

  init() throws {
    folder = try ScratchFolder()
  }

  private func add(_ keys: Range<Int>, to writer: inout TableWriter) throws {
    for key in keys {
      writer.beginRow()
      writer.write(integer: Int64(key))
      Array("row \(key)".utf8).withUnsafeBytes { writer.write(utf8: $0) }
      try writer.endRow()
    }
  }

  @discardableResult
  private func writeSnapshot(_ name: String = "s") throws -> TableManifest {
    try StagingTests.writeSnapshot(table, into: folder.file(name), limits: .tiny) {
      try add(0..<3000, to: &$0)
    }
  }

  private func opening(_ name: String = "s") -> StagingError? {
    #expect(throws: StagingError.self) { try Snapshot(opening: folder.file(name)) }
  }

  private func writing(_ name: String = "s") -> StagingError? {
    #expect(throws: StagingError.self) { try SnapshotWriter(folder: folder.file(name)) }
  }

  private func put(_ text: String, at name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file(name)))
  }

  @Test("what was written is read, twice the same bytes")
  func roundTrip() throws {
    let written = try writeSnapshot("s")
    try writeSnapshot("t")
    let snapshot = try Snapshot(opening: folder.file("s"))
    #expect(snapshot.manifest.tables == [written])
    #expect(snapshot.database.tables == [table])
    #expect(snapshot.manifest.source == .test)
    try snapshot.verifyChunks()
    #expect(try folder.bytes("s/manifest.json") == folder.bytes("t/manifest.json"))
    #expect(try snapshot.contentDigest(of: written).rows == 3000)
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder.file("s"))
    #expect(!names.contains { $0.hasSuffix(".partial") })
  }

  @Test("the manifest's keys are the documented ones")
  func manifestKeys() throws {
    try StagingTests.writeSnapshot(table, into: folder.file("s")) { try add(0..<2, to: &$0) }
    #expect(
      try folder.text("s/manifest.json").contains(
        """
              "bytes" : 16,
              "chunks" : [
                {
                  "bytes" : 16,
                  "file" : "000001.csv",
                  "first_key" : [
                    "0"
                  ],
                  "last_key" : [
                    "1"
                  ],
                  "rows" : 2,
                  "xxh3_128" :
        """))
  }

  @Test("refused tables and tables left out are in the manifest, others must be finished")
  func everyTableIsAccountedFor() throws {
    var refused = makeTable([ColumnType(.int)], name: "Refused")
    refused.refusal = "memory-optimized"
    let other = makeTable([ColumnType(.int)], name: "Other")
    let database = Database(
      name: "d", serverVersion: "v", tables: [other, refused, table])
    let writer = try SnapshotWriter(folder: folder.file("s"))
    try writer.begin(database)
    var rows = try writer.makeTableWriter(for: table)
    try add(0..<2, to: &rows)

    var failure = #expect(throws: StagingError.self) {
      try writer.finish(source: .test, tables: [], leftOut: [other.name, table.name])
    }
    #expect(failure?.code == .unfinished)
    #expect(failure?.place == "dbo.T")
    let manifest = try rows.finish(order: .physical)
    failure = #expect(throws: StagingError.self) {
      try writer.finish(source: .test, tables: [manifest])
    }
    #expect(failure?.place == "dbo.Other")
    try writer.finish(source: .test, tables: [manifest], leftOut: [other.name])

    let snapshot = try Snapshot(opening: folder.file("s"))
    #expect(snapshot.manifest.table(named: refused.name)?.refusal == "memory-optimized")
    #expect(snapshot.manifest.leftOut == [other.name])
  }

  @Test("names that no file system takes as they are, and names that would share a folder")
  func folderNames() throws {
    let names = [
      ObjectName("销售", String(repeating: "订单", count: 60)),
      ObjectName("销售", String(repeating: "订单", count: 59) + "订购"), ObjectName("a.b", "c"),
      ObjectName("dbo", "Order Details/../x"),
    ]
    let tables = (names + [ObjectName("a", "b.c")]).map { name in
      var table = self.table
      table.name = name
      return table
    }
    let writer = try SnapshotWriter(folder: folder.file("s"))
    try writer.begin(Database(name: "d", serverVersion: "v", tables: tables))
    var manifests: [TableManifest] = []
    for table in tables.dropLast() {
      var rows = try writer.makeTableWriter(for: table)
      try add(0..<2, to: &rows)
      manifests.append(try rows.finish(order: .key))
    }
    var failure: StagingError?
    do {
      _ = try writer.makeTableWriter(for: tables[4])
    } catch {
      failure = error
    }
    #expect(failure?.code == .badValue)
    #expect(failure?.description.contains("schema a.b, table c") == true)
    try writer.finish(source: .test, tables: manifests, leftOut: [tables[4].name])
    let snapshot = try Snapshot(opening: folder.file("s"))
    try snapshot.verifyChunks()
    #expect(Set(snapshot.manifest.tables.map(\.folder)).count == 4)
    #expect(names[0].fileName.utf8.count <= 200)
    #expect(names[3].fileName == "dbo.Order%20Details%2F..%2Fx")
  }

  @Test("an unfinished export is refused by the reader and cleared by the next export")
  func unfinishedExport() throws {
    do {
      let writer = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
      try writer.begin(Database(name: "d", serverVersion: "v", tables: [table]))
      var rows = try writer.makeTableWriter(for: table)
      try add(0..<3000, to: &rows)
      #expect(opening()?.code == .unfinished)
      #expect(writing()?.code == .locked)
    }
    #expect(try FileManager.default.subpathsOfDirectory(atPath: folder.file("s")).count > 5)
    #expect(opening()?.code == .unfinished)
    try writeSnapshot("t")
    try writeSnapshot("s")
    #expect(
      try FileManager.default.subpathsOfDirectory(atPath: folder.file("s")).sorted()
        == FileManager.default.subpathsOfDirectory(atPath: folder.file("t")).sorted())
  }

  @Test("a table that was given up half-way is begun again, and nothing of it is left")
  func discard() throws {
    let snapshot = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
    try snapshot.begin(Database(name: "test", serverVersion: "none", tables: [table]))
    do {
      var broken = try snapshot.makeTableWriter(for: table)
      try add(0..<3000, to: &broken)
      broken.beginRow()
      broken.write(integer: 3000)
      Array("\0".utf8).withUnsafeBytes { broken.write(utf8: $0) }
      try broken.endRow()
    }
    try snapshot.discard(table)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("s/data/dbo.T")) == [])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("s/rejects")) == [])
    var writer = try snapshot.makeTableWriter(for: table)
    try add(0..<10, to: &writer)
    let manifest = try writer.finish(order: .key)
    try snapshot.finish(source: .test, tables: [manifest])
    #expect(try csv(manifest, in: folder.file("s")).split(separator: "\n").count == 10)
  }

  @Test("a finished snapshot is never written to")
  func finishedSnapshot() throws {
    try writeSnapshot()
    let before = try folder.bytes("s/manifest.json")
    let failure = try #require(writing())
    #expect(failure.code == .occupied)
    #expect(failure.description.contains("--into"))
    #expect(try folder.bytes("s/manifest.json") == before)
  }

  @Test(
    "files that no export leaves behind are named and nothing is removed",
    arguments: [
      "notes.txt", "data/dbo.T/000001.csv.bak", "data/loose.csv", "rejects/other.txt",
      "data/dbo.T/000001.txt",
    ])
  func foreignFiles(name: String) throws {
    for path in ["s/data/dbo.T", "s/rejects"] {
      try FileManager.default.createDirectory(
        atPath: folder.file(path), withIntermediateDirectories: true)
    }
    try put("{}", at: "s/schema.json")
    try put("mine", at: "s/" + name)
    let failure = try #require(writing())
    #expect(failure.code == .occupied)
    #expect(failure.file.hasSuffix(name))
    #expect(try folder.text("s/schema.json") == "{}")
    #expect(try folder.text("s/" + name) == "mine")
  }

  @Test("a link where a file should be is not followed")
  func links() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("s"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("s/data"), withDestinationPath: "/tmp")
    #expect(writing()?.code == .occupied)
  }

  @Test("what is no snapshot is said to be none")
  func notASnapshot() throws {
    #expect(opening("missing")?.code == .notASnapshot)
    try FileManager.default.createDirectory(
      atPath: folder.file("empty"), withIntermediateDirectories: true)
    #expect(opening("empty")?.code == .notASnapshot)
  }

  @Test("a manifest of another format, or none, is refused")
  func manifestFormat() throws {
    try writeSnapshot()
    let text = try folder.text("s/manifest.json")
    try put(
      text.replacingOccurrences(of: "\"format\" : 1", with: "\"format\" : 3"), at: "s/manifest.json"
    )
    #expect(opening()?.code == .unknownFormat)
    try put(String(text.dropLast(10)), at: "s/manifest.json")
    #expect(opening()?.code == .damaged)
    try put(text.replacingOccurrences(of: "\"rows\"", with: "\"lines\""), at: "s/manifest.json")
    let failure = try #require(opening())
    #expect(failure.code == .damaged)
    #expect(failure.problem.contains("rows"))
  }

  @Test("nothing in a manifest leads out of the folder")
  func pathsInManifest() throws {
    try writeSnapshot()
    let text = try folder.text("s/manifest.json")
    for (old, new) in [
      ("\"000001.csv\"", "\"../000001.csv\""), ("\"folder\" : \"dbo.T\"", "\"folder\" : \"..\""),
    ] {
      try put(text.replacingOccurrences(of: old, with: new), at: "s/manifest.json")
      #expect(opening()?.code == .damaged)
    }
  }

  @Test("a changed catalog is refused")
  func schemaChanged() throws {
    try writeSnapshot()
    let text = try folder.text("s/schema.json")
    try put(text.replacingOccurrences(of: "varchar(20)", with: "varchar(21)"), at: "s/schema.json")
    #expect(opening()?.code == .damaged)
    try FileManager.default.removeItem(atPath: folder.file("s/schema.json"))
    #expect(opening()?.code == .damaged)
  }

  @Test("a chunk that is missing, cut off or longer is found when the snapshot is opened")
  func chunkSizes() throws {
    try writeSnapshot()
    let name = "s/data/dbo.T/000002.csv"
    let text = try folder.text(name)
    for changed in [String(text.dropLast()), text + "x", ""] {
      try put(changed, at: name)
      let failure = opening()
      #expect(failure?.code == .damaged)
      #expect(failure?.file.hasSuffix("000002.csv") == true)
    }
    try FileManager.default.removeItem(atPath: folder.file(name))
    #expect(opening()?.problem == "the chunk is missing")
  }

  @Test("a changed byte is found before the last block has been believed")
  func chunkBytes() throws {
    try writeSnapshot()
    let name = "s/data/dbo.T/000002.csv"
    let text = try folder.text(name)
    try put(text.replacingOccurrences(of: "row", with: "raw"), at: name)
    let snapshot = try Snapshot(opening: folder.file("s"))
    let failure = #expect(throws: StagingError.self) { try snapshot.verifyChunks() }
    #expect(failure?.code == .damaged)
    #expect(failure?.file.hasSuffix("000002.csv") == true)
    let chunk = snapshot.manifest.tables[0].chunks[1]
    #expect(throws: StagingError.self) {
      try snapshot.readChunk(chunk, of: snapshot.manifest.tables[0], blockByteCount: 100) { _ in }
    }
  }

  @Test("an error of whoever reads a chunk comes out as it is")
  func readerFails() throws {
    struct Stop: Error {}
    let manifest = try writeSnapshot()
    let snapshot = try Snapshot(opening: folder.file("s"))
    #expect(throws: Stop.self) {
      try snapshot.readChunk(manifest.chunks[0], of: manifest) { _ in throw Stop() }
    }
  }

  @Test("a full disk is an error that says so")
  func diskFull() throws {
    let writer = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
    try writer.begin(Database(name: "d", serverVersion: "v", tables: [table]))
    var rows = try writer.makeTableWriter(for: table)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("s/data/dbo.T/000001.csv.partial"), withDestinationPath: "/dev/full")
    var failure: StagingError?
    do {
      try add(0..<3000, to: &rows)
    } catch {
      failure = error as? StagingError
    }
    #expect(failure?.code == .cannotWrite)
    #expect(failure?.problem == "write failed: No space left on device")
    #expect(failure?.advice?.contains("--into") == true)
    // It stays an error: a writer that has lost bytes cannot be finished.
    do {
      _ = try rows.finish(order: .key)
      Issue.record("finished in spite of the error")
    } catch {
      #expect(error.code == .cannotWrite)
    }
  }

  @Test("a chunk that does not get its name is an error, and nobody renames a file afterwards")
  func chunkWithoutName() throws {
    let writer = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
    try writer.begin(Database(name: "d", serverVersion: "v", tables: [table]))
    var rows = try writer.makeTableWriter(for: table)
    try FileManager.default.createDirectory(
      atPath: folder.file("s/data/dbo.T/000002.csv"), withIntermediateDirectories: false)
    var failure: StagingError?
    do {
      try add(0..<3000, to: &rows)
      _ = try rows.finish(order: .key)
    } catch {
      failure = error as? StagingError
    }
    #expect(failure?.code == .cannotWrite)
    #expect(failure?.file.hasSuffix("/000002.csv") == true)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.file("s/data/dbo.T"))
    #expect(left.filter { $0.hasSuffix(".csv") }.sorted() == ["000001.csv", "000002.csv"])
  }

  @Test("a writer that is dropped leaves nothing behind that goes on renaming its files")
  func droppedWriter() throws {
    let snapshot = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
    try snapshot.begin(Database(name: "d", serverVersion: "v", tables: [table]))
    for _ in 0..<20 {
      do {
        var rows = try snapshot.makeTableWriter(for: table)
        try add(0..<3000, to: &rows)
      }
      try snapshot.discard(table)
    }
    var rows = try snapshot.makeTableWriter(for: table)
    try add(0..<3000, to: &rows)
    let manifest = try rows.finish(order: .key)
    try snapshot.finish(source: .test, tables: [manifest])
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.file("s/data/dbo.T"))
    #expect(left.sorted() == manifest.chunks.map(\.file))
  }

  @Test("a folder that cannot be made is an error that says so")
  func noPermission() throws {
    try put("a file", at: "file")
    #expect(writing("file")?.code == .cannotWrite)
    #expect(writing("file/below")?.code == .cannotWrite)
  }

  @Test("the snapshot that another program has written is read")
  func otherWriter() throws {
    let script = SharedData.packageFolder + "/staging/sample/make-sample"
    guard FileManager.default.fileExists(atPath: script) else { return }
    let ran = try Shell.run(script, ["--into", folder.file("sample")])
    try withKnownIssue("python3-xxhash is not installed", isIntermittent: true) {
      try #require(ran.status == 0)
    } when: {
      ran.errors.contains("python3-xxhash")
    }
    guard ran.status == 0 else { return }
    let snapshot = try Snapshot(opening: folder.file("sample"))
    try snapshot.verifyChunks()
    for table in snapshot.manifest.tables {
      #expect(try snapshot.contentDigest(of: table).rows == table.rows)
    }
  }
}
