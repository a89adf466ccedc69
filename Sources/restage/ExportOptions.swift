import ArgumentParser
import BackupSource
import FoundationEssentials
import Logging
import Pipeline
import ServerSource
import Staging
import Translation

/// What `export` and `run` share.
struct ExportOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder of the snapshot itself; staging/<database>/<UTC time>.", valueName: "folder"))
  var into: String?

  @OptionGroup var sourceOptions: SourceOptions
  @OptionGroup var tables: TableOptions

  @Flag(
    help: "Skip damaged pages of a file, list them among the rejects and end with 3.")
  var allowDamaged = false

  @Option(
    help: ArgumentHelp(
      """
      How a live server is read: snapshot, database-snapshot, locked or none; snapshot where the \
      database allows it, else none.
      """, valueName: "mode"),
    transform: { text in
      guard let mode = Consistency(rawValue: text) else {
        let known = Consistency.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--consistency takes one of \(known), not '\(text)'")
      }
      return mode
    })
  var consistency: Consistency?

  @Option(
    help: ArgumentHelp(
      "Largest (max) value of a live server that is read, 1 to 1024; rows with larger ones are "
        + "rejects; 64.", valueName: "MiB"))
  var maxValue: Int?

  @Option(
    help: ArgumentHelp(
      "What reads the rows of a live source: native or the program freebcp.", valueName: "engine"))
  var engine: SourceEngine = .native

  @OptionGroup var pace: PaceOptions

  @Option(
    help: ArgumentHelp(
      """
      Read changed rows alone, of tables of which the mapping says incremental: since this snapshot, the \
      newest of this folder of snapshots, or, as the word target and for run only, since the last load.
      """, valueName: "folder"))
  var since: String?

  func validate() throws {
    if let maxValue, !(1...1024).contains(maxValue) {
      throw ValidationError("--max-value takes 1 to 1024 MiB, not \(maxValue)")
    }
  }

  /// - Parameters:
  ///   - mapping: Says what becomes of text that PostgreSQL cannot store, and how changed rows are found.
  ///   - target: Where the rows go, for a command that knows it.
  func run(
    _ specification: String, mapping: Mapping, target: String? = nil, logger: Logger
  ) async throws -> Export.Outcome {
    let source = try sourceOptions.open(
      specification, skipsDamaged: allowDamaged, consistency: consistency,
      valueByteCountMax: maxValue.map { $0 << 20 }, engine: engine, rateMax: pace.maxRate,
      jobs: tables.jobs ?? Limits.jobCountDefault)
    let known = source.identity.warnings
    for warning in known { logger.warning("\(warning)") }
    let outcome = try await Export(
      source: source, folder: into ?? Self.defaultFolder(of: source.identity.database),
      selection: tables.selection, mapping: mapping,
      base: try await base(of: source, specification, mapping, target: target),
      jobCount: tables.jobs ?? Limits.jobCountDefault, deadline: pace.until, logger: logger
    ).run()
    // What was found on the way.
    for warning in outcome.manifest.source.warnings where !known.contains(warning) {
      logger.warning("\(warning)")
    }
    return outcome
  }

  private func base(
    of source: any Source, _ specification: String, _ mapping: Mapping, target: String?
  ) async throws -> ExportBase? {
    guard let since else { return nil }
    guard ServerAddress.isURI(specification) else {
      throw ValidationError("--since is for live servers, and the source is a file")
    }
    if since == "target", let target {
      return try await ExportBase(
        target: target, source: mapping.sourceName(ofDatabase: source.identity.database))
    }
    return try ExportBase(folder: since, database: source.identity.database)
  }

  /// `staging/Northwind/20260131T040000Z`; a database's name can be a path and is made harmless.
  private static func defaultFolder(of database: String) -> String {
    let name = String(
      database.map { $0.isLetter || $0.isNumber || "._-".contains($0) ? $0 : "_" })
    let time = Date.now.formatted(.iso8601).filter { !"-:".contains($0) }
    return "staging/\(name.isEmpty || name.hasPrefix(".") ? "database" : name)/\(time)"
  }
}

/// How hard and how long a source is read.
struct PaceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The most that all connections to a live server read in a second, as 20MB or 50000rows.",
      valueName: "rate"),
    transform: { text in
      guard let rate = Rate(text) else {
        throw ValidationError("'\(text)' is no rate: write 500kB, 20MB, 1GB or 50000rows")
      }
      return rate
    })
  var maxRate: Rate?

  @Option(
    help: ArgumentHelp(
      "Stop reading at this local time and end with 75; see docs/live-source.md.",
      valueName: "hh:mm"),
    transform: { text in
      guard let deadline = Deadline(text) else {
        throw ValidationError("'\(text)' is no time of day: write 05:30")
      }
      return deadline
    })
  var until: Deadline?
}
