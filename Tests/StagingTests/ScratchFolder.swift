import Catalog
import Foundation
import Staging

/// A folder that is removed when the test is over.
final class ScratchFolder: Sendable {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("restage-staging-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: file(name))))
  }

  func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }
}

extension StagingLimits {
  /// The smallest buffer, so that rows and cells leave it in parts, and small chunks.
  static let tiny = {
    var limits = StagingLimits()
    limits.rowBufferByteCount = 512
    limits.chunkByteCountAverageMin = 4 << 10
    limits.chunkByteCountAverageMax = 4 << 10
    limits.chunkByteCountMax = 16 << 10
    return limits
  }()
}

extension SourceIdentity {
  static let test = SourceIdentity(
    kind: "csv", database: "test", serverVersion: "none", files: [], consistency: "made by a test")
}

/// A table `dbo.<name>` with these columns, the first `keyCount` of which are its primary key.
func makeTable(
  _ types: [ColumnType], name: String = "T", keyCount: Int = 1
) -> Table {
  let columns = types.enumerated().map { index, type in
    Column(id: index + 1, name: "C\(index)", type: type, isNullable: index >= keyCount)
  }
  let key = Key(
    name: "PK_\(name)", isClustered: true, columns: (0..<keyCount).map { KeyColumn("C\($0)") })
  return Table(
    name: ObjectName("dbo", name), columns: columns, primaryKey: keyCount > 0 ? key : nil)
}

/// Writes one table as a whole snapshot into `folder` and returns what is in its chunks.
@discardableResult
func writeSnapshot(
  _ table: Table, into folder: String, limits: StagingLimits = StagingLimits(),
  textPolicies: [String: TextPolicy] = [:], rows: (inout TableWriter) throws -> Void
) throws -> TableManifest {
  let snapshot = try SnapshotWriter(folder: folder, limits: limits)
  try snapshot.begin(Database(name: "test", serverVersion: "none", tables: [table]))
  var writer = try snapshot.makeTableWriter(for: table, textPolicies: textPolicies)
  try rows(&writer)
  let manifest = try writer.finish(order: .key)
  try snapshot.finish(source: .test, tables: [manifest])
  return manifest
}

/// The bytes of all chunks of a table, one after the other.
func csv(_ table: TableManifest, in folder: String) throws -> String {
  var bytes: [UInt8] = []
  let snapshot = try Snapshot(opening: folder)
  for chunk in table.chunks {
    try snapshot.readChunk(chunk, of: table) { bytes += $0 }
  }
  return String(decoding: bytes, as: UTF8.self)
}
