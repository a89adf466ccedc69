import ArgumentParser
import Pipeline
import Staging

struct LoadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Load a snapshot into the target",
    discussion: "Only unseen and changed rows are written. Prints what became of each table's rows."
  )

  @Argument(help: ArgumentHelp("Folder of a snapshot.", valueName: "snapshot")) var snapshot: String
  @OptionGroup var load: LoadOptions
  @OptionGroup var tables: TableOptions
  @OptionGroup var log: LogOptions

  func run() async throws {
    let outcome = try await load.run(
      try Snapshot(opening: snapshot), tables: tables, logger: log.logger)
    if outcome.hasRejects { throw ExitStatus.doneWithRejects }
  }
}
