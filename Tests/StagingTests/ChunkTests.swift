import Catalog
import Foundation
import Staging
import Testing

@Suite("Chunks")
struct ChunkTests {
  private let folder: ScratchFolder

  init() throws {
    folder = try ScratchFolder()
  }

  private struct Row: Hashable {
    var key: Int
    var text: String
  }

  private static func rows(_ keys: some Sequence<Int>) -> [Row] {
    keys.map { Row(key: $0, text: "row \($0) with a text") }
  }

  private func write(
    _ rows: [Row], _ name: String, limits: StagingLimits = .tiny, keyCount: Int = 1
  ) throws -> TableManifest {
    let table = makeTable(
      [ColumnType(.int), ColumnType(.varchar, isMax: true)], keyCount: keyCount)
    return try writeSnapshot(table, into: folder.file(name), limits: limits) { writer in
      for row in rows {
        writer.beginRow()
        writer.write(integer: Int64(row.key))
        Array(row.text.utf8).withUnsafeBytes { writer.write(utf8: $0) }
        try writer.endRow()
      }
    }
  }

  @Test("sizes stay within their bounds and come to about the average")
  func sizes() throws {
    let chunks = try write(Self.rows(0..<20_000), "a").chunks
    #expect(chunks.count > 20)
    for chunk in chunks.dropLast() {
      #expect((512..<(16 << 10) + 40).contains(chunk.bytes))
    }
    let average = chunks.reduce(0) { $0 + $1.bytes } / chunks.count
    #expect((2 << 10...8 << 10).contains(average))
    #expect(chunks.map(\.file).prefix(2) == ["000001.csv", "000002.csv"])
  }

  @Test("rows of a hundred times the length make chunks of the same size")
  func longRows() throws {
    let rows = (0..<2000).map { Row(key: $0, text: String(repeating: "x", count: 1500)) }
    let chunks = try write(rows, "a").chunks
    let average = chunks.reduce(0) { $0 + $1.bytes } / chunks.count
    #expect((2 << 10...9 << 10).contains(average))
  }

  @Test("rows put in at one place leave the chunks behind them as they were", arguments: [1, 0])
  func insertedRows(keyCount: Int) throws {
    let all = Self.rows(0..<20_000)
    let before = try write(all.filter { $0.key > 300 && $0.key != 9000 }, "a", keyCount: keyCount)
    let after = try write(all, "b", keyCount: keyCount)
    let known = Set(before.chunks.map(\.xxh3))
    let changed = after.chunks.filter { !known.contains($0.xxh3) }
    #expect(after.chunks.count > 30)
    #expect(changed.count < 12)
    #expect(known.contains(try #require(after.chunks.last).xxh3))
  }

  @Test("chunks get longer with the rows before them, and the last is a small part of the table")
  func growingChunks() throws {
    var limits = StagingLimits.tiny
    limits.chunkByteCountAverageMin = 1 << 10
    limits.chunkByteCountAverageMax = 64 << 10
    limits.chunkByteCountMax = 256 << 10
    let all = Self.rows(0..<100_000)
    let before = try write(all.dropLast(1000), "a", limits: limits)
    let after = try write(all, "b", limits: limits)
    let known = Set(before.chunks.map(\.xxh3))
    let changed = after.chunks.filter { !known.contains($0.xxh3) }.reduce(0) { $0 + $1.bytes }
    #expect(changed < after.bytes / 20)

    func average(_ chunks: some Collection<ChunkManifest>) -> Int {
      chunks.reduce(0) { $0 + $1.bytes } / chunks.count
    }
    #expect((512..<2 << 10).contains(average(after.chunks.prefix(50))))
    #expect(average(after.chunks.suffix(20)) > 16 << 10)
    #expect(after.chunks.count < 600)
    // Rows put in before do not move the boundaries that follow.
    let later = try write(Self.rows(-70..<100_000), "c", limits: limits)
    #expect(later.chunks.filter { !Set(after.chunks.map(\.xxh3)).contains($0.xxh3) }.count < 12)
  }

  @Test("a changed row changes its own chunk only")
  func changedRow() throws {
    var rows = Self.rows(0..<20_000)
    let before = try write(rows, "a")
    rows[10_000].text = "row 10000 with another"
    let after = try write(rows, "b")
    #expect(zip(before.chunks, after.chunks).filter { $0.xxh3 != $1.xxh3 }.count == 1)
  }

  @Test("the size of the buffer changes no byte", arguments: [0, 1])
  func bufferSize(keyCount: Int) throws {
    var generator = SeededGenerator(3)
    print("seed \(SeededGenerator.seed)")
    let rows = (0..<2000).map { key in
      let count = key % 100 == 0 ? 3000 : 30
      return Row(key: key, text: ValueKind.randomText(count, &generator))
    }
    var large = StagingLimits.tiny
    large.rowBufferByteCount = 1 << 20
    let manifest = try write(rows, "a", limits: .tiny, keyCount: keyCount)
    #expect(try write(rows, "b", limits: large, keyCount: keyCount) == manifest)
    #expect(manifest.chunks.count > 10)
  }

  @Test("the hash is the one that xxh128sum prints, and keys are values")
  func hashAndKeys() throws {
    let rows = [Row(key: 1, text: "a"), Row(key: 7, text: "b,\"c\"")]
    let chunk = try #require(write(rows, "a").chunks.first)
    #expect(try folder.text("a/data/dbo.T/000001.csv") == "1,a\n7,\"b,\"\"c\"\"\"\n")
    // printf '1,a\n7,"b,""c"""\n' | xxh128sum
    #expect(chunk.xxh3 == "ae30ea158560018ae9c8ca0833a665e6")
    #expect(chunk.firstKey == ["1"])
    #expect(chunk.lastKey == ["7"])
    #expect(chunk.rows == 2)
    #expect(chunk.bytes == 16)
  }

  @Test("a key out of column order, with NULL and quotes")
  func keyValues() throws {
    var table = makeTable(
      [ColumnType(.varchar, length: 9), ColumnType(.int), ColumnType(.varchar, length: 9)],
      keyCount: 0)
    for index in table.columns.indices { table.columns[index].isNullable = false }
    table.primaryKey = Key(
      name: nil, isClustered: true, columns: [KeyColumn("C2"), KeyColumn("C0")])
    let manifest = try writeSnapshot(table, into: folder.file("a")) { writer in
      writer.beginRow()
      Array("x\"y".utf8).withUnsafeBytes { writer.write(utf8: $0) }
      writer.write(integer: 1)
      writer.write(utf8: UnsafeRawBufferPointer(start: nil, count: 0))
      try writer.endRow()
      writer.beginRow()
      writer.writeNull()
      writer.write(integer: 2)
      Array("z".utf8).withUnsafeBytes { writer.write(utf8: $0) }
      try writer.endRow()
    }
    let chunk = try #require(manifest.chunks.first)
    #expect(chunk.firstKey == ["", "x\"y"])
    #expect(chunk.lastKey == ["z", nil])
  }

  @Test("a cancelled row is neither counted nor written")
  func cancelledRow() throws {
    let table = makeTable([ColumnType(.int), ColumnType(.varchar, isMax: true)])
    let manifest = try writeSnapshot(table, into: folder.file("a"), limits: .tiny) { writer in
      for key in 0..<10 {
        writer.beginRow()
        writer.write(integer: Int64(key))
        let text = Array(repeating: UInt8(0x61), count: key * 200)
        text.withUnsafeBytes { writer.write(utf8: $0) }
        if key % 2 == 0 { try writer.endRow() } else { writer.cancelRow() }
      }
    }
    #expect(manifest.rows == 5)
    let lines = try csv(manifest, in: folder.file("a")).split(separator: "\n")
    #expect(lines.map { $0.prefix(2) } == ["0,", "2,", "4,", "6,", "8,"])
  }

  @Test("a quote that comes late in a value longer than the buffer opens it at its beginning")
  func lateQuote() throws {
    let texts = [
      String(repeating: "a", count: 200_000) + ",", String(repeating: "b", count: 5000) + "\"\"c",
      String(repeating: "c", count: 513) + "\n" + String(repeating: "d\"", count: 700),
    ]
    let rows = texts.enumerated().map { Row(key: $0, text: $1) }
    let manifest = try write(rows, "a")
    let expected = texts.enumerated().map {
      "\($0),\"\($1.replacingOccurrences(of: "\"", with: "\"\""))\"\n"
    }
    #expect(try csv(manifest, in: folder.file("a")) == expected.joined())
    #expect(manifest.bytes == expected.joined().utf8.count)
  }

  @Test("a key longer than its bound is an error")
  func longKey() throws {
    let table = makeTable([ColumnType(.varchar, isMax: true)])
    let failure = #expect(throws: StagingError.self) {
      try writeSnapshot(table, into: folder.file("a")) { writer in
        writer.beginRow()
        let text = Array(repeating: UInt8(0x61), count: 65_537)
        text.withUnsafeBytes { writer.write(utf8: $0) }
        try writer.endRow()
      }
    }
    #expect(failure?.code == .valueTooLarge)
  }
}
