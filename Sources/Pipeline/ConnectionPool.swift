import Target

/// A fixed number of connections that tasks borrow in turn.
actor ConnectionPool {
  private var idle: [TargetConnection]
  private var waiting: [CheckedContinuation<TargetConnection, Never>] = []

  private init(_ connections: [TargetConnection]) {
    idle = connections
  }

  /// Opens the connections, does `work`, and closes them again, whatever became of it.
  static func using<Outcome: Sendable>(
    _ target: String, count: Int, runID: String, settings: [(String, String)] = [],
    _ work: (ConnectionPool) async throws -> Outcome
  ) async throws -> Outcome {
    var connections: [TargetConnection] = []
    do {
      for _ in 0..<count {
        connections.append(
          try await TargetConnection.open(
            target, settings: [("restage.run_id", runID)] + settings))
      }
      let outcome = try await work(ConnectionPool(connections))
      for connection in connections { await connection.close() }
      return outcome
    } catch {
      for connection in connections { await connection.close() }
      throw error
    }
  }

  /// Lends one connection to `work`; waits while all are out.
  nonisolated func withConnection<Outcome: Sendable>(
    _ work: (TargetConnection) async throws -> Outcome
  ) async throws -> Outcome {
    let connection = await borrow()
    do {
      let outcome = try await work(connection)
      await giveBack(connection)
      return outcome
    } catch {
      await giveBack(connection)
      throw error
    }
  }

  private func borrow() async -> TargetConnection {
    if let connection = idle.popLast() { return connection }
    return await withCheckedContinuation { waiting.append($0) }
  }

  private func giveBack(_ connection: TargetConnection) {
    if waiting.isEmpty {
      idle.append(connection)
    } else {
      waiting.removeFirst().resume(returning: connection)
    }
  }
}

extension TargetConnection {
  /// Opens a connection, does `work` and closes it, whatever became of it.
  ///
  /// - Parameter runID: The run that the connection's statements belong to.
  static func using<Outcome: Sendable>(
    _ target: String, applicationName: String = "restage", runID: String? = nil,
    _ work: (TargetConnection) async throws -> Outcome
  ) async throws -> Outcome {
    let connection = try await open(
      target, applicationName: applicationName,
      settings: runID.map { [("restage.run_id", $0)] } ?? [])
    do {
      let outcome = try await work(connection)
      await connection.close()
      return outcome
    } catch {
      await connection.close()
      throw error
    }
  }
}
