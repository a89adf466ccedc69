import Catalog
import Foundation
import Statements
import TestSupport
import Testing

@Suite("Generated SQL, byte for byte")
struct GoldenTests {
  private static let folder = SharedData.packageFolder + "/Tests/Golden/merge"
  private static let isUpdating = ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1"

  @Test("the files of each situation are the recorded ones", arguments: Situation.all)
  func files(_ situation: Situation) throws {
    let folder = "\(Self.folder)/\(situation.name)"
    let texts = Self.goldens(of: situation.database)
    guard !Self.isUpdating else {
      try? FileManager.default.removeItem(atPath: folder)
      for (path, text) in texts { try Self.write(text, to: "\(folder)/\(path)") }
      Issue.record(
        "\(situation.name): recorded anew; review the difference and run without UPDATE_GOLDEN")
      return
    }
    let recorded = Set(try Self.recordedPaths(in: folder))
    for (path, text) in texts.sorted(by: { $0.key < $1.key }) {
      guard recorded.contains(path) else {
        Issue.record("\(situation.name)/\(path) is not recorded; see UPDATE_GOLDEN")
        continue
      }
      let golden = try String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8)
      guard golden != text else { continue }
      Issue.record("\(situation.name)/\(path):\n\(Self.firstDifference(golden, text))")
    }
    #expect(recorded.subtracting(texts.keys).sorted() == [], "recorded, but generated no longer")
  }

  @Test("no folder is left of a situation that is gone")
  func noStrayFolders() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
    let unknown = Set(folders).subtracting(Situation.all.map(\.name))
    #expect(unknown.sorted() == [])
  }

  @Test("the header's hash is that of the body", arguments: Situation.all)
  func headers(_ situation: Situation) {
    for (path, text) in Self.files(of: situation.database) {
      let parts = text.split(separator: "\n\n", maxSplits: 1)
      guard parts.count == 2 else {
        Issue.record("\(path) has no header")
        continue
      }
      let stated = parts[0].split(separator: "\n").first { $0.hasPrefix("-- body:") }
      #expect(stated == "-- body:    sha256:\(SQLFile.sha256(of: String(parts[1])))", "\(path)")
      #expect(
        !parts[1].hasPrefix("\n") && text.hasSuffix("\n") && !text.hasSuffix("\n\n"), "\(path)")
      #expect(!text.contains(" \n"), "\(path) has white space at the end of a line")
    }
  }

  @Test("a step's text does not depend on which tables a run loads")
  func independence() {
    for situation in Situation.all {
      let database = situation.database
      let all = Merge.files(for: database)
      for table in database.tables.indices {
        let alone = Merge.files(for: database, tables: [table])
        #expect(alone == all.filter { $0.table == table }, "\(situation.name)")
      }
      #expect(all.map(\.step) == all.map(\.step).sorted(), "steps go over all tables in turn")
    }
  }

  /// One golden file for the key maps and one for each table, with the generated files in their order
  /// one below the other.
  private static func goldens(of database: MappedDatabase) -> [String: String] {
    var goldens: [String: String] = [:]
    for (path, text) in files(of: database) {
      let parts = path.split(separator: "/")
      let name = parts.count == 3 ? "\(parts[1]).sql" : "key_maps.sql"
      goldens[name, default: ""] += "-- file:    \(path)\n\(text)\n"
    }
    return goldens
  }

  private static func files(of database: MappedDatabase) -> [(path: String, text: String)] {
    let keyMaps = Merge.keyMapFile(for: database)
    return [(keyMaps.path, keyMaps.text)]
      + Merge.files(for: database).map { ($0.path, $0.text) }
      + Proof.files(for: database).map { ($0.path, $0.text) }
  }

  private static func recordedPaths(in folder: String) throws -> [String] {
    let paths = FileManager.default.enumerator(atPath: folder)?.allObjects ?? []
    return paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".sql") }
  }

  private static func write(_ text: String, to path: String) throws {
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  private static func firstDifference(_ golden: String, _ text: String) -> String {
    let recorded = golden.components(separatedBy: "\n")
    let generated = text.components(separatedBy: "\n")
    let line = zip(recorded, generated).prefix { $0 == $1 }.count
    func shown(_ lines: [String]) -> String {
      lines.dropFirst(line).prefix(4).joined(separator: "\n    ")
    }
    return """
      line \(line + 1)
        recorded:
          \(shown(recorded))
        generated:
          \(shown(generated))
      """
  }
}
