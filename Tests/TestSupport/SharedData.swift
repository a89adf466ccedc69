// Real SQL Server files and their truth, kept beside the checkout and never inside it.

import Foundation
public import Testing

/// The folder `shared` beside the checkout (`RESTAGE_SHARED` names another place).
public enum SharedData {
  /// The package's own folder.
  public static let packageFolder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// Nil where the folder is not there.
  public static let folder: String? = {
    let named = ProcessInfo.processInfo.environment["RESTAGE_SHARED"]
    let path = named ?? URL(fileURLWithPath: packageFolder + "/../shared").standardizedFileURL.path
    return FileManager.default.fileExists(atPath: path + "/data") ? path : nil
  }()

  /// For `.enabled(if:)`: true where the files are, and also where they must be
  /// (`RESTAGE_REQUIRE_SHARED=1`), so that the test then fails instead of being skipped.
  public static let isThere =
    folder != nil || ProcessInfo.processInfo.environment["RESTAGE_REQUIRE_SHARED"] == "1"

  /// What a skipped test says.
  public static let skipped: Comment = "skipped: ../shared/data is not beside this checkout"

  /// - Parameter path: Below `shared/data`, such as "bak/iti-2022.bak".
  public static func path(_ path: String) throws -> String {
    let folder = try #require(folder, "../shared is missing and RESTAGE_REQUIRE_SHARED is set")
    return "\(folder)/data/\(path)"
  }

  /// Whole contents of a file below `shared/data`.
  public static func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: try self.path(path))))
  }
}
