import Foundation
import Synchronization

/// A PostgreSQL server of one test's own, for tests that stop it, kill its processes, or fill its disk.
public final class ThrowawayServer: Sendable {
  /// Holds the server's data and its socket.
  public let folder: String
  /// Of database `postgres`.
  public let uri: String
  private static let count = Atomic(0)
  private let databaseCount = Atomic(0)
  private static let script = SharedData.packageFolder + "/scripts/private-postgres"

  public init() throws {
    let number = Self.count.add(1, ordering: .relaxed).newValue
    folder = "/tmp/restage-own-\(getpid())-\(number)"
    let started = try Shell.run(Self.script, ["start", folder, "\(getpid())"])
    guard started.status == 0 else { throw ShellFailure(description: started.errors) }
    uri = started.output.trimmingCharacters(in: .newlines)
  }

  deinit {
    _ = try? Shell.run(Self.script, ["stop", folder])
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// An empty database.
  public func makeDatabase() throws -> TestPostgres {
    let name = "test_\(databaseCount.add(1, ordering: .relaxed).newValue)"
    let made = try Shell.run("psql", ["-X", "-q", "-d", uri, "-c", "CREATE DATABASE \(name)"])
    guard made.status == 0 else { throw ShellFailure(description: made.errors) }
    return TestPostgres(uri: uri.replacingOccurrences(of: "/postgres?", with: "/\(name)?"))
  }

  /// The command that stops the server and starts it again.
  ///
  /// - Parameter mode: As `pg_ctl` has it: "fast" rolls back and disconnects, "immediate" lets the
  ///   server die, which then recovers from its log.
  public func restartCommand(_ mode: String) -> String {
    "'\(Self.script)' restart '\(folder)' \(mode)"
  }

  /// Waits until the server, which may be recovering, takes connections.
  public func waitUntilReady() throws {
    let asked = try Shell.run(
      "bash",
      [
        "-c",
        """
        for _ in {1..300}; do
          psql -X -q -d '\(uri)' -c '' 2>/dev/null && exit 0
          sleep 0.1
        done
        exit 1
        """,
      ])
    guard asked.status == 0 else {
      throw ShellFailure(description: "the server in \(folder) does not come back")
    }
  }
}
