// Snapshots of a few rows, written by the exporter's own writer: what a source that changes from one
// load to the next looks like to the tool.

import Catalog
import Foundation
import Staging
import TestSupport

/// A table of a small snapshot: a whole-number key and a whole number, unless other columns are named.
struct SmallTable {
  var name: ObjectName
  var rows: [[Int?]]
  var columns = ["Id", "V"]
  /// Columns of the primary key; empty for a table without one.
  var key = ["Id"]
  var hasIdentity = true
  var foreignKeys: [ForeignKey] = []
  /// A text column more, where there are any: by the row's first cell.
  var notes: [Int: String] = [:]
  /// Places that an export went past.
  var damagedPlaces = 0
  /// What the source's own bookkeeping says, where it says otherwise.
  var sourceRows: Int?
  /// Why the table was not read as one state.
  var uncertainty: String?

  init(_ schema: String, _ name: String, _ rows: [[Int?]]) {
    self.name = ObjectName(schema, name)
    self.rows = rows
  }

  fileprivate var table: Table {
    Table(
      name: name,
      columns: numberColumns + (notes.isEmpty ? [] : [noteColumn]),
      primaryKey: key.isEmpty
        ? nil
        : Key(name: "PK_\(name.name)", isClustered: true, columns: key.map { KeyColumn($0) }),
      foreignKeys: foreignKeys)
  }

  private var numberColumns: [Column] {
    columns.enumerated().map { index, column in
      Column(
        id: index + 1, name: column, type: ColumnType(.int), isNullable: !key.contains(column),
        identity: hasIdentity && index == 0
          ? Identity(seed: 1, increment: 1, lastValue: nil) : nil)
    }
  }

  private var noteColumn: Column {
    Column(
      id: columns.count + 1, name: "Note", type: ColumnType(.nvarchar, length: 40),
      isNullable: true)
  }
}

/// A folder of snapshots that goes with the value, and the tool run on them.
final class SmallSource: Sendable {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Writes a snapshot and returns its folder.
  func snapshot(_ name: String, of database: String, _ tables: SmallTable...) throws -> String {
    let path = "\(folder.path)/\(name)"
    let writer = try SnapshotWriter(folder: path)
    try writer.begin(
      Database(
        name: database, serverVersion: "none", schemas: Set(tables.map(\.name.schema)).sorted(),
        tables: tables.map(\.table)))
    try writer.finish(
      source: SourceIdentity(
        kind: "csv", database: database, serverVersion: "none", files: [], consistency: "a test"),
      tables: try tables.map { try Self.write($0, to: writer) })
    return path
  }

  func mapping(_ text: String) throws -> String {
    let path = "\(folder.path)/\(UUID().uuidString).yaml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private static func write(
    _ table: SmallTable, to snapshot: SnapshotWriter
  ) throws -> TableManifest {
    var writer = try snapshot.makeTableWriter(for: table.table)
    for row in table.rows {
      writer.beginRow()
      for cell in row {
        if let cell { writer.write(integer: Int64(cell)) } else { writer.writeNull() }
      }
      if let note = row.first.flatMap({ $0 }).flatMap({ table.notes[$0] }) {
        Array(note.utf8).withUnsafeBytes { writer.write(utf8: $0) }
      } else if !table.notes.isEmpty {
        writer.writeNull()
      }
      try writer.endRow()
    }
    if let count = table.sourceRows { writer.noteSourceRows(count) }
    if let uncertainty = table.uncertainty { writer.noteUncertainty(uncertainty) }
    for place in 0..<table.damagedPlaces { try writer.noteUnreadable("page 1:\(place)") }
    return try writer.finish(order: .key)
  }
}

extension TestPostgres {
  func load(_ snapshot: String, _ options: String...) throws -> Shell.Outcome {
    try load(snapshot, options)
  }

  func load(_ snapshot: String, _ options: [String]) throws -> Shell.Outcome {
    try RestageTool.run(["load", snapshot, "--target", uri, "--quiet"] + options)
  }

  func verify(_ snapshot: String, _ options: String...) throws -> Shell.Outcome {
    try RestageTool.run(["verify", snapshot, "--target", uri] + options)
  }
}
