import Pipeline
import Report

extension LoadOutcome {
  /// What became of the rows, for a person.
  func summary(of source: String, seconds: Double) -> RunSummary {
    RunSummary(
      runID: runID, source: source,
      status: isRehearsal ? "rehearsed and rolled back" : "succeeded", seconds: seconds,
      tables: tables.map { table in
        RunSummary.TableLine(
          table: table.target, staged: table.staged, skipped: table.skipped,
          inserted: table.inserted, updated: table.updated, unchanged: table.unchanged,
          changed: table.changed, kept: table.kept, matched: table.matched,
          rejected: table.rejected, filtered: table.filtered, nulled: table.nulled,
          overwritten: table.overwritten, vanished: table.vanished, deleted: table.deleted)
      },
      exportRefusals: tables.reduce(Refusals()) {
        $0 + Refusals(rows: $1.exportRejects, damagedPlaces: $1.damagedPlaces)
      },
      widened: widened.map(\.description))
  }
}

extension Status.Answer {
  /// Runs, or the steps of one run, as aligned tables.
  var text: String {
    guard !runs.isEmpty else { return "no run yet" }
    var table = AlignedTable([
      .text("run"), .text("source"), .text("mode"), .text("status"), .text("started"),
      .text("finished"),
    ])
    for run in runs {
      table.add([
        run.id, run.source, run.mode, run.status, run.startedAt, run.finishedAt ?? "",
      ])
    }
    let errors = runs.compactMap { run in run.error.map { "\(run.id): \($0)\n" } }
    var text = table.description
    if !errors.isEmpty { text += "\n" + errors.joined() }
    if !steps.isEmpty { text += "\n" + stepTable }
    for run in runs { text += left(by: run) }
    return text
  }

  /// What a load that commits table by table has not done yet.
  private func left(by run: Status.Run) -> String {
    let tables = unfinished.filter { $0.run == run.id }
    guard !tables.isEmpty else { return "" }
    let left = tables.filter { $0.committedAt == nil }.map(\.table)
    let names = left.isEmpty ? "foreign keys" : left.joined(separator: ", ")
    return """

      \(run.id): \(tables.count - left.count) of \(tables.count) tables are committed; left: \(names)

      """
  }

  private var stepTable: String {
    var table = AlignedTable([
      .text("table"), .text("step"), .number("rows"), .text("status"), .text("completed"),
    ])
    for step in steps {
      table.add([
        step.table ?? "", step.operation, step.rows.map { $0.grouped } ?? "", step.status,
        step.completedAt ?? "",
      ])
    }
    return table.description
  }
}
