// A finished snapshot as the description of a database, so that real catalogs and rows can be written as
// SQL Server files again.

public import BackupFixtures
import Catalog
public import Staging

extension FixtureDatabase {
  /// Describes what a snapshot holds. Its rows are read into memory.
  ///
  /// Text gets the collation of the fixtures (`Collation.sqlLatin1`) where the snapshot does not know a
  /// collation's id; a server's catalog has no collation without one. Objects that no file has been seen
  /// to hold in this form (table types) are left out.
  ///
  /// - Throws: `StagingError` for a damaged snapshot; `UnwritableValue` naming table, column and row for
  ///   a value whose stored form cannot be told from its text.
  public init(_ snapshot: Snapshot) throws {
    var tables: [FixtureTable] = []
    for table in snapshot.database.tables where table.refusal == nil {
      guard let manifest = snapshot.manifest.table(named: table.name) else { continue }
      tables.append(
        FixtureTable(table.withKnownCollations, rows: try Self.rows(of: manifest, table, snapshot)))
    }
    self.init(snapshot.database.name, tables: tables)
    catalog.schemas = snapshot.database.schemas
    catalog.sequences = snapshot.database.sequences
    catalog.aliasTypes = snapshot.database.aliasTypes
    catalog.modules = snapshot.database.modules.filter { $0.kind != .tableType }
  }

  private static func rows(
    of manifest: TableManifest, _ table: Table, _ snapshot: Snapshot
  ) throws -> [[FixtureValue]] {
    let columns = table.storedColumns
    var rows: [[FixtureValue]] = []
    rows.reserveCapacity(manifest.rows)
    for chunk in manifest.chunks {
      var records = CSVRecords(of: chunk.file)
      try snapshot.readChunk(chunk, of: manifest) { block in
        try records.append(block) { record in
          rows.append(try row(CSVCells.split(record), columns, of: table, number: rows.count + 1))
        }
      }
      try records.finish()
    }
    return rows
  }

  private static func row(
    _ cells: [String?], _ columns: [Column], of table: Table, number: Int
  ) throws -> [FixtureValue] {
    guard cells.count == columns.count else {
      throw UnwritableValue("\(table.name), row \(number): \(cells.count) cells")
    }
    return try zip(cells, columns).map { cell, column in
      guard let cell else { return .null }
      guard let value = FixtureValue(cell, column.type) else {
        throw UnwritableValue(
          "\(table.name), column \(column.name), row \(number): a \(column.type) of \(cell.prefix(40))"
        )
      }
      return value
    }
  }
}

/// A value that the fixtures cannot write, and where it stands.
public struct UnwritableValue: Error, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// One CSV record, slow and plain: an empty cell without quotes is NULL.
enum CSVCells {
  static func split(_ record: UnsafeRawBufferPointer) -> [String?] {
    var cells: [String?] = []
    var cell: [UInt8] = []
    var isQuoted = false
    var wasQuoted = false
    var index = 0
    func finished() -> String? {
      cell.isEmpty && !wasQuoted ? nil : String(decoding: cell, as: UTF8.self)
    }
    while index < record.count {
      let byte = record[index]
      index += 1
      switch byte {
      case 0x22 where isQuoted && index < record.count && record[index] == 0x22:
        cell.append(0x22)
        index += 1
      case 0x22:
        isQuoted.toggle()
        wasQuoted = true
      case 0x2C where !isQuoted:
        cells.append(finished())
        cell.removeAll()
        wasQuoted = false
      default: cell.append(byte)
      }
    }
    return cells + [finished()]
  }
}

extension Table {
  fileprivate var withKnownCollations: Table {
    var table = self
    for index in table.columns.indices where table.columns[index].collation != nil {
      if table.columns[index].collation?.id == nil {
        table.columns[index].collation = .sqlLatin1
      }
    }
    return table
  }
}
