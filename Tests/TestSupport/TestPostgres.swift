// A real PostgreSQL for tests: one throwaway server for the whole test process, one database for
// each test that asks.

import Foundation
import Synchronization

/// A database on the test process's own PostgreSQL server (unix socket, temporary folder).
public struct TestPostgres: Sendable {
  /// What libpq and psql take.
  public let uri: String

  private static let server = Result { try PrivateServer() }
  private static let databaseCount = Atomic(0)

  /// A database that is there.
  public init(uri: String) {
    self.uri = uri
  }

  /// Makes an empty database. The server starts with the first one and is stopped when the
  /// process has ended.
  public init() throws {
    let server = try Self.server.get()
    let name = "test_\(Self.databaseCount.add(1, ordering: .relaxed).newValue)"
    let made = try Shell.run(
      "psql", ["-X", "-q", "-d", server.uri, "-c", "CREATE DATABASE \(name)"])
    guard made.status == 0 else { throw ShellFailure(description: made.errors) }
    uri = server.uri.replacingOccurrences(of: "/postgres?", with: "/\(name)?")
  }

  /// Runs SQL with psql, stopping at the first error, and returns what it prints: unaligned tuples.
  @discardableResult
  public func psql(_ sql: String) throws -> String {
    let ran = try Shell.run(
      "psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", uri, "-f", "-"], input: sql)
    guard ran.status == 0 else { throw ShellFailure(description: ran.errors) }
    return ran.output.trimmingCharacters(in: .newlines)
  }
}

/// The server behind every `TestPostgres` of this process.
private final class PrivateServer: Sendable {
  let uri: String

  init() throws {
    let folder = "/tmp/restage-test-\(getpid())"
    let script = SharedData.packageFolder + "/scripts/private-postgres"
    // The script's watcher stops the server when this process has ended, however it ended.
    let started = try Shell.run(script, ["start", folder, "\(getpid())"])
    guard started.status == 0 else { throw ShellFailure(description: started.errors) }
    uri = started.output.trimmingCharacters(in: .newlines)
  }
}

/// A command that failed in a test's preparation.
public struct ShellFailure: Error, CustomStringConvertible {
  public let description: String
}

/// Runs programs for tests.
public enum Shell {
  public struct Outcome: Sendable {
    /// Exit status; 128 + signal number for a program that a signal ended.
    public let status: Int32
    public let output: String
    public let errors: String
  }

  /// Runs a program to its end.
  ///
  /// - Parameters:
  ///   - program: A path, or a name that is looked up in `PATH`.
  ///   - environment: Added to the process's own.
  public static func run(
    _ program: String, _ arguments: [String], input: String = "",
    environment: [String: String] = [:]
  ) throws -> Outcome {
    // Files, not pipes: a server started by the program may keep its standard output open. For the
    // same reason not Foundation's Process, which waits until the last heir of its socket is gone.
    let scratch = FileManager.default.temporaryDirectory
      .appendingPathComponent("restage-shell-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: scratch) }
    let names = ["in", "out", "err"].map { scratch.appendingPathComponent($0) }
    try Data(input.utf8).write(to: names[0])

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, names[0].path, O_RDONLY, 0)
    for (descriptor, file) in zip([1, 2] as [Int32], names.dropFirst()) {
      posix_spawn_file_actions_addopen(&actions, descriptor, file.path, O_WRONLY | O_CREAT, 0o600)
    }
    // A socket of another test that a server had inherited would stay open as long as the server runs.
    for file in 3..<4_096 as Range<Int32> { posix_spawn_file_actions_addclose(&actions, file) }
    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] =
      variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var child: pid_t = 0
    let spawned = posix_spawnp(&child, program, &actions, nil, &argv, &envp)
    guard spawned == 0 else {
      throw ShellFailure(description: "\(program): \(String(cString: strerror(spawned)))")
    }
    var state: Int32 = 0
    while waitpid(child, &state, 0) == -1 && errno == EINTR {}
    let signal = state & 0x7F
    return Outcome(
      status: signal == 0 ? (state >> 8) & 0xFF : 128 + signal,
      output: String(decoding: try Data(contentsOf: names[1]), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: names[2]), as: UTF8.self))
  }
}
