// The rows of every readable file, through the real snapshot writer, against the truth: for each
// table the SHA-256 over its sorted lines.

import CLibMD
import Catalog
import Foundation
import Staging
import TestSupport
import Testing

@testable import BackupSource

@Suite("the rows of real files", .enabled(if: SharedData.isThere, SharedData.skipped))
struct ExportTests {
  @Test("equal the truth, table by table", arguments: RealFiles.all)
  func equalTruth(file: RealFile) throws {
    let truth = try Truth.read(file.name)
    // RESTAGE_KEEP_SNAPSHOTS names a folder in which the snapshots stay, to be looked at.
    let kept = ProcessInfo.processInfo.environment["RESTAGE_KEEP_SNAPSHOTS"]
    let folder = (kept.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory)
      .appendingPathComponent(kept == nil ? "restage-rows-\(UUID().uuidString)" : file.name)
    defer { if kept == nil { try? FileManager.default.removeItem(at: folder) } }
    let source = try file.open()
    let database = source.readCatalog()
    try export(source, database, to: folder.path)
    let tables = try #require(truth.tables)
    #expect(
      tables.map { "\($0.schema).\($0.name)" }.sorted()
        == database.tables.map { "\($0.name)" }.sorted())
    for table in tables {
      let found = try SortedLines(folder.appendingPathComponent("data/\(table.folder)"))
      #expect(
        found.sha256 == table.sha256, "\(table.schema).\(table.name), \(found.count) lines")
    }
    #expect(source.identity.warnings.filter { $0.contains("rows") } == [])
  }

  private func export(_ source: BackupSource, _ database: Database, to folder: String) throws {
    let snapshot = try SnapshotWriter(folder: folder)
    try snapshot.begin(database)
    var finished: [TableManifest] = []
    for table in database.tables where table.refusal == nil {
      var writer = try snapshot.makeTableWriter(for: table)
      let order = try source.readRows(of: table, into: &writer)
      finished.append(try writer.finish(order: order))
    }
    try snapshot.finish(source: source.identity, tables: finished)
  }
}

/// Physical lines of all chunks of a table, sorted by their bytes: what `LC_ALL=C sort | sha256sum`
/// sees.
private struct SortedLines {
  let count: Int
  let sha256: String

  init(_ folder: URL) throws {
    var bytes: [UInt8] = []
    if FileManager.default.fileExists(atPath: folder.path) {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      for name in names where name.hasSuffix(".csv") {
        bytes += try Data(contentsOf: folder.appendingPathComponent(name))
      }
    }
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
    let sorted = lines.map(Line.init).sorted()
    count = sorted.count
    sha256 = Self.digest(sorted)
  }

  private static func digest(_ lines: [Line]) -> String {
    var context = SHA2_CTX()
    SHA256Init(&context)
    for line in lines {
      line.bytes.withUnsafeBufferPointer { SHA256Update(&context, $0.baseAddress, $0.count) }
      SHA256Update(&context, [0x0A], 1)
    }
    var digest = [UInt8](repeating: 0, count: 32)
    SHA256Final(&digest, &context)
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// A line that sorts by its bytes.
private struct Line: Comparable {
  let bytes: ArraySlice<UInt8>

  static func < (left: Line, right: Line) -> Bool {
    let order = left.bytes.withUnsafeBytes { left in
      right.bytes.withUnsafeBytes { right in
        guard let first = left.baseAddress, let second = right.baseAddress else { return Int32(0) }
        return memcmp(first, second, min(left.count, right.count))
      }
    }
    return order == 0 ? left.bytes.count < right.bytes.count : order < 0
  }
}
