// The two sides of a proof: rows of the snapshot's chunks and rows that the target prints, both as
// CSV records without their line feeds.

import Staging
import Statements
import Target

/// Both sides of one table, to be read as often as it takes.
struct VerifySides: Sendable {
  let snapshot: Snapshot
  let chunks: TableManifest
  let reader: SnapshotReader
  let connection: TargetConnection
  /// COPY … TO STDOUT.
  let contentQuery: String
  /// Where the mapping's expressions change the snapshot's rows.
  let transformed: TransformedRows?

  /// Reads all rows of the chunks, whose hashes are checked on the way.
  func readSnapshot<State: Sendable>(
    into state: State, _ body: @Sendable (inout State, UnsafeRawBufferPointer) throws -> Void
  ) async throws -> State {
    guard let transformed else {
      return try await reader.read(chunks, of: snapshot, into: state, body)
    }
    return try await Self.read(
      transformed.transformation.content, over: transformed.connection, into: state, body)
  }

  /// Reads all rows that the target has of this source.
  func readTarget<State: Sendable>(
    into state: State, _ body: @Sendable (inout State, UnsafeRawBufferPointer) throws -> Void
  ) async throws -> State {
    try await Self.read(contentQuery, over: connection, into: state, body)
  }

  private static func read<State: Sendable>(
    _ query: String, over connection: TargetConnection, into state: State,
    _ body: @Sendable (inout State, UnsafeRawBufferPointer) throws -> Void
  ) async throws -> State {
    try await connection.copyOut(query, into: state) { state, line in
      guard line.last == UInt8(ascii: "\n") else {
        throw VerifyProblem("the target sent a row without its line feed")
      }
      try body(&state, UnsafeRawBufferPointer(rebasing: line.dropLast()))
    }
  }
}

/// The snapshot's rows in a temporary table of the target, as the mapping's expressions make them.
struct TransformedRows: Sendable {
  let connection: TargetConnection
  let transformation: Proof.Transformation

  /// Copies the chunks, whose hashes are checked first, and runs the expressions.
  func fill(from chunks: TableManifest, of snapshot: Snapshot) async throws {
    try snapshot.verifyChunks(of: chunks)
    try await connection.execute(transformation.definition)
    _ = try await connection.copyIn(
      transformation.copy, files: chunks.chunks.map { snapshot.chunkPath($0, of: chunks) })
    try await connection.execute(transformation.statements)
  }
}

/// Reads chunks on a thread of its own.
actor SnapshotReader {
  private let executor = BlockingExecutor(label: "restage.verify")

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  func read<State: Sendable>(
    _ table: TableManifest, of snapshot: Snapshot, into state: State,
    _ body: @Sendable (inout State, UnsafeRawBufferPointer) throws -> Void
  ) throws -> State {
    var state = state
    var untilCheck = 0
    try snapshot.readRecords(of: table) { record in
      if untilCheck == 0 { try Task.checkCancellation() }
      untilCheck = (untilCheck + 1) & 0xFFF
      try body(&state, record)
    }
    return state
  }
}
