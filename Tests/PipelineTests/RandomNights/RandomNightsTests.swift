// Whole nights at random, held against a model of what must come of them.

import Catalog
import Foundation
import Pipeline
import Report
import Staging
import TestSupport
import Testing

@Suite("Random sources, night after night")
struct RandomNightsTests {
  /// `RESTAGE_NIGHTS` asks for that many sources; else as many as `seconds` hold.
  private static let count =
    ProcessInfo.processInfo.environment["RESTAGE_NIGHTS"].flatMap { Int($0) }
  private static let seconds = 25.0
  /// The first source; `RESTAGE_NIGHTS_SEED` repeats one.
  private static let seed =
    ProcessInfo.processInfo.environment["RESTAGE_NIGHTS_SEED"].flatMap { UInt64($0) }

  @Test("every night leaves what a plain model of it says")
  func nights() async throws {
    let first = Self.seed ?? UInt64(Date().timeIntervalSince1970) * 1000
    let began = Date()
    var tally = NightTally()
    var number = 0
    while number < Self.count ?? (Self.seed == nil ? 1000 : 1),
      Self.count != nil || Date().timeIntervalSince(began) < Self.seconds
    {
      let seed = first + UInt64(number)
      number += 1
      do {
        var nights = try RandomNights(seed: seed)
        do { try await nights.run() } catch {
          Issue.record("seed \(seed): \(error)\n\(nights.story)")
        }
        tally.add(nights.tally)
      } catch {
        Issue.record("seed \(seed): \(error)")
      }
    }
    print("\(number) random sources from seed \(first): \(tally)")
    #expect(number < 10 || tally.skippedRows > 0, "no chunk was skipped")
  }
}

/// What happened in some nights.
struct NightTally: CustomStringConvertible {
  var nights = 0
  var refused = 0
  var doubted = 0
  var interrupted = 0
  var takenBack = 0
  var skippedRows = 0
  var edited = 0
  var lost = 0
  var rekeyed = 0

  mutating func add(_ other: NightTally) {
    nights += other.nights
    refused += other.refused
    doubted += other.doubted
    interrupted += other.interrupted
    takenBack += other.takenBack
    skippedRows += other.skippedRows
    edited += other.edited
    lost += other.lost
    rekeyed += other.rekeyed
  }

  var description: String {
    "\(nights) nights, \(refused) refused, \(doubted) that may be, \(interrupted) interrupted, "
      + "\(takenBack) taken back, \(skippedRows) rows skipped, \(edited) edited, "
      + "\(lost) lost, \(rekeyed) with another key"
  }
}

/// A finding.
struct NightFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// One random source, loaded night after night.
struct RandomNights {
  private var source: NightSource
  private var target: NightTarget
  private var model: NightModel
  /// By table and source key, while the row stays.
  private var targetKeys: [[[String]: String]]
  /// Whether a night was loaded, and tables are there.
  private var isLoaded = false
  private(set) var tally = NightTally()
  /// What happened, for a person.
  private(set) var story: String

  init(seed: UInt64) throws {
    source = NightSource(seed: seed)
    target = try NightTarget(source)
    model = NightModel(source, order: target.order, keyTables: target.keyTables)
    targetKeys = source.tables.map { _ in [:] }
    story = source.mapping + source.tables.map { "\($0)" }.joined(separator: "\n")
  }

  mutating func run() async throws {
    let isByTable = source.chance(25)
    for night in 1...Int.random(in: 3...6, using: &source.random) {
      if night > 1 { source.change() }
      if isLoaded, source.chance(40) { try edit() }
      if isLoaded, source.chance(15) { try loseRows() }
      if night > 1, source.chance(25) { try changeMapping() }
      var options = NightOptions()
      options.stagesAllChunks = source.chance(20)
      options.jobCount = Int.random(in: 1...3, using: &source.random)
      options.commitsByTable = night == 1 ? isByTable : source.chance(35)
      if source.chance(night == 1 ? 15 : 30) {
        let some = source.tables.indices.filter { _ in source.chance(60) }
        if !some.isEmpty { options.tables = Set(some) }
      }
      story += "\nnight \(night): \(options)"
      let snapshot = try target.snapshot(of: &source, named: "\(night)")
      guard try await self.night(snapshot, options) else { return }
    }
  }

  private mutating func changeMapping() throws {
    for table in source.policies.indices where source.chance(60) {
      source.policies[table].change(using: &source.random)
    }
    try target.planAgain(source)
    model.policies = source.policies
    story += "\n" + source.mapping
  }

  /// An application writes to some rows.
  private mutating func edit() throws {
    for _ in 0..<Int.random(in: 1...5, using: &source.random) {
      let table = Int.random(in: source.tables.indices, using: &source.random)
      let shape = source.tables[table]
      let keys = model.known[table].keys.sorted { $0.joined() < $1.joined() }
      guard let key = source.pick(keys), let known = model.known[table][key], !known.isLost
      else { continue }
      var values: [Int: String?] = [:]
      let parents = shape.links.filter { link in
        link.ownColumns.allSatisfy { shape.columns[$0].isNullable && !shape.key.contains($0) }
      }
      if source.chance(20), let link = source.pick(parents) {
        for column in link.ownColumns { values[column] = .some(nil) }
      } else if source.chance(20), let column = source.pick(freeUnique(table)) {
        source.counter += 1
        values[column] =
          shape.columns[column].kind == .text ? "edited \(source.counter)" : "-\(source.counter)"
      } else if let column = source.pick(shape.values) {
        var value: String? = shape.columns[column].kind == .text ? "edited" : "-7"
        if shape.columns[column].isNullable, source.chance(20) { value = nil }
        // Sometimes it writes what the source has by now.
        let row = source.rows[table].first { shape.normalKey($0) == key }
        if source.chance(35), let loaded = row.flatMap(shape.transformed) {
          value = loaded[column]
        }
        values[column] = value
      }
      guard !values.isEmpty else { continue }
      try target.edit(known.final, of: table, keys: targetKeys, values: values)
      for (column, value) in values {
        story += "\nedited: \(shape.name) \(key), \(shape.columns[column].name): \(value ?? "-")"
        model.known[table][key]?.final[column] = value
      }
      tally.edited += 1
    }
  }

  /// Unique columns that no foreign key leads to.
  private func freeUnique(_ table: Int) -> [Int] {
    let held = source.tables.flatMap(\.links).filter { $0.parent == table }.flatMap(\.parentColumns)
    return (source.tables[table].unique.flatMap(\.self) + source.tables[table].filteredUnique)
      .filter { !held.contains($0) }
  }

  /// An application deletes some rows that nothing refers to.
  private mutating func loseRows() throws {
    for _ in 0..<Int.random(in: 1...3, using: &source.random) {
      let table = Int.random(in: source.tables.indices, using: &source.random)
      let keys = model.known[table].filter { !$1.isLost && !model.isHeld($1.final, table) }.keys
      guard let key = source.pick(keys.sorted { $0.joined() < $1.joined() }),
        let known = model.known[table][key]
      else { continue }
      try target.delete(known.final, of: table, keys: targetKeys)
      story += "\ndeleted: \(source.tables[table].name) \(key)"
      tally.lost += 1
      model.known[table][key]?.isLost = true
      // Often the source does not have it any more, too.
      if source.chance(50) { source.lose(key, table) }
    }
  }

  /// Somebody lets the key maps forget the rows that applications deleted.
  ///
  /// - Returns: Whether there were any.
  private mutating func forgetLostRows() throws -> Bool {
    var isForgotten = false
    for table in source.tables.indices {
      let lost = Set(model.known[table].filter { $1.isLost }.keys)
      guard !lost.isEmpty else { continue }
      isForgotten = true
      try target.forget(lost, of: table)
      for key in lost { model.known[table][key] = nil }
      story += "\n  forgotten: \(source.tables[table].name) \(lost)"
    }
    return isForgotten
  }

  /// - Returns: Whether the model still holds.
  private mutating func night(
    _ snapshot: Snapshot, _ options: NightOptions
  ) async throws -> Bool {
    tally.nights += 1
    let staged = Dictionary(
      uniqueKeysWithValues: source.rows.enumerated().filter {
        options.tables?.contains($0.offset) ?? true
      }.map { index, rows in
        (index, rows.compactMap { source.tables[index].transformed($0) })
      })
    for (table, rows) in staged.sorted(by: { $0.key < $1.key }) {
      story +=
        "\n  \(source.tables[table].name): "
        + rows.map { "\($0.map { $0 ?? "-" })" }.joined(separator: " ")
    }
    switch model.loading(staged) {
    case .refused(let reason):
      story += "\n  must be refused: \(reason)"
      tally.refused += 1
      try await expectRefusal(of: snapshot, options)
      // Tables that were committed before it was refused are beyond the model.
      guard !(options.commitsByTable && isFirst) else { return false }
      guard source.chance(60), try forgetLostRows() else { return true }
      return try await self.night(snapshot, options)
    case .loaded(let expected):
      if let doubt = expected.doubt { story += "\n  may be refused: \(doubt)" }
      let wasKilled = try await interrupt(snapshot, options, expected)
      let before = (model: model, keys: targetKeys)
      guard try await load(snapshot, options, expected, wasKilled: wasKilled) else { return true }
      var isUndoable = !wasKilled
      if source.chance(25) {
        isUndoable = try await loadAgain(snapshot, staged, options) && isUndoable
        // The last run is the one that wrote nothing.
        if isUndoable, try await !target.takeBack().conflicts.isEmpty {
          throw NightFailure("a night that wrote nothing cannot be taken back")
        }
      }
      guard isUndoable, source.chance(20) else { return true }
      guard try await takeBack(expected, to: before.model, before.keys) else { return true }
      _ = try await load(snapshot, options, expected)
    }
    return true
  }

  /// Whether no key map knows a row, so that a night may commit table by table.
  private var isFirst: Bool {
    !isLoaded || (model.known.allSatisfy(\.isEmpty) && model.equals.allSatisfy(\.isEmpty))
  }

  // MARK: - Runs

  private func expectRefusal(
    of snapshot: Snapshot, _ options: NightOptions
  ) async throws {
    let before = try target.traces()
    do {
      _ = try await target.load(snapshot, options)
    } catch {
      guard ExitStatus(for: error) == .differences else {
        throw NightFailure("ended with \(ExitStatus(for: error)): \(error)")
      }
      guard try (options.commitsByTable && isFirst) || target.traces() == before else {
        throw NightFailure("left something: \(error)")
      }
      return
    }
    throw NightFailure("was loaded")
  }

  /// - Returns: Whether it was loaded.
  private mutating func load(
    _ snapshot: Snapshot, _ options: NightOptions, _ expected: NightResult, wasKilled: Bool = false
  ) async throws -> Bool {
    do {
      let outcome = try await target.load(snapshot, options)
      for table in outcome.tables {
        tally.skippedRows += table.skipped
        let sum =
          table.inserted + table.updated + table.unchanged + table.changed + table.kept
          + table.matched + table.rejected + table.filtered
        guard table.staged == sum else { throw NightFailure("the account of \(table) is open") }
      }
    } catch {
      guard expected.doubt != nil, ExitStatus(for: error) == .differences else {
        throw NightFailure("ended with \(ExitStatus(for: error)): \(error)")
      }
      story += "\n  was refused: \(error)"
      tally.doubted += 1
      return false
    }
    let oldKeys = targetKeys
    try checkContent(expected.model, isCounted: !wasKilled ? expected.counts : nil)
    for (table, old, new) in expected.rekeyed
    where !wasKilled && oldKeys[table][old] != targetKeys[table][new] {
      throw NightFailure("\(source.tables[table].name) \(old) is another row as \(new)")
    }
    tally.rekeyed += expected.rekeyed.count
    model = expected.model
    isLoaded = true
    let proof = try await target.verify(snapshot, options)
    guard proof.isEqual == expected.isEqual || (!proof.isEqual && expected.isProofOpen) else {
      throw NightFailure("the proof says \(proof.isEqual): \(proof.tables.filter { !$0.isEqual })")
    }
    return true
  }

  /// - Returns: Whether the counts of the next run are its own alone.
  private mutating func interrupt(
    _ snapshot: Snapshot, _ options: NightOptions, _ expected: NightResult
  ) async throws -> Bool {
    if source.chance(6) {
      tally.interrupted += 1
      let seconds = Double.random(in: 0.03...0.8, using: &source.random)
      story += "\n  killed after \(seconds) s"
      try target.kill(snapshot, options, after: seconds)
      guard !isFirst else { return true }
      let isBefore = (try? checkContent(model, isCounted: nil, isKept: false)) != nil
      if !isBefore { try checkContent(expected.model, isCounted: nil, isKept: false) }
      return true
    }
    guard isLoaded, !(isFirst && options.commitsByTable), source.chance(15) else { return false }
    tally.interrupted += 1
    let table = Int.random(in: source.tables.indices, using: &source.random)
    let before = try target.traces()
    try target.breakTable(table, atCommit: source.chance(40))
    story += "\n  \(source.tables[table].name) is broken"
    do {
      _ = try await target.load(snapshot, options)
      try target.mendTable(table)
      return true
    } catch {
      try target.mendTable(table)
      guard ExitStatus(for: error) == .differences else {
        throw NightFailure("ended with \(ExitStatus(for: error)): \(error)")
      }
      guard try target.traces() == before else { throw NightFailure("left something: \(error)") }
      return false
    }
  }

  /// The same night once more writes nothing, but for rows that another one held until it was deleted.
  ///
  /// - Returns: Whether nothing was written.
  private mutating func loadAgain(
    _ snapshot: Snapshot, _ staged: [Int: Rows], _ options: NightOptions
  ) async throws -> Bool {
    guard case .loaded(let expected) = model.loading(staged) else { return false }
    story += "\n  once more"
    var options = options
    options.stagesAllChunks = source.chance(50)
    let before = try target.traces()
    _ = try await target.load(snapshot, options)
    try checkContent(expected.model, isCounted: expected.counts)
    model = expected.model
    guard expected.counts.values.allSatisfy({ $0.deleted == 0 }) else { return false }
    let after = try target.traces()
    guard after == before else { throw NightFailure("once more: written\n\(before)\n\(after)") }
    return true
  }

  /// What was there before the night is there again.
  ///
  /// - Returns: Whether the night can be taken back.
  private mutating func takeBack(
    _ expected: NightResult, to model: NightModel, _ keys: [[[String]: String]]
  ) async throws -> Bool {
    let isPossible =
      expected.rekeyed.isEmpty
      && expected.counts.allSatisfy { table, counts in
        counts.deleted == 0 && (counts.updated == 0 || source.policies[table].keepsBefore)
      }
    story += "\n  taken back"
    tally.takenBack += 1
    let outcome: RollbackOutcome
    do { outcome = try await target.takeBack() } catch {
      // What a key that is checked at once may refuse going, it may refuse coming back.
      guard expected.doubt != nil, ExitStatus(for: error) == .differences else {
        throw NightFailure("taken back, ended with \(ExitStatus(for: error)): \(error)")
      }
      try checkContent(self.model, isCounted: nil)
      return false
    }
    guard outcome.conflicts.isEmpty == isPossible else {
      throw NightFailure("taken back: \(outcome.conflicts.map(\.message))")
    }
    guard isPossible else {
      try checkContent(self.model, isCounted: nil)
      return false
    }
    self.model = model
    targetKeys = keys
    try checkContent(model, isCounted: nil)
    return true
  }

  // MARK: - What is there

  /// - Parameter isKept: Whether surrogate keys are remembered from here on.
  private mutating func checkContent(
    _ model: NightModel, isCounted: [Int: NightCounts]?, isKept: Bool = true
  ) throws {
    let found = try target.content()
    if let problem = found.problem { throw NightFailure(problem) }
    for (index, table) in source.tables.enumerated() {
      let rows = Self.difference(found.rows[index], model.rows(index))
      guard rows.isEmpty else { throw NightFailure("\(table.name) \(rows)") }
      if source.policies[index].onVanished == .mark {
        let vanished =
          model.known[index].values.filter { $0.isVanished && !$0.isLost }.map(\.final)
          + model.equals[index].filter { $0.key == $0.value.row }.values.flatMap {
            Array(repeating: $0.row, count: $0.count - $0.present)
          }
        let marks = Self.difference(found.marked[index], vanished)
        guard marks.isEmpty else { throw NightFailure("\(table.name), marks \(marks)") }
      }
      try checkKeys(found.keys[index], index, model)
      if let counts = isCounted?[index] { try check(counts, found, index) }
    }
    guard isKept else { return }
    targetKeys = found.keys.map { keys in keys.compactMapValues(\.target) }
  }

  private func checkKeys(
    _ found: [[String]: (target: String?, isVanished: Bool)], _ table: Int, _ model: NightModel
  ) throws {
    let name = source.tables[table].name
    guard !source.tables[table].key.isEmpty else {
      let equals = model.equals[table].values
      guard found.count == equals.reduce(0, { $0 + $1.count }),
        found.values.count(where: \.isVanished) == equals.reduce(0, { $0 + $1.count - $1.present })
      else { throw NightFailure("\(name): the key map is not right: \(found)") }
      return
    }
    for (key, known) in model.known[table] {
      guard let row = found[key] else { throw NightFailure("\(name) \(key) is in no key map") }
      guard row.isVanished == known.isVanished else {
        throw NightFailure("\(name) \(key): vanished is \(row.isVanished)")
      }
      if self.model.known[table][key] != nil, let old = targetKeys[table][key], old != row.target {
        throw NightFailure("\(name) \(key) had key \(old) and has \(row.target ?? "none")")
      }
    }
    guard found.count == model.known[table].count else {
      let others = found.keys.filter { model.known[table][$0] == nil }
      throw NightFailure("\(name): the key map knows \(others)")
    }
  }

  private func check(_ expected: NightCounts, _ found: NightTarget.Content, _ table: Int) throws {
    let counts = found.counts[table] ?? [:]
    var actual = NightCounts()
    actual.inserted = counts["inserted"] ?? 0
    actual.updated = counts["updated"] ?? 0
    actual.known = ["unchanged", "skipped", "changed", "kept"].reduce(0) { $0 + (counts[$1] ?? 0) }
    actual.rejected = counts["rejected"] ?? 0
    actual.vanished = counts["vanished"] ?? 0
    actual.returned = counts["returned"] ?? 0
    actual.deleted = counts["deleted"] ?? 0
    guard actual == expected else {
      throw NightFailure(
        "\(source.tables[table].name): counted \(actual), must be \(expected); \(counts)")
    }
    guard found.refused[table] ?? 0 == expected.rejected else {
      throw NightFailure("\(source.tables[table].name): \(found.refused[table] ?? 0) rejects")
    }
  }

  /// Rows that are too many, and rows that are missing.
  private static func difference(_ found: Rows, _ expected: Rows) -> String {
    var counts: [Row: Int] = [:]
    for row in found { counts[row, default: 0] += 1 }
    for row in expected { counts[row, default: 0] -= 1 }
    let extra = counts.filter { $0.value > 0 }.map { "\($0.key.map { $0 ?? "-" })" }.sorted()
    let missing = counts.filter { $0.value < 0 }.map { "\($0.key.map { $0 ?? "-" })" }.sorted()
    return extra.isEmpty && missing.isEmpty ? "" : "has \(extra), lacks \(missing)"
  }
}
