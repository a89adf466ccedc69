import Catalog
import Foundation
import Staging
import Testing

@Suite("Rows that PostgreSQL cannot store")
struct RejectTests {
  private static let text = ColumnType(.nvarchar, isMax: true)
  private let folder: ScratchFolder

  init() throws {
    folder = try ScratchFolder()
  }

  /// Writes rows of an int key and UTF-16 units, and returns the chunks' bytes.
  private func write(
    _ rows: [(Int64, [UInt16])], keyCount: Int = 1, limits: StagingLimits = StagingLimits()
  ) throws -> (manifest: TableManifest, csv: String) {
    let table = makeTable([ColumnType(.int), Self.text], keyCount: keyCount)
    let manifest = try writeSnapshot(table, into: folder.path, limits: limits) { writer in
      for (key, units) in rows {
        writer.beginRow()
        writer.write(integer: key)
        let bytes = units.flatMap { unit -> [UInt8] in [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
        bytes.withUnsafeBytes { writer.write(utf16: $0) }
        try writer.endRow()
      }
    }
    return (manifest, try csv(manifest, in: folder.path))
  }

  @Test("a row with U+0000 or half a surrogate pair is recorded and the others stay")
  func nulAndSurrogates() throws {
    let (manifest, csv) = try write([
      (1, [0x61]), (2, [0x61, 0, 0x62]), (3, [0xD83D]), (4, [0xDE00, 0x61]),
      (5, [0xD83D, 0xDE00]), (6, [0xD83D, 0xD83D, 0xDE00]), (7, [0x2C]),
    ])
    #expect(csv == "1,a\n5,😀\n7,\",\"\n")
    #expect(manifest.rows == 3)
    #expect(manifest.rejects == 4)
    let rejects = try folder.text("rejects/dbo.T.csv")
    #expect(
      rejects == """
        reason,column,key,position
        "U+0000 in text, which PostgreSQL cannot store",C1,"{""C0"": 2}",2
        "half of a surrogate pair in text, which is no character",C1,"{""C0"": 3}",3
        "half of a surrogate pair in text, which is no character",C1,"{""C0"": 4}",4
        "half of a surrogate pair in text, which is no character",C1,"{""C0"": 6}",6

        """)
  }

  @Test("a table without rejects has no file for them")
  func noRejects() throws {
    let manifest = try write([(1, [0x61])]).manifest
    #expect(manifest.rejects == 0)
    #expect(!FileManager.default.fileExists(atPath: folder.file("rejects/dbo.T.csv")))
  }

  @Test("a table without a key names the position only")
  func noKey() throws {
    _ = try write([(1, [0])], keyCount: 0)
    let line = try folder.text("rejects/dbo.T.csv").split(separator: "\n")[1]
    #expect(line.hasSuffix(",C1,,1"))
  }

  @Test("a key that is at fault itself is still readable, and valid jsonb")
  func keyAtFault() throws {
    let table = makeTable(
      [Self.text, ColumnType(.bit), ColumnType(.decimal, precision: 9, scale: 2)], keyCount: 3)
    try writeSnapshot(table, into: folder.path) { writer in
      writer.beginRow()
      let units: [UInt16] = [0x22, 0, 0xDE00, 0x5C, 0x0A, 0xE9]
      units.withUnsafeBytes { writer.write(utf16: $0) }
      writer.write(bool: true)
      writer.write(decimal: 125, isNegative: true, scale: 2)
      try writer.endRow()
    }
    let line = try folder.text("rejects/dbo.T.csv").split(separator: "\n")[1]
    #expect(
      line.hasSuffix(
        #""{""C0"": ""\""\\u0000\\ude00\\\u000aé"", ""C1"": true, ""C2"": -1.25}",1"#))
  }

  @Test("a long row at fault leaves nothing in the chunk, wherever the fault is")
  func longRowsAreTakenBack() throws {
    let long = Array(repeating: UInt16(0x61), count: 2000)
    let good: [(Int64, [UInt16])] = [(1, long + [0x62]), (4, [0x62]), (6, long)]
    let bad: [(Int64, [UInt16])] = [
      (2, long + [0]), (3, [0] + long), (5, long + [0x2C, 0] + long),
    ]
    let mixed = (good + bad).sorted { $0.0 < $1.0 }
    let (manifest, csv) = try write(mixed, limits: .tiny)
    #expect(manifest.rejects == 3)
    let lines = good.map { "\($0.0),\(String(decoding: $0.1, as: UTF16.self))\n" }
    #expect(csv == lines.joined())
  }

  @Test("a line longer than COPY takes is a reject and is never kept in memory or on disk")
  func lineTooLong() throws {
    var limits = StagingLimits.tiny
    limits.rowByteCountMax = 3000
    let (manifest, csv) = try write(
      [
        (1, Array(repeating: 0x61, count: 2997)), (2, Array(repeating: 0x61, count: 2998)),
        (3, Array(repeating: 0x61, count: 100_000)), (4, []),
      ], limits: limits)
    #expect(csv == "1,\(String(repeating: "a", count: 2997))\n4,\"\"\n")
    #expect(manifest.rejects == 2)
    let lines = try folder.text("rejects/dbo.T.csv").split(separator: "\n")
    #expect(
      lines[1]
        == #""more than 3000 bytes as CSV, the longest line that PostgreSQL reads",,"{""C0"": 2}",2"#
    )
  }

  @Test(
    "UTF-8 that is none is a reject",
    arguments: [
      [0x80], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80],
      [0xE2, 0x82, 0x41],
      [0xF4, 0x90, 0x80, 0x80], [0x61, 0xFF, 0x62],
    ] as [[UInt8]])
  func invalidUTF8(_ bytes: [UInt8]) throws {
    let page = try #require(CodePage(number: 65001))
    let table = makeTable([ColumnType(.int), ColumnType(.varchar, length: 9)])
    let manifest = try writeSnapshot(table, into: folder.path) { writer in
      for key in 0..<2 {
        writer.beginRow()
        writer.write(integer: Int64(key))
        if key == 0 {
          bytes.withUnsafeBytes { writer.write(utf8: $0) }
        } else {
          writer.beginText(in: page)
          for byte in bytes { withUnsafeBytes(of: byte) { writer.append($0) } }
          writer.endValue()
        }
        try writer.endRow()
      }
    }
    #expect(manifest.rejects == 2)
    #expect(manifest.chunks.isEmpty)
  }

  @Test("text in an unknown code page is an error that names the collation, unless it is ASCII")
  func unknownCodePage() throws {
    var table = makeTable([ColumnType(.int), ColumnType(.varchar, length: 9)])
    table.columns[1].collation = Collation(
      name: "Klingon_CI_AS", codePage: nil, isCaseSensitive: false, isAccentSensitive: true,
      isBinary: false)
    let writer = try SnapshotWriter(folder: folder.path)
    try writer.begin(Database(name: "d", serverVersion: "v", tables: [table]))
    var rows = try writer.makeTableWriter(for: table)
    rows.beginRow()
    rows.write(integer: 1)
    write("abc", to: &rows)
    try rows.endRow()
    rows.beginRow()
    rows.write(integer: 2)
    write("é", to: &rows)
    let failure = #expect(throws: StagingError.self) { try rows.endRow() }
    #expect(failure?.code == .badValue)
    #expect(failure?.place == "dbo.T, column C1, row 2")
    #expect(failure?.problem.contains("Klingon_CI_AS") == true)
  }

  private func write(_ text: String, to rows: inout TableWriter) {
    Array(text.utf8).withUnsafeBytes { rows.write(text: $0, in: .ascii) }
  }

  @Test("values that no source can hold are errors, never guesses")
  func badValues() throws {
    let types: [(ColumnType, (inout TableWriter) -> Void)] = [
      (ColumnType(.date), { $0.write(dateDays: -1) }),
      (ColumnType(.date), { $0.write(dateDays: 3_652_059) }),
      (ColumnType(.time), { $0.write(timeTicks: 864_000_000_000) }),
      (ColumnType(.time), { $0.write(timeTicks: -1) }),
      (ColumnType(.datetime2), { $0.write(timestampDays: .max, ticks: 0) }),
      (ColumnType(.datetimeoffset), { $0.write(instantDays: -2, ticks: 0) }),
      (ColumnType(.decimal), { $0.write(decimal: 1, isNegative: false, scale: 39) }),
      (ColumnType(.decimal), { $0.write(decimal: 1, isNegative: false, scale: -1) }),
      (
        ColumnType(.uniqueidentifier),
        { $0.write(guid: UnsafeRawBufferPointer(start: nil, count: 0)) }
      ),
    ]
    for (index, (type, write)) in types.enumerated() {
      let table = makeTable([ColumnType(.int), type])
      let writer = try SnapshotWriter(folder: folder.file("\(index)"))
      try writer.begin(Database(name: "d", serverVersion: "v", tables: [table]))
      var rows = try writer.makeTableWriter(for: table)
      rows.beginRow()
      rows.write(integer: 1)
      write(&rows)
      let failure = #expect(throws: StagingError.self) { try rows.endRow() }
      #expect(failure?.code == .badValue)
      // The row is gone, and the next one is as if it had never been.
      rows.beginRow()
      rows.write(integer: 2)
      rows.writeNull()
      try rows.endRow()
      let manifest = try rows.finish(order: .key)
      #expect(manifest.bytes == 3)
    }
  }
}
