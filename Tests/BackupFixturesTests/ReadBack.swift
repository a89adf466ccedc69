// What the product makes of a written file, compared with the description.

import BackupFixtures
import BackupSource
import Catalog
import Foundation
import Staging
import Testing

/// A folder that is gone with the test.
final class Scratch {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("restage-fixtures-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}

enum ReadBack {
  /// Exports everything that a specification names and compares each table's lines, in any order,
  /// with the description.
  static func expect(
    _ specification: String, setNumber: Int? = nil, equals database: FixtureDatabase,
    _ scratch: Scratch, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let source = try BackupSource(specification, setNumber: setNumber)
    let read = source.readCatalog()
    #expect(
      read.tables.map(\.name) == database.tables.map(\.table.name).sorted(),
      sourceLocation: sourceLocation)
    let folder = scratch.file("snapshot-\(UUID().uuidString)")
    let snapshot = try SnapshotWriter(folder: folder)
    try snapshot.begin(read)
    var manifests: [TableManifest] = []
    for table in database.tables {
      let found = try #require(
        read.tables.first { $0.name == table.table.name }, sourceLocation: sourceLocation)
      var writer = try snapshot.makeTableWriter(for: found)
      let order = try source.readRows(of: found, into: &writer)
      manifests.append(try writer.finish(order: order))
      try expect(folder, hasRowsOf: table, order, sourceLocation)
    }
    try snapshot.finish(source: source.identity, tables: manifests)
    #expect(
      source.identity.warnings.filter { $0.contains("rows") } == [], sourceLocation: sourceLocation)
  }

  private static func expect(
    _ folder: String, hasRowsOf table: FixtureTable, _ order: RowOrder,
    _ sourceLocation: SourceLocation
  ) throws {
    var text: [UInt8] = []
    let data = "\(folder)/data/\(table.table.name.fileName)"
    if FileManager.default.fileExists(atPath: data) {
      for name in try FileManager.default.contentsOfDirectory(atPath: data).sorted() {
        text += try Data(contentsOf: URL(fileURLWithPath: "\(data)/\(name)"))
      }
    }
    let described = (0..<table.rowCount).compactMap { table.csvLine($0) }
    let found = records(text)
    if order == .key && found == described { return }
    let difference = difference(found, described)
    #expect(
      difference == nil, "\(table.table.name): \(difference ?? "")", sourceLocation: sourceLocation)
    let rejects = try? String(
      contentsOfFile: "\(folder)/rejects/\(table.table.name.fileName).csv", encoding: .utf8)
    if difference != nil, let rejects {
      Issue.record("rejects: \(rejects.prefix(500))", sourceLocation: sourceLocation)
    }
    if difference == nil && order == .key {
      Issue.record("\(table.table.name): rows are not in key order", sourceLocation: sourceLocation)
    }
  }

  /// The first cells that only one side has, and how many lines differ.
  private static func difference(_ found: [String], _ described: [String]) -> String? {
    var counts: [String: Int] = [:]
    for line in found { counts[line, default: 0] += 1 }
    for line in described { counts[line, default: 0] -= 1 }
    let extra = found.filter { counts[$0, default: 0] > 0 }
    let missing = described.filter { counts[$0, default: 0] < 0 }
    if extra.isEmpty && missing.isEmpty { return nil }
    let head = "\(extra.count) lines too many, \(missing.count) missing"
    guard let left = extra.first, let right = missing.first else {
      return "\(head): \((extra + missing)[0].prefix(200).debugDescription)"
    }
    let (cell, pair) =
      zip(
        left.split(separator: ",", omittingEmptySubsequences: false),
        right.split(separator: ",", omittingEmptySubsequences: false)
      ).enumerated()
      .first { $1.0 != $1.1 } ?? (0, (left[...], right[...]))
    return "\(head); cell \(cell) read \(excerpt(pair.0)), described \(excerpt(pair.1))"
  }

  private static func excerpt(_ text: Substring) -> String {
    "\(text.prefix(60).debugDescription) (\(text.utf8.count) bytes)"
  }

  /// CSV records: lines, but for line feeds inside quotes.
  private static func records(_ bytes: [UInt8]) -> [String] {
    var records: [String] = []
    var start = 0
    var isQuoted = false
    for (index, byte) in bytes.enumerated() {
      if byte == 0x22 { isQuoted.toggle() }
      guard byte == 0x0A, !isQuoted else { continue }
      records.append(String(decoding: bytes[start..<index], as: UTF8.self))
      start = index + 1
    }
    return records
  }
}
