import Catalog
import Statements
import TestSupport
import Testing

@Suite("Every situation, executed on PostgreSQL night after night")
struct ScenarioTests {
  @Test(
    "each night counts what it should, proves, and is quiet the second time",
    arguments: Situation.all)
  func nights(_ situation: Situation) throws {
    let target = try Target(situation.database)
    for (number, night) in situation.nights.enumerated() {
      try check(night, on: target, "\(situation.name), night \(number + 1)")
    }
  }

  @Test(
    "the first night comes out the same with keys made after the rows", arguments: Situation.all)
  func firstNightWithoutConstraints(_ situation: Situation) throws {
    guard let first = situation.nights.first, !first.fails else { return }
    let target = try Target(situation.database, withConstraints: false)
    if !first.before.isEmpty { try target.postgres.psql(first.before) }
    let found = try target.load(first.rows)
    try target.addConstraints()
    #expect(found.counts == first.expected)
  }

  private func check(_ night: Situation.Night, on target: Target, _ title: String) throws {
    if !night.before.isEmpty { try target.postgres.psql(night.before) }
    guard !night.fails else {
      try checkFailure(night, on: target, title)
      return
    }
    let loaded = try target.load(night.rows)
    #expect(loaded.counts == night.expected, "\(title)")
    checkProof(loaded, of: night, on: target, title)

    let again = try target.load(night.rows)
    #expect(again.rowTraces == loaded.rowTraces, "\(title), once more: something was written")
    #expect(again.sequences == loaded.sequences, "\(title), once more: a sequence moved")
    for kind in ["inserted", "updated", "vanished", "returned", "matched", "deleted", "marked"] {
      #expect(!again.counts.contains(" \(kind)"), "\(title), once more: \(again.counts)")
    }
    checkProof(again, of: night, on: target, "\(title), once more")
  }

  private func checkFailure(_ night: Situation.Night, on target: Target, _ title: String) throws {
    // Key maps are made before the run begins.
    try target.postgres.psql(Merge.keyMapFile(for: target.database).text)
    let before = try target.look()
    let error = #expect(throws: ShellFailure.self) { try target.load(night.rows) }
    #expect(
      error?.description.contains("ERROR:  \(night.expected): ") == true,
      "\(title): \(error?.description ?? "")")
    #expect(try target.look().rowTraces == before.rowTraces, "\(title) left something behind")
  }

  private func checkProof(
    _ found: Findings, of night: Situation.Night, on target: Target, _ title: String
  ) {
    for (index, table) in target.database.tables.enumerated() {
      guard let rows = night.rows[table.source.name] else { continue }
      let counts = found.numbers(of: index, "counts.sql")
      #expect(
        counts.count >= 3 && counts[0] == rows.count
          && counts[0] == counts.dropFirst().reduce(0, +),
        "\(title): counts of \(table.source) are \(counts), staged \(rows.count)")
      let keys = found.numbers(of: index, "keys.sql")
      #expect(keys.count == 3 && keys[0] == keys[1], "\(title): keys of \(table.source): \(keys)")
      let orphans = found.numbers(of: index, "orphans.sql")
      #expect(
        orphans == table.foreignKeys.map { _ in 0 },
        "\(title): orphans of \(table.source): \(orphans)")
      guard night.isProven else { continue }
      let loaded = night.content[table.source.name] ?? rows
      let expected = loaded.isEmpty ? [""] : loaded.sorted()
      #expect(found.content(of: index) == expected, "\(title): content of \(table.source)")
    }
  }
}
