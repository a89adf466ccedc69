import ArgumentParser
import Pipeline
import Report
import Staging

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Export, plan, load and verify in order")

  @Argument(help: ArgumentHelp("What to read.", valueName: "source")) var source: String
  @OptionGroup var export: ExportOptions
  @OptionGroup var load: LoadOptions
  @OptionGroup var verify: VerifyOptions
  @OptionGroup var log: LogOptions

  func run() async throws {
    let logger = log.logger
    let exported = try await export.run(
      source, mapping: load.plan.mapping.read(), target: load.target.uri, logger: logger)
    let snapshot = try Snapshot(opening: exported.folder)
    let loaded = try await load.run(snapshot, tables: export.tables, logger: logger)
    guard !load.rehearse else {
      // Nothing is in the target that could be proven; the rest is as the run itself would end.
      if exported.rejectCount > 0 || loaded.hasRejects { throw ExitStatus.doneWithRejects }
      return
    }
    let plan = try load.plan.plan(for: snapshot)
    let proof = try await verify.run(
      snapshot, plan: plan, target: load.target.uri, tables: export.tables,
      logger: logger)
    guard proof.isEqual else { throw ExitStatus.differences }
    let isWhole = exported.rejectCount == 0 && !loaded.hasRejects && proof.refusals.isEmpty
    if !isWhole { throw ExitStatus.doneWithRejects }
  }
}
