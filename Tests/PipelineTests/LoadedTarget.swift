// A target that was loaded from a snapshot with the generated SQL, and nothing else of the pipeline:
// what the proof finds must not depend on how the loader goes about it.

import Catalog
import Foundation
import Pipeline
import Report
import Staging
import Statements
import Target
import TestSupport
import Translation

/// Rows as texts; nil is NULL.
typealias Rows = [[String?]]

struct LoadedTarget {
  let postgres: TestPostgres
  let snapshot: Snapshot
  let database: MappedDatabase
  private let folder: SnapshotFolder

  /// Exports the rows, loads them into a new target and is ready for the proof.
  ///
  /// - Parameter onOrphan: What happens to albums without their artist.
  init(
    artists: Rows = Music.artists, albums: Rows = Music.albums, notes: Rows = Music.notes,
    onOrphan: OrphanPolicy = .fail
  ) async throws {
    folder = try SnapshotFolder()
    snapshot = try folder.write([("Artist", artists), ("Album", albums), ("Note", notes)])
    var mapping = Mapping()
    mapping.source = "music"
    mapping.onOrphan = onOrphan
    database = try Translator.map(snapshot.database, by: mapping)
    postgres = try TestPostgres()
    try await load()
  }

  func verify(
    _ level: Verification.Level = .content, limits: VerifyLimits = VerifyLimits()
  ) async throws -> Verification {
    var verifier = Verifier(snapshot: snapshot, database: database, level: level)
    verifier.limits = limits
    return try await verifier.run(target: postgres.uri, connectionCount: 2)
  }

  /// The line of a table, by its name in the source.
  func line(
    _ name: String, _ level: Verification.Level = .content, limits: VerifyLimits = VerifyLimits()
  ) async throws -> Verification.TableLine? {
    try await verify(level, limits: limits).tables.first { $0.source == "dbo.\(name)" }
  }

  /// The key map of a table, by its name in the source.
  func keyMap(_ name: String) -> String {
    database.tables.first { $0.source.name == name }?.keyMap.quoted ?? ""
  }

  /// Path of a table's first chunk.
  func chunkPath(_ name: String) -> String? {
    guard let table = snapshot.manifest.table(named: ObjectName("dbo", name)) else { return nil }
    return table.chunks.first.map { snapshot.chunkPath($0, of: table) }
  }

  private func load() async throws {
    let connection = try await TargetConnection.open(postgres.uri)
    let script = try String(
      contentsOfFile: SharedData.packageFolder + "/Sources/Pipeline/install.sql", encoding: .utf8)
    try await connection.execute(script)
    let ddl = DDL.files(for: database)
    for file in ddl.prefix(2) { try await connection.execute(file.text, file: file.path) }
    let keyMaps = Merge.keyMapFile(for: database)
    try await connection.execute(keyMaps.text, file: keyMaps.path)

    let run = UUID().uuidString.lowercased()
    try await connection.query("SELECT restage.begin_run('music', $1::uuid)", [run])
    let files = Merge.files(for: database)
    for file in files where file.step == .stage {
      try await connection.execute(file.text, file: file.path)
      try await copy(file.table, over: connection)
    }
    try await connection.execute("BEGIN")
    for file in files where file.step.isMerge {
      try await connection.execute(file.text, file: file.path)
    }
    try await connection.query("SELECT restage.finish_run($1::uuid)", [run])
    try await connection.execute("COMMIT")
    for file in ddl.dropFirst(2) { try await connection.execute(file.text, file: file.path) }
  }

  private func copy(_ index: Int, over connection: TargetConnection) async throws {
    guard let table = snapshot.manifest.table(named: database.tables[index].source) else { return }
    let paths = table.chunks.map { snapshot.chunkPath($0, of: table) }
    _ = try await connection.copyIn(Merge.copyStatement(for: index, of: database), files: paths)
  }
}

/// A small database: a parent, its children, and a table without a key.
enum Music {
  static let artists: Rows = [
    ["1", "AC/DC", nil], ["2", "", "two\nlines, and a \"quote\""], ["3", nil, ""],
    ["7", "Ñandú 宽", " blanks "],
  ]
  static let albums: Rows = [
    ["10", "1", "Back in Black"], ["11", "1", "Powerage"], ["12", "7", "\\."], ["13", nil, "x"],
  ]
  static let notes: Rows = [
    ["a", "1"], ["a", "1"], ["a", "1"], [nil, nil], ["", nil], ["b", "2"],
  ]

  static let tables = [
    Table(
      name: ObjectName("dbo", "Album"),
      columns: [
        key(1, "AlbumID"),
        Column(id: 2, name: "ArtistID", type: ColumnType(.int), isNullable: true),
        Column(id: 3, name: "Title", type: ColumnType(.nvarchar, length: 80), isNullable: false),
      ],
      primaryKey: Key(
        name: "PK_Album", isClustered: true, columns: [KeyColumn("AlbumID")]),
      foreignKeys: [
        ForeignKey(
          name: "FK_Album_Artist", columns: ["ArtistID"], parent: ObjectName("dbo", "Artist"),
          parentColumns: ["ArtistID"])
      ]),
    Table(
      name: ObjectName("dbo", "Artist"),
      columns: [
        key(1, "ArtistID"),
        Column(id: 2, name: "Name", type: ColumnType(.nvarchar, length: 40), isNullable: true),
        Column(id: 3, name: "Bio", type: ColumnType(.nvarchar, isMax: true), isNullable: true),
      ],
      primaryKey: Key(
        name: "PK_Artist", isClustered: true, columns: [KeyColumn("ArtistID")])),
    Table(
      name: ObjectName("dbo", "Note"),
      columns: [
        Column(id: 1, name: "Text", type: ColumnType(.nvarchar, length: 40), isNullable: true),
        Column(id: 2, name: "Amount", type: ColumnType(.int), isNullable: true),
      ]),
  ]

  private static func key(_ id: Int, _ name: String) -> Column {
    Column(
      id: id, name: name, type: ColumnType(.int), isNullable: false,
      identity: Identity(seed: 1, increment: 1, lastValue: nil))
  }
}

/// A snapshot in a temporary folder that goes with the value.
final class SnapshotFolder: Sendable {
  private let path = NSTemporaryDirectory() + "restage-verify-\(UUID().uuidString)"

  init() throws {}

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(
    _ rows: [(table: String, rows: Rows)], of tables: [Table] = Music.tables
  ) throws -> Snapshot {
    var limits = StagingLimits()
    limits.chunkByteCountAverageMin = 4 << 10
    limits.chunkByteCountAverageMax = 4 << 10
    limits.chunkByteCountMax = 16 << 10
    let writer = try SnapshotWriter(folder: path, limits: limits)
    try writer.begin(
      Database(name: "Music", serverVersion: "none", schemas: ["dbo"], tables: tables))
    let manifests = try rows.map { name, rows in
      let table = tables.first { $0.name.name == name } ?? tables[0]
      return try Self.write(rows, of: table, to: writer)
    }
    try writer.finish(
      source: SourceIdentity(
        kind: "csv", database: "Music", serverVersion: "none", files: [], consistency: "a test"),
      tables: manifests)
    return try Snapshot(opening: path)
  }

  private static func write(
    _ rows: Rows, of table: Table, to snapshot: SnapshotWriter
  ) throws -> TableManifest {
    var writer = try snapshot.makeTableWriter(for: table)
    for row in rows {
      writer.beginRow()
      for (cell, column) in zip(row, table.columns) {
        if let cell, let number = Int64(cell), column.type.isInteger {
          writer.write(integer: number)
        } else if let cell {
          Array(cell.utf8).withUnsafeBytes { writer.write(utf8: $0) }
        } else {
          writer.writeNull()
        }
      }
      try writer.endRow()
    }
    return try writer.finish(order: .key)
  }
}
