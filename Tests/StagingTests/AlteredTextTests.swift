// Text that PostgreSQL cannot store, kept without the characters that are at fault.

import Catalog
import Foundation
import Staging
import TestSupport
import Testing

@Suite("Text that is stripped or replaced")
struct AlteredTextTests {
  private static let text = ColumnType(.nvarchar, isMax: true)

  /// U+0000, halves of pairs, pairs, what CSV quotes, and characters of 1 to 3 bytes; U+FFFD may be in
  /// the source itself.
  private static let units: [UInt16] = [
    0, 0xD83D, 0xDE00, 0x61, 0x22, 0x2C, 0x0A, 0xE9, 0x4E2D, 0xFFFD, 0xD7FF, 0xE000,
  ]

  @Test("as one would do it by hand", arguments: [TextPolicy.strip, .replace])
  func agreesWithSlowEncoder(_ policy: TextPolicy) throws {
    print("seed \(SeededGenerator.seed)")
    var generator = SeededGenerator(policy == .strip ? 31 : 32)
    let values = (0..<400).map { number -> [UInt16] in
      let count = number % 20 == 0 ? 700 : Int.random(in: 0...12, using: &generator)
      return (0..<count).map { _ in Self.units.randomElement(using: &generator) ?? 0 }
    }
    for (limits, pieceLength) in [(StagingLimits(), 0), (.tiny, 0), (.tiny, 1), (.tiny, 3)] {
      let folder = try ScratchFolder()
      let manifest = try write(
        values, policy, into: folder, limits: limits, pieceLength: pieceLength)
      let expected = values.enumerated().map { "\($0),\(Self.cell($1, policy))\n" }
      #expect(try csv(manifest, in: folder.path) == expected.joined())
      #expect(manifest.rejects == 0)
      let altered = values.count { Self.scalars($0, .strip) != Self.scalars($0, nil) }
      #expect(manifest.altered == altered)
    }
  }

  @Test("each row that lost something is listed once for each kind of it, with its key")
  func listed() throws {
    let folder = try ScratchFolder()
    let values: [[UInt16]] = [[0x61], [0x61, 0, 0, 0x62], [0xD83D, 0, 0xD83D]]
    let manifest = try write(values, .strip, into: folder)
    #expect(try csv(manifest, in: folder.path) == "0,a\n1,ab\n2,\"\"\n")
    #expect(manifest.altered == 2)
    #expect(
      try folder.text("rejects/dbo.T.csv") == """
        reason,column,key,position
        "U+0000 in text, which PostgreSQL cannot store: stripped, the row is kept",C1,"{""C0"": 1}",2
        "U+0000 in text, which PostgreSQL cannot store: stripped, the row is kept",C1,"{""C0"": 2}",3
        "half of a surrogate pair in text, which is no character: stripped, the row is kept",C1,\
        "{""C0"": 2}",3

        """)
  }

  @Test("a row that is a reject for something else is only that")
  func rejectWins() throws {
    let folder = try ScratchFolder()
    let table = makeTable([ColumnType(.int), Self.text, ColumnType(.varchar, length: 9)])
    let manifest = try writeSnapshot(
      table, into: folder.path, textPolicies: ["C1": .strip, "C2": .strip]
    ) { writer in
      writer.beginRow()
      writer.write(integer: 1)
      [UInt16(0)].withUnsafeBytes { writer.write(utf16: $0) }
      [UInt8(0xC3)].withUnsafeBytes { writer.write(utf8: $0) }
      try writer.endRow()
    }
    #expect(manifest.rejects == 1)
    #expect(manifest.altered == nil)
    #expect(try folder.text("rejects/dbo.T.csv").split(separator: "\n").count == 2)
  }

  private func write(
    _ values: [[UInt16]], _ policy: TextPolicy, into folder: ScratchFolder,
    limits: StagingLimits = StagingLimits(), pieceLength: Int = 0
  ) throws -> TableManifest {
    let table = makeTable([ColumnType(.int), Self.text])
    return try writeSnapshot(
      table, into: folder.path, limits: limits, textPolicies: ["C1": policy]
    ) { writer in
      for (number, units) in values.enumerated() {
        writer.beginRow()
        writer.write(integer: Int64(number))
        let bytes = units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        bytes.withUnsafeBytes { bytes in
          guard pieceLength > 0 else { return writer.write(utf16: bytes) }
          writer.beginUTF16()
          for start in stride(from: 0, to: bytes.count, by: pieceLength) {
            let end = min(start + pieceLength, bytes.count)
            writer.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
          }
          writer.endValue()
        }
        try writer.endRow()
      }
    }
  }

  /// One unit after the other; without a policy what is at fault stays as a marker.
  private static func scalars(_ units: [UInt16], _ policy: TextPolicy?) -> String {
    var text = ""
    var index = 0
    while index < units.count {
      let unit = units[index]
      let isHigh = unit & 0xFC00 == 0xD800
      if isHigh, index + 1 < units.count, units[index + 1] & 0xFC00 == 0xDC00 {
        text += String(decoding: units[index...index + 1], as: UTF16.self)
        index += 2
        continue
      }
      index += 1
      guard unit == 0 || unit & 0xF800 == 0xD800 else {
        text += String(decoding: [unit], as: UTF16.self)
        continue
      }
      switch policy {
      case nil: text += "<fault>"
      case .replace: text += "\u{FFFD}"
      case .strip, .fail: break
      }
    }
    return text
  }

  private static func cell(_ units: [UInt16], _ policy: TextPolicy) -> String {
    let text = scalars(units, policy)
    let needsQuotes = text.isEmpty || text.utf8.contains { [0x22, 0x2C, 0x0A].contains($0) }
    return needsQuotes ? "\"\(text.replacingOccurrences(of: "\"", with: "\"\""))\"" : text
  }
}
