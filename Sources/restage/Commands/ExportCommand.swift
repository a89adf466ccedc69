import ArgumentParser
import FoundationEssentials
import Pipeline

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a snapshot of a source as CSV chunks",
    discussion: "Prints the snapshot's folder on stdout.")

  @Argument(help: ArgumentHelp("What to read.", valueName: "source")) var source: String
  @OptionGroup var export: ExportOptions
  @OptionGroup var mapping: MappingOptions
  @OptionGroup var log: LogOptions

  func run() async throws {
    let outcome = try await export.run(source, mapping: mapping.read(), logger: log.logger)
    try Terminal.answer(outcome.folder)
    if outcome.rejectCount > 0 { throw ExitStatus.doneWithRejects }
  }
}
