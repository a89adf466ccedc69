// A small source at random: tables of every kind that the merge treats in its own way, and how SQL
// Server would hold them together.

import Catalog
import TestSupport

typealias Row = [String?]

struct NightColumn {
  enum Kind { case number, text, uuid }

  var name: String
  var kind: Kind
  var isNullable = false
  var ignoresCase = false
  var isIdentity = false

  /// What SQL Server compares: trailing blanks never count, case where the collation says so.
  func normal(_ value: String) -> String {
    guard kind == .text else { return value }
    var text = Substring(value)
    while text.last == " " { text.removeLast() }
    return exact(String(text))
  }

  /// What PostgreSQL compares: trailing blanks count.
  func exact(_ value: String) -> String {
    kind == .text && ignoresCase ? value.lowercased() : value
  }
}

struct NightLink {
  var name: String
  var columns: [Int]
  /// Index of a table.
  var parent: Int
  var parentColumns: [Int]
  /// The source does not hold its rows to it.
  var allowsOrphans = false
  var onDelete = ForeignKey.Action.noAction
}

struct NightTable {
  var name: String
  var columns: [NightColumn] = []
  /// Empty for a table that has none.
  var key: [Int] = []
  var unique: [[Int]] = []
  var links: [NightLink] = []

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

/// What the mapping says.
struct NightPolicies {
  var onVanished: VanishPolicy
  var onChanged: ChangePolicy
  var onOrphan: OrphanPolicy
  var keepsKeys: Bool
  /// Tables that say otherwise.
  var others: Set<String>
  var keepsBefore: Bool

  init(using random: inout SeededGenerator, tableCount: Int) {
    onVanished = [.report, .delete, .delete, .mark].randomElement(using: &random) ?? .report
    onChanged =
      [.update, .update, .update, .report, .ignore].randomElement(using: &random) ?? .update
    onOrphan = [.fail, .reject, .null].randomElement(using: &random) ?? .fail
    keepsKeys = Int.random(in: 0..<3, using: &random) == 0
    others = []
    for index in 0..<tableCount where Int.random(in: 0..<5, using: &random) == 0 {
      others.insert("T\(index + 1)")
    }
    keepsBefore = Bool.random(using: &random)
  }

  var yaml: String {
    var lines = [
      "source: nights", "keys: \(keepsKeys ? "preserve" : "remap")",
      "on_vanished: \(onVanished.rawValue)", "max_vanished: 100%",
      "on_changed: \(onChanged.rawValue)", "on_orphan: \"\(onOrphan.rawValue)\"",
      "keep_before: \(keepsBefore)",
    ]
    if onVanished == .mark { lines.append("mark_column: gone_at") }
    if !others.isEmpty {
      lines.append("tables:")
      lines += others.sorted().map { "  dbo.\($0): { keys: \(keepsKeys ? "remap" : "preserve") }" }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// The source: its tables and the rows of tonight.
struct NightSource {
  var tables: [NightTable] = []
  var rows: [Rows] = []
  /// Rows that were deleted, which may come back.
  var gone: [Rows] = []
  let policies: NightPolicies
  var random: SeededGenerator
  var counter = 0

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    let count = Int.random(in: 3...7, using: &random)
    policies = NightPolicies(using: &random, tableCount: count)
    for _ in 0..<count { addTable() }
    addCycle()
    rows = tables.map { _ in [] }
    gone = rows
    fill()
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  mutating func pick<Value>(_ values: [Value]) -> Value? { values.randomElement(using: &random) }
}

// MARK: - Shapes

extension NightSource {
  private var keyed: [Int] { tables.indices.filter { !tables[$0].key.isEmpty } }

  private mutating func addTable() {
    var table = NightTable(name: "T\(tables.count + 1)")
    let kinds =
      ["identity", "identity", "composite", "uuid", "text", "none"]
      + (keyed.isEmpty ? [] : ["junction", "junction", "shared"])
    switch pick(kinds) {
    case "composite":
      table.columns.append(NightColumn(name: "A", kind: .number))
      table.columns.append(
        NightColumn(name: "B", kind: chance(50) ? .number : .text, ignoresCase: chance(50)))
      table.key = [0, 1]
    case "uuid":
      table.columns.append(NightColumn(name: "Id", kind: .uuid))
      table.key = [0]
    case "text":
      table.columns.append(NightColumn(name: "Code", kind: .text, ignoresCase: chance(80)))
      table.key = [0]
    case "none": break
    case "junction":
      for _ in 0..<2 {
        if let parent = pick(keyed) {
          table.key += addLink(to: parent, of: &table, isNullable: false)
        }
      }
    case "shared":
      if let parent = pick(keyed) { table.key = addLink(to: parent, of: &table, isNullable: false) }
    default:
      table.columns.append(NightColumn(name: "Id", kind: .number, isIdentity: chance(80)))
      table.key = [0]
    }
    for _ in 0..<Int.random(in: 0...2, using: &random) where chance(60) {
      guard let parent = pick(keyed) else { continue }
      _ = addLink(to: parent, of: &table, isNullable: chance(60))
    }
    addValues(to: &table)
    tables.append(table)
    if !table.key.isEmpty, chance(30) {
      var own = table
      _ = addLink(to: tables.count - 1, of: &own, isNullable: true)
      tables[tables.count - 1] = own
    }
  }

  private mutating func addValues(to table: inout NightTable) {
    for number in 0..<Int.random(in: table.key.isEmpty ? 1...2 : 0...2, using: &random) {
      table.columns.append(
        NightColumn(
          name: "V\(number)", kind: chance(70) ? .text : .number, isNullable: chance(70),
          ignoresCase: chance(30)))
    }
    guard !table.key.isEmpty, chance(45) else { return }
    table.columns.append(
      NightColumn(
        name: "U", kind: chance(60) ? .text : .number, isNullable: chance(50),
        ignoresCase: chance(50)))
    table.unique.append([table.columns.count - 1])
  }

  /// Columns that hold the key of the parent, or another unique key of it.
  private mutating func addLink(
    to parent: Int, of table: inout NightTable, isNullable: Bool
  ) -> [Int] {
    let target = tables[parent]
    let isOwn = target.name == table.name
    var parentColumns = target.key
    if !isOwn, let other = target.unique.first, chance(40) { parentColumns = other }
    let number = table.links.count + 1
    let first = table.columns.count
    for column in parentColumns.map({ target.columns[$0] }) {
      table.columns.append(
        NightColumn(
          name: "P\(number)\(column.name)", kind: column.kind, isNullable: isNullable,
          ignoresCase: column.ignoresCase))
    }
    let columns = Array(first..<table.columns.count)
    let canBeOrphaned =
      switch policies.onOrphan {
      case .fail: false
      case .reject: true
      case .null: isNullable
      }
    table.links.append(
      NightLink(
        name: "FK_\(table.name)_\(number)", columns: columns, parent: parent,
        parentColumns: parentColumns, allowsOrphans: canBeOrphaned && chance(60),
        onDelete: isOwn || !chance(15) ? .noAction : isNullable && chance(50) ? .setNull : .cascade)
    )
    return columns
  }

  /// A table that refers to one which refers to it.
  private mutating func addCycle() {
    guard chance(40) else { return }
    let pairs = tables.indices.flatMap { child in
      tables[child].links.filter { $0.parent < child && !tables[child].key.isEmpty }
        .map { (parent: $0.parent, child: child) }
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
    tables.map { table in
      Table(
        name: ObjectName("dbo", table.name),
        columns: table.columns.enumerated().map { Self.column($1, id: $0 + 1) },
        primaryKey: table.key.isEmpty
          ? nil
          : Key(
            name: "PK_\(table.name)", isClustered: true,
            columns: table.key.map { KeyColumn(table.columns[$0].name) }),
        uniqueConstraints: table.unique.map { columns in
          Key(
            name: "UQ_\(table.name)", isClustered: false,
            columns: columns.map { KeyColumn(table.columns[$0].name) })
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
      case .text: ColumnType(.nvarchar, length: 40)
      case .uuid: ColumnType(.uniqueidentifier)
      }
    return Column(
      id: id, name: column.name, type: type, isNullable: column.isNullable,
      identity: column.isIdentity ? Identity(seed: 1, increment: 1, lastValue: nil) : nil,
      collation: column.kind == .text
        ? Collation(
          name: column.ignoresCase ? "Latin1_General_CI_AS" : "Latin1_General_CS_AS",
          codePage: 1252, isCaseSensitive: !column.ignoresCase, isAccentSensitive: true,
          isBinary: false)
        : nil)
  }
}
