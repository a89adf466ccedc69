import Foundation
import TestSupport
import Testing

/// What `shared/data/truth` says of a file or of files that belong together.
struct ContainerTruth: Decodable, Sendable, CustomTestStringConvertible {
  var files: [String]
  var refuse: String?
  var kind: String?
  var database: String?
  var sqlServer: String?
  var internalVersion: Int?
  var isCompressed: Bool?
  var setNumber: Int?
  var setCount: Int?

  enum CodingKeys: String, CodingKey {
    case files, refuse, kind, database
    case sqlServer = "sql_server"
    case internalVersion = "internal_version"
    case isCompressed = "compressed"
    case setNumber = "backup_set"
    case setCount = "backup_sets_in_file"
  }

  var testDescription: String { files.joined(separator: " ") + (setNumber.map { " #\($0)" } ?? "") }

  /// As the command line takes it.
  func specification() throws -> String {
    let paths = try files.map { try SharedData.path($0) }
    return paths.joined(separator: files.contains { $0.contains("_DIFF_") } ? "+" : ",")
  }

  /// Every json that speaks of backups or data files.
  static let all: [ContainerTruth] = {
    guard let folder = SharedData.folder.map({ $0 + "/data/truth" }) else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(".json") }.sorted().compactMap { name in
      let bytes = try? Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
      return bytes.flatMap { try? JSONDecoder().decode(ContainerTruth.self, from: $0) }
    }.filter { !$0.files[0].hasSuffix(".bacpac") }
  }()

  static let readable = all.filter { $0.refuse == nil }
  static let refused = all.filter { $0.refuse != nil }
}

/// A file in a folder of its own, removed with this value.
final class TemporaryFile {
  let path: String
  private let folder: URL

  init(_ bytes: some Sequence<UInt8>, name: String = "test.bak") throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.appendingPathComponent(name).path
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  func truncate(to byteCount: UInt64) throws {
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.truncate(atOffset: byteCount)
    try handle.close()
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}
