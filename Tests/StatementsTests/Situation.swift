import Catalog

/// A situation that the merge has to get right: a mapped database and what its source holds on some
/// nights, one after the other.
struct Situation: Sendable, CustomStringConvertible {
  struct Night: Sendable {
    /// CSV lines by source table. A table that is not named is not loaded on this night.
    var rows: [String: [String]]
    /// What the run counts, as `Findings.counts` has it; or the SQLSTATE that ends it.
    var expected: String
    /// What somebody does to the target before the run.
    var before = ""
    /// What the proof finds by source table, where the mapping transforms rows.
    var content: [String: [String]] = [:]
    /// False where the mapping lets the target differ from the source on purpose.
    var isProven = true
    /// Whether rows known under another key were found again, which no rollback takes back.
    var rekeys = false

    var fails: Bool { !expected.contains(": ") }
  }

  let name: String
  let tables: [TestTable]
  let nights: [Night]

  var database: MappedDatabase { MappedDatabase.of(tables) }
  var description: String { name }
}

/// A night on which the proof must hold.
func night(
  _ expected: String, _ rows: [String: [String]], after before: String = ""
) -> Situation.Night {
  Situation.Night(rows: rows, expected: expected, before: before)
}

/// A night on which the source has rows under other keys than before.
func rekeyingNight(_ expected: String, _ rows: [String: [String]]) -> Situation.Night {
  Situation.Night(rows: rows, expected: expected, rekeys: true)
}

/// A night whose rows are loaded otherwise than they are staged.
func night(
  _ expected: String, _ rows: [String: [String]], as content: [String: [String]]
) -> Situation.Night {
  Situation.Night(rows: rows, expected: expected, content: content)
}

/// A night on which the target is left behind the source, because the mapping says so.
func unprovenNight(
  _ expected: String, _ rows: [String: [String]], after before: String = ""
) -> Situation.Night {
  Situation.Night(rows: rows, expected: expected, before: before, isProven: false)
}
