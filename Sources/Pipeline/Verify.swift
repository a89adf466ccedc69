// The proof of a load: reads the target as it stands at one moment and holds it against a snapshot.

public import Catalog
public import Logging
public import Report
public import Staging
import Statements
import Synchronization
import Target

/// Proves that a target holds what a snapshot holds.
///
/// Nothing is written. All connections see the target as it was when the proof began.
public struct Verifier: Sendable {
  public let snapshot: Snapshot
  public let database: MappedDatabase
  public let level: Verification.Level
  public var limits = VerifyLimits()
  /// Indexes of the tables to prove; nil for all that the snapshot holds.
  public var tables: [Int]?
  /// What was asked for: of tables that the source no longer has, these are named.
  public var selection = TableSelection.all
  /// Told of each table when it is compared.
  public var logger: Logger?

  public init(
    snapshot: Snapshot, database: MappedDatabase, level: Verification.Level = .content
  ) {
    self.snapshot = snapshot
    self.database = database
    self.level = level
  }

  /// Compares table by table, several at a time.
  ///
  /// - Parameters:
  ///   - target: Anything libpq accepts.
  ///   - connectionCount: Tables in flight; each takes a connection and two threads. One connection
  ///     more keeps the moment in the target.
  /// - Returns: A line for each table in the mapping's order. A table that could not be compared has
  ///   its `problem` there.
  /// - Throws: `TargetError` when the target cannot be reached or is lost; `CancellationError`.
  public func run(target: String, connectionCount: Int = 4) async throws -> Verification {
    let keeper = try await TargetConnection.open(target, applicationName: "restage verify")
    let moment = try await keeper.beginMoment()
    let queue = WorkQueue(proofs)
    let workerCount = max(1, min(connectionCount, queue.count))
    let lines = try await withThrowingTaskGroup(of: [(Int, Verification.TableLine)].self) { group in
      for _ in 0..<workerCount {
        group.addTask { try await work(queue, target: target, moment: moment) }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    let gone = try await GoneTables(
      snapshot: snapshot, database: database, selection: selection
    ).find(on: keeper)
    await keeper.close()
    return Verification(
      level: level, tables: lines.sorted { $0.0 < $1.0 }.map(\.1),
      goneTables: gone.map { "\($0.source) (\($0.target))" })
  }

  /// Tables with their chunks, the largest first, so that it is not the last to be begun.
  private var proofs: [(index: Int, chunks: TableManifest)] {
    (tables ?? Array(database.tables.indices)).compactMap { index in
      guard let chunks = snapshot.manifest.table(named: database.tables[index].source),
        chunks.refusal == nil
      else { return nil }
      return (index, chunks)
    }.sorted { ($1.chunks.bytes, $0.index) < ($0.chunks.bytes, $1.index) }
  }

  private func work(
    _ queue: WorkQueue<(index: Int, chunks: TableManifest)>, target: String, moment: String
  ) async throws -> [(Int, Verification.TableLine)] {
    var lines: [(Int, Verification.TableLine)] = []
    guard var next = queue.next() else { return lines }
    let connection = try await TargetConnection.open(target, applicationName: "restage verify")
    let reader = SnapshotReader()
    while true {
      let partial = next.chunks.partial.map { _ in Proof.partial(of: next.index, of: database) }
      var obstacle: TargetError?
      do {
        // A read-only transaction makes no table, and fills temporary ones.
        if let partial { try await connection.execute(partial.definitions) }
        try await connection.join(moment)
        if let partial { try await fill(partial, with: next.chunks, on: connection) }
      } catch let error as TargetError where error.isAboutTable {
        obstacle = error
      }
      let proof = TableProof(
        index: next.index, database: database, snapshot: snapshot, chunks: next.chunks,
        level: level, limits: limits, reader: reader, connection: connection,
        target: target, partial: partial, obstacle: obstacle)
      let began = ContinuousClock.now
      let line = try await proof.run()
      lines.append((next.index, line))
      await connection.rollback()
      logger?.info(
        "table compared",
        metadata: [
          "table": "\(line.source)", "rows": "\(line.snapshotRows)", "equal": "\(line.isEqual)",
          "ms": "\(began.millisecondsUntilNow)",
        ])
      guard let following = queue.next() else { break }
      next = following
    }
    await connection.close()
    return lines
  }
}

extension Verifier {
  /// Copies the changed rows of a table to the target, so that its rows can be picked by them, and the
  /// keys of deleted ones.
  private func fill(
    _ partial: Proof.Partial, with chunks: TableManifest, on connection: TargetConnection
  ) async throws {
    _ = try await connection.copyIn(
      partial.copy, files: chunks.chunks.map { snapshot.chunkPath($0, of: chunks) })
    try await connection.execute("ANALYZE pg_temp.restage_proof")
    guard let removed = partial.removed else { return }
    _ = try await connection.copyIn(
      removed.copy,
      files: (chunks.partial?.removed ?? []).map { snapshot.removedPath($0, of: chunks) })
  }
}

/// Hands out each item once, to whoever asks first.
private final class WorkQueue<Item: Sendable>: Sendable {
  private let items: [Item]
  private let taken = Atomic(0)

  init(_ items: [Item]) { self.items = items }

  var count: Int { items.count }

  func next() -> Item? {
    let index = taken.add(1, ordering: .relaxed).oldValue
    return index < items.count ? items[index] : nil
  }
}

extension TargetConnection {
  /// Begins a transaction that others can join to see the same rows, and returns its name.
  fileprivate func beginMoment() async throws -> String {
    try await execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return try await query("SELECT pg_catalog.pg_export_snapshot() AS name").first("name") ?? ""
  }

  fileprivate func join(_ moment: String) async throws {
    try await execute(
      """
      BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
      SET TRANSACTION SNAPSHOT \(SQLLiteral.quoted(moment));
      """)
  }
}
