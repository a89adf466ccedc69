// For sites where no other client may read tables: the catalog and the counts come over connections of
// our own, the rows through the program freebcp of FreeTDS.

public import Catalog
public import Staging

/// A live server whose rows are read by driving `freebcp`, one process for each table.
///
/// Its snapshots hold the same bytes as those of `ServerSource`: freebcp is made to write values as the
/// protocol has them, and they go through the same decoders. A table whose values it does not carry is
/// refused by name.
public struct FreeBCPSource: Source {
  private let source: ServerSource

  /// - Parameter source: Connected; gives the catalog and the counts.
  /// - Throws: `login` for a password that freebcp cannot be given.
  public init(_ source: ServerSource) throws(ServerError) {
    self.source = source
    try FreeBCPProcess.check(source.password, source.address)
  }

  public var facts: [SourceFact] { source.facts + [SourceFact("rows", "read by freebcp")] }
  public var announcements: [String] { source.announcements + ["rows are read by freebcp"] }

  public var identity: SourceIdentity {
    var identity = source.identity
    identity.consistency = identity.consistency.replacing(
      "live server,", with: "live server, read by freebcp,", maxReplacements: 1)
    guard mode.isolation == .snapshot else { return identity }
    identity.consistency =
      "live server, read by freebcp, SNAPSHOT isolation: each table is of the moment of its own"
    identity.read?.isOneMoment = false
    return identity
  }

  /// A table that freebcp does not carry has a refusal that says why.
  public func readCatalog() throws -> Database {
    var database = try source.readCatalog()
    for index in database.tables.indices where database.tables[index].refusal == nil {
      do throws(Fault) {
        _ = try query(for: database.tables[index])
      } catch {
        database.tables[index].refusal = error.problem
      }
    }
    return database
  }

  /// Reads a table once; a caller that gets an error which `isTransient` may begin it again.
  public func readRows(of table: Table, into writer: inout TableWriter) throws -> RowOrder {
    if let refusal = table.refusal { throw failure(.unknown, table, refusal) }
    do {
      return try readWholeTable(table, into: &writer)
    } catch {
      if Task.isCancelled { throw CancellationError() }
      throw error
    }
  }

  public func close() throws { try source.close() }

  private var mode: ReadMode { source.mode }

  private func query(for table: Table) throws(Fault) -> FreeBCPQuery {
    try FreeBCPQuery(
      table, TextForm(ofFreeBCP: source.server.version.kind), hint: mode.tableHint,
      valueByteCountMax: source.address.limits.valueByteCountMax)
  }
}

// MARK: - One table

extension FreeBCPSource {
  /// Counts, has freebcp read, and counts again: freebcp ends with status 0 and without a word when rows
  /// are missing.
  private func readWholeTable(
    _ table: Table, into writer: inout TableWriter
  ) throws -> RowOrder {
    let query: FreeBCPQuery
    do throws(Fault) {
      query = try self.query(for: table)
    } catch {
      throw failure(.unknown, table, error.problem)
    }
    // No transaction but that of a lock: the second count must see what others did meanwhile.
    let connection = try source.connections.take()
    if mode.consistency == .locked { try source.connections.beginReading(on: connection) }
    let before = try countRows(query, on: connection)
    guard before < Int(Int32.max) else {
      throw failure(
        .unknown, table, "freebcp counts no more than 2,147,483,646 rows", "use --engine native")
    }
    let rows = try readRows(of: table, with: query, into: &writer)
    let after = try countRows(query, on: connection)
    try source.connections.endReading(on: connection)
    source.connections.giveBack(connection)
    try check(rows, before: before, after: after, table)
    if let uncertainty = mode.uncertainty { writer.noteUncertainty(uncertainty) }
    return query.order
  }

  private func readRows(
    of table: Table, with query: FreeBCPQuery, into writer: inout TableWriter
  ) throws -> Int {
    let place = "\(table.name)"
    var address = source.address
    if let snapshot = source.snapshot { address.database = snapshot.name }
    let process = try FreeBCPProcess(
      query, address, password: source.password, usesSnapshot: mode.isolation == .snapshot,
      place: place)
    var reader = FreeBCPReader(
      query, table, address,
      FreeBCPOutput(
        process.output, place: place, server: address.label,
        stallSeconds: address.limits.stallSeconds))
    do {
      try reader.readRows(into: &writer)
    } catch let error as ServerError {
      // What is wrong with the output is only what is seen; freebcp may have said why.
      _ = try process.finish(at: place, isBroken: true)
      throw error
    }
    let said = try process.finish(at: place, isBroken: false)
    guard said == reader.rowCount else {
      throw failure(
        .badAnswer, table,
        "\(reader.rowCount) rows came, and freebcp says it copied \(said.map { "\($0)" } ?? "none")"
      )
    }
    return reader.rowCount
  }

  private func countRows(
    _ query: FreeBCPQuery, on connection: ServerConnection
  ) throws(ServerError) -> Int {
    let records = try connection.query(query.count)
    guard records.count == 1, let count = records[0].integer("row_count") else {
      throw ServerError(
        .badAnswer, server: source.address.label, place: query.count.name,
        problem: "the rows cannot be counted")
    }
    return count
  }

  private func check(_ rows: Int, before: Int, after: Int, _ table: Table) throws(ServerError) {
    guard after == before else {
      throw failure(
        .conflict, table,
        "the server counted \(before) rows before freebcp read them and \(after) after it",
        "the table changes while it is read; --engine native reads and counts in one snapshot")
    }
    guard rows == before else {
      throw failure(
        .connectionLost, table, "freebcp brought \(rows) rows where the server counts \(before)",
        "freebcp does not tell an error from the end of the rows; try again")
    }
  }

  private func failure(
    _ code: ServerError.Code, _ table: Table, _ problem: String, _ advice: String? = nil
  ) -> ServerError {
    ServerError(
      code, server: source.address.label, place: "\(table.name)", problem: problem, advice: advice)
  }
}
