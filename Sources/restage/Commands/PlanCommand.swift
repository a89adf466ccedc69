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
  @Option(
    help: ArgumentHelp(
      "Plan folder to compare with; prints what changed instead of the folder.", valueName: "folder"
    ))
  var diff: String?
  @OptionGroup var log: LogOptions

  func run() async throws {
    let snapshot = try Snapshot(opening: snapshot)
    let plan = try Plan(snapshot.database, mapping: try mapping.read())
    // Read before it is written: both may be the same folder.
    let earlier = try diff.map { try Plan(reading: $0) }
    let folder = into ?? "\(snapshot.folder)/plan"
    try plan.write(to: folder)
    for note in plan.database.notes { log.logger.notice("\(note)") }
    if let earlier {
      try Terminal.answer("\(PlanDifference(from: earlier, to: plan))")
    } else {
      try Terminal.answer(folder)
    }
  }
}
