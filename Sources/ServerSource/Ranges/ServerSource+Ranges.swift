public import Catalog
import Glibc
public import Staging

// Large tables in ranges, read by several connections at the same time.

extension ServerSource {
  /// Whether and how tables are read in ranges.
  private var splitting: Splitting { Splitting(mode, server, isShared: sharing.withLock { $0 }) }

  /// A connection that sees what the other readers of the table see.
  func takeForRanges() throws -> ServerConnection {
    splitting == .shared ? try connections.takeSharing() : try connections.take()
  }

  /// Begins the transactions of all readers at one state, where there is a table to be split.
  ///
  /// - Throws: What keeps the server from showing its state. The tables are read whole then, each on a
  ///   connection of its own.
  public func prepare(readerCount: Int, tables: [Table]) throws {
    guard readerCount > 1, mode.isolation == .snapshot, !server.isReadOnly,
      let first = tables.first(where: mayBeLarge)
    else { return }
    let state = SharedState(address: address, password: password, kind: server.version.kind)
    let idle = connections.takeIdle(atMost: readerCount)
    guard let shared = try state.begin(count: readerCount, with: idle, lookingAt: first.name)
    else {
      throw ServerError(
        .conflict, server: address.label,
        problem: "others wrote each time that the connections' transactions began")
    }
    connections.share(shared)
    sharing.withLock { $0 = true }
  }

  public func ranges(of table: Table) throws -> RowRanges? {
    guard splitting != .never, table.refusal == nil, mayBeLarge(table) else { return nil }
    let form = TextForm(server.version.kind)
    guard let keys = try? KeyRanges(of: table, form), let query = try? TableQuery(table, form)
    else {
      return nil
    }
    return try reading(on: try takeForRanges()) { connection in
      guard let ends = try ends(of: keys, query.count, on: connection) else { return nil }
      return try ranges(keys, ends, on: connection)
    }
  }

  /// How many rows there are, and between which keys if that can be asked. Both in one reading; but Babelfish
  /// needs longer to learn to read the question than to count, so that of the first table it learns half of it
  /// on another connection that sees the same rows, if one is idle. Of others each connection asks by itself.
  private func ends(
    of keys: KeyRanges, _ count: SQLBatch, on connection: ServerConnection
  ) throws -> ResultRecord? {
    let isFirst = endsAsked.withLock { wasAsked in
      defer { wasAsked = true }
      return !wasAsked
    }
    guard isFirst, server.version.kind == .babelfish, splitting == .shared,
      let half = keys.ends(counting: false), let other = connections.takeIdleSharing()
    else { return try connection.query(keys.ends() ?? count).first }
    let asked = Meanwhile { try lending(other) { try $0.query(half).first } }
    let counted = try connection.query(count).first
    guard let ends = asked.wait().flatMap(\.self) else {
      return try connection.query(keys.ends() ?? count).first
    }
    return counted?.with([
      "lowest": ends["lowest"] ?? .null, "highest": ends["highest"] ?? .null,
    ])
  }

  /// - Parameter ends: How many rows there are, and between which keys if that was asked.
  private func ranges(
    _ keys: KeyRanges, _ ends: ResultRecord, on connection: ServerConnection
  ) throws -> RowRanges? {
    let rowCount = ends.integer("row_count") ?? 0
    let step = max(address.limits.rangeRowCount, rowCount / ServerLimits.rangeCountMax)
    guard rowCount >= 2 * step else { return nil }
    if let boundaries = keys.boundaries(
      rowCount: rowCount, rangeCount: rowCount / step, between: ends)
    {
      return RowRanges(rowCount: rowCount, boundaries: boundaries)
    }
    let batch = keys.boundaries(rowCount: step, isSampled: isSampled(step))
    let boundaries = try connection.query(batch).map { record throws(ServerError) in
      guard let boundary = keys.kept(record) else {
        throw ServerError(
          .badAnswer, server: address.label, place: batch.name,
          problem: "a boundary is no key of the table")
      }
      return boundary
    }
    return boundaries.isEmpty ? nil : RowRanges(rowCount: rowCount, boundaries: boundaries)
  }

  /// Babelfish reads over TABLESAMPLE; and few rows are no sample.
  private func isSampled(_ rowCount: Int) -> Bool {
    server.version.kind != .babelfish && rowCount >= 100_000
  }

  /// Babelfish has no count of rows that could be had for nothing.
  private func mayBeLarge(_ table: Table) -> Bool {
    server.version.kind == .babelfish
      || (table.rowCount ?? 0) >= 2 * address.limits.rangeRowCount
  }
}

// MARK: - What lasts

extension ServerSource {
  /// A database snapshot stays as it is; a read-only database does, as long as nothing was added to
  /// its log.
  public func lastingState() throws -> String? {
    guard let state = try stateOfDatabase() else { return nil }
    // Larger values make rejects of their rows.
    return "\(state), values up to \(address.limits.valueByteCountMax) bytes"
  }

  private func stateOfDatabase() throws -> String? {
    if let snapshot { return "\(address.label), \(snapshot.stateWords)" }
    guard server.isReadOnly else { return nil }
    let connection = try connections.take()
    let batch = SQLBatch(
      "database's origin",
      """
      SELECT
        CONVERT(nvarchar(30), d.create_date, 126) AS created,
        d.source_database_id AS source_database_id
      FROM sys.databases AS d
      WHERE d.database_id = DB_ID()
      """)
    guard let record = try connection.query(batch).first, let created = record.text("created")
    else {
      return nil
    }
    let name = "\(address.label), database of \(created)"
    if record.integer("source_database_id") != nil {
      connections.giveBack(connection)
      return "\(name), a database snapshot"
    }
    do throws(ServerError) {
      let end = try LogEnd.read(connection)
      connections.giveBack(connection)
      return end.map { "\(name), read-only, its log ends at \($0)" }
    } catch {
      guard error.code == .sql || error.code == .permission else { throw error }
      return nil
    }
  }
}
