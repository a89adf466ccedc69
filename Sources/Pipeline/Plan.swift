// A plan: all SQL that a load will run, as files, made without a target.

public import Catalog
import Statements
public import Translation

/// Everything that is decided before a load: names, keys, order, and every SQL file.
///
/// A function of the source's schema and the mapping alone: the same input gives the same bytes.
public struct Plan: Sendable {
  public let database: MappedDatabase
  /// In the order in which a person would run them with psql on an empty target.
  public let files: [PlanFile]
  /// Text of each file, by its path.
  let texts: [String: String]

  /// Plans the move of a source database.
  public init(_ source: Database, mapping: Mapping) throws(MappingError) {
    self.init(try Translator.map(source, by: mapping))
  }

  init(_ database: MappedDatabase) {
    self.database = database
    var texts: [String: String] = [:]
    var files: [PlanFile] = []
    func add(_ path: String, _ text: String, _ phase: PlanFile.Phase, _ table: Int?, _ step: String)
    {
      texts[path] = text
      files.append(
        PlanFile(
          path: path, sha256: SQLFile.sha256(of: text), phase: phase, step: step,
          table: table.map { database.tables[$0].source }))
    }
    for file in DDL.files(for: database) {
      add(file.path, file.text, PlanFile.Phase(ddlPath: file.path), nil, "ddl")
    }
    let keyMaps = Merge.keyMapFile(for: database)
    add(keyMaps.path, keyMaps.text, .keyMaps, nil, "ddl")
    for file in Merge.files(for: database) {
      let phase: PlanFile.Phase =
        switch file.step {
        case .stage: .stage
        case .check, .match, .allocate, .orphans, .insert: .rows
        case .update, .vanished, .reset, .account: .changes
        }
      add(file.path, file.text, phase, file.table, file.step.operation)
    }
    for file in Proof.files(for: database) {
      add(file.path, file.text, .proof, file.table, "proof")
    }
    for file in Undo.files(for: database) {
      add(file.path, file.text, .undo, file.table, file.step.operation)
    }
    self.texts = texts
    // A stable sort by phase: within one phase the order of the generators stands.
    self.files = files.enumerated().sorted {
      ($0.element.phase.rawValue, $0.offset) < ($1.element.phase.rawValue, $1.offset)
    }.map(\.element)
  }
}

/// One generated file of a plan.
public struct PlanFile: Codable, Hashable, Sendable {
  /// When a file runs; ascending.
  public enum Phase: Int, Codable, Sendable, Comparable {
    /// Schemas and collations: repeatable, before anything else.
    case schemas
    /// Final tables without keys, on an empty target only.
    case tables
    /// Key maps and their registration: repeatable.
    case keyMaps
    case stage
    /// check … insert.
    case rows
    /// Keys and indexes, on an empty target only, once the rows are in.
    case keys
    /// update … account.
    case changes
    /// Foreign keys and comments, on an empty target only.
    case constraints
    /// Read-only queries that prove the load.
    case proof
    /// What takes a run back: stored in the target with the run, executed by a rollback alone.
    case undo

    public static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }

    /// Whether the phase makes final tables and is skipped when they are there.
    var isDefinition: Bool { self == .tables || self == .keys || self == .constraints }
  }

  /// Below the plan's folder.
  public let path: String
  public let sha256: String
  public let phase: Phase
  /// As the audit names it: "40 insert", "ddl", "proof".
  public let step: String
  /// The source table, where the file is about one.
  public let table: ObjectName?
}

extension PlanFile.Phase {
  /// By the number that the file's name begins with.
  fileprivate init(ddlPath: String) {
    let name = ddlPath.split(separator: "/").last ?? ""
    switch Int(name.prefix { $0.isNumber }) ?? 0 {
    case ..<20: self = .schemas
    case ..<30: self = .tables
    case ..<50: self = .keys
    default: self = .constraints
    }
  }
}
