// Rows and values on their way through the real writer, as CSV lines.

import Catalog
import Foundation
import Staging
import Testing

@testable import BackupSource

extension TestTable {
  /// The table's rows as CSV lines, by the row reader and the snapshot writer.
  func lines(skipsDamaged: Bool = false) throws -> [String] {
    try csvLines(of: table, rejects: skipsDamaged ? 1 : 0) { writer in
      var reader = TableReader(table, storage, pages: memory, skipsDamaged: skipsDamaged)
      _ = try reader.read(into: &writer)
    }
  }
}

/// What a decoder makes of values, a line each.
func csv(
  _ type: ColumnType, collation: Collation? = nil, isVardecimal: Bool = false, _ values: [[UInt8]]
) throws -> [String] {
  var column = Column(made: 1, "value", type)
  column.collation = collation
  let table = Table(name: ObjectName("dbo", "values"), columns: [column])
  let physical = PhysicalColumn(
    made: 1, PhysicalType(xtype: 0), nullBit: 0, .variable(0))
  let decoder = try ValueDecoder(column, physical: physical, isVardecimal: isVardecimal)
  return try csvLines(of: table) { writer in
    for value in values {
      writer.beginRow()
      try value.withUnsafeBytes { bytes in try decoder.decode(bytes, &writer) }
      try writer.endRow()
    }
  }
}

/// Runs a writer over a snapshot of one table and gives back its lines.
func csvLines(
  of table: Table, rejects: Int = 0, _ write: (inout TableWriter) throws -> Void
) throws -> [String] {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("restage-values-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: folder) }
  let snapshot = try SnapshotWriter(folder: folder.path)
  try snapshot.begin(Database(name: "made", serverVersion: "none", tables: [table]))
  var writer = try snapshot.makeTableWriter(for: table)
  try write(&writer)
  let manifest = try writer.finish(order: .physical)
  #expect(manifest.rejects == rejects)
  var text = ""
  for chunk in manifest.chunks {
    text += try String(
      contentsOf: folder.appendingPathComponent("data/\(manifest.folder)/\(chunk.file)"),
      encoding: .utf8)
  }
  return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
}
