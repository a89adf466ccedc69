// Real databases through the writer: what was exported from a real file, written as a backup and
// exported again, is the same to the byte.

import BackupFixtures
import BackupSource
import Catalog
import Foundation
import SnapshotFixtures
import Staging
import TestSupport
import Testing

@Suite("Snapshots written as backups", .enabled(if: SharedData.isThere, SharedData.skipped))
struct SnapshotBackupTests {
  @Test(
    "a real database written and read again is the same",
    arguments: [
      ("mdf/northwind-2008.mdf", FixtureBackup.Kind.compressed),
      ("bak/pubs-2012.bak", .plain), ("bak/iti-2022.bak", .compressed(version: 1)),
      ("bak/mvcmusicstore-2017.bak", .plain),
    ])
  func again(file: String, kind: FixtureBackup.Kind) throws {
    let scratch = try Scratch()
    let real = try export(BackupSource(SharedData.path(file)), to: scratch.file("real"))
    let database = try FixtureDatabase(real)
    let backup = try FixtureBackup(database, kind: kind).write(to: scratch.file("again.bak"))[0]
    let again = try export(BackupSource(backup), to: scratch.file("again"))

    #expect(again.manifest.tables.map(\.table) == real.manifest.tables.map(\.table))
    for (first, second) in zip(real.manifest.tables, again.manifest.tables) {
      #expect(try lines(of: first, in: real) == lines(of: second, in: again), "\(first.table)")
    }
    for (first, second) in zip(real.database.tables, again.database.tables) {
      #expect(comparable(first) == comparable(second), "\(first.name)")
    }
    let rowCount = real.manifest.tables.reduce(0) { $0 + $1.rows }
    #expect(rowCount > 10)
  }

  private func export(_ source: BackupSource, to folder: String) throws -> Snapshot {
    let catalog = source.readCatalog()
    let writer = try SnapshotWriter(folder: folder)
    try writer.begin(catalog)
    var tables: [TableManifest] = []
    for table in catalog.tables where table.refusal == nil {
      var rows = try writer.makeTableWriter(for: table)
      let order = try source.readRows(of: table, into: &rows)
      tables.append(try rows.finish(order: order))
    }
    try writer.finish(source: source.identity, tables: tables)
    return try Snapshot(opening: folder)
  }

  /// In key order as they are, else sorted: a heap's rows may lie anywhere.
  private func lines(of table: TableManifest, in snapshot: Snapshot) throws -> [String] {
    var lines: [String] = []
    for chunk in table.chunks {
      var records = CSVRecords(of: chunk.file)
      try snapshot.readChunk(chunk, of: table) { block in
        try records.append(block) { lines.append(String(decoding: $0, as: UTF8.self)) }
      }
      try records.finish()
    }
    return table.order == .key ? lines : lines.sorted()
  }

  /// What a catalog says of a table, less the order in which it lists things and what the fixtures do
  /// not write.
  private func comparable(_ table: Table) -> [String] {
    let columns = table.columns.map { column in
      "\(column.id) \(column.name) \(column.type) \(column.isNullable) \(String(describing: column.identity))"
    }
    let foreignKeys = table.foreignKeys.map { key in
      "\(key.name ?? "") \(key.columns) \(key.parent) \(key.parentColumns) \(key.isDisabled)"
    }
    return columns + foreignKeys.sorted() + table.checks.map(\.definition).sorted()
      + ["\(table.primaryKey?.columns.map(\.name) ?? [])"]
  }
}
