// What happens to the rows of a random source by day. Whatever SQL Server would refuse does not happen.

import TestSupport

extension NightSource {
  mutating func fill() {
    let countMax = pick([25, 25, 25, 70]) ?? 25
    for table in tables.indices {
      for _ in 0..<Int.random(in: 0...countMax, using: &random) {
        attempt { $0.insert(into: table) }
      }
    }
    // Self references and cycles had little to refer to.
    for _ in 0..<20 { attempt { $0.repoint() } }
  }

  /// A day.
  mutating func change() {
    for _ in 0..<Int.random(in: 0...14, using: &random) {
      let number = Int.random(in: 0..<100, using: &random)
      attempt { source in
        switch number {
        case 0..<18: source.insert(into: source.anyTable())
        case 18..<36: source.changeValue()
        case 36..<40: source.adopt()
        case 40..<52: source.repoint()
        case 52..<60: source.moveUnique(isSwap: source.chance(50))
        case 60..<68: source.respell()
        case 68..<74: source.changeKey()
        case 74..<90: source.delete()
        case 90..<94: source.giveBack()
        case 94..<97: source.adopt()
        default: source.empty()
        }
      }
    }
  }

  /// Keeps the change if the source still is one that SQL Server would have.
  private mutating func attempt(_ change: (inout NightSource) -> Bool) {
    var copy = self
    let isDone = change(&copy)
    random = copy.random
    counter = copy.counter
    guard isDone, copy.isValid else { return }
    self = copy
  }

  private mutating func anyTable() -> Int { Int.random(in: tables.indices, using: &random) }

  private mutating func anyRow() -> (table: Int, row: Int)? {
    let table = anyTable()
    guard !rows[table].isEmpty else { return nil }
    return (table, Int.random(in: rows[table].indices, using: &random))
  }

  private var isValid: Bool {
    for (table, rows) in zip(tables, rows) {
      let keys = table.keyKind == .declared ? [] : [table.key]
      for columns in keys + table.unique where !columns.isEmpty {
        guard Set(rows.map { table.normal($0, columns) }).count == rows.count else { return false }
      }
      for column in table.filteredUnique {
        let values = rows.filter { $0[column] != nil }.map { table.normal($0, [column]) }
        guard Set(values).count == values.count else { return false }
      }
      for link in table.links where !link.allowsOrphans {
        let parents = Set(
          self.rows[link.parent].map { tables[link.parent].normal($0, link.parentColumns) })
        let isHeld = rows.allSatisfy { row in
          link.columns.contains { row[$0] == nil }
            || parents.contains(table.normal(row, link.columns))
        }
        guard isHeld else { return false }
      }
    }
    return true
  }
}

// MARK: - Values

extension NightSource {
  private mutating func fresh(_ column: NightColumn) -> String {
    counter += 1
    switch column.kind {
    case .number: return "\(chance(80) ? counter : Int.random(in: 1000...90000, using: &random))"
    case .uuid:
      let digits = String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 16)
      let text = Array(String(repeating: "0", count: 16 - digits.count) + digits + "00000000")
      let tail = "\(counter)"
      return String(text[0..<8]) + "-" + String(text[8..<12]) + "-4" + String(text[12..<15])
        + "-8" + String(text[15..<18]) + "-" + String(repeating: "0", count: 12 - tail.count) + tail
    case .text:
      let text = pick(["ab", "Key", "ñu", "x\"y", "a,b", "", "two\nlines", "nün"]) ?? ""
      return fitting(spelled(text + "\(counter)"), column)
    }
  }

  private mutating func value(_ column: NightColumn) -> String? {
    if column.isNullable, chance(25) { return nil }
    guard column.kind == .text else { return fresh(column) }
    return chance(50)
      ? fitting(pick(["", " ", "a", "a", "A", "a ", "\\.", "NULL", "\"q\"", "ü"]) ?? "", column)
      : fresh(column)
  }

  private func fitting(_ text: String, _ column: NightColumn) -> String {
    column.isFixed ? NightColumn.trimmed(text) : text
  }

  /// The same text in other words: case, accents and trailing blanks.
  private mutating func spelled(_ text: String) -> String {
    switch Int.random(in: 0..<7, using: &random) {
    case 3: text.replacing("ñ", with: "n").replacing("u", with: "ü")
    case 0: text.uppercased()
    case 1: text + " "
    case 2: text.lowercased()
    default: text
    }
  }

  private mutating func respelled(_ text: String, _ column: NightColumn) -> String {
    guard column.kind == .text else { return text }
    let other = fitting(spelled(text), column)
    return column.normal(other) == column.normal(text) && other.count < 40 ? other : text
  }
}

// MARK: - Changes

extension NightSource {
  private func linked(_ table: Int) -> Set<Int> { Set(tables[table].links.flatMap(\.columns)) }

  private mutating func insert(into table: Int) -> Bool {
    if chance(15), let row = pick(gone[table]) {
      place(row, in: table)
      return true
    }
    guard let row = makeRow(table) else { return false }
    place(row, in: table)
    // A table without a key may have the very same row twice.
    if tables[table].key.isEmpty, chance(30) { place(row, in: table) }
    return true
  }

  private mutating func place(_ row: Row, in table: Int) {
    let end = rows[table].count
    let isAnywhere = orders[table] == .heap && chance(70)
    rows[table].insert(row, at: isAnywhere ? Int.random(in: 0...end, using: &random) : end)
  }

  /// The rows of tonight as their chunks have them.
  mutating func arranged(_ table: Int) -> Rows {
    switch orders[table] {
    case .key: sorted(table)
    case .inserted, .heap: rows[table]
    case .any: rows[table].shuffled(using: &random)
    }
  }

  private func sorted(_ table: Int) -> Rows {
    func order(_ row: Row) -> String {
      tables[table].normalKey(row).map { text in
        String(repeating: "0", count: max(0, 12 - text.count)) + text
      }.joined(separator: "\u{1}")
    }
    return rows[table].map { (order($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
  }

  private mutating func makeRow(_ table: Int) -> Row? {
    let shape = tables[table]
    var row = Row(repeating: nil, count: shape.columns.count)
    let held = linked(table)
    for (index, column) in shape.columns.enumerated() where !held.contains(index) {
      row[index] =
        isUnique(index, in: shape) && !(column.isNullable && chance(5))
        ? fresh(column) : value(column)
    }
    // Nothing keeps another row from having the same key.
    if shape.keyKind == .declared, chance(12), let other = pick(rows[table])?[shape.key[0]] {
      row[shape.key[0]] = respelled(other, shape.columns[shape.key[0]])
    }
    for link in shape.links {
      guard let values = parentValues(link, of: table, row) else { return nil }
      for (column, value) in zip(link.columns, values) { row[column] = value }
    }
    return row
  }

  private func isUnique(_ column: Int, in table: NightTable) -> Bool {
    table.key.contains(column) || table.filteredUnique.contains(column)
      || table.unique.contains { $0.contains(column) }
  }

  /// What a foreign key of a row may hold.
  private mutating func parentValues(_ link: NightLink, of table: Int, _ row: Row) -> [String?]? {
    let shared = link.columns.prefix(link.sharedCount).map { row[$0] }
    let isNullable = link.ownColumns.allSatisfy { tables[table].columns[$0].isNullable }
    let nothing = shared + [String?](repeating: nil, count: link.ownColumns.count)
    if isNullable, chance(25) { return nothing }
    if link.allowsOrphans, chance(12) {
      return shared + link.ownColumns.map { fresh(tables[table].columns[$0]) }
    }
    let fitting = rows[link.parent].filter { parent in
      (0..<link.sharedCount).allSatisfy { place in
        tables[link.parent].normal(parent, [link.parentColumns[place]])
          == tables[table].normal(row, [link.columns[place]])
      }
    }
    guard let parent = pick(fitting) else { return isNullable ? nothing : nil }
    // Where one column is NULL the others lead nowhere.
    if isNullable, link.ownColumns.count > 1, chance(15),
      Set(link.parentColumns).isDisjoint(with: linked(link.parent))
    {
      var values = link.parentColumns.map { parent[$0] }
      values[Int.random(in: values.indices, using: &random)] = nil
      return values
    }
    let values = link.parentColumns.map { parent[$0] }
    guard values.allSatisfy({ $0 != nil }) else { return isNullable ? nothing : nil }
    guard !tables[table].key.isEmpty, tables[link.parent].key == link.parentColumns, chance(20)
    else { return values }
    return zip(values, link.columns).map { value, column in
      value.map { respelled($0, tables[table].columns[column]) }
    }
  }

  private mutating func changeValue() -> Bool {
    guard let (table, row) = anyRow() else { return false }
    let shape = tables[table]
    let held = linked(table).union(shape.key)
    let columns = shape.columns.indices.filter { !held.contains($0) }
    guard let column = pick(columns) else { return false }
    var changed = rows[table][row]
    changed[column] =
      isUnique(column, in: shape) && !(shape.columns[column].isNullable && chance(15))
      ? fresh(shape.columns[column]) : value(shape.columns[column])
    rewrite(table, row, changed)
    return true
  }

  private mutating func repoint() -> Bool {
    guard let (table, row) = anyRow(), let link = pick(tables[table].links),
      let values = parentValues(link, of: table, rows[table][row])
    else { return false }
    var changed = rows[table][row]
    for (column, value) in zip(link.columns, values) { changed[column] = value }
    rewrite(table, row, changed)
    return true
  }

  private mutating func moveUnique(isSwap: Bool) -> Bool {
    let candidates = tables.indices.filter {
      !(tables[$0].unique.isEmpty && tables[$0].filteredUnique.isEmpty) && rows[$0].count > 1
    }
    guard let table = pick(candidates),
      let column = pick(tables[table].unique.flatMap(\.self) + tables[table].filteredUnique),
      let one = rows[table].indices.randomElement(using: &random),
      let other = rows[table].indices.randomElement(using: &random), one != other
    else { return false }
    let value = rows[table][one][column]
    if isSwap {
      rows[table][one][column] = rows[table][other][column]
      rows[table][other][column] = value
    } else {
      rows[table][one][column] = fresh(tables[table].columns[column])
      // A new row takes it, or one that is there.
      if chance(50) { rows[table][other][column] = value; return true }
      guard var row = makeRow(table) else { return false }
      row[column] = value
      place(row, in: table)
    }
    return true
  }

  private mutating func respell() -> Bool {
    guard let (table, row) = anyRow(),
      let column = pick(
        tables[table].columns.indices.filter {
          tables[table].columns[$0].kind == .text
        }), let text = rows[table][row][column]
    else { return false }
    var changed = rows[table][row]
    changed[column] = respelled(text, tables[table].columns[column])
    if chance(50) { rewrite(table, row, changed) } else { rows[table][row] = changed }
    return true
  }

  private mutating func changeKey() -> Bool {
    guard let (table, row) = anyRow(), let column = pick(tables[table].key),
      !linked(table).contains(column)
    else { return false }
    var changed = rows[table][row]
    changed[column] = fresh(tables[table].columns[column])
    gone[table].append(rows[table][row])
    rewrite(table, row, changed)
    return true
  }

  /// A row with all that refers to it.
  private mutating func rewrite(_ table: Int, _ row: Int, _ changed: Row) {
    let before = rows[table][row]
    guard before != changed else { return }
    rows[table][row] = changed
    for child in tables.indices {
      for link in tables[child].links where link.parent == table {
        guard link.parentColumns.contains(where: { before[$0] != changed[$0] }),
          link.parentColumns.allSatisfy({ changed[$0] != nil })
        else { continue }
        let old = tables[table].normal(before, link.parentColumns)
        for place in rows[child].indices
        where tables[child].normal(rows[child][place], link.columns) == old {
          var follower = rows[child][place]
          for (column, parentColumn) in zip(link.columns, link.parentColumns) {
            follower[column] = changed[parentColumn]
          }
          rewrite(child, place, follower)
        }
      }
    }
  }

  private mutating func delete() -> Bool {
    guard let (table, row) = anyRow() else { return false }
    remove(rows[table][row], from: table)
    return true
  }

  /// A row with this key, if there is one.
  mutating func lose(_ key: [String], _ table: Int) {
    attempt { source in
      guard let row = source.rows[table].first(where: { source.tables[table].normalKey($0) == key })
      else { return false }
      source.remove(row, from: table)
      return true
    }
  }

  /// A row, and its children where they cannot do without it.
  private mutating func remove(_ row: Row, from table: Int) {
    guard let place = rows[table].firstIndex(of: row) else { return }
    rows[table].remove(at: place)
    gone[table].append(row)
    guard !tables[table].key.isEmpty else { return }
    for child in tables.indices {
      for link in tables[child].links where link.parent == table {
        let value = tables[table].normal(row, link.parentColumns)
        if link.allowsOrphans, chance(50) { continue }
        let isNullable = link.ownColumns.allSatisfy { tables[child].columns[$0].isNullable }
        let isCutOff = isNullable && chance(60)
        for follower in rows[child] where tables[child].normal(follower, link.columns) == value {
          guard isCutOff, let place = rows[child].firstIndex(of: follower) else {
            remove(follower, from: child)
            continue
          }
          var changed = follower
          for column in link.ownColumns { changed[column] = nil }
          rows[child][place] = changed
        }
      }
    }
  }

  /// A row is deleted and comes again with the same key.
  private mutating func giveBack() -> Bool {
    guard let (table, row) = anyRow(), var other = makeRow(table) else { return false }
    for column in tables[table].key { other[column] = rows[table][row][column] }
    rows[table][row] = other
    return true
  }

  /// The parent of an orphan comes.
  private mutating func adopt() -> Bool {
    let table = anyTable()
    guard let link = pick(tables[table].links.filter(\.allowsOrphans)) else { return false }
    let parent = tables[link.parent]
    let parents = Set(rows[link.parent].map { parent.normal($0, link.parentColumns) })
    let orphans = rows[table].filter { row in
      link.columns.allSatisfy { row[$0] != nil }
        && !parents.contains(tables[table].normal(row, link.columns))
    }
    guard let orphan = pick(orphans), var row = makeRow(link.parent) else { return false }
    for (column, parentColumn) in zip(link.columns, link.parentColumns) {
      row[parentColumn] = orphan[column]
    }
    place(row, in: link.parent)
    return true
  }

  private mutating func empty() -> Bool {
    let table = anyTable()
    for row in rows[table] { remove(row, from: table) }
    return true
  }
}
