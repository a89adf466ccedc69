// A small source at random: tables of every kind that the merge treats in its own way, and how SQL
// Server would hold them together.

import Catalog
import Staging
import TestSupport

typealias Row = [String?]

struct NightColumn {
  enum Kind { case number, text, uuid }

  var name: String
  var kind: Kind
  var isNullable = false
  var ignoresCase = false
  var ignoresAccents = false
  var isIdentity = false
  /// nchar(n): has its length in blanks, which are left out here.
  var isFixed = false

  static let fixedLength = 40

  var isPadded: Bool { kind == .text && isFixed }

  /// What SQL Server compares: trailing blanks never count, case and accents where the collation says
  /// so.
  func normal(_ value: String) -> String { kind == .text ? folded(Self.trimmed(value)) : value }

  /// What PostgreSQL compares: trailing blanks count.
  func exact(_ value: String) -> String {
    kind == .text ? folded(isFixed ? Self.trimmed(value) : value) : value
  }

  static func trimmed(_ value: String) -> String {
    var text = Substring(value)
    while text.last == " " { text.removeLast() }
    return String(text)
  }

  private func folded(_ value: String) -> String {
    let text = ignoresCase ? value.lowercased() : value
    guard ignoresAccents else { return text }
    let plain: [Character: Character] = ["ñ": "n", "Ñ": "N", "ü": "u", "Ü": "U"]
    return String(text.map { plain[$0] ?? $0 })
  }
}

struct NightLink {
  var name: String
  var columns: [Int]
  /// Index of a table.
  var parent: Int
  var parentColumns: [Int]
  /// So many of the first columns belong to another foreign key, too, and are never NULL.
  var sharedCount = 0
  /// The source does not hold its rows to it.
  var allowsOrphans = false
  var onDelete = ForeignKey.Action.noAction

  var ownColumns: [Int] { Array(columns.dropFirst(sharedCount)) }
}

/// What makes the key one.
enum NightKeyKind {
  case primary
  /// A unique constraint over columns that cannot be NULL.
  case unique
  /// The mapping says so, and the source does not hold its rows to it.
  case declared
}

struct NightTable {
  var name: String
  var columns: [NightColumn] = []
  /// Empty for a table that has none.
  var key: [Int] = []
  var keyKind = NightKeyKind.primary
  var unique: [[Int]] = []
  /// Unique among the rows that have a value there.
  var filteredUnique: [Int] = []
  var links: [NightLink] = []
  /// The link to the table that its rows and those they refer to share.
  var tenant: NightLink?
  /// The column by which a row is known again that has another key now.
  var naturalKey: Int?
  /// The text column for which the mapping has a condition: not 'a'.
  var filtered: Int?
  /// The text column for which the mapping has an expression: 'none' for NULL.
  var filled: Int?

  /// From the name: T1 is the first one.
  var index: Int { (Int(name.dropFirst()) ?? 1) - 1 }

  /// Columns in which an application may write.
  var values: [Int] { columns.indices.filter { columns[$0].name.hasPrefix("V") } }

  /// The row as the mapping's expressions make it; nil where it is not to be loaded.
  func transformed(_ row: Row) -> Row? {
    if let filtered, row[filtered] == "a" { return nil }
    guard let filled, row[filled] == nil else { return row }
    var row = row
    row[filled] = "none"
    return row
  }

  /// The columns that an orphan loses; nil where it cannot.
  func emptied(_ link: NightLink) -> [Int]? {
    let possible = link.columns.filter { columns[$0].isNullable && !key.contains($0) }
    let own = possible.filter { column in links.count { $0.columns.contains(column) } == 1 }
    return possible.isEmpty ? nil : own.isEmpty ? possible : own
  }

  func normalKey(_ row: Row) -> [String] { normal(row, key) }

  func normal(_ row: Row, _ columns: [Int]) -> [String] {
    columns.map { index in row[index].map { "=" + self.columns[index].normal($0) } ?? "NULL" }
  }

  func exact(_ row: Row, _ columns: [Int]) -> [String] {
    columns.map { index in row[index].map { "=" + self.columns[index].exact($0) } ?? "NULL" }
  }

  func leadsToKey(_ link: NightLink, of parent: NightTable) -> Bool {
    Set(link.parentColumns) == Set(parent.key)
  }
}

/// What the mapping says of a table.
struct NightPolicies {
  var onVanished = VanishPolicy.report
  var onChanged = ChangePolicy.update
  var onConflict = ConflictPolicy.overwrite
  var onOrphan = OrphanPolicy.fail
  var keepsKeys = false
  var keepsBefore = false

  init(using random: inout SeededGenerator) {
    onVanished = [.report, .delete, .delete, .mark].randomElement(using: &random) ?? .report
    onOrphan = [.fail, .reject, .null].randomElement(using: &random) ?? .fail
    keepsKeys = Int.random(in: 0..<3, using: &random) == 0
    chooseChanges(using: &random)
  }

  private mutating func chooseChanges(using random: inout SeededGenerator) {
    onChanged =
      [.update, .update, .update, .report, .ignore].randomElement(using: &random) ?? .update
    onConflict =
      [.overwrite, .overwrite, .keep, .keep, .fail].randomElement(using: &random) ?? .keep
    keepsBefore = Bool.random(using: &random)
  }

  /// Somebody edits the mapping. The tables stay what they are.
  mutating func change(using random: inout SeededGenerator) {
    chooseChanges(using: &random)
    if onVanished != .mark {
      onVanished = [.report, .delete].randomElement(using: &random) ?? .report
    }
    if onOrphan != .fail { onOrphan = [.reject, .null].randomElement(using: &random) ?? .null }
  }

  func yaml(of table: NightTable) -> String {
    var parts = [
      "keys: \(keepsKeys ? "preserve" : "remap")", "on_vanished: \(onVanished.rawValue)",
      "on_changed: \(onChanged.rawValue)", "on_conflict: \(onConflict.rawValue)",
      "on_orphan: \"\(onOrphan.rawValue)\"", "keep_before: \(keepsBefore)",
    ]
    if onVanished == .mark { parts.append("mark_column: gone_at") }
    if table.keyKind == .declared {
      parts.append("key: [\(table.key.map { table.columns[$0].name }.joined(separator: ", "))]")
    }
    if let naturalKey = table.naturalKey {
      parts.append("natural_key: [\(table.columns[naturalKey].name)]")
    }
    if let filtered = table.filtered {
      let name = table.columns[filtered].name.lowercased()
      parts.append("where: \"\(name) IS DISTINCT FROM 'a'\"")
    }
    if let filled = table.filled {
      let name = table.columns[filled].name
      parts.append("columns: { \(name): { expr: \"coalesce(\(name.lowercased()), 'none')\" } }")
    }
    return "  dbo.\(table.name): { \(parts.joined(separator: ", ")) }"
  }
}

/// How the rows of a table stand in its chunks.
enum NightOrder: CaseIterable {
  /// By the clustered key.
  case key
  /// As they were inserted: a row that goes leaves no gap.
  case inserted
  /// A new row takes the place of one that went.
  case heap
  /// Another one every night.
  case any
}

/// The source: its tables and the rows of tonight.
struct NightSource {
  var tables: [NightTable] = []
  /// By table.
  var orders: [NightOrder] = []
  /// Bytes of a chunk: so few that rows move from one to another.
  var limits = StagingLimits()
  var rows: [Rows] = []
  /// Rows that were deleted, which may come back.
  var gone: [Rows] = []
  /// By table.
  var policies: [NightPolicies] = []
  var random: SeededGenerator
  var counter = 0
  /// YAML, where it does not come from the policies.
  var ownMapping: String?

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    let count = Int.random(in: 3...7, using: &random)
    // Most sources have one policy for all tables, so that it meets itself.
    let common = NightPolicies(using: &random)
    let isMixed = chance(40)
    for _ in 0..<count {
      policies.append(isMixed && chance(50) ? NightPolicies(using: &random) : common)
      if chance(20) { policies[policies.count - 1].keepsKeys.toggle() }
    }
    for _ in 0..<count { addTable() }
    addCycle()
    for table in tables.indices {
      addExpressions(to: table)
      addNaturalKey(to: table)
    }
    chooseChunks()
    rows = tables.map { _ in [] }
    gone = rows
    fill()
  }

  /// A source of these tables, whose rows are set from outside.
  init(tables: [NightTable], mapping: String, seed: UInt64) {
    random = SeededGenerator(seed: seed)
    self.tables = tables
    ownMapping = mapping
    rows = tables.map { _ in [] }
    chooseChunks()
  }

  private mutating func chooseChunks() {
    for _ in tables {
      orders.append(chance(40) ? .key : pick([.inserted, .heap, .any]) ?? .any)
    }
    let size = pick([32, 64, 64, 128, 256]) ?? 64
    limits.chunkByteCountAverageMin = size
    limits.chunkByteCountAverageMax = size * (pick([1, 1, 8]) ?? 1)
    limits.chunkShareOfRowsBefore = pick([4, 64]) ?? 64
    limits.chunkByteCountMax = size * (pick([2, 4, 16]) ?? 4)
  }

  var mapping: String {
    ownMapping ?? madeMapping
  }

  private var madeMapping: String {
    (["source: nights", "max_vanished: 100%", "tables:"]
      + zip(policies, tables).map { $0.yaml(of: $1) }).joined(separator: "\n") + "\n"
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  mutating func pick<Value>(_ values: [Value]) -> Value? { values.randomElement(using: &random) }
}

// MARK: - Shapes

extension NightSource {
  /// Tables that foreign keys can lead to.
  private var keyed: [Int] {
    tables.indices.filter { !tables[$0].key.isEmpty && tables[$0].keyKind != .declared }
  }

  private mutating func textColumn(_ name: String) -> NightColumn {
    NightColumn(
      name: name, kind: .text, ignoresCase: chance(60), ignoresAccents: chance(25),
      isFixed: chance(20))
  }

  private mutating func addTable() {
    var table = NightTable(name: "T\(tables.count + 1)")
    let kinds =
      ["identity", "identity", "composite", "uuid", "text", "none"]
      + (keyed.isEmpty ? [] : ["junction", "junction", "shared", "tenant", "tenant"])
      + ["declared"]
    switch pick(kinds) {
    case "composite":
      table.columns.append(NightColumn(name: "A", kind: .number))
      table.columns.append(chance(50) ? NightColumn(name: "B", kind: .number) : textColumn("B"))
      table.key = [0, 1]
    case "uuid":
      table.columns.append(NightColumn(name: "Id", kind: .uuid))
      table.key = [0]
    case "text":
      table.columns.append(textColumn("Code"))
      table.key = [0]
    case "declared":
      table.columns.append(
        chance(50) ? NightColumn(name: "Code", kind: .number) : textColumn("Code"))
      table.columns[0].isNullable = chance(50)
      table.key = [0]
      table.keyKind = .declared
    case "none": break
    case "junction":
      for _ in 0..<2 {
        if let parent = pick(keyed) {
          table.key += addLink(to: parent, of: &table, isNullable: false)
        }
      }
    case "shared":
      if let parent = pick(keyed) { table.key = addLink(to: parent, of: &table, isNullable: false) }
    case "tenant": addTenant(to: &table)
    default:
      table.columns.append(NightColumn(name: "Id", kind: .number, isIdentity: chance(80)))
      table.key = [0]
    }
    if !table.key.isEmpty, table.keyKind == .primary, chance(15) { table.keyKind = .unique }
    for _ in 0..<Int.random(in: 0...2, using: &random) where chance(60) {
      guard let parent = pick(keyed) else { continue }
      _ = addLink(to: parent, of: &table, isNullable: chance(60))
    }
    addValues(to: &table)
    tables.append(table)
    if !table.key.isEmpty, table.keyKind != .declared, chance(30) {
      var own = table
      _ = addLink(to: tables.count - 1, of: &own, isNullable: true)
      tables[tables.count - 1] = own
    }
  }

  /// Its key begins with that of another table, which rows and those that they refer to share.
  private mutating func addTenant(to table: inout NightTable) {
    let others = tables.indices.filter { tables[$0].tenant != nil }
    let simple = keyed.filter { tables[$0].key.count == 1 && tables[$0].tenant == nil }
    guard let parent = pick(others).flatMap({ tables[$0].tenant?.parent }) ?? pick(simple) else {
      table.columns.append(NightColumn(name: "Id", kind: .number))
      table.key = [0]
      return
    }
    table.key = addLink(to: parent, of: &table, isNullable: false, isToKey: true)
    table.columns.append(NightColumn(name: "N", kind: .number))
    table.key.append(table.columns.count - 1)
    table.tenant = table.links[0]
    for other in others where tables[other].tenant?.parent == parent && chance(60) {
      addShared(to: tables[other], other, of: &table)
    }
    if chance(40) { addShared(to: table, tables.count, of: &table) }
  }

  private mutating func addShared(
    to parent: NightTable, _ index: Int, of table: inout NightTable
  ) {
    let number = table.links.count + 1
    table.columns.append(NightColumn(name: "P\(number)N", kind: .number, isNullable: chance(70)))
    let column = table.columns.count - 1
    table.links.append(
      NightLink(
        name: "FK_\(table.name)_\(number)", columns: [table.key[0], column], parent: index,
        parentColumns: parent.key, sharedCount: 1,
        allowsOrphans: canBeOrphaned(table, table.columns[column].isNullable) && chance(60)))
  }

  private func canBeOrphaned(_ table: NightTable, _ isNullable: Bool) -> Bool {
    switch policies[table.index].onOrphan {
    case .fail: false
    case .reject: true
    case .null: isNullable
    }
  }

  /// A condition where children of the rows that it leaves out may lack their parents.
  private mutating func addExpressions(to table: Int) {
    let texts = tables[table].values.filter {
      tables[table].columns[$0].kind == .text && !tables[table].columns[$0].isFixed
    }
    let isHeld = tables.indices.contains { child in
      tables[child].links.contains { $0.parent == table && !$0.allowsOrphans }
    }
    if !isHeld, chance(15) { tables[table].filtered = pick(texts) }
    if chance(10) { tables[table].filled = pick(texts.filter { $0 != tables[table].filtered }) }
  }

  /// A key of one number or uniqueidentifier gets new values.
  private mutating func addNaturalKey(to index: Int) {
    let table = tables[index]
    guard chance(40), !policies[index].keepsKeys, table.keyKind == .primary, table.key.count == 1,
      table.columns[table.key[0]].kind != .text,
      !table.links.contains(where: { $0.columns.contains(table.key[0]) }),
      let unique = table.unique.first, unique.count == 1
    else { return }
    tables[index].naturalKey = unique[0]
  }

  private mutating func addValues(to table: inout NightTable) {
    for number in 0..<Int.random(in: table.key.isEmpty ? 1...2 : 0...2, using: &random) {
      table.columns.append(
        NightColumn(
          name: "V\(number)", kind: chance(70) ? .text : .number, isNullable: chance(70),
          ignoresCase: chance(30), isFixed: chance(10)))
    }
    guard !table.key.isEmpty else { return }
    if chance(15) {
      table.columns.append(chance(60) ? textColumn("F") : NightColumn(name: "F", kind: .number))
      table.columns[table.columns.count - 1].isNullable = true
      table.filteredUnique.append(table.columns.count - 1)
    }
    guard table.keyKind != .declared, chance(45) else { return }
    table.columns.append(chance(60) ? textColumn("U") : NightColumn(name: "U", kind: .number))
    table.columns[table.columns.count - 1].isNullable = chance(50)
    table.unique.append([table.columns.count - 1])
    guard chance(20) else { return }
    table.columns.append(NightColumn(name: "W", kind: .number, isNullable: chance(50)))
    table.unique[0].append(table.columns.count - 1)
  }

  /// Columns that hold the key of the parent, or another unique key of it.
  private mutating func addLink(
    to parent: Int, of table: inout NightTable, isNullable: Bool, isToKey: Bool = false
  ) -> [Int] {
    let target = tables[parent]
    let isOwn = target.name == table.name
    var parentColumns = target.key
    if !isOwn, !isToKey, let other = target.unique.first, chance(40) { parentColumns = other }
    let number = table.links.count + 1
    let first = table.columns.count
    for column in parentColumns.map({ target.columns[$0] }) {
      table.columns.append(
        NightColumn(
          name: "P\(number)\(column.name)", kind: column.kind, isNullable: isNullable,
          ignoresCase: column.ignoresCase, ignoresAccents: column.ignoresAccents,
          isFixed: column.isFixed))
    }
    let columns = Array(first..<table.columns.count)
    table.links.append(
      NightLink(
        name: "FK_\(table.name)_\(number)", columns: columns, parent: parent,
        parentColumns: parentColumns,
        allowsOrphans: canBeOrphaned(table, isNullable) && chance(60),
        onDelete: isOwn || !chance(15) ? .noAction : isNullable && chance(50) ? .setNull : .cascade)
    )
    return columns
  }

  /// A table that refers to one which refers to it.
  private mutating func addCycle() {
    guard chance(40) else { return }
    let pairs = tables.indices.flatMap { child in
      // Where a ring's keys are texts of each other, which spelling counts depends on the order.
      tables[child].links.filter {
        $0.parent < child && keyed.contains(child)
          && !tables[child].key.contains { tables[child].columns[$0].kind == .text }
      }.map { (parent: $0.parent, child: child) }
    }
    guard let pair = pick(pairs) else { return }
    var table = tables[pair.parent]
    _ = addLink(to: pair.child, of: &table, isNullable: true)
    table.links[table.links.count - 1].onDelete = .noAction
    tables[pair.parent] = table
    for place in tables[pair.child].links.indices {
      tables[pair.child].links[place].onDelete = .noAction
    }
  }

  /// As the catalog of the source has them.
  var catalog: [Table] {
    zip(tables, orders).map { table, order in
      Table(
        name: ObjectName("dbo", table.name),
        columns: table.columns.enumerated().map { Self.column($1, id: $0 + 1) },
        primaryKey: table.key.isEmpty || table.keyKind != .primary
          ? nil
          : Key(
            name: "PK_\(table.name)", isClustered: order == .key,
            columns: table.key.map { KeyColumn(table.columns[$0].name) }),
        uniqueConstraints: ((table.keyKind == .unique ? [table.key] : []) + table.unique)
          .enumerated().map { number, columns in
            Key(
              name: "UQ_\(table.name)_\(number)", isClustered: false,
              columns: columns.map { KeyColumn(table.columns[$0].name) })
          },
        indexes: table.filteredUnique.map { column in
          let name = table.columns[column].name
          return Index(
            name: "UX_\(table.name)_\(name)", kind: .nonclustered, isUnique: true,
            columns: [KeyColumn(name)], filter: "([\(name)] IS NOT NULL)")
        },
        foreignKeys: table.links.map { link in
          ForeignKey(
            name: link.name, columns: link.columns.map { table.columns[$0].name },
            parent: ObjectName("dbo", tables[link.parent].name),
            parentColumns: link.parentColumns.map { tables[link.parent].columns[$0].name },
            onDelete: link.onDelete, isNotTrusted: link.allowsOrphans)
        })
    }
  }

  private static func column(_ column: NightColumn, id: Int) -> Column {
    let type =
      switch column.kind {
      case .number: ColumnType(.int)
      case .text:
        ColumnType(column.isFixed ? .nchar : .nvarchar, length: NightColumn.fixedLength)
      case .uuid: ColumnType(.uniqueidentifier)
      }
    return Column(
      id: id, name: column.name, type: type, isNullable: column.isNullable,
      identity: column.isIdentity ? Identity(seed: 1, increment: 1, lastValue: nil) : nil,
      collation: column.kind == .text
        ? Collation(
          name: "Latin1_General_\(column.ignoresCase ? "CI" : "CS")"
            + "_\(column.ignoresAccents ? "AI" : "AS")",
          codePage: 1252, isCaseSensitive: !column.ignoresCase,
          isAccentSensitive: !column.ignoresAccents, isBinary: false)
        : nil)
  }
}
