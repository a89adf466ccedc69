import ArgumentParser
import Pipeline
import Report
import Staging

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Prove that the target holds what the snapshot holds",
    discussion: """
      counts compares numbers of rows; keys also key maps and orphans; content also every row, byte \
      for byte, with keys mapped back.
      """)

  @Argument(help: ArgumentHelp("Folder of a snapshot.", valueName: "snapshot")) var snapshot: String
  @OptionGroup var target: TargetOptions
  @OptionGroup var plan: PlanOptions
  @OptionGroup var verify: VerifyOptions
  @OptionGroup var tables: TableOptions
  @OptionGroup var log: LogOptions

  func run() async throws {
    let snapshot = try Snapshot(opening: snapshot)
    let proof = try await verify.run(
      snapshot, plan: try plan.plan(for: snapshot), target: target.uri, tables: tables,
      logger: log.logger)
    guard proof.isEqual else { throw ExitStatus.differences }
    if !proof.refusals.isEmpty { throw ExitStatus.doneWithRejects }
  }
}
