import ArgumentParser
import Logging
import Pipeline
import Report

struct RollbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Take back what one run inserted and updated",
    discussion: """
      One transaction, recorded as a run of its own. Exit code 65, and nothing is changed, while later \
      runs or other rows depend on what the run did; they are listed.
      """)

  @Argument(
    help: ArgumentHelp("Run id, or last: the newest load in the target.", valueName: "run"))
  var selected: String
  @OptionGroup var target: TargetOptions

  @Flag(help: "Delete and restore rows although they were changed in the target since.")
  var force = false

  @Flag(help: "Leave updated and deleted rows as they are.")
  var insertsOnly = false

  @Flag(help: "Run everything, report the numbers, and keep nothing.")
  var rehearse = false

  @Flag(help: "Print the SQL for psql instead of running it.")
  var print = false

  @Option(
    help: ArgumentHelp(
      "Refuse every SQL file whose SHA-256 is not in this file of sha256sum.", valueName: "file"))
  var requireApproved: String?

  @Option(
    help: ArgumentHelp(
      "Seconds to wait for a lock that somebody else holds.", valueName: "seconds"))
  var lockTimeout: Int = Limits.lockTimeoutSeconds

  @OptionGroup var log: LogOptions

  func run() async throws {
    let rollback = Rollback(
      selected, target: target.uri,
      options: Rollback.Options(
        isForced: force, insertsOnly: insertsOnly, isRehearsal: rehearse,
        lockTimeoutSeconds: lockTimeout, approval: try requireApproved.map(Approval.init(reading:))),
      logger: log.logger)
    guard !print else {
      try Terminal.answer(await rollback.script())
      return
    }
    let outcome = try await rollback.run()
    try Terminal.answer(outcome.text)
    guard outcome.conflicts.isEmpty else { throw ExitStatus.differences }
  }
}

extension RollbackOutcome {
  /// What was taken back, or what is in the way, for a person.
  fileprivate var text: String {
    guard conflicts.isEmpty else {
      return "run \(undone) of \(source) cannot be taken back; nothing was changed\n"
        + conflicts.map { conflict in
          "\n\(conflict.message)\n" + conflict.keys.map { "  \($0)\n" }.joined()
        }.joined()
        + (advice.isEmpty ? "" : "\n" + advice.map { "\($0)\n" }.joined())
    }
    var table = AlignedTable([
      .text("table"), .number("deleted"), .number("restored"), .number("forgotten"),
      .number("missing"),
    ])
    for line in tables {
      table.add([
        line.target, line.deleted.grouped, line.restored.grouped, line.forgotten.grouped,
        line.missing.grouped,
      ])
    }
    return
      "run \(undone) of \(source) \(isRehearsal ? "could be" : "is") taken back by run \(runID)\n\n"
      + table.description
  }

  private var advice: [String] {
    let kinds = Set(conflicts.map(\.kind))
    return [
      ("later_run", "Take the later runs back first, the newest before the others."),
      ("referenced", "Take the runs back that loaded the referring rows, or remove those rows."),
      ("other_source", "Take the other source's run back first."),
      ("edited", "--force gives up what was changed in the target."),
      ("deleted", "--inserts-only leaves deleted rows as they are: restage.displaced has them."),
      (
        "rekeyed",
        """
        --inserts-only leaves rows under their new key; loading the snapshot before this run again gives \
        them the old one.
        """
      ),
      (
        "not_kept",
        "--inserts-only leaves updated rows as they are; keep_before: true in the mapping keeps later ones."
      ),
    ].filter { kinds.contains($0.0) }.map(\.1)
  }
}
