// What a target must hold after a night, worked out row by row and by nothing that the product does.
// All values are those of the source: surrogate keys stand for the rows that have them.

import Catalog

/// What a night counts of one table.
struct NightCounts: Equatable {
  var inserted = 0
  var updated = 0
  /// Rows that were loaded before and are not written.
  var known = 0
  var rejected = 0
  var vanished = 0
  var returned = 0
  var deleted = 0
}

struct NightModel {
  /// A row of a table with a key.
  struct Known: Equatable {
    /// As it was loaded.
    var row: Row
    /// As the final table has it: an application may have written to it since.
    var final: Row
    var isVanished = false
    /// Whether a key in the row changed when it was not as it was loaded.
    var isStale = false
    /// An application deleted the final row.
    var isLost = false

    init(row: Row) {
      self.row = row
      final = row
    }

    var isEdited: Bool { row != final }
  }

  /// Equal rows of a table without a key.
  struct Equals: Equatable {
    var row: Row
    var count: Int
    /// Of them, those that have not vanished.
    var present: Int
  }

  enum Outcome {
    /// The run ends with 65.
    case refused(String)
    case loaded(NightResult)
  }

  let tables: [NightTable]
  /// Indexes of tables, as the plan has them in order.
  let order: [Int]
  /// By table.
  var policies: [NightPolicies]
  /// By table and column: the table whose new keys the column holds, its own included.
  let keyTables: [[Int?]]
  /// By table and key.
  var known: [[[String]: Known]]
  /// By table and row.
  var equals: [[Row: Equals]]

  init(_ source: NightSource, order: [Int], keyTables: [[Int?]]) {
    tables = source.tables
    self.order = order
    self.keyTables = keyTables
    policies = source.policies
    known = tables.map { _ in [:] }
    equals = tables.map { _ in [:] }
  }

  /// Rows of a final table.
  func rows(_ table: Int) -> Rows {
    known[table].values.filter { !$0.isLost }.map(\.final)
      + equals[table].values.flatMap { Array(repeating: $0.row, count: $0.count) }
  }

  /// Whether another final row refers to this one.
  func isHeld(_ row: Row, _ table: Int) -> Bool {
    tables.indices.contains { child in
      tables[child].links.contains { link in
        guard link.parent == table else { return false }
        let value = tables[table].exact(row, link.parentColumns)
        guard !value.contains("NULL") else { return false }
        return rows(child).contains { other in
          tables[child].exact(other, link.columns) == value && !(child == table && other == row)
        }
      }
    }
  }

  /// - Parameter staged: The rows of the tables that are loaded, by their index.
  func loading(_ staged: [Int: Rows]) -> Outcome {
    var night = Night(model: self, staged: staged)
    return night.outcome()
  }
}

struct NightResult {
  var model: NightModel
  var counts: [Int: NightCounts] = [:]
  /// Whether the final tables hold the staged rows, all of them.
  var isEqual = true
  /// A row that is its own key was loaded without its parent, and is refused now: nobody finds its final
  /// row, and the proof may miss it.
  var isProofOpen = false
  /// Rows that have another key now.
  var rekeyed: [(table: Int, old: [String], new: [String])] = []
  /// Why the run may be refused all the same.
  var doubt: String?
}

/// One night under way.
private struct Night {
  var before: NightModel
  let staged: [Int: Rows]
  var result: NightResult
  /// The staged rows that are not refused.
  var alive: [Int: Rows]
  /// Key columns as key maps spell them tonight, by table and key.
  var spelling: [[[String]: Row]]

  init(model: NightModel, staged: [Int: Rows]) {
    before = model
    self.staged = staged
    result = NightResult(model: model)
    alive = staged
    spelling = model.known.map { $0.mapValues(\.row) }
  }

  private var tables: [NightTable] { before.tables }
  private var order: [Int] { before.order.filter { staged[$0] != nil } }

  mutating func outcome() -> NightModel.Outcome {
    for table in staged.keys { result.counts[table] = NightCounts() }
    refuseDoubles()
    rekey()
    refuse()
    spell()
    for table in order {
      var adjusted: [(staged: Row, loaded: Row)] = []
      for row in alive[table] ?? [] {
        guard let loaded = adjust(row, table) else {
          return .refused("\(tables[table].name): no parent of \(row)")
        }
        guard !isConflict(loaded, table) else {
          return .refused("\(tables[table].name): \(loaded) was edited")
        }
        adjusted.append((row, loaded))
      }
      if tables[table].key.isEmpty {
        merge(adjusted, table)
      } else {
        merge(adjusted.map(\.loaded), table)
      }
      noteVanished(table)
    }
    delete()
    if let reason = contradiction ?? lost { return .refused(reason) }
    result.doubt = doubt
    return .loaded(result)
  }
}

// MARK: - Keys

extension Night {
  /// A row that has another key and the same natural key is the same row.
  private mutating func rekey() {
    for table in order {
      guard let natural = tables[table].naturalKey else { continue }
      let rows = alive[table] ?? []
      let staged = Set(rows.map { tables[table].normalKey($0) })
      var pairs: [(old: Row, new: Row)] = []
      for row in rows where before.known[table][tables[table].normalKey(row)] == nil {
        let found = before.known[table].filter { key, known in
          !known.isLost && !staged.contains(key)
            && tables[table].normal(known.final, [natural]) == tables[table].normal(row, [natural])
        }
        guard let known = found.first?.value else { continue }
        pairs.append((known.final, row))
      }
      guard !pairs.isEmpty else { continue }
      let key = tables[table].key[0]
      let changes = Dictionary(
        pairs.map { ($0.old[key] ?? "", $0.new[key] ?? "") }, uniquingKeysWith: { $1 })
      before.follow(changes, of: table)
      result.rekeyed += pairs.map {
        (table, tables[table].normalKey($0.old), tables[table].normalKey($0.new))
      }
    }
    result.model = before
    spelling = before.known.map { $0.mapValues(\.row) }
  }
}

extension NightModel {
  /// Rows hold keys of a table, in their own keys, too.
  fileprivate mutating func follow(_ changes: [String: String], of parent: Int) {
    for table in tables.indices {
      let columns = keyTables[table].indices.filter { keyTables[table][$0] == parent }
      guard !columns.isEmpty else { continue }
      func changed(_ row: Row) -> Row {
        var row = row
        for column in columns { row[column] = row[column].map { changes[$0] ?? $0 } }
        return row
      }
      let rows = known[table].values.map { known in
        // What is not there cannot be found to hold the key.
        guard !known.isLost else { return known }
        var new = known
        new.row = changed(known.row)
        new.final = changed(known.final)
        if new.row != known.row, known.isEdited { new.isStale = true }
        return new
      }
      known[table] = Dictionary(
        rows.map { (tables[table].normalKey($0.row), $0) }, uniquingKeysWith: { $1 })
      equals[table] = Dictionary(
        equals[table].map { row, equal in
          // One that lost its parent looks like another, and is not found.
          guard row == equal.row else { return (row, equal) }
          return (
            changed(row),
            Equals(row: changed(equal.row), count: equal.count, present: equal.present)
          )
        }, uniquingKeysWith: { $1 })
    }
  }
}

// MARK: - Parents

extension Night {
  private func policy(_ link: NightLink, of table: Int) -> OrphanPolicy {
    let policy = before.policies[table].onOrphan
    return policy == .null && tables[table].emptied(link) == nil ? .fail : policy
  }

  /// Where the mapping alone says what the key is, it may be NULL, and on several rows.
  private mutating func refuseDoubles() {
    for table in order where tables[table].keyKind == .declared {
      let rows = alive[table] ?? []
      let counts = Dictionary(grouping: rows) { tables[table].normalKey($0) }.mapValues(\.count)
      let kept = rows.filter { row in
        tables[table].key.allSatisfy { row[$0] != nil } && counts[tables[table].normalKey(row)] == 1
      }
      result.counts[table]?.rejected += rows.count - kept.count
      alive[table] = kept
    }
  }

  /// Refuses rows without their parents, and those that hang on them.
  private mutating func refuse() {
    var isChanged = true
    while isChanged {
      isChanged = false
      // The last ones first would be as right: nothing but the end counts.
      for table in order where before.policies[table].onOrphan == .reject {
        let rows = alive[table] ?? []
        let kept = rows.filter { row in tables[table].links.allSatisfy { hasParent(row, $0, table) }
        }
        guard kept.count < rows.count else { continue }
        isChanged = true
        if tables[table].key.isEmpty,
          rows.contains(where: { row in
            !kept.contains(row) && before.equals[table][row].map { $0.row != row } ?? false
          })
        {
          result.isProofOpen = true
        }
        result.counts[table]?.rejected += rows.count - kept.count
        alive[table] = kept
      }
    }
  }

  private func hasParent(_ row: Row, _ link: NightLink, _ table: Int) -> Bool {
    guard link.columns.allSatisfy({ row[$0] != nil }) else { return true }
    let child = tables[table]
    let parent = tables[link.parent]
    if child.leadsToKey(link, of: parent) {
      let columns = parent.key.map { column in
        link.columns[link.parentColumns.firstIndex(of: column) ?? 0]
      }
      // A row that is its own key is taken to the letter.
      guard !child.key.isEmpty else {
        let value = child.exact(row, columns)
        return spelling[link.parent].values.contains { parent.exact($0, parent.key) == value }
          || (alive[link.parent] ?? []).contains { parent.exact($0, parent.key) == value }
      }
      let value = child.normal(row, columns)
      return before.known[link.parent][value] != nil
        || (alive[link.parent] ?? []).contains { parent.normalKey($0) == value }
    }
    let value = child.exact(row, link.columns)
    return ((alive[link.parent] ?? []) + before.rows(link.parent)).contains {
      parent.exact($0, link.parentColumns) == value
    }
  }

  /// Keys are known before children look for them.
  private mutating func spell() {
    for table in order where !tables[table].key.isEmpty {
      // A key that takes its parent's spelling has it from then on.
      let isParents = tables[table].links.contains { link in
        !Set(link.columns).isDisjoint(with: tables[table].key)
          && tables[table].leadsToKey(link, of: tables[link.parent])
          && link.columns.contains { tables[table].columns[$0].kind == .text }
      }
      for row in alive[table] ?? []
      where !isParents || before.known[table][tables[table].normalKey(row)] == nil {
        noteSpelling(row, table)
      }
    }
  }

  private mutating func noteSpelling(_ row: Row, _ table: Int) {
    let key = tables[table].normalKey(row)
    if let known = before.known[table][key] {
      let policies = before.policies[table]
      guard policies.onChanged == .update else { return }
      // A row that is left as it was edited keeps its spelling, too.
      guard policies.onConflict != .keep || !known.isEdited || known.final == row else { return }
    }
    spelling[table][key] = row
  }

  /// The row as it is loaded; nil where it stops the run.
  private mutating func adjust(_ row: Row, _ table: Int) -> Row? {
    var loaded = row
    for link in tables[table].links where !hasParent(row, link, table) {
      guard policy(link, of: table) == .null else { return nil }
      for column in tables[table].emptied(link) ?? [] { loaded[column] = nil }
    }
    guard !tables[table].key.isEmpty else { return loaded }
    for link in tables[table].links where tables[table].leadsToKey(link, of: tables[link.parent]) {
      respell(&loaded, link, table)
    }
    noteSpelling(loaded, table)
    return loaded
  }

  /// PostgreSQL holds 'a' and 'a ' to be two keys.
  private func respell(_ row: inout Row, _ link: NightLink, _ table: Int) {
    let parent = tables[link.parent]
    guard link.columns.allSatisfy({ row[$0] != nil }) else { return }
    let columns = parent.key.map { column in
      link.columns[link.parentColumns.firstIndex(of: column) ?? 0]
    }
    guard let spelled = spelling[link.parent][tables[table].normal(row, columns)],
      tables[table].exact(row, columns) != parent.exact(spelled, parent.key)
    else { return }
    for (column, key) in zip(columns, parent.key) where parent.columns[key].kind == .text {
      row[column] = spelled[key]
    }
  }
}

// MARK: - Rows

extension Night {
  /// A row that changed in the source and was edited in the target since stops the run.
  private func isConflict(_ row: Row, _ table: Int) -> Bool {
    let policies = before.policies[table]
    guard policies.onChanged == .update, policies.onConflict == .fail, !tables[table].key.isEmpty,
      let known = before.known[table][tables[table].normalKey(row)]
    else { return false }
    return (known.row != row || known.isStale) && known.isEdited && known.final != row
  }

  private mutating func merge(_ rows: Rows, _ table: Int) {
    let policies = before.policies[table]
    for row in rows {
      let key = tables[table].normalKey(row)
      guard var known = before.known[table][key] else {
        result.model.known[table][key] = NightModel.Known(row: row)
        result.counts[table]?.inserted += 1
        continue
      }
      let isKept = policies.onConflict == .keep && known.isEdited && known.final != row
      if known.row != row || known.isStale, policies.onChanged == .update, !isKept {
        known.row = row
        known.final = row
        known.isStale = false
        result.counts[table]?.updated += 1
      } else {
        result.counts[table]?.known += 1
      }
      if known.final != row { result.isEqual = false }
      result.model.known[table][key] = known
    }
  }

  private mutating func merge(_ rows: [(staged: Row, loaded: Row)], _ table: Int) {
    for (row, equal) in Dictionary(grouping: rows, by: \.staged) {
      let known = before.equals[table][row]
      let count = known?.count ?? 0
      // It keeps the NULL when its parent has come.
      if let known, known.row != equal[0].loaded { result.isEqual = false }
      result.counts[table]?.inserted += max(0, equal.count - count)
      result.counts[table]?.known += min(equal.count, count)
      result.model.equals[table][row] = NightModel.Equals(
        row: known?.row ?? equal[0].loaded, count: max(count, equal.count),
        present: known?.present ?? equal.count)
    }
  }

  private mutating func noteVanished(_ table: Int) {
    let keys = Set((staged[table] ?? []).map { tables[table].normalKey($0) })
    for (key, known) in before.known[table] where known.isVanished == keys.contains(key) {
      result.model.known[table][key]?.isVanished = !known.isVanished
      if known.isVanished {
        result.counts[table]?.returned += 1
      } else {
        result.counts[table]?.vanished += 1
      }
    }
    guard tables[table].key.isEmpty else { return }
    let counts = Dictionary(grouping: staged[table] ?? [], by: \.self).mapValues(\.count)
    let kept = Set(alive[table] ?? [])
    for (row, known) in before.equals[table] {
      let count = counts[row] ?? 0
      // Equal rows are refused together.
      let present = count > 0 && !kept.contains(row) ? known.count : min(count, known.count)
      result.counts[table]?.vanished += max(0, known.present - present)
      result.counts[table]?.returned += max(0, present - known.present)
      result.model.equals[table][row]?.present =
        max(present, count > 0 && kept.contains(row) ? count : 0)
    }
  }

  /// Children before parents; a row that another one refers to stays.
  private mutating func delete() {
    for table in order.reversed() where before.policies[table].onVanished == .delete {
      while true {
        let keys = result.model.known[table].filter {
          $1.isVanished && !$1.isLost && !result.model.isHeld($1.final, table)
        }.keys
        for key in keys { result.model.known[table][key] = nil }
        result.counts[table]?.deleted += keys.count
        guard !keys.isEmpty, tables[table].links.contains(where: { $0.parent == table }) else {
          break
        }
      }
      // A row that was loaded without its parent looks like another one, and is not found again.
      for (row, known) in result.model.equals[table]
      where known.present < known.count && known.row == row {
        result.counts[table]?.deleted += known.count - known.present
        result.model.equals[table][row]?.count = known.present
        if known.present == 0 { result.model.equals[table][row] = nil }
      }
    }
  }
}

// MARK: - Constraints

extension Night {
  /// A constraint of the target that the rows would break.
  private var contradiction: String? {
    for (index, table) in tables.enumerated() {
      let rows = result.model.rows(index)
      for columns in table.unique {
        let values = Dictionary(grouping: rows) { table.exact($0, columns) }
        if let double = values.first(where: { $1.count > 1 }) {
          return "\(table.name): \(double.key) on \(double.value.count) rows"
        }
      }
      for column in table.filteredUnique {
        let values = Dictionary(grouping: rows.filter { $0[column] != nil }) {
          table.exact($0, [column])
        }
        if let double = values.first(where: { $1.count > 1 }) {
          return "\(table.name): \(double.key) on \(double.value.count) rows"
        }
      }
      for link in table.links {
        let parents = Set(
          result.model.rows(link.parent).map { tables[link.parent].exact($0, link.parentColumns) })
        let orphan = rows.first { row in
          link.columns.allSatisfy { row[$0] != nil }
            && !parents.contains(table.exact(row, link.columns))
        }
        if let orphan { return "\(link.name): \(orphan) would have no parent" }
      }
    }
    return nil
  }

  /// Rows that were loaded, are in the source and in no final table.
  private var lost: String? {
    for table in order {
      let gone = result.model.known[table].filter { $1.isLost && !$1.isVanished }
      if let key = gone.first?.key { return "\(tables[table].name): \(key) is lost" }
    }
    return nil
  }

  /// A unique key that a foreign key leads to is checked row by row, and so is one with a condition.
  private var doubt: String? {
    for index in tables.indices {
      let found = tables[index].unique.filter { columns in
        tables.contains { $0.links.contains { $0.parent == index && $0.parentColumns == columns } }
      }
      for columns in found + tables[index].filteredUnique.map({ [$0] }) {
        func owners(_ model: NightModel) -> [[String]: [String]] {
          Dictionary(
            model.known[index].filter { known in
              columns != tables[index].filteredUnique || known.value.final[columns[0]] != nil
            }.map { (tables[index].exact($1.final, columns), $0) }, uniquingKeysWith: { $1 })
        }
        let after = owners(result.model)
        for (value, owner) in owners(before) {
          if let other = after[value], other != owner {
            return "\(tables[index].name): \(value) goes to another row"
          }
        }
      }
    }
    return nil
  }
}
