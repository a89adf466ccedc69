// The plan on disk: written, read back and held to its hashes.

import Catalog
import FoundationEssentials
import Statements
import SystemPackage
import Translation

extension Plan {
  /// Writes the plan's files; `plan.json`, which makes it a plan, comes last.
  ///
  /// What an earlier plan left in `ddl`, `merge`, `verify` and `undo` is removed first, so that no file of
  /// another plan stays between the new ones.
  ///
  /// - Throws: `cannotWrite` with the path and the system's reason; `usage` where the folder holds the plan
  ///   of another source, or something else under the names of a plan's folders.
  public func write(to folder: String) throws(PipelineError) {
    try checkOwner(of: folder)
    let manager = FileManager.default
    do {
      try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
      // Says whose the folder is when this is interrupted.
      let owner = try JSONEncoder().encode(PlanOwner(source: database.sourceName))
      try owner.write(to: URL(filePath: "\(folder)/\(Self.unfinishedName)"))
      for name in ["plan.json", "unsupported.md"] + Self.folderNames
      where manager.fileExists(atPath: "\(folder)/\(name)") {
        try manager.removeItem(atPath: "\(folder)/\(name)")
      }
      for file in files {
        try Self.write(texts[file.path] ?? "", to: "\(folder)/\(file.path)")
      }
      try Self.write(UnsupportedReport.markdown(for: database), to: "\(folder)/unsupported.md")
      try Self.write(try PlanIndex(self).json, to: "\(folder)/plan.json")
      try manager.removeItem(atPath: "\(folder)/\(Self.unfinishedName)")
    } catch {
      throw PipelineError(
        .cannotWrite, "the plan cannot be written to \(folder): \(PipelineError.reason(of: error))",
        advice: "name another folder with --into or --plan")
    }
  }

  private static let folderNames = ["ddl", "merge", "verify", "undo"]
  private static let unfinishedName = "plan.json.unfinished"

  /// What is removed here must be an earlier plan for the same source, not somebody's approved plan for
  /// another one.
  private func checkOwner(of folder: String) throws(PipelineError) {
    let advice = "name another folder with --into or --plan, or remove this one"
    let manager = FileManager.default
    let indexes = ["plan.json", Self.unfinishedName].map { "\(folder)/\($0)" }
    guard let bytes = indexes.lazy.compactMap({ manager.contents(atPath: $0) }).first else {
      guard
        let found = Self.folderNames.first(where: { manager.fileExists(atPath: "\(folder)/\($0)") })
      else { return }
      throw PipelineError(
        .usage,
        "\(folder) holds \(found) and no plan.json: it is not a plan that could be written anew",
        advice: advice)
    }
    guard let earlier = try? JSONDecoder().decode(PlanOwner.self, from: bytes),
      earlier.source != database.sourceName
    else { return }
    throw PipelineError(
      .usage,
      "\(folder) holds the plan of source '\(earlier.source)', not of '\(database.sourceName)'",
      advice: advice)
  }

  /// Reads a plan that `write` made.
  ///
  /// - Throws: `usage` when there is none; `notAllowed` when a file is not the one that was planned.
  public init(reading folder: String) throws(PipelineError) {
    let index: PlanIndex
    do {
      let bytes = try Data(contentsOf: URL(filePath: "\(folder)/plan.json"))
      index = try JSONDecoder().decode(PlanIndex.self, from: bytes)
    } catch {
      throw PipelineError(
        .usage,
        "\(folder) holds no plan that can be read: plan.json: \(PipelineError.reason(of: error))",
        advice: "make one with `restage plan SNAPSHOT --into DIR`")
    }
    guard index.format == PlanIndex.formatNumber else {
      throw PipelineError(
        .usage, "\(folder)/plan.json has format \(index.format), not \(PlanIndex.formatNumber)",
        advice: "make the plan anew with this version")
    }
    var texts: [String: String] = [:]
    for file in index.files {
      texts[file.path] = try Self.readText(of: file, in: folder)
    }
    self.init(database: index.mapped, files: index.files, texts: texts)
  }

  private init(database: MappedDatabase, files: [PlanFile], texts: [String: String]) {
    self.database = database
    self.files = files
    self.texts = texts
  }

  /// SHA-256 over the hashes of all files: one number for the whole plan.
  public var sha256: String {
    SQLFile.sha256(of: files.map { "\($0.sha256)  \($0.path)\n" }.joined())
  }

  private static func readText(of file: PlanFile, in folder: String) throws(PipelineError) -> String
  {
    let path = "\(folder)/\(file.path)"
    let text: String
    do {
      text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
    } catch {
      throw PipelineError(
        .usage, "\(path) of the plan cannot be read: \(PipelineError.reason(of: error))")
    }
    let found = SQLFile.sha256(of: text)
    guard found == file.sha256 else {
      throw PipelineError(
        .notAllowed,
        "\(path) was changed after it was planned: SHA-256 \(found), plan.json says \(file.sha256)",
        advice: "change the mapping, not the generated file, and plan again")
    }
    return text
  }

  private static func write(_ text: String, to path: String) throws {
    let url = URL(filePath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }
}

/// The part of `plan.json` that says whose it is, whatever its format.
private struct PlanOwner: Codable {
  let source: String
}

/// What `plan.json` holds.
private struct PlanIndex: Codable {
  static let formatNumber = 1

  struct PlannedTable: Codable {
    let position: Int
    let source: String
    let target: String
    let keys: String
    let sourceKey: [String]
    /// Source names of the tables that its foreign keys lead to.
    let dependsOn: [String]
    /// Under `commit: table`: the transaction that its merge belongs to, from 1. Tables of a cycle share
    /// one.
    let transaction: Int?
    /// Tables of one level do not need each other: a first load merges them at the same time.
    let level: Int?

    enum CodingKeys: String, CodingKey {
      case position, source, target, keys, transaction, level
      case sourceKey = "source_key"
      case dependsOn = "depends_on"
    }
  }

  let format: Int
  let source: String
  /// What a first load commits at a time.
  let commit: CommitPolicy?
  let tables: [PlannedTable]
  let files: [PlanFile]
  let notes: [String]
  /// Every decision, for the loader.
  let mapped: MappedDatabase

  init(_ plan: Plan) {
    let database = plan.database
    format = Self.formatNumber
    source = database.sourceName
    files = plan.files
    notes = database.notes
    mapped = database
    commit = database.commit ?? .run
    let units = database.mergeUnits
    let transactions = units.enumerated().flatMap { number, unit in
      unit.tables.map { _ in (number: number + 1, level: unit.level) }
    }
    tables = database.tables.enumerated().map { index, table in
      let parents = Set(table.foreignKeys.map(\.parent)).subtracting([index]).sorted()
      return PlannedTable(
        position: index + 1, source: table.source.description, target: table.target.quoted,
        keys: table.keysMode, sourceKey: table.sourceKeyNames,
        dependsOn: parents.map { database.tables[$0].source.description },
        transaction: transactions[index].number, level: transactions[index].level)
    }
  }

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
  }
}

extension MappedTable {
  /// The source key's columns under their source names; empty for the whole row.
  var sourceKeyNames: [String] {
    if case .columns(let indexes) = sourceKey { return indexes.map { columns[$0].sourceName } }
    return []
  }
}
