public import ArgumentParser
public import Catalog
import Logging
import Pipeline
import Report
import Staging

extension CommitPolicy: ExpressibleByArgument {}

/// What `load` and `run` share.
struct LoadOptions: ParsableArguments {
  @OptionGroup var target: TargetOptions
  @OptionGroup var plan: PlanOptions

  @Option(
    help: ArgumentHelp(
      "Refuse every SQL file whose SHA-256 is not in this file of sha256sum.", valueName: "file"))
  var requireApproved: String?

  @Flag(help: "Run everything, report the numbers, and roll back.")
  var rehearse = false

  @Flag(help: "Let more rows vanish than the mapping's max_vanished, once.")
  var allowShrink = false

  @Flag(help: "Stage unchanged chunks too; without it they are skipped.")
  var allChunks = false

  @Option(
    help: ArgumentHelp(
      "What a first load commits at a time: run or table; the mapping's commit.", valueName: "what")
  )
  var commit: CommitPolicy?

  @Option(
    help: ArgumentHelp(
      "Seconds to wait for a lock that somebody else holds.", valueName: "seconds"))
  var lockTimeout: Int = Limits.lockTimeoutSeconds

  /// Loads and prints what became of each table's rows.
  func run(
    _ snapshot: Snapshot, tables: TableOptions, logger: Logger
  ) async throws -> LoadOutcome {
    let plan = try plan.plan(for: snapshot)
    if let requireApproved { try Approval(reading: requireApproved).check(plan) }
    for note in plan.database.notes { logger.debug("\(note)") }
    let began = ContinuousClock.now
    let outcome = try await Load(
      snapshot: snapshot, plan: plan, target: target.uri,
      options: Load.Options(
        selection: tables.selection, jobCount: tables.jobs, isRehearsal: rehearse,
        allowsShrink: allowShrink, commit: commit, stagesAllChunks: allChunks,
        lockTimeoutSeconds: lockTimeout),
      logger: logger
    ).run()
    let elapsed = (ContinuousClock.now - began).components
    let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
    try Terminal.answer(
      outcome.summary(of: plan.database.sourceName, seconds: seconds).description)
    return outcome
  }
}
