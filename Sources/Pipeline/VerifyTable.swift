import Catalog
import Report
import Staging
import Statements
import Target

/// The proof of one table.
struct TableProof: Sendable {
  let index: Int
  let database: MappedDatabase
  let snapshot: Snapshot
  let chunks: TableManifest
  let level: Verification.Level
  let limits: VerifyLimits
  let reader: SnapshotReader
  let connection: TargetConnection

  private var table: MappedTable { database.tables[index] }

  /// - Throws: What makes the connection useless. What concerns this table alone is in the result.
  func run() async throws -> Verification.TableLine {
    var line = Verification.TableLine(
      table: table.target.quoted, source: table.source.description, snapshotRows: chunks.rows)
    do {
      try await prove(&line)
    } catch let error as TargetError where error.endsConnection {
      throw error
    } catch let error as CancellationError {
      throw error
    } catch {
      line.problem = "\(error)"
    }
    return line
  }

  private func prove(_ line: inout Verification.TableLine) async throws {
    let known = try await KnownRejects(counting: table, of: database.sourceName, connection)
    if level >= .keys {
      try await countKeys(&line)
      try await countOrphans(&line)
    }
    if level >= .content {
      try await compareContent(&line, known)
    } else {
      try await compareCounts(&line, known)
    }
  }
}

// MARK: - Counts and keys

extension TableProof {
  private func compareCounts(
    _ line: inout Verification.TableLine, _ known: KnownRejects
  ) async throws {
    line.targetRows = try await targetRowCount()
    line.rejectedRows = known.rowCount
    // A row that the last run refused may still be there from an earlier one.
    let least = line.snapshotRows - known.rowCount
    line.missing = max(0, least - line.targetRows)
    line.extra = max(0, line.targetRows - line.snapshotRows)
  }

  private func targetRowCount() async throws -> Int {
    guard let query = Proof.keyQuery(for: index, of: database) else {
      return try await sides.readTarget(into: 0) { count, _ in count += 1 }
    }
    return try number("present", of: try await connection.query(query))
  }

  private func countKeys(_ line: inout Verification.TableLine) async throws {
    guard let query = Proof.keyQuery(for: index, of: database) else { return }
    let result = try await connection.query(query)
    line.knownKeys = try number("known", of: result)
    line.presentKeys = try number("present", of: result)
  }

  private func countOrphans(_ line: inout Verification.TableLine) async throws {
    for (foreignKey, query) in Proof.orphanQueries(for: index, of: database) {
      let rows = try number("orphans", of: try await connection.query(query))
      line.orphans.append(
        Verification.OrphanLine(foreignKey: foreignKey.name.name, rows: rows))
    }
  }

  private func number(_ column: String, of result: QueryResult) throws(VerifyProblem) -> Int {
    guard let number = result.firstInteger(column) else {
      throw VerifyProblem("the target did not count: no number in \(column)")
    }
    return number
  }
}

// MARK: - Content

extension TableProof {
  private var sides: VerifySides {
    VerifySides(
      snapshot: snapshot, chunks: chunks, reader: reader, connection: connection,
      contentQuery: Proof.contentQuery(for: index, of: database))
  }

  private func compareContent(
    _ line: inout Verification.TableLine, _ counted: KnownRejects
  ) async throws {
    let sides = sides
    async let snapshotSide = sides.readSnapshot(into: BucketDigest()) { $0.add($1) }
    async let targetSide = sides.readTarget(into: BucketDigest()) { $0.add($1) }
    let (inSnapshot, inTarget) = try await (snapshotSide, targetSide)
    line.targetRows = inTarget.rowCount
    guard inSnapshot != inTarget else { return }

    var known = counted
    try await known.readKeys(
      of: table, source: database.sourceName, rowCountMax: limits.rejectCountMax, connection)
    let search = DifferenceSearch(sides: sides, shape: shape, known: known, limits: limits)
    let found = try await search.run(inSnapshot, inTarget)
    line.missing = found.missing
    line.extra = found.extra
    line.differing = found.differing
    line.rejectedRows = found.rejected
    line.nulledRows = found.nulled
    line.isCutShort = found.isCutShort
    line.examples = found.examples
  }

  private var shape: RecordShape {
    let names = table.columns.map(\.sourceName)
    switch table.sourceKey {
    case .columns(let key): return RecordShape(columns: names, key: key, hasKey: true)
    case .wholeRow:
      return RecordShape(columns: names, key: Array(names.indices), hasKey: false)
    }
  }
}

extension TargetError {
  /// Whether nothing further can be asked over the connection.
  var endsConnection: Bool { code == .connectionLost || code == .cancelled }
}
