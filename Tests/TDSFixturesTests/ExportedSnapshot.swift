// What the real tool makes of a source, in a form that can be compared.

import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport

/// A snapshot that `restage export` wrote.
struct ExportedSnapshot {
  let outcome: Shell.Outcome
  let path: String
  private let folder: TemporaryFolder

  /// - Parameters:
  ///   - earlier: An export whose folder this one goes on with.
  ///   - seconds: When the tool is killed; nil to let it end by itself.
  init(
    of source: String, options: [String] = [], environment: [String: String] = [:],
    goingOn earlier: ExportedSnapshot? = nil, killedAfter seconds: Double? = nil
  ) throws {
    folder = try earlier?.folder ?? TemporaryFolder()
    path = "\(folder.path)/snapshot"
    let tool = [RestageTool.path, "export", source, "--into", path] + options
    let command = (seconds.map { ["timeout", "--signal=KILL", "\($0)"] } ?? []) + tool
    outcome = try Shell.run(
      command[0], Array(command.dropFirst()),
      environment: ["RESTAGE_SOURCE_PASSWORD": "Pässword1"].merging(environment) { $1 })
  }

  /// Exports the database of a server of the fixtures.
  ///
  /// - Parameter user: nil for a login that has none.
  init(
    of database: FixtureDatabase, on server: TDSServer, user: String? = "sa",
    host: String = "127.0.0.1",
    uriOptions: String = "encrypt=off", options: [String] = [], environment: [String: String] = [:],
    goingOn earlier: ExportedSnapshot? = nil
  ) throws {
    let name = database.catalog.name.utf8.map { byte in
      (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
    }.joined()
    // A server stops with its last reference.
    self = try withExtendedLifetime(server) {
      try Self(
        of: "mssql://\(user.map { "\($0)@" } ?? "")\(host):\(server.port)/\(name)?\(uriOptions)",
        options: options,
        environment: environment, goingOn: earlier)
    }
  }

  /// Whether it looks like a whole snapshot. Nothing else makes it one.
  var isFinished: Bool { FileManager.default.fileExists(atPath: "\(path)/manifest.json") }

  func opened() throws -> Snapshot { try Snapshot(opening: path) }

  /// CSV records of a table.
  ///
  /// - Parameter inOrder: As they stand; else sorted, for a source that promises no order.
  func records(of table: TableManifest, inOrder: Bool) throws -> [[UInt8]] {
    let snapshot = try opened()
    var bytes: [UInt8] = []
    for chunk in table.chunks {
      bytes += try Data(contentsOf: URL(fileURLWithPath: snapshot.chunkPath(chunk, of: table)))
    }
    let records = Self.records(bytes)
    return inOrder ? records : Self.sorted(records)
  }

  /// Lines of rejected rows; without their last cell, the position of the row, where there is no order.
  func rejects(of table: TableManifest, inOrder: Bool) throws -> [[UInt8]] {
    let file = try opened().rejectPath(of: table)
    guard let data = FileManager.default.contents(atPath: file) else { return [] }
    let records = Self.records([UInt8](data))
    if inOrder { return records }
    return Self.sorted(records.map { Array($0[..<($0.lastIndex(of: 0x2C) ?? $0.endIndex)]) })
  }

  /// The catalog without what only one kind of source knows: ids of collations, notes.
  func comparableCatalog() throws -> Database {
    var database = try opened().database
    database.notes = []
    database.collation?.id = nil
    for table in database.tables.indices {
      for column in database.tables[table].columns.indices {
        database.tables[table].columns[column].collation?.id = nil
      }
    }
    return database
  }

  private static func sorted(_ records: [[UInt8]]) -> [[UInt8]] {
    records.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Lines, but for line feeds inside quotes.
  private static func records(_ bytes: [UInt8]) -> [[UInt8]] {
    var records: [[UInt8]] = []
    var start = 0
    var isQuoted = false
    for (index, byte) in bytes.enumerated() {
      if byte == 0x22 { isQuoted.toggle() }
      guard byte == 0x0A, !isQuoted else { continue }
      records.append(Array(bytes[start..<index]))
      start = index + 1
    }
    return records
  }
}
