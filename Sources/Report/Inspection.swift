public import Catalog

/// What `restage inspect` answers: what is in a source, and what cannot be moved and why.
public struct Inspection: Codable, Hashable, Sendable {
  public struct TableLine: Codable, Hashable, Sendable {
    public var name: String
    /// By the source's own bookkeeping; nil where it keeps none.
    public var rows: Int?
    public var columns: Int
    /// Columns of the source key; nil where the whole row is the key.
    public var sourceKey: [String]?
    public var foreignKeys: [ForeignKeyLine]

    enum CodingKeys: String, CodingKey {
      case name, rows, columns
      case sourceKey = "source_key"
      case foreignKeys = "foreign_keys"
    }
  }

  public struct ForeignKeyLine: Codable, Hashable, Sendable {
    public var columns: [String]
    public var parent: String
  }

  /// Something that stays behind.
  public struct Unmoved: Codable, Hashable, Sendable {
    public var kind: String
    public var name: String
    public var reason: String
  }

  public var database: String
  public var serverVersion: String
  public var collation: String?
  public var tables: [TableLine]
  public var unmoved: [Unmoved]
  public var notes: [String]

  public init(of database: Database) {
    self.database = database.name
    serverVersion = database.serverVersion
    collation = database.collation?.name
    tables = database.tables.map(TableLine.init)
    unmoved =
      database.tables.compactMap { table in
        table.refusal.map { Unmoved(kind: "table", name: "\(table.name)", reason: $0) }
      }
      + database.modules.map {
        Unmoved(
          kind: $0.kind.rawValue, name: "\($0.name)", reason: "code is reported, not translated")
      }
      + database.partitionFunctions.map {
        Unmoved(kind: "partition function", name: $0.name, reason: Self.whyNotPartitioned)
      }
      + database.partitionSchemes.map {
        Unmoved(kind: "partition scheme", name: $0.name, reason: Self.whyNotPartitioned)
      }
      + database.extendedProperties.map {
        Unmoved(
          kind: "extended property",
          name: $0.target.isEmpty ? $0.name : "\($0.target): \($0.name)",
          reason: "reported with its value")
      }
    notes = database.notes
  }

  private static let whyNotPartitioned = "the target's tables are not partitioned"

  /// Rows of all tables that can be moved and whose number is known.
  public var rowCount: Int { tables.compactMap(\.rows).reduce(0) { $0.addingCapped($1) } }

  enum CodingKeys: String, CodingKey {
    case database, collation, tables, notes
    case serverVersion = "server_version"
    case unmoved = "not_moved"
  }
}

extension Inspection.TableLine {
  fileprivate init(_ table: Table) {
    self.init(
      name: "\(table.name)", rows: table.rowCount, columns: table.storedColumns.count,
      sourceKey: table.sourceKeyColumns,
      foreignKeys: table.foreignKeys.map {
        Inspection.ForeignKeyLine(columns: $0.columns, parent: "\($0.parent)")
      })
  }
}

extension Inspection: CustomStringConvertible {
  public var description: String {
    var text = "\(database.printable), \(serverVersion)"
    if let collation { text += ", \(collation)" }
    text += "\n\(tables.count.grouped) tables, \(rowCount.grouped) rows\n"
    if !tables.isEmpty { text += "\n\(tableText)" }
    if !unmoved.isEmpty { text += "\nNot moved:\n\n\(unmovedText)" }
    if !notes.isEmpty {
      text += "\nTo know:\n\n" + notes.map { "- \($0.printable)\n" }.joined()
    }
    return text
  }

  private var tableText: String {
    var table = AlignedTable([
      .text("table"), .number("rows"), .number("columns"), .text("source key"),
      .text("foreign keys to"),
    ])
    for line in tables {
      table.add([
        line.name, line.rows.map(\.grouped) ?? "?", line.columns.grouped,
        line.sourceKey?.joined(separator: ", ") ?? "(whole row)",
        Self.shortList(line.foreignKeys.map(\.parent)),
      ])
    }
    return table.description
  }

  /// Tables one by one, code by its kind: a hundred procedures would hide the one table.
  private var unmovedText: String {
    var table = AlignedTable([.text("what"), .text("name"), .text("why")])
    let (single, many) = (
      unmoved.filter { $0.kind == "table" }, unmoved.filter { $0.kind != "table" }
    )
    for item in single { table.add([item.kind, item.name, item.reason]) }
    for (kind, items) in Dictionary(grouping: many, by: \.kind).sorted(by: { $0.key < $1.key }) {
      table.add([
        items.count == 1 ? kind : "\(items.count.grouped) \(Self.plural(kind))",
        Self.shortList(items.map(\.name)), items[0].reason,
      ])
    }
    return table.description
  }

  private static func plural(_ kind: String) -> String {
    kind.hasSuffix("property") ? kind.dropLast() + "ies" : kind + "s"
  }

  /// The first three different names, and how many more there are.
  private static func shortList(_ names: [String]) -> String {
    let different = Set(names).sorted()
    let rest = different.count - 3
    return different.prefix(3).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }
}

extension Int {
  /// The sum, or the largest number where it would overflow: counts from a damaged file are added
  /// here.
  fileprivate func addingCapped(_ other: Int) -> Int {
    let (sum, isOverflow) = addingReportingOverflow(other)
    return isOverflow ? .max : sum
  }
}
