import ArgumentParser
import Logging
import Report
import Staging

struct InspectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show what a source holds and what cannot be moved")

  @Argument(help: ArgumentHelp("What to look into.", valueName: "source")) var source: String
  @OptionGroup var sourceOptions: SourceOptions
  @Flag(help: "Print one JSON object instead of a table.") var json = false
  @OptionGroup var log: LogOptions

  func run() async throws {
    let source = try sourceOptions.open(source)
    let began = ContinuousClock.now
    let inspection = Inspection(of: try source.readCatalog())
    let elapsed = (ContinuousClock.now - began) / .milliseconds(1)
    log.logger.debug(
      "catalog read",
      metadata: ["tables": "\(inspection.tables.count)", "ms": "\(Int(elapsed))"])
    if json {
      try Terminal.answer(jsonText(inspection))
    } else {
      let facts = source.facts.map { "\($0.name): \($0.value)\n" }.joined()
      try Terminal.answer("\(facts)\n\(inspection)")
    }
  }
}
