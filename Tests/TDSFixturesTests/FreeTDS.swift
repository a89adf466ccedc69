// The programs of FreeTDS against a server of the fixtures.

import Foundation
import TDSFixtures
import TestSupport

/// Runs `tsql`, `bsqldb` and `freebcp` with a configuration of their own.
struct FreeTDS {
  let folder: TemporaryFolder
  /// Kept, because a server stops with its last reference.
  private let server: TDSServer
  var user = "sa"
  var password = "Pässword1"
  var database = "master"

  /// - Parameter settings: More lines of freetds.conf, "encryption = require".
  init(_ server: TDSServer, version: String = "7.4", settings: [String] = []) throws {
    self.server = server
    folder = try TemporaryFolder()
    let lines =
      [
        "[fixture]", "host = 127.0.0.1", "port = \(server.port)", "tds version = \(version)",
        "client charset = UTF-8", "timeout = 20", "connect timeout = 20",
      ] + (settings.contains { $0.hasPrefix("encryption") } ? [] : ["encryption = off"]) + settings
    try Data((lines.joined(separator: "\n") + "\n").utf8)
      .write(to: URL(fileURLWithPath: "\(folder.path)/freetds.conf"))
  }

  /// Rows as lines, cells separated by `|`; messages on standard error.
  func bsqldb(_ sql: String) throws -> Shell.Outcome {
    try run("bsqldb", ["-t", "|", "-q"] + login, input: sql + "\ngo\n")
  }

  /// A program that prints what it gets, server messages included, on standard output.
  func tsql(_ sql: String, options: [String] = []) throws -> Shell.Outcome {
    try run("tsql", login + options, input: sql + "\ngo\nexit\n")
  }

  func run(_ program: String, _ arguments: [String], input: String = "") throws -> Shell.Outcome {
    try Shell.run(
      "timeout", ["--signal=KILL", "60", program] + arguments, input: input,
      environment: [
        "FREETDSCONF": "\(folder.path)/freetds.conf", "LC_ALL": "C.UTF-8",
      ])
  }

  var login: [String] {
    ["-S", "fixture", "-U", user, "-P", password, "-D", database]
  }
}
