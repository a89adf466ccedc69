public import Catalog
import Glibc
import SystemPackage

/// A finished snapshot, opened for reading.
///
/// Opening checks that everything is there in its right size; `readChunk` and `verifyChunks` check
/// the bytes themselves.
public struct Snapshot: Sendable {
  public let folder: String
  public let manifest: Manifest
  public let database: Database

  private let layout: SnapshotLayout

  /// - Throws: `.notASnapshot`, `.unfinished`, `.unknownFormat`, `.damaged` (a chunk is missing or
  ///   has another size, `schema.json` is not the one that was exported), `.unreadable`.
  public init(opening folder: String) throws(StagingError) {
    self.folder = folder
    layout = SnapshotLayout(folder: FilePath(folder))
    try Self.checkIsFinished(layout)

    manifest = try Manifest(in: layout)
    database = try Self.readSchema(layout, xxh3: manifest.schemaXXH3)
    for table in manifest.tables {
      try Self.checkNames(of: table, in: layout)
      try Self.checkSizes(of: table, in: layout)
    }
    try checkIsWhole()
  }

  /// Path of a chunk's file.
  public func chunkPath(_ chunk: ChunkManifest, of table: TableManifest) -> String {
    layout.tableFolder(table.table).appending(chunk.file).string
  }

  /// Path of a chunk with the keys of rows that the source deleted.
  public func removedPath(_ chunk: ChunkManifest, of table: TableManifest) -> String {
    layout.removedFolder(table.table).appending(chunk.file).string
  }

  /// Path of a table's rejects; the file is missing where there are none.
  public func rejectPath(of table: TableManifest) -> String {
    layout.rejectFile(table.table).string
  }

  /// Hands out the bytes of a chunk in order and checks them at the end.
  ///
  /// Whoever loads the bytes must not make them visible before this has returned: only then is it
  /// known that they are the ones that were exported.
  ///
  /// - Parameters:
  ///   - blockByteCount: The most that `body` gets at a time; all the memory that is used.
  ///   - body: Gets bytes that are valid until it returns.
  /// - Throws: `.damaged` when size or hash is not the manifest's, `.unreadable`, and what `body`
  ///   throws.
  public func readChunk(
    _ chunk: ChunkManifest, of table: TableManifest, blockByteCount: Int = 1 << 20,
    body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var failure: (any Error)?
    try scan(chunk, at: chunkPath(chunk, of: table), blockByteCount: blockByteCount) { block in
      do {
        try body(block)
        return true
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
  }

  /// Reads every chunk of a table and compares its hash with the manifest's.
  ///
  /// - Throws: `.damaged`, `.unreadable`.
  public func verifyChunks(of table: TableManifest) throws(StagingError) {
    for chunk in table.chunks {
      try scan(chunk, at: chunkPath(chunk, of: table), blockByteCount: 1 << 20) { _ in true }
    }
    for chunk in table.partial?.removed ?? [] {
      try scan(chunk, at: removedPath(chunk, of: table), blockByteCount: 1 << 20) { _ in true }
    }
  }

  /// Reads every chunk and compares its hash with the manifest's.
  ///
  /// - Throws: `.damaged`, `.unreadable`.
  public func verifyChunks() throws(StagingError) {
    for table in manifest.tables { try verifyChunks(of: table) }
  }
}

extension Snapshot {
  /// - Parameter body: Returns whether to go on; a scan that is broken off checks nothing.
  private func scan(
    _ chunk: ChunkManifest, at path: String, blockByteCount: Int,
    body: (UnsafeRawBufferPointer) -> Bool
  ) throws(StagingError) {
    let path = FilePath(path)
    let file = try OwnedDescriptor(opening: path, flags: O_RDONLY, failure: .unreadable)
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(blockByteCount, 1), alignment: 16)
    defer { block.deallocate() }
    var hash = StreamHash()
    var offset = 0
    while offset < chunk.bytes {
      let part = UnsafeMutableRawBufferPointer(
        rebasing: block[..<min(block.count, chunk.bytes - offset)])
      try file.read(at: offset, into: part, of: path)
      hash.update(UnsafeRawBufferPointer(part))
      offset += part.count
      guard body(UnsafeRawBufferPointer(part)) else { return }
    }
    guard file.byteCount == chunk.bytes else {
      throw StagingError(
        .damaged, file: path.string,
        problem: "\(file.byteCount ?? 0) bytes, and the manifest says \(chunk.bytes)",
        advice: "restore the chunk or export again")
    }
    guard hash.hexDigits == chunk.xxh3 else {
      throw StagingError(
        .damaged, file: path.string,
        problem: "the hash is \(hash.hexDigits), and the manifest says \(chunk.xxh3)",
        advice: "the chunk has changed since it was exported: restore it or export again")
    }
  }

  fileprivate static func checkIsFinished(_ layout: SnapshotLayout) throws(StagingError) {
    guard try Folder.kind(of: layout.folder) != nil else {
      throw StagingError(
        .notASnapshot, file: layout.folder.string, problem: "there is no such folder")
    }
    if try Folder.kind(of: layout.manifest) != nil { return }
    let begun = [try Folder.kind(of: layout.schema), try Folder.kind(of: layout.data)]
    throw begun.contains { $0 != nil }
      ? StagingError(
        .unfinished, file: layout.folder.string,
        problem: "the export was not finished (no manifest.json)",
        advice: "export into this folder again; it begins afresh")
      : StagingError(
        .notASnapshot, file: layout.folder.string, problem: "no snapshot is in this folder",
        advice: "name the folder that 'restage export' has printed")
  }

  private static func readSchema(
    _ layout: SnapshotLayout, xxh3: String
  ) throws(StagingError) -> Database {
    guard try Folder.kind(of: layout.schema) == .file else {
      throw StagingError(.damaged, file: layout.schema.string, problem: "the file is missing")
    }
    let bytes = try Folder.read(layout.schema)
    let actual = bytes.withUnsafeBytes { StreamHash.hexDigits(StreamHash.hash($0)) }
    guard actual == xxh3 else {
      throw StagingError(
        .damaged, file: layout.schema.string,
        problem: "the hash is \(actual), and the manifest says \(xxh3)",
        advice: "the file has changed since it was exported: restore it or export again")
    }
    return try SnapshotJSON.decode(Database.self, from: bytes, of: layout.schema)
  }

  /// Nothing in the manifest may lead out of the folder.
  private static func checkNames(
    of table: TableManifest, in layout: SnapshotLayout
  ) throws(StagingError) {
    let isSafe = table.table.fileName == table.folder && table.folder != "." && table.folder != ".."
    let chunks = table.chunks + (table.partial?.removed ?? [])
    guard isSafe, chunks.allSatisfy({ SnapshotLayout.isChunkName($0.file) }) else {
      throw StagingError(
        .damaged, file: layout.manifest.string, place: table.table.description,
        problem: "its folder or a chunk has a name that no export gives")
    }
  }

  /// Beyond what a table can have, and sums of it stay far from overflowing.
  private static let countMax = 1 << 50

  /// Every chunk must be there in its size, and the sums must be right.
  static func checkSizes(
    of table: TableManifest, in layout: SnapshotLayout
  ) throws(StagingError) {
    guard (0...countMax).contains(table.rejects),
      (0...table.rejects).contains(table.unreadable ?? 0), table.rows >= 0,
      table.sourceRows ?? 0 >= 0
    else {
      throw StagingError(
        .damaged, file: layout.manifest.string, place: table.table.description,
        problem: "its rows or rejects have a number that no export gives")
    }
    for chunk in table.partial?.removed ?? [] {
      try checkSize(of: chunk, at: layout.removedFolder(table.table).appending(chunk.file))
    }
    var rows = 0
    var bytes = 0
    for chunk in table.chunks {
      try checkSize(of: chunk, at: layout.tableFolder(table.table).appending(chunk.file))
      rows &+= chunk.rows
      bytes &+= chunk.bytes
    }
    guard rows == table.rows, bytes == table.bytes else {
      throw StagingError(
        .damaged, file: layout.manifest.string, place: table.table.description,
        problem: "\(table.rows) rows, and its chunks hold \(rows)")
    }
  }

  private static func checkSize(
    of chunk: ChunkManifest, at path: FilePath
  ) throws(StagingError) {
    guard try Folder.kind(of: path) == .file else {
      throw StagingError(
        .damaged, file: path.string, problem: "the chunk is missing",
        advice: "restore it or export again")
    }
    let file = try OwnedDescriptor(opening: path, flags: O_RDONLY, failure: .unreadable)
    guard let size = file.byteCount, size == chunk.bytes else {
      throw StagingError(
        .damaged, file: path.string,
        problem: "\(file.byteCount ?? 0) bytes, and the manifest says \(chunk.bytes)",
        advice: "restore it or export again")
    }
  }

  /// Every table of the catalog is in the manifest.
  private func checkIsWhole() throws(StagingError) {
    let accounted = Set(manifest.tables.map(\.table)).union(manifest.leftOut)
    for table in database.tables where !accounted.contains(table.name) {
      throw StagingError(
        .damaged, file: layout.manifest.string, place: table.name.description,
        problem: "the table is in schema.json and not in the manifest")
    }
  }
}

extension Manifest {
  /// Reads the manifest of a finished snapshot and nothing else: its chunks may be gone.
  ///
  /// - Throws: `.notASnapshot`, `.unfinished`, `.unknownFormat`, `.damaged`, `.unreadable`.
  public init(readingFrom folder: String) throws(StagingError) {
    let layout = SnapshotLayout(folder: FilePath(folder))
    try Snapshot.checkIsFinished(layout)
    try self.init(in: layout)
  }

  fileprivate init(in layout: SnapshotLayout) throws(StagingError) {
    let bytes = try Folder.read(layout.manifest)
    let format = try SnapshotJSON.decode(FormatOnly.self, from: bytes, of: layout.manifest).format
    guard (1...Manifest.formatCurrent).contains(format) else {
      throw StagingError(
        .unknownFormat, file: layout.manifest.string,
        problem:
          "format \(format), and this version reads formats 1 to \(Manifest.formatCurrent)",
        advice: "use the version of restage that wrote the snapshot, or export again")
    }
    self = try SnapshotJSON.decode(Manifest.self, from: bytes, of: layout.manifest)
  }

  private struct FormatOnly: Decodable { var format: Int }
}
