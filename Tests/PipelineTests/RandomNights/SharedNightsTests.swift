// Two sources by turns into one target, held against a model of what must come of them.

import Catalog
import Foundation
import Pipeline
import Report
import Staging
import TestSupport
import Testing

@Suite("Two random sources in one target, night after night")
struct SharedNightsTests {
  private static let count =
    ProcessInfo.processInfo.environment["RESTAGE_NIGHTS"].flatMap { Int($0) }
  private static let seconds = 15.0
  private static let seed =
    ProcessInfo.processInfo.environment["RESTAGE_NIGHTS_SEED"].flatMap { UInt64($0) }

  @Test(
    "rows that both sources have are one final row, and every load leaves what a plain model says")
  func nights() async throws {
    let first = Self.seed ?? UInt64(Date().timeIntervalSince1970) * 1000
    let began = Date()
    var tally = SharedTally()
    var number = 0
    while number < Self.count ?? (Self.seed == nil ? 1000 : 1),
      Self.count != nil || Date().timeIntervalSince(began) < Self.seconds
    {
      let seed = first + UInt64(number)
      number += 1
      var nights = try SharedNights(seed: seed)
      do { try await nights.run() } catch {
        Issue.record("seed \(seed): \(error)\n\(nights.story)")
      }
      tally.add(nights.tally)
    }
    print("\(number) pairs of random sources from seed \(first): \(tally)")
  }
}

struct SharedTally: CustomStringConvertible {
  var loads = 0
  var refused = 0
  var edited = 0
  var counts = SharedModel.Counts()

  mutating func add(_ other: SharedTally) {
    loads += other.loads
    refused += other.refused
    edited += other.edited
    add(other.counts)
  }

  mutating func add(_ other: SharedModel.Counts) {
    counts.inserted += other.inserted
    counts.updated += other.updated
    counts.matched += other.matched
    counts.overwritten += other.overwritten
    counts.kept += other.kept
    counts.vanished += other.vanished
    counts.returned += other.returned
    counts.deleted += other.deleted
  }

  var description: String { "\(loads) loads, \(refused) refused, \(edited) edited, \(counts)" }
}

/// Two sources that are loaded by turns.
private struct SharedNights {
  private var random: SeededGenerator
  private var sources: [SharedSource]
  /// As they were loaded last.
  private var loaded: [[Rows]]
  private let nightSources: [NightSource]
  private var targets: [NightTarget]
  private var model: SharedModel
  /// By table and the model's number of a final row.
  private var targetKeys: [[Int: String]]
  private(set) var tally = SharedTally()
  private(set) var story = ""

  init(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let shape = SharedTables.make(using: &random)
    let sources = ["alpha", "beta"].map { SharedSource(name: $0, shape, using: &random) }
    self.random = random
    self.sources = sources
    loaded = sources.map { $0.tables.map { _ in [] } }
    nightSources = sources.map {
      NightSource(tables: $0.tables, mapping: $0.mapping, seed: seed)
    }
    let postgres = try TestPostgres()
    targets = try nightSources.map { try NightTarget($0, in: postgres) }
    model = SharedModel(sources[0])
    targetKeys = shape.tables.map { _ in [:] }
  }

  mutating func run() async throws {
    for night in 1...Int.random(in: 4...9, using: &random) {
      let source = night <= 2 ? night - 1 : Int.random(in: 0...1, using: &random)
      if night > 2 {
        sources[source].change(using: &random)
        if Int.random(in: 0..<5, using: &random) == 0 {
          sources[source].changePolicies(using: &random)
        }
      }
      if night > 1, Int.random(in: 0..<3, using: &random) == 0 { try edit() }
      try await load(source, night)
    }
  }

  /// An application writes to some rows.
  private mutating func edit() throws {
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let table = [0, 1, 2, 4].randomElement(using: &random) ?? 0
      let shape = model.tables[table]
      guard let entity = model.finals[table].keys.sorted().randomElement(using: &random),
        let key = targetKeys[table][entity], let column = shape.values.first
      else { continue }
      let mapped = targets[0].mapped(table)
      try targets[0].postgres.psql(
        """
        UPDATE \(mapped.target.quoted) SET \(mapped.columns[column].name.quoted) = 'edited'
        WHERE \(mapped.columns[0].name.quoted) = \(key)
        """)
      story += "\nedited: \(shape.name) \(key)"
      tally.edited += 1
      model.finals[table][entity]?[column] = "edited"
    }
  }

  private mutating func load(_ source: Int, _ night: Int) async throws {
    var tonight = nightSources[source]
    tonight.ownMapping = sources[source].mapping
    tonight.rows = sources[source].rows
    try targets[source].planAgain(tonight)
    let snapshot = try targets[source].snapshot(of: &tonight, named: "\(night)")
    let isDeleting = sources[source].deletes
    story +=
      "\nnight \(night), \(sources[source].name), keeps: \(sources[source].keeps), deletes: \(isDeleting)"
    for (table, rows) in zip(sources[source].tables, sources[source].rows) {
      story += "\n  \(table.name): " + rows.map { "\($0.map { $0 ?? "-" })" }.joined(separator: " ")
    }
    tally.loads += 1
    let expected = model.loading(
      sources[source].rows, of: source, keeps: sources[source].keeps, deletes: isDeleting)
    guard let expected else {
      story += "\n  must be refused"
      tally.refused += 1
      try await expectRefusal(of: snapshot, source)
      if Int.random(in: 0..<4, using: &random) > 0 { sources[source].rows = loaded[source] }
      return
    }
    var options = NightOptions()
    options.commitsByTable = Bool.random(using: &random)
    options.stagesAllChunks = Int.random(in: 0..<5, using: &random) == 0
    story += "\n  \(options)"
    _ = try await targets[source].load(snapshot, options)
    model = expected.model
    loaded[source] = sources[source].rows
    try check(expected, source)
    for counts in expected.counts { tally.add(counts) }
    let proof = try await targets[source].verify(snapshot, NightOptions())
    guard proof.isEqual == expected.isEqual else {
      throw NightFailure("the proof says \(proof.isEqual): \(proof.tables.filter { !$0.isEqual })")
    }
  }

  private func expectRefusal(of snapshot: Snapshot, _ source: Int) async throws {
    let before = try targets[source].traces()
    do {
      _ = try await targets[source].load(snapshot, NightOptions())
    } catch {
      guard ExitStatus(for: error) == .differences else {
        throw NightFailure("ended with \(ExitStatus(for: error)): \(error)")
      }
      guard try targets[source].traces() == before else {
        throw NightFailure("left something: \(error)")
      }
      return
    }
    throw NightFailure("was loaded")
  }

  // MARK: - What is there

  private mutating func check(_ expected: SharedModel.Result, _ source: Int) throws {
    for table in model.tables.indices {
      try checkKeys(table, source)
      if model.maps[1 - source][table].isEmpty == false { try checkKeys(table, 1 - source) }
    }
    for table in model.tables.indices {
      try checkRows(table, source)
      try checkCounts(expected.counts[table], table, source)
    }
  }

  private func rows(_ sql: String, _ source: Int) throws -> [Row] {
    try targets[source].postgres.psql(sql).split(separator: "\n").map {
      try JSONDecoder().decode([String?].self, from: Data($0.utf8))
    }
  }

  private mutating func checkKeys(_ table: Int, _ source: Int) throws {
    let mapped = targets[source].mapped(table)
    let name = "\(sources[source].name), \(model.tables[table].name)"
    let keys = mapped.keyMapColumns.map { "\($0.quoted)::text" }.joined(separator: ", ")
    let hasTarget = table != SharedTables.link
    let found = try rows(
      """
      SELECT array_to_json(ARRAY[\(hasTarget ? "target_key::text" : "NULL"),
        (vanished_run IS NOT NULL)::text, (matched_run IS NOT NULL)::text, \(keys)])
      FROM \(mapped.keyMap.quoted)
      """, source)
    let known = model.maps[source][table]
    guard found.count == known.count else {
      throw NightFailure("\(name): the key map has \(found), must have \(known.keys)")
    }
    for row in found {
      guard let expected = known[Array(row[3...])] else {
        throw NightFailure("\(name): the key map knows \(row)")
      }
      guard row[1] == "\(expected.isVanished)", row[2] == "\(expected.isMatched)" else {
        throw NightFailure("\(name): \(row), must be \(expected)")
      }
      guard hasTarget, let key = row[0] else { continue }
      let old = targetKeys[table][expected.entity]
      guard old == nil || old == key else {
        throw NightFailure("\(name): \(row), the final row's key is \(old ?? "")")
      }
      targetKeys[table][expected.entity] = key
    }
  }

  private func checkRows(_ table: Int, _ source: Int) throws {
    let mapped = targets[source].mapped(table)
    let columns = mapped.columns.map { "\($0.name.quoted)::text" }.joined(separator: ", ")
    let found = try rows(
      "SELECT array_to_json(ARRAY[\(columns)]) FROM \(mapped.target.quoted)", source)
    let shape = model.tables[table]
    let expected = model.finals[table].map { entity, final in
      var row = final
      if shape.columns[0].isIdentity { row[0] = targetKeys[table][entity] ?? "none" }
      for link in shape.links {
        row[link.columns[0]] = final[link.columns[0]].map { number in
          Int(number).flatMap { targetKeys[link.parent][$0] } ?? "none"
        }
      }
      return row
    }
    func text(_ rows: [Row]) -> [String] { rows.map { "\($0.map { $0 ?? "-" })" }.sorted() }
    guard text(found) == text(expected) else {
      throw NightFailure("\(shape.name) has \(text(found)), must have \(text(expected))")
    }
  }

  private func checkCounts(_ expected: SharedModel.Counts, _ table: Int, _ source: Int) throws {
    let name = targets[source].mapped(table).target.quoted
    let run = "(SELECT id FROM restage.run ORDER BY started_at DESC LIMIT 1)"
    let found = try rows(
      """
      SELECT array_to_json(ARRAY[kind, rows::text]) FROM restage.row_count
      WHERE table_name = '\(name)' AND run_id = \(run);
      SELECT array_to_json(ARRAY['displaced', count(*)::text]) FROM restage.displaced
      WHERE table_name = '\(name)' AND run_id = \(run) AND reason = 'edited'
      """, source)
    let counts = Dictionary(
      found.map { ($0[0] ?? "", $0[1].flatMap { Int($0) } ?? 0) }, uniquingKeysWith: { $1 })
    var actual = SharedModel.Counts()
    actual.inserted = counts["inserted"] ?? 0
    actual.updated = counts["updated"] ?? 0
    actual.matched = counts["matched"] ?? 0
    actual.overwritten = counts["overwritten"] ?? 0
    actual.kept = counts["kept"] ?? 0
    actual.vanished = counts["vanished"] ?? 0
    actual.returned = counts["returned"] ?? 0
    actual.deleted = counts["deleted"] ?? 0
    guard actual == expected else {
      throw NightFailure("\(name): counted \(actual), must be \(expected)")
    }
    guard counts["displaced"] == expected.overwritten + expected.kept else {
      throw NightFailure("\(name): \(counts["displaced"] ?? 0) edited rows are kept on record")
    }
  }
}
