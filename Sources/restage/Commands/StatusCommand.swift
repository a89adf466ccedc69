import ArgumentParser
import Pipeline
import Report

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show runs, their steps, and what is left to do")

  @Argument(help: ArgumentHelp("Run id or last; all runs.", valueName: "run")) var selected: String?
  @OptionGroup var target: TargetOptions
  @Flag(help: "Print one JSON object instead of a table.") var json = false

  func run() async throws {
    let status = try await Status(target: target.uri).read(selected)
    try Terminal.answer(json ? jsonText(status) : status.text)
  }
}
