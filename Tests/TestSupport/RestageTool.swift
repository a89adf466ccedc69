// The built command-line tool, run as a user runs it.

import Foundation

/// Runs the `restage` executable that was built with the tests.
public enum RestageTool {
  /// Beside the test process's own executable.
  public static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("restage").path

  /// Runs one command to its end.
  @discardableResult
  public static func run(_ arguments: [String]) throws -> Shell.Outcome {
    try Shell.run(path, arguments, environment: ["PGCONNECT_TIMEOUT": "10"])
  }
}

/// A folder that is removed when the value is released.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("restage-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
