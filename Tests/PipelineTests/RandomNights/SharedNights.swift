// Two sources that load into the same final tables, where natural keys make them share rows; and what
// must come of each load, worked out row by row and by nothing that the product does.

import TestSupport

/// The tables that both sources have.
enum SharedTables {
  static let parent = 0
  static let child = 1
  static let line = 2
  static let link = 3
  static let own = 4

  static func make(using random: inout SeededGenerator) -> (
    tables: [NightTable], naturalKeys: [[Int]]
  ) {
    func number(_ name: String, isNullable: Bool = false) -> NightColumn {
      NightColumn(name: name, kind: .number, isNullable: isNullable)
    }
    func text(_ name: String) -> NightColumn {
      NightColumn(name: name, kind: .text, ignoresCase: true)
    }
    var id = number("Id")
    id.isIdentity = true
    let value = NightColumn(name: "V", kind: .text, isNullable: true)
    func reference(_ table: Int, _ number: Int, _ columns: [Int], _ parent: Int) -> NightLink {
      NightLink(
        name: "FK_T\(table + 1)_\(number)", columns: columns, parent: parent, parentColumns: [0])
    }
    var tables = [
      NightTable(name: "T1", columns: [id, text("Name"), value], key: [0], unique: [[1]]),
      NightTable(
        name: "T2",
        columns: [
          id, number("ParentId", isNullable: Bool.random(using: &random)), text("Code"), value,
        ],
        key: [0], links: [reference(1, 1, [1], parent)]),
      NightTable(
        name: "T3",
        columns: [
          id, number("ChildId", isNullable: true), number("ParentId", isNullable: true), value,
        ],
        key: [0], links: [reference(2, 1, [1], child), reference(2, 2, [2], parent)]),
      NightTable(
        name: "T4", columns: [number("ParentId"), number("ChildId"), value], key: [0, 1],
        links: [reference(3, 1, [0], parent), reference(3, 2, [1], child)]),
      NightTable(
        name: "T5", columns: [id, number("LineId", isNullable: true), value], key: [0],
        links: [reference(4, 1, [1], line)]),
    ]
    let childKey = Bool.random(using: &random) ? [1, 2] : [2]
    tables[child].unique = [childKey]
    return (tables, [[1], childKey, [], [0, 1], []])
  }
}

/// One of the sources.
struct SharedSource {
  let name: String
  let tables: [NightTable]
  let naturalKeys: [[Int]]
  var deletes = false
  var keeps = false
  var rows: [Rows]
  private var gone: [Rows]
  private var counter = 0

  init(
    name: String, _ shape: (tables: [NightTable], naturalKeys: [[Int]]),
    using random: inout SeededGenerator
  ) {
    self.name = name
    (tables, naturalKeys) = shape
    rows = tables.map { _ in [] }
    gone = rows
    changePolicies(using: &random)
    for _ in 0..<Int.random(in: 10...80, using: &random) { insert(using: &random) }
  }

  mutating func changePolicies(using random: inout SeededGenerator) {
    deletes = Bool.random(using: &random)
    keeps = Int.random(in: 0..<3, using: &random) == 0
  }

  var mapping: String {
    let policies =
      "on_vanished: \(deletes ? "delete" : "report")\non_conflict: \(keeps ? "keep" : "overwrite")\n"
    let keys = zip(tables, naturalKeys).filter { !$1.isEmpty }.map { table, key in
      "  dbo.\(table.name): { natural_key: [\(key.map { table.columns[$0].name }.joined(separator: ", "))] }\n"
    }
    return "source: \(name)\nmax_vanished: 100%\n\(policies)tables:\n\(keys.joined())"
  }

  mutating func change(using random: inout SeededGenerator) {
    for _ in 0..<Int.random(in: 0...20, using: &random) {
      let before = self
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<35: insert(using: &random)
      case 35..<60: changeValue(using: &random)
      case 60..<70: repoint(using: &random)
      case 70..<85: delete(using: &random)
      default: changeKey(using: &random)
      }
      guard isValid else {
        let count = counter
        self = before
        counter = count
        continue
      }
    }
  }

  private var isValid: Bool {
    tables.indices.allSatisfy { table in
      ([tables[table].key] + tables[table].unique).allSatisfy { columns in
        Set(rows[table].map { tables[table].normal($0, columns) }).count == rows[table].count
      }
    }
  }

  private func text(_ kind: String, _ count: Int, using random: inout SeededGenerator) -> String {
    let text = "\(kind)\(Int.random(in: 1...count, using: &random))"
    return Int.random(in: 0..<4, using: &random) == 0 ? text.uppercased() : text
  }

  private func cell(_ table: Int, _ column: Int, using random: inout SeededGenerator) -> String?? {
    let shape = tables[table].columns[column]
    if let link = tables[table].links.first(where: { $0.columns == [column] }) {
      if shape.isNullable, Int.random(in: 0..<3, using: &random) == 0 { return .some(nil) }
      guard let parent = rows[link.parent].randomElement(using: &random) else {
        return shape.isNullable ? .some(nil) : nil
      }
      return .some(parent[0])
    }
    switch shape.name {
    case "Name": return .some(text("n", 11, using: &random))
    case "Code": return .some(text("c", 7, using: &random))
    default:
      return .some(Bool.random(using: &random) ? nil : text("v", 3, using: &random))
    }
  }

  private mutating func insert(using random: inout SeededGenerator) {
    let table = [0, 0, 1, 1, 2, 2, 3, 4].randomElement(using: &random) ?? 0
    let before = rows
    if Int.random(in: 0..<6, using: &random) == 0,
      let row = gone[table].randomElement(using: &random)
    {
      rows[table].append(row)
      if !isValid || !isHeld { rows = before }
      return
    }
    var row: Row = []
    for column in tables[table].columns.indices {
      if tables[table].columns[column].isIdentity {
        counter += 1
        row.append("\(counter)")
        continue
      }
      guard let cell = cell(table, column, using: &random) else { return }
      row.append(cell)
    }
    rows[table].append(row)
    if !isValid { rows = before }
  }

  private var isHeld: Bool {
    tables.indices.allSatisfy { table in
      tables[table].links.allSatisfy { link in
        let keys = Set(rows[link.parent].map { $0[0] })
        return rows[table].allSatisfy { row in
          row[link.columns[0]].map { keys.contains($0) } ?? true
        }
      }
    }
  }

  private func anyRow(using random: inout SeededGenerator) -> (table: Int, row: Int)? {
    let table = Int.random(in: tables.indices, using: &random)
    return rows[table].indices.randomElement(using: &random).map { (table, $0) }
  }

  private mutating func changeValue(using random: inout SeededGenerator) {
    guard let (table, row) = anyRow(using: &random) else { return }
    let columns = tables[table].columns.indices.filter { tables[table].columns[$0].kind == .text }
    guard let column = columns.randomElement(using: &random),
      let cell = cell(table, column, using: &random)
    else { return }
    rows[table][row][column] = cell
  }

  private mutating func repoint(using random: inout SeededGenerator) {
    guard let (table, row) = anyRow(using: &random) else { return }
    let links = tables[table].links.filter { !tables[table].key.contains($0.columns[0]) }
    guard let column = links.randomElement(using: &random)?.columns[0],
      let cell = cell(table, column, using: &random)
    else { return }
    rows[table][row][column] = cell
  }

  private mutating func delete(using random: inout SeededGenerator) {
    guard let (table, row) = anyRow(using: &random) else { return }
    remove(rows[table][row], from: table)
  }

  private mutating func remove(_ row: Row, from table: Int) {
    rows[table].removeAll { $0 == row }
    gone[table].append(row)
    guard !tables[table].links.isEmpty || table == SharedTables.parent, table != SharedTables.link
    else { return }
    for child in tables.indices {
      for link in tables[child].links where link.parent == table {
        for follower in rows[child] where follower[link.columns[0]] == row[0] {
          if tables[child].columns[link.columns[0]].isNullable,
            let place = rows[child].firstIndex(of: follower)
          {
            rows[child][place][link.columns[0]] = nil
          } else {
            remove(follower, from: child)
          }
        }
      }
    }
  }

  /// Deleted and inserted again under another key, with all that refers to it.
  private mutating func changeKey(using random: inout SeededGenerator) {
    let table = [0, 0, 1, 2].randomElement(using: &random) ?? 0
    guard let row = rows[table].indices.randomElement(using: &random) else { return }
    let old = rows[table][row][0]
    counter += 1
    rows[table][row][0] = "\(counter)"
    for child in tables.indices {
      for link in tables[child].links where link.parent == table {
        for place in rows[child].indices where rows[child][place][link.columns[0]] == old {
          rows[child][place][link.columns[0]] = "\(counter)"
        }
      }
    }
  }
}

struct SharedModel {
  /// A row of a source, and which final row it is.
  struct Known {
    var entity: Int
    /// As it was loaded last.
    var loaded: Row
    var isVanished = false
    /// It was there already.
    var isMatched = false
    /// It was there already and has not been written.
    var isUnwritten = false
    /// A key in it changed while its final row was not as it was loaded.
    var isStale = false
  }

  struct Counts: Equatable {
    var inserted = 0
    var updated = 0
    var matched = 0
    var overwritten = 0
    var kept = 0
    var vanished = 0
    var returned = 0
    var deleted = 0
  }

  struct Result {
    var model: SharedModel
    var counts: [Counts]
    var isEqual: Bool
  }

  let tables: [NightTable]
  let naturalKeys: [[Int]]
  /// By table and number: columns of foreign keys have the parent's number, that of the row's own key none.
  var finals: [[Int: Row]]
  /// By source, table and key.
  var maps: [[[Row: Known]]]
  /// By source.
  private var isLoaded = [false, false]
  private var count = 0

  init(_ source: SharedSource) {
    tables = source.tables
    naturalKeys = source.naturalKeys
    finals = tables.map { _ in [:] }
    maps = [finals.map { _ in [:] }, finals.map { _ in [:] }]
  }

  func key(_ row: Row, _ table: Int) -> Row { tables[table].key.map { row[$0] } }

  /// The row with final rows' numbers for keys; where one is unknown, something that is none.
  private func final(_ row: Row, _ table: Int, _ source: Int) -> Row {
    var final = row
    if tables[table].columns[0].isIdentity { final[0] = nil }
    for link in tables[table].links {
      final[link.columns[0]] = row[link.columns[0]].map { value in
        maps[source][link.parent][[value]].map { "\($0.entity)" } ?? "unknown"
      }
    }
    return final
  }

  private func natural(_ final: Row, _ table: Int) -> [String] {
    tables[table].normal(final, naturalKeys[table])
  }

  /// - Returns: What must come of it; nil where the load must be refused.
  func loading(_ rows: [Rows], of source: Int, keeps: Bool, deletes: Bool) -> Result? {
    var model = self
    var counts = tables.map { _ in Counts() }
    var isNew: [Set<Row>] = tables.map { _ in [] }
    for table in tables.indices where !naturalKeys[table].isEmpty {
      model.rekey(rows[table], table, source)
      let new = model.match(rows[table], table, source)
      counts[table].matched = new.count
      isNew[table] = new
    }
    for table in tables.indices {
      for row in rows[table] where model.maps[source][table][key(row, table)] == nil {
        model.count += 1
        model.maps[source][table][key(row, table)] = Known(entity: model.count, loaded: row)
        isNew[table].insert(key(row, table))
        counts[table].inserted += 1
      }
    }
    for table in tables.indices {
      for row in rows[table] {
        let key = key(row, table)
        guard var known = model.maps[source][table][key] else { continue }
        let final = model.final(row, table, source)
        let found = model.finals[table][known.entity]
        guard let found else {
          model.finals[table][known.entity] = final
          continue
        }
        guard !isNew[table].contains(key), known.loaded != row || known.isStale else { continue }
        let isAsLoaded =
          !known.isStale && (known.isUnwritten || found == model.final(known.loaded, table, source))
        let isEdited =
          found != final
          && (known.isUnwritten ? found != model.final(known.loaded, table, source) : !isAsLoaded)
        if isEdited, keeps {
          counts[table].kept += 1
          continue
        }
        if isEdited { counts[table].overwritten += 1 }
        counts[table].updated += 1
        known.loaded = row
        known.isStale = false
        known.isUnwritten = false
        model.maps[source][table][key] = known
        model.finals[table][known.entity] = final
      }
    }
    for table in tables.indices.reversed() {
      let staged = Set(rows[table].map { key($0, table) })
      for (key, known) in model.maps[source][table] where known.isVanished == staged.contains(key) {
        model.maps[source][table][key]?.isVanished.toggle()
        if known.isVanished { counts[table].returned += 1 } else { counts[table].vanished += 1 }
      }
    }
    for table in tables.indices.reversed() where deletes {
      for (key, known) in model.maps[source][table] where known.isVanished && !known.isMatched {
        let isShared =
          table == SharedTables.link
          ? isLoaded[1 - source]
          : model.maps[1 - source][table].values.contains { $0.entity == known.entity }
        guard !isShared, !model.isHeld(known.entity, table) else { continue }
        model.maps[source][table][key] = nil
        model.finals[table][known.entity] = nil
        counts[table].deleted += 1
      }
    }
    guard model.isSound else { return nil }
    model.isLoaded[source] = true
    return Result(model: model, counts: counts, isEqual: model.isEqual(rows, source))
  }

  private mutating func rekey(_ rows: Rows, _ table: Int, _ source: Int) {
    guard tables[table].columns[0].isIdentity else { return }
    let staged = Set(rows.map { key($0, table) })
    let unseen = rows.filter { maps[source][table][key($0, table)] == nil }
    var changes: [String: String] = [:]
    for row in unseen {
      let value = natural(final(row, table, source), table)
      let found = maps[source][table].filter { key, known in
        !staged.contains(key)
          && finals[table][known.entity].map { natural($0, table) } == value
      }
      // Of several the one is meant that had not vanished before.
      let candidate = found.min { !$0.value.isVanished && $1.value.isVanished }
      guard let candidate, let old = candidate.key[0], let new = row[0] else { continue }
      changes[old] = new
    }
    guard !changes.isEmpty else { return }
    let before = self
    maps[source][table] = Dictionary(
      uniqueKeysWithValues: before.maps[source][table].map { key, known in
        ([key[0].map { changes[$0] ?? $0 }], known)
      })
    for child in tables.indices {
      var columns = tables[child].links.filter { $0.parent == table }.map { $0.columns[0] }
      if child == table { columns.append(0) }
      guard !columns.isEmpty else { continue }
      maps[source][child] = Dictionary(
        uniqueKeysWithValues: maps[source][child].map { key, known in
          var changed = known
          for column in columns {
            changed.loaded[column] = known.loaded[column].map { changes[$0] ?? $0 }
          }
          if changed.loaded != known.loaded, !known.isUnwritten {
            let old = before.final(known.loaded, child, source)
            if before.finals[child][known.entity] != old { changed.isStale = true }
          }
          return (child == table ? key : self.key(changed.loaded, child), changed)
        })
    }
  }

  private mutating func match(_ rows: Rows, _ table: Int, _ source: Int) -> Set<Row> {
    let known = Set(maps[source][table].values.map(\.entity))
    var matched: Set<Row> = []
    for row in rows where maps[source][table][key(row, table)] == nil {
      let value = natural(final(row, table, source), table)
      let found = finals[table].first {
        !known.contains($0.key) && natural($0.value, table) == value
      }
      guard let found else { continue }
      maps[source][table][key(row, table)] = Known(
        entity: found.key, loaded: row, isMatched: true, isUnwritten: true)
      matched.insert(key(row, table))
    }
    return matched
  }

  private func isHeld(_ entity: Int, _ table: Int) -> Bool {
    tables.indices.contains { child in
      tables[child].links.contains { link in
        link.parent == table
          && finals[child].values.contains { $0[link.columns[0]] == "\(entity)" }
      }
    }
  }

  /// Whether unique keys hold.
  private var isSound: Bool {
    tables.indices.allSatisfy { table in
      (tables[table].unique + (table == SharedTables.link ? [tables[table].key] : [])).allSatisfy {
        columns in
        Set(finals[table].values.map { tables[table].exact($0, columns) }).count
          == finals[table].count
      }
    }
  }

  private func isEqual(_ rows: [Rows], _ source: Int) -> Bool {
    tables.indices.allSatisfy { table in
      rows[table].allSatisfy { row in
        guard let known = maps[source][table][key(row, table)] else { return false }
        return known.isUnwritten
          ? known.loaded == row : finals[table][known.entity] == final(row, table, source)
      }
    }
  }
}
