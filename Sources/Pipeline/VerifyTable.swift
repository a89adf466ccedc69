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
  /// For a connection more, where the mapping transforms the rows.
  let target: String
  /// Where the snapshot holds changed rows alone.
  let partial: Proof.Partial?
  /// Why the changed rows could not be laid beside the table.
  let obstacle: TargetError?

  private var table: MappedTable { database.tables[index] }

  /// - Throws: What makes a proof impossible. What concerns this table alone is in the result.
  func run() async throws -> Verification.TableLine {
    var line = Verification.TableLine(
      table: table.target.quoted, source: table.source.description, snapshotRows: chunks.rows,
      exportRejects: chunks.refusedRows, damagedPlaces: chunks.unreadable ?? 0,
      isPartial: chunks.partial != nil ? true : nil)
    do {
      try await prove(&line)
    } catch let error as TargetError where !error.isAboutTable {
      throw error
    } catch let error as CancellationError {
      throw error
    } catch {
      line.problem = "\(error)"
    }
    return line
  }

  private func prove(_ line: inout Verification.TableLine) async throws {
    if let obstacle { throw obstacle }
    try await checkRelations()
    try await count(&line)
    if level >= .keys {
      try await countKeys(&line)
      try await countOrphans(&line)
    }
    if level >= .content { try await compareContent(&line) }
  }
}

// MARK: - Counts and keys

extension TableProof {
  /// What the queries name must be there: the table's own relations, and those of its parents where
  /// they are asked.
  private func checkRelations() async throws {
    try await check(table.target, isA: "final table")
    let installed = try await connection.query(
      "SELECT to_regprocedure('restage.last_run(text, text)') AS found")
    guard installed.first("found") != nil else { throw VerifyProblem.neverLoaded }
    try await check(table.keyMap, isA: "key map")
    let parents = Set(table.columns.compactMap(\.keyTable) + table.foreignKeys.map(\.parent))
    for parent in parents.subtracting([index]).sorted() where level >= .keys {
      try await check(database.tables[parent].target, isA: "its parent, final table")
      try await check(database.tables[parent].keyMap, isA: "its parent's key map")
    }
  }

  private func check(_ name: QualifiedIdentifier, isA kind: String) async throws {
    let found = try await connection.query("SELECT to_regclass($1) AS found", [name.quoted])
    guard found.first("found") == nil else { return }
    throw VerifyProblem("\(kind) \(name.quoted) is not in the target")
  }

  private func count(_ line: inout Verification.TableLine) async throws {
    let result = try await connection.query(
      partial?.counts ?? Proof.countQuery(for: index, of: database))
    guard !result.rows.isEmpty else { throw VerifyProblem.neverLoaded }
    line.targetRows = try number("present", of: result)
    line.rejectedRows = try number("rejected", of: result)
    line.otherRows = try number(
      "others", of: try await connection.query(Proof.othersQuery(for: index, of: database)))
    let filtered = table.filter == nil ? 0 : try number("filtered", of: result)
    let accounted = line.targetRows + line.rejectedRows + filtered
    line.missing = max(0, line.snapshotRows - accounted)
    line.extra = max(0, accounted - line.snapshotRows)
    if let removed = partial?.removed {
      line.leftOver = try number("left_over", of: try await connection.query(removed.query))
    }
  }

  private func countKeys(_ line: inout Verification.TableLine) async throws {
    let result = try await connection.query(Proof.keyQuery(for: index, of: database))
    line.knownKeys = try number("known", of: result)
    line.presentKeys = try number("present", of: result)
    line.vanishedRows = try number("vanished", of: result)
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
  private func sides(transformed: TransformedRows?) -> VerifySides {
    VerifySides(
      snapshot: snapshot, chunks: chunks, reader: reader, connection: connection,
      contentQuery: partial?.content ?? Proof.contentQuery(for: index, of: database),
      transformed: transformed)
  }

  private func compareContent(_ line: inout Verification.TableLine) async throws {
    guard let transformation = Proof.transformation(of: index, of: database) else {
      return try await compareContent(&line, sides(transformed: nil))
    }
    line = try await TargetConnection.using(target, applicationName: "restage verify") { scratch in
      let transformed = TransformedRows(connection: scratch, transformation: transformation)
      try await transformed.fill(from: chunks, of: snapshot)
      var compared = line
      try await compareContent(&compared, sides(transformed: transformed))
      return compared
    }
  }

  private func compareContent(
    _ line: inout Verification.TableLine, _ sides: VerifySides
  ) async throws {
    async let snapshotSide = sides.readSnapshot(into: BucketDigest()) { $0.add($1) }
    async let targetSide = sides.readTarget(into: BucketDigest()) { $0.add($1) }
    let (inSnapshot, inTarget) = try await (snapshotSide, targetSide)

    let search = DifferenceSearch(sides: sides, shape: shape, limits: limits)
    let found =
      inSnapshot == inTarget ? RowDifferences() : try await search.run(inSnapshot, inTarget)
    line.missing = found.missing
    line.extra = found.extra
    line.differing = found.differing
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
  /// Whether a statement about one table failed for what the table is: it is not there, or has
  /// other columns. A lost connection or a missing privilege is no finding about the rows.
  var isAboutTable: Bool { code == .sql || code == .badValue || code == .raised }
}
