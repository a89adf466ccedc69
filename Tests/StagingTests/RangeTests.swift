import Catalog
import Foundation
import Staging
import TestSupport
import Testing

/// Ranges become one table, and what an unfinished export has finished is taken over if it is whole.
@Suite("Tables in ranges, and the journal")
struct RangeTests {
  private let folder: ScratchFolder
  private let table = makeTable([ColumnType(.int), ColumnType(.nvarchar, length: 100)])

  init() throws { folder = try ScratchFolder() }

  private var database: Database {
    Database(
      name: "test", serverVersion: "none",
      tables: [table, makeTable([ColumnType(.int)], name: "Other")])
  }

  /// Every 100th row is a reject.
  private func add(_ rows: Range<Int>, to writer: inout TableWriter) throws {
    for row in rows {
      writer.beginRow()
      writer.write(integer: Int64(row))
      let text = row % 100 == 7 ? "a\0b" : "row \(row)"
      Array(text.utf16).withUnsafeBytes { writer.write(utf16: $0) }
      try writer.endRow()
    }
  }

  private func write(
    _ rows: Range<Int>, range: Int?, to snapshot: SnapshotWriter
  ) throws -> TableManifest {
    var writer = try snapshot.makeTableWriter(for: table, range: range)
    try add(rows, to: &writer)
    let manifest = try writer.finish(order: .key)
    try snapshot.record(manifest, range: range)
    return manifest
  }

  private static let bounds = [0, 700, 1500, 1501, 3000]
  private static let plan = RowRanges(rowCount: 3000, boundaries: [["700"], ["1500"], ["1501"]])

  private func writeRanges(
    _ numbers: [Int], to snapshot: SnapshotWriter
  ) throws -> [TableManifest] {
    try numbers.map { number in
      try write(
        Self.bounds[number - 1]..<Self.bounds[number], range: number, to: snapshot)
    }
  }

  @Test("joined ranges are the table that was written whole")
  func join() throws {
    let whole = try SnapshotWriter(folder: folder.file("whole"), limits: .tiny)
    try whole.begin(database)
    let expected = try write(0..<3000, range: nil, to: whole)
    try whole.finish(
      source: .test, tables: [expected], leftOut: [ObjectName("dbo", "Other")])
    let snapshot = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
    try snapshot.begin(database)
    let ranges = try writeRanges([4, 1, 3, 2], to: snapshot)
    let joined = try snapshot.join(table, ranges: [ranges[1], ranges[3], ranges[2], ranges[0]])
    try snapshot.finish(source: .test, tables: [joined], leftOut: [ObjectName("dbo", "Other")])
    #expect(joined.rows == expected.rows && joined.rejects == expected.rejects)
    #expect(joined.bytes == expected.bytes && joined.order == .key)
    #expect(try csv(joined, in: folder.file("s")) == csv(expected, in: folder.file("whole")))
    #expect(
      try folder.text("s/rejects/dbo.T.csv") == folder.text("whole/rejects/dbo.T.csv"))
    let names = joined.chunks.indices.map { index in
      let digits = String(index + 1)
      return String(repeating: "0", count: 6 - digits.count) + digits + ".csv"
    }
    #expect(joined.chunks.map(\.file) == names)
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder.file("s"))
    #expect(!files.contains { $0.contains("=") || $0.contains("journal") })
  }

  @Test("a range that is thrown away leaves the others alone")
  func discard() throws {
    let snapshot = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
    try snapshot.begin(database)
    var ranges = try writeRanges([1, 2, 3, 4], to: snapshot)
    try snapshot.discard(table, range: 2)
    ranges[1] = try writeRanges([2], to: snapshot)[0]
    let joined = try snapshot.join(table, ranges: ranges)
    #expect(joined.rows + joined.rejects == 3000)
    try snapshot.discard(table)
    let whole = try write(0..<3000, range: nil, to: snapshot)
    try snapshot.finish(source: .test, tables: [whole], leftOut: [ObjectName("dbo", "Other")])
    try Snapshot(opening: folder.file("s")).verifyChunks()
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.file("s/rejects")) == ["dbo.T.csv"]
    )
  }

  /// Leaves an unfinished export with the ranges 1 and 3 of one table, and all of the other.
  private func leaveUnfinished() throws {
    let snapshot = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
    #expect(try snapshot.begin(database, lasting: "state 1").count == 0)
    try snapshot.record(Self.plan, of: table)
    _ = try writeRanges([1, 3], to: snapshot)
    var half = try snapshot.makeTableWriter(for: table, range: 2)
    try add(700..<1400, to: &half)
    let other = try #require(database.tables.last)
    var writer = try snapshot.makeTableWriter(for: other)
    writer.beginRow()
    writer.write(integer: 1)
    try writer.endRow()
    try snapshot.record(try writer.finish(order: .key))
  }

  @Test("what is finished of the same state is kept, and nothing else")
  func kept() throws {
    try leaveUnfinished()
    let snapshot = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
    let work = try snapshot.begin(database, lasting: "state 1")
    #expect(work.count == 3)
    #expect(work.plans == [table.name: Self.plan])
    let ranges = try #require(work.ranges[table.name])
    #expect(ranges.keys.sorted() == [1, 3])
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.file("s/data/dbo.T"))
    #expect(left.allSatisfy { $0.hasPrefix("0001=") || $0.hasPrefix("0003=") })
    let written = try writeRanges([2, 4], to: snapshot)
    let all = [ranges[1], written[0], ranges[3], written[1]].compactMap(\.self)
    let joined = try snapshot.join(table, ranges: all)
    let other = try #require(work.tables[ObjectName("dbo", "Other")])
    try snapshot.finish(source: .test, tables: [joined, other])
    let opened = try Snapshot(opening: folder.file("s"))
    try opened.verifyChunks()
    #expect(opened.manifest.tables.map(\.rows) == [1, 2970])
  }

  @Test(
    "of another state, another catalog or nothing at all, nothing is kept",
    arguments: [nil, "state 2", "catalog"])
  func begunAgain(lasting: String?) throws {
    try leaveUnfinished()
    let snapshot = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
    var database = database
    if lasting == "catalog" { database.tables[1].columns[0].isNullable.toggle() }
    let work = try snapshot.begin(database, lasting: lasting == "catalog" ? "state 1" : lasting)
    #expect(work.count == 0 && work.plans.isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("s/data")) == [])
  }

  @Test("a file that is not as it was written is written again, whatever byte it is")
  func damaged() throws {
    let names = try {
      try leaveUnfinished()
      return try FileManager.default.subpathsOfDirectory(atPath: folder.file("s")).filter {
        $0.contains("=") && !$0.contains("0002") && $0.hasSuffix(".csv")
      }
    }()
    #expect(names.contains { $0.hasPrefix("rejects/") } && names.count >= 3)
    for name in names.sorted() {
      try? FileManager.default.removeItem(atPath: folder.file("s"))
      try leaveUnfinished()
      var bytes = try folder.bytes(name.hasPrefix("/") ? name : "s/" + name)
      bytes[bytes.count / 2] ^= 1
      try Data(bytes).write(to: URL(fileURLWithPath: folder.file("s/" + name)))
      let snapshot = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
      let work = try snapshot.begin(database, lasting: "state 1")
      #expect(work.count == 2, "\(name)")
      let damaged = name.contains("0001") && !name.contains("0003=") ? 1 : 3
      #expect(work.ranges[table.name]?[damaged] == nil, "\(name)")
    }
  }

  @Test("a journal that was cut off anywhere keeps what it says in whole lines")
  func cutOff() throws {
    try leaveUnfinished()
    let journal = try folder.bytes("s/journal.jsonl")
    let seed = UInt64.random(in: 0 ... .max)
    var random = TestSupport.SeededGenerator(seed: seed)
    for _ in 0..<30 {
      try? FileManager.default.removeItem(atPath: folder.file("s"))
      try leaveUnfinished()
      let length = Int.random(in: 0..<journal.count, using: &random)
      try Data(journal[..<length]).write(to: URL(fileURLWithPath: folder.file("s/journal.jsonl")))
      let lines = journal[..<length].count { $0 == 0x0A }
      let snapshot = try SnapshotWriter(folder: folder.file("s"), limits: .tiny)
      let work = try snapshot.begin(database, lasting: "state 1")
      // The state and the plan come first.
      #expect(work.count == max(0, lines - 2), "cut at \(length), seed \(seed)")
    }
  }
}
