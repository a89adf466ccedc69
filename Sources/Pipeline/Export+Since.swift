// Exports of changed rows alone: from where they go on, and of which tables that is possible.

public import Catalog
import FoundationEssentials
import Glibc
import Logging
public import Staging
import Target
import Translation

/// Up to where earlier exports have read, table by table.
public struct ExportBase: Sendable {
  /// How messages name it.
  public let label: String
  let watermarks: [ObjectName: Watermark]

  public init(label: String, watermarks: [ObjectName: Watermark]) {
    self.label = label
    self.watermarks = watermarks
  }

  /// The watermarks of an earlier snapshot of the same database.
  ///
  /// - Parameter folder: Of a snapshot; or of snapshots, of which the newest finished one counts. None
  ///   there is no error: every table is read whole then, as on a first night.
  /// - Throws: What is wrong with the manifest; `usage` for one of another database.
  public init(folder: String, database: String) throws {
    guard let found = Self.newestSnapshot(in: folder) else {
      self.init(label: "\(folder), which holds no finished snapshot", watermarks: [:])
      return
    }
    let manifest = try Manifest(readingFrom: found)
    guard manifest.source.database == database else {
      throw PipelineError(
        .usage,
        "--since \(found) is a snapshot of database \(manifest.source.database), not of \(database)"
      )
    }
    self.init(
      label: found,
      watermarks: Dictionary(
        manifest.tables.compactMap { table in table.watermark.map { (table.table, $0) } },
        uniquingKeysWith: { first, _ in first }))
  }

  /// The watermarks up to which a target was loaded last from a source. Loads that failed, and those
  /// that were rolled back, do not count; where there is nothing every table is read whole.
  ///
  /// - Parameter target: Anything libpq accepts.
  public init(target: String, source: String) async throws {
    let watermarks = try await TargetConnection.using(target) { connection in
      let isThere = try await connection.query(
        "SELECT to_regprocedure('restage.record_watermark(uuid, text, jsonb, jsonb)') AS found")
      guard isThere.first("found") != nil else { return [ObjectName: Watermark]() }
      var watermarks: [ObjectName: Watermark] = [:]
      for table in try await Registration.all(on: connection) where table.sourceName == source {
        let name = QualifiedIdentifier(
          Identifier(table.target.schema), Identifier(table.target.name)
        ).quoted
        let found = try await connection.query(
          """
          SELECT g.watermark
          FROM restage.staged AS g
          WHERE g.run_id = restage.last_run($1, $2)
            AND g.table_name = $2
          """, [source, name])
        guard let text = found.first("watermark") else { continue }
        watermarks[table.source] = try? JSONDecoder().decode(
          Watermark.self, from: Data(text.utf8))
      }
      return watermarks
    }
    self.init(label: "the target", watermarks: watermarks)
  }

  /// The folder itself, or the one in it whose manifest was written last.
  private static func newestSnapshot(in folder: String) -> String? {
    if written(folder) != nil { return folder }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.map { "\(folder)/\($0)" }
      .compactMap { path in written(path).map { (path, $0) } }
      .max { ($0.1.0, $0.1.1, $0.0) < ($1.1.0, $1.1.1, $1.0) }?.0
  }

  /// When a folder's manifest was written, in seconds and nanoseconds; nil without one.
  private static func written(_ folder: String) -> (Int, Int)? {
    var status = stat()
    guard stat("\(folder)/manifest.json", &status) == 0 else { return nil }
    return (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
  }
}

/// How the tables of one export are read.
struct ChangePlan: Sendable {
  private var tables: [ObjectName: Entry] = [:]
  private let source: any Source
  private let base: ExportBase?

  private struct Entry: Sendable {
    var changes: ChangeSource
    /// What the next export goes on from.
    var watermark: Watermark?
  }

  /// Asks the source for its watermarks, before anything is read.
  init(
    _ tables: [Table], _ changes: [ObjectName: ChangeSource], source: any Source, base: ExportBase?
  ) throws {
    self.source = source
    self.base = base
    let asked = tables.compactMap { table in changes[table.name].map { (table, $0) } }
    let watermarks = try source.watermarks(of: asked)
    for (table, changes) in asked {
      self.tables[table.name] = Entry(changes: changes, watermark: watermarks[table.name])
    }
  }

  /// Whether the mapping says `incremental` of no table.
  var isEmpty: Bool { tables.isEmpty }

  /// Whether changed rows of a table alone may be read, as one range.
  func mayReadChanges(of table: Table) -> Bool { base != nil && tables[table.name] != nil }

  /// What the manifest says of a table for the next export.
  func watermark(of table: Table) -> Watermark? { tables[table.name]?.watermark }

  /// From where on changed rows of a table are read, or why it is read whole; neither where nobody asked
  /// for anything else.
  func since(
    _ table: Table
  ) throws -> (changes: (by: ChangeSource, since: Watermark)?, reasonForAll: String?) {
    guard let base, let entry = tables[table.name] else { return (nil, nil) }
    guard let since = base.watermarks[table.name] else {
      return (nil, "\(base.label) has no watermark of it")
    }
    guard let now = entry.watermark else {
      return (nil, "the source does not say up to where its changes go")
    }
    guard (since.kind, since.column) == (now.kind, now.column) else {
      return (nil, "the mapping now finds its changed rows otherwise than \(base.label)")
    }
    guard since.columns == now.columns else { return (nil, "its columns changed") }
    guard now.reaches(since) else {
      return (
        nil, "the source is at \(now.value), before \(since.value): was it restored from a backup?"
      )
    }
    if let problem = try source.problem(ofChangesIn: table, by: entry.changes, since: since) {
      return (nil, problem)
    }
    return ((entry.changes, since), nil)
  }
}

extension Export {
  func changePlan(for tables: [Table], of database: Database) async throws -> ChangePlan {
    let changes = try mapping.changeSources(for: database.tables)
    if let base, changes.isEmpty {
      logger.warning(
        "the mapping says incremental of no table: all are read whole",
        metadata: ["since": "\(base.label)"])
    }
    return try await onBlockingThread { [source, base] in
      try ChangePlan(
        tables.filter { $0.refusal == nil }, changes, source: source, base: base)
    }
  }
}

extension RowExport {
  /// Reads what changed of a table, or all of it.
  func readRows(
    of table: Table, into writer: inout TableWriter
  ) throws -> (order: RowOrder, read: PartialRead?) {
    let (part, reasonForAll) = try changes.since(table)
    guard let (by, since) = part else {
      if let reasonForAll {
        logger.warning(
          "table is read whole", metadata: ["table": "\(table.name)", "reason": "\(reasonForAll)"])
      }
      return (try source.readRows(of: table, into: &writer), nil)
    }
    var removed =
      by.knowsRemovals ? try snapshot.makeRemovedWriter(for: table) : nil
    let order = try source.readChanges(
      of: table, by: by, since: since, into: &writer, removed: &removed)
    let chunks = try removed.take()?.finish(order: .physical).chunks
    logger.info(
      "table is read from its watermark on",
      metadata: [
        "table": "\(table.name)", "since": "\(since.value)",
        "removed": "\(chunks.map { "\($0.reduce(0) { $0 + $1.rows })" } ?? "unknown")",
      ])
    return (order, PartialRead(since: since, removed: chunks))
  }
}
