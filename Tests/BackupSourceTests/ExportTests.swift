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
    #expect(tables.map { "\($0.schema).\($0.name)" }.sorted()
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
    (count, sha256) = bytes.withUnsafeBytes { raw in
      let lines = Self.lines(raw).sorted { left, right in
        let order = memcmp(left.baseAddress ?? raw.baseAddress!, right.baseAddress ?? raw.baseAddress!, min(left.count, right.count))
        return order == 0 ? left.count < right.count : order < 0
      }
      return (lines.count, Self.digest(lines))
    }
  }

  /// Without their line ends.
  private static func lines(_ bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
    var lines: [UnsafeRawBufferPointer] = []
    var start = 0
    while start < bytes.count {
      let found = memchr(bytes.baseAddress! + start, 0x0A, bytes.count - start)
      let end = found.map { UnsafeRawPointer($0) - bytes.baseAddress! } ?? bytes.count
      lines.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      start = end + 1
    }
    return lines
  }

  private static func digest(_ lines: [UnsafeRawBufferPointer]) -> String {
    var context = SHA2_CTX()
    SHA256Init(&context)
    for line in lines {
      SHA256Update(&context, line.baseAddress?.assumingMemoryBound(to: UInt8.self), line.count)
      SHA256Update(&context, [0x0A], 1)
    }
    var digest = [UInt8](repeating: 0, count: 32)
    SHA256Final(&digest, &context)
    return digest.map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}
