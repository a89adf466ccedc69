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
          table: table.target, staged: table.staged, inserted: table.inserted,
          updated: table.updated, unchanged: table.unchanged, changed: table.changed,
          kept: table.kept, matched: table.matched, rejected: table.rejected,
          filtered: table.filtered, nulled: table.nulled,
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
    return text
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
