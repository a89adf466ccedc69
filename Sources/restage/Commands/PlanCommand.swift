import ArgumentParser
import Catalog
import Logging
import Pipeline
import Staging

struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Write DDL and merge SQL as files, without a target",
    discussion: "Prints the plan's folder on stdout.")

  @Argument(help: ArgumentHelp("Folder of a snapshot.", valueName: "snapshot")) var snapshot: String
  @OptionGroup var mapping: MappingOptions
  @Option(
    help: ArgumentHelp("Folder of the plan itself; SNAPSHOT/plan.", valueName: "folder"))
  var into: String?
  @OptionGroup var log: LogOptions

  func run() async throws {
    let snapshot = try Snapshot(opening: snapshot)
    let plan = try Plan(snapshot.database, mapping: try mapping.read())
    let folder = into ?? "\(snapshot.folder)/plan"
    try plan.write(to: folder)
    for note in plan.database.notes { log.logger.notice("\(note)") }
    Terminal.answer(folder)
  }
}
