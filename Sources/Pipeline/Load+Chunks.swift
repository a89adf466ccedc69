// Which chunks of a snapshot are staged: not those of which an earlier run has loaded every row, while
// nothing else decides what becomes of them than their bytes.

import Catalog
import Staging
import Statements
import Target

/// A chunk of the snapshot in this run.
struct StagedChunk: Sendable {
  let manifest: ChunkManifest
  /// What the key map calls it; nil for a table whose chunks are not told apart.
  let number: Int?
  /// An earlier run loaded the very same, and the key map has all of its rows.
  var isSkipped = false
}

extension Load {
  /// The table with what is to be staged of it.
  ///
  /// A chunk is skipped where `restage.settled` says that the key map stands for the chunks of a run
  /// with the same merge files, a count of the key map's rows agrees, and all of these are in the final
  /// table. Where something is staged, step 90 counts them again, in the merge's transaction.
  func selectChunks(
    of table: StagedTable, on connection: TargetConnection
  ) async throws -> StagedTable {
    var table = table
    table.isNumbered = isNumbered(table)
    guard table.isNumbered else { return table }
    let earlier = try await earlierChunks(of: table, on: connection)
    let numbers = ChunkNumber.assign(
      to: table.manifest.chunks.map(\.xxh3), after: earlier.chunks)
    var chunks = zip(table.manifest.chunks, numbers).map {
      StagedChunk(manifest: $0, number: $1.number)
    }
    if earlier.isSettled, !options.stagesAllChunks, table.manifest.absentRows == 0 {
      let known = try await knownRows(of: table, on: connection)
      let present = known.byChunk
      for (index, number) in numbers.enumerated() where number.isKnown {
        chunks[index].isSkipped = present[number.number] == chunks[index].manifest.rows
      }
      table.known = known
      table.isProven = known.isWhole
      if !table.isProven {
        let lost = try await connection.query(Proof.lostQuery(for: table.index, of: plan.database))
        table.isProven = lost.firstInteger("lost") == 0
      }
      let skipped = Set(chunks.filter(\.isSkipped).map(\.number))
      table.isUntouched =
        table.isProven && skipped.count == chunks.count
        && present.allSatisfy { skipped.contains($0.key) || $0.value == 0 }
    }
    table.chunks = chunks
    return table
  }

  /// Whether the rows of a chunk can be told from others later: their key is one that the source
  /// enforces, and the plan says nothing that could decide otherwise about the same bytes. Changed rows
  /// alone are not the table's chunks.
  private func isNumbered(_ table: StagedTable) -> Bool {
    let source = snapshot.database.tables.first { $0.name == table.mapped.source }
    guard table.manifest.partial == nil,
      Merge.chunkStatement(0, for: table.index, of: plan.database) != nil,
      let key = source?.sourceKeyColumns
    else { return false }
    return Set(key) == Set(table.mapped.sourceKeyNames)
  }

  /// The chunks of the run for which the key map stands, else of the last run: these are not skipped,
  /// but keep their numbers.
  private func earlierChunks(
    of table: StagedTable, on connection: TargetConnection
  ) async throws -> (chunks: [EarlierChunk], isSettled: Bool) {
    let name = table.mapped.target.quoted
    let settled = try await connection.query(
      """
      SELECT d.run_id
      FROM restage.settled AS d
      WHERE d.source_name = $1
        AND d.table_name = $2
        AND d.merge_sha256 = $3
        AND to_regclass($4) IS NOT NULL
      """,
      [
        plan.database.sourceName, name, plan.mergeSHA256(of: table.mapped.source),
        table.mapped.keyMap.quoted,
      ])
    let run = settled.first("run_id")
    let found = try await connection.query(
      """
      SELECT
        c.chunk_id,
        c.hash
      FROM restage.chunk AS c
      WHERE c.run_id = coalesce($1::uuid, restage.last_run($2, $3))
        AND c.table_name = $3
        AND c.chunk_id IS NOT NULL
      ORDER BY c.number
      """, [run, plan.database.sourceName, name])
    let chunks = found.rows.compactMap { row -> EarlierChunk? in
      guard row.count == 2, let number = row[0].flatMap({ Int($0) }), let hash = row[1] else {
        return nil
      }
      return EarlierChunk(number: number, hash: hash)
    }
    return (chunks, run != nil)
  }

  private func knownRows(
    of table: StagedTable, on connection: TargetConnection
  ) async throws -> KnownRows {
    let found = try await connection.query(
      Proof.knownRowsQuery(for: table.index, of: plan.database))
    return try found.rows.reduce(into: KnownRows()) { known, row in
      guard row.count == 4, let rows = row[1].flatMap({ Int($0) }),
        let vanished = row[2].flatMap({ Int($0) })
      else {
        throw PipelineError(
          .internalError,
          "\(table.mapped.keyMap.quoted): its rows were counted, and the numbers are \(row)")
      }
      known.byChunk[row[0].flatMap { Int($0) }] = rows
      known.vanished += vanished
      known.isWhole = row[3] == "t"
    }
  }
}

/// What the key map of a table knew before the run.
struct KnownRows: Sendable {
  /// Rows that have not vanished, by their chunk; nil for an unknown one.
  var byChunk: [Int?: Int] = [:]
  var vanished = 0
  /// All rows of the key map are in the final table, and nothing else is. Where it is false, nothing is
  /// known of that.
  var isWhole = false

  var rows: Int { byChunk.values.reduce(0, +) }
}

extension Plan {
  /// One hash for all files that stage and merge a table: while it is the same, the same rows come to
  /// the same. The number of the table, which is in their paths, does not matter.
  func mergeSHA256(of table: ObjectName) -> String {
    let files = files.filter {
      $0.table == table && [.stage, .rows, .changes].contains($0.phase)
    }
    return SQLFile.sha256(of: files.map { "\($0.sha256)  \($0.step)\n" }.joined())
  }
}
