public import Catalog
import Glibc
import SystemPackage

/// Writes one snapshot: catalog first, tables in any order and at the same time, manifest last.
///
/// Until `finish` has returned the folder is an unfinished export, whatever happens; the next
/// `SnapshotWriter` for it clears what is left, but for what its journal shows to be of the same state
/// of the source. The folder is locked while this object lives.
public final class SnapshotWriter: Sendable {
  public let folder: String

  let layout: SnapshotLayout
  let limits: StagingLimits
  private let lock: FolderLock
  private let state = Locked(State())

  private struct State {
    var database: Database?
    var schemaXXH3 = ""
    /// By folder.
    var begunTables: [String: ObjectName] = [:]
    /// Of an export that can be gone on with.
    var journal: Journal?
  }

  /// Makes the folder where it is missing and takes its lock; `begin` clears an unfinished export.
  ///
  /// - Throws: `.locked` while another export writes here; `.occupied` for a finished snapshot or
  ///   files that no export leaves behind, none of which is touched; `.cannotWrite`.
  public init(folder: String, limits: StagingLimits = StagingLimits()) throws(StagingError) {
    self.folder = folder
    self.limits = limits
    layout = SnapshotLayout(folder: FilePath(folder))
    try Folder.make(layout.folder)
    lock = try FolderLock(layout.folder)
    _ = try Leftovers(of: layout)
  }

  /// Clears an unfinished export and writes `schema.json`. Comes before every `makeTableWriter`, once.
  ///
  /// - Parameter lasting: Says all that the rows depend on: the state of the source, which stays until
  ///   the export is finished, and what is made of it. Two exports with the same words and the same
  ///   catalog write the same rows. nil where nothing shows that, and all is begun again.
  /// - Returns: What an earlier export has finished; only with `lasting`.
  /// - Throws: `.cannotWrite`.
  @discardableResult
  public func begin(
    _ database: Database, lasting: String? = nil
  ) throws(StagingError) -> FinishedWork {
    let bytes = try SnapshotJSON.encode(database, for: layout.schema)
    let xxh3 = bytes.withUnsafeBytes { StreamHash.hexDigits(StreamHash.hash($0)) }
    let kept: JournalReader? =
      if let lasting {
        try JournalReader(layout, begun: JournalLine.Begun(state: lasting, schemaXXH3: xxh3))
      } else { nil }
    try Leftovers(of: layout).clear(
      keeping: kept.map { $0.files.union([layout.journal.string]) } ?? [])
    let journal: Journal? = if let kept { try Journal(layout, kept.lines) } else { nil }
    try write(bytes, to: layout.schema)
    try Folder.make(layout.data)
    try Folder.make(layout.rejects)
    let work = kept?.work ?? FinishedWork()
    state.withLock { state in
      precondition(state.database == nil, "a snapshot begins once")
      state.database = database
      state.schemaXXH3 = xxh3
      state.journal = journal
      for name in work.tables.keys { state.begunTables[name.fileName] = name }
    }
    return work
  }

  /// Notes in the journal how a table will be read in ranges.
  public func record(_ plan: RowRanges, of table: Table) throws(StagingError) {
    let line = JournalLine(planned: JournalLine.Planned(table: table.name, ranges: plan))
    try state.withLock { $0.journal }?.append(line)
  }

  /// Notes in the journal that all rows of a table, or of a range of it, are in their files.
  ///
  /// - Parameter manifest: What the writer's `finish` or `join` has returned.
  public func record(_ manifest: TableManifest, range: Int? = nil) throws(StagingError) {
    guard let journal = state.withLock({ $0.journal }) else { return }
    let rejects = layout.rejectFile(manifest.table, range: range)
    let finished = JournalLine.Finished(
      table: manifest, range: range, rejectsXXH3: try Folder.hash(of: rejects))
    try journal.append(JournalLine(finished: finished))
  }

  /// Makes the writer for a table's rows.
  ///
  /// - Parameters:
  ///   - table: A table of the database that `begin` got; each once, or each range of it once.
  ///   - range: Number of the range whose rows are written; all of them are joined by `join`.
  ///   - rowsBefore: How many rows of the table are before those of the range, roughly: chunks get
  ///     longer with them.
  ///   - textPolicies: What becomes of characters that PostgreSQL cannot store, by column name;
  ///     `fail` for columns that are not named.
  /// - Throws: `.cannotWrite`; `.badValue` where another table has taken the folder: `[a.b].[c]` and
  ///   `[a].[b.c]` would share one.
  public func makeTableWriter(
    for table: Table, range: Int? = nil, rowsBefore: Int = 0,
    textPolicies: [String: TextPolicy] = [:]
  ) throws(StagingError) -> TableWriter {
    let other = state.withLock { state in
      precondition(
        state.database?.tables.contains { $0.name == table.name } ?? false,
        "\(table.name) is not in the catalog that was begun with")
      let other = state.begunTables.updateValue(table.name, forKey: table.name.fileName)
      precondition(range != nil || other != table.name, "\(table.name) is written twice")
      if let other, other != table.name { state.begunTables[table.name.fileName] = other }
      return other
    }
    if let other, other != table.name {
      throw StagingError(
        .badValue, file: layout.tableFolder(table.name).string,
        place: "schema \(table.name.schema), table \(table.name.name)",
        problem: "its folder is the one of schema \(other.schema), table \(other.name)",
        advice: "export one of the two into another snapshot with --tables")
    }
    let folder = layout.tableFolder(table.name)
    try Folder.make(folder)
    return TableWriter(
      table: table, folder: folder, range: range, rowsBefore: rowsBefore,
      rejects: layout.rejectFile(table.name, range: range), limits: limits,
      textPolicies: textPolicies)
  }

  /// Throws away what was written of a table, or of one range of it, whose writer was not finished, so
  /// that it can be begun again by another `makeTableWriter`.
  ///
  /// - Throws: `.cannotWrite`.
  public func discard(_ table: Table, range: Int? = nil) throws(StagingError) {
    let folder = layout.tableFolder(table.name)
    let prefix = SnapshotLayout.rangePrefix(range)
    for name in try Folder.names(in: folder) where name.hasPrefix(prefix) {
      try Folder.removeFile(folder.appending(name))
    }
    if range == nil { try discardRemoved(of: table) }
    let rejects = layout.rejectFile(table.name, range: range)
    for path in [rejects, FilePath(rejects.string + OutputFile.partialSuffix)]
    where try Folder.kind(of: path) == .file {
      try Folder.removeFile(path)
    }
    guard range == nil else { return }
    for name in try Folder.names(in: layout.rejects)
    where name.hasPrefix(table.name.fileName + "=") {
      try Folder.removeFile(layout.rejects.appending(name))
    }
    state.withLock { state in
      if state.begunTables[table.name.fileName] == table.name {
        state.begunTables[table.name.fileName] = nil
      }
    }
  }

  /// Writes the manifest, after which the snapshot is finished.
  ///
  /// - Parameters:
  ///   - tables: What `TableWriter.finish` returned, one for each table in any order. Tables that
  ///     the catalog refuses need none.
  ///   - leftOut: Tables that nobody asked for. Every table of the catalog is in one of the two.
  /// - Throws: `.unfinished` when a table is in neither or its writer was not finished; `.damaged`
  ///   when a chunk is not on disk as it was written; `.cannotWrite`.
  @discardableResult
  public func finish(
    source: SourceIdentity, tables: [TableManifest], leftOut: [ObjectName] = []
  ) throws(StagingError) -> Manifest {
    let (database, schemaXXH3, begun) = state.withLock { state in
      (state.database, state.schemaXXH3, Set(state.begunTables.values))
    }
    guard let database else { preconditionFailure("a snapshot begins before it is finished") }
    let manifest = Manifest(
      source: source, schemaXXH3: schemaXXH3,
      tables: try allTables(of: database, finished: tables, begun: begun, leftOut: leftOut),
      leftOut: leftOut.sorted())
    for table in manifest.tables { try Snapshot.checkSizes(of: table, in: layout) }
    try Folder.sync(layout.data)
    try Folder.sync(layout.rejects)
    try write(try SnapshotJSON.encode(manifest, for: layout.manifest), to: layout.manifest)
    if try Folder.kind(of: layout.journal) == .file { try Folder.removeFile(layout.journal) }
    return manifest
  }

  /// The finished tables and the refused ones, sorted; none of the catalog may be missing.
  private func allTables(
    of database: Database, finished: [TableManifest], begun: Set<ObjectName>,
    leftOut: [ObjectName]
  ) throws(StagingError) -> [TableManifest] {
    var byName: [ObjectName: TableManifest] = [:]
    for table in finished {
      precondition(byName.updateValue(table, forKey: table.table) == nil, "\(table.table) twice")
    }
    for table in database.tables where byName[table.name] == nil {
      if let refusal = table.refusal, !begun.contains(table.name) {
        byName[table.name] = TableManifest(table: table.name, refusal: refusal)
      } else if begun.contains(table.name) || !leftOut.contains(table.name) {
        throw StagingError(
          .unfinished, file: folder, place: table.name.description,
          problem: "the rows of this table were not written to their end",
          advice: "export again; the snapshot stays unfinished")
      }
    }
    return byName.values.sorted { $0.table < $1.table }
  }

  private func write(_ bytes: [UInt8], to path: FilePath) throws(StagingError) {
    let file = try OutputFile(path: path)
    try file.write(bytes)
    try file.finish()
    try Folder.sync(layout.folder)
  }
}

/// Holds a folder's lock; the operating system lets go of it when the process ends.
private struct FolderLock: ~Copyable {
  private let descriptor: OwnedDescriptor

  init(_ folder: FilePath) throws(StagingError) {
    let opened = try OwnedDescriptor(
      opening: folder, flags: O_RDONLY | O_DIRECTORY, failure: .cannotWrite)
    guard flock(opened.raw, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else { throw StagingError(.cannotWrite, folder, "flock") }
      throw StagingError(
        .locked, file: folder.string, problem: "another export is writing to this folder",
        advice: "wait for it or name another folder with --into")
    }
    descriptor = opened
  }
}

/// What an unfinished export has left in a folder.
private struct Leftovers {
  private var files: [FilePath] = []
  /// Inner folders first.
  private var folders: [FilePath] = []

  /// - Throws: `.occupied` at the first thing that no export leaves behind.
  init(of layout: SnapshotLayout) throws(StagingError) {
    for name in try Folder.names(in: layout.folder) {
      let path = layout.folder.appending(name)
      switch (name, try Folder.kind(of: path)) {
      case (SnapshotLayout.manifestName, _):
        throw StagingError(
          .occupied, file: layout.folder.string,
          problem: "the folder holds a finished snapshot (manifest.json)",
          advice: "a snapshot never changes: name another folder with --into")
      case ("data", .folder), (SnapshotLayout.removedName, .folder): try addDataFolder(path)
      case ("rejects", .folder):
        try addFiles(in: path) { $0.hasSuffix(".csv") }
        folders.append(path)
      case (SnapshotLayout.schemaName, .file),
        (SnapshotLayout.schemaName + OutputFile.partialSuffix, .file),
        (SnapshotLayout.manifestName + OutputFile.partialSuffix, .file),
        (SnapshotLayout.journalName, .file),
        (SnapshotLayout.journalName + OutputFile.partialSuffix, .file):
        files.append(path)
      default: throw Self.foreign(path)
      }
    }
  }

  /// - Parameter kept: Paths of files that stay, with their folders.
  func clear(keeping kept: Set<String>) throws(StagingError) {
    for file in files where !kept.contains(file.string) { try Folder.removeFile(file) }
    let keptFolders = Set(
      kept.flatMap { path in
        let folder = FilePath(path).removingLastComponent()
        return [folder.string, folder.removingLastComponent().string]
      })
    for folder in folders where !keptFolders.contains(folder.string) {
      try Folder.removeEmpty(folder)
    }
  }

  private mutating func addDataFolder(_ data: FilePath) throws(StagingError) {
    for name in try Folder.names(in: data) {
      let table = data.appending(name)
      guard try Folder.kind(of: table) == .folder else { throw Self.foreign(table) }
      try addFiles(in: table) {
        SnapshotLayout.isChunkName($0) || SnapshotLayout.isRangeChunkName($0)
      }
      folders.append(table)
    }
    folders.append(data)
  }

  private mutating func addFiles(
    in folder: FilePath, where isOurs: (String) -> Bool
  ) throws(StagingError) {
    for name in try Folder.names(in: folder) {
      let path = folder.appending(name)
      let suffix = OutputFile.partialSuffix
      let finalName = name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
      guard isOurs(finalName), try Folder.kind(of: path) == .file else { throw Self.foreign(path) }
      files.append(path)
    }
  }

  private static func foreign(_ path: FilePath) -> StagingError {
    StagingError(
      .occupied, file: path.string,
      problem: "the folder is not empty, and no export has left this here",
      advice: "name an empty or a new folder with --into")
  }
}
