/// What the proof of a load found, table by table.
public struct Verification: Codable, Hashable, Sendable {
  /// How much is compared. Each level includes the ones before it.
  public enum Level: String, Codable, Sendable, CaseIterable, Comparable {
    /// Rows of the snapshot and of the target.
    case counts
    /// Key map rows that have their row in the final table, and foreign keys that have their parent.
    case keys
    /// Every byte of every row.
    case content

    public static func < (left: Level, right: Level) -> Bool {
      allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
    }
  }

  public var level: Level
  public var tables: [TableLine]
  /// Tables of earlier loads that the source no longer has, with their final tables: not compared.
  public var goneTables: [String]

  public init(level: Level, tables: [TableLine], goneTables: [String] = []) {
    self.level = level
    self.tables = tables
    self.goneTables = goneTables
  }

  enum CodingKeys: String, CodingKey {
    case level, tables
    case goneTables = "gone_tables"
  }

  public var isEqual: Bool { tables.allSatisfy(\.isEqual) }

  /// Rows of the source that are not in the target because the export or the load refused them.
  public var refusals: Refusals {
    tables.reduce(exportRefusals) { $0 + Refusals(rows: $1.rejectedRows) }
  }

  /// Those of them that the snapshot has in `rejects/` only.
  private var exportRefusals: Refusals {
    tables.reduce(Refusals()) {
      $0 + Refusals(rows: $1.exportRejects, damagedPlaces: $1.damagedPlaces)
    }
  }

  /// What was found about one table.
  public struct TableLine: Codable, Hashable, Sendable {
    /// The final table.
    public var table: String
    public var source: String
    /// Rows in the snapshot's chunks.
    public var snapshotRows: Int
    /// Rows of the final table that came from this source and that it still has.
    public var targetRows: Int
    /// Rows of the snapshot that the last run refused, as its rejects say: not counted as missing.
    public var rejectedRows: Int
    /// Rows of the source that the export refused, so that the snapshot has them in `rejects/` only.
    public var exportRejects: Int
    /// Places that the export could not read, and that hold rows of which nobody knows the number.
    public var damagedPlaces: Int
    /// Rows of the final table that no run of this source loaded: an application's, another source's,
    /// or those of a load that nothing remembers any more.
    public var otherRows: Int
    /// In the snapshot and not in the target. Below level content: by how many rows the target has
    /// less than it should.
    public var missing: Int
    /// In the target and not in the snapshot; below level content as `missing`.
    public var extra: Int
    /// On both sides under the same source key, and not the same; 0 below level content.
    public var differing: Int
    /// Whether so many rows differ that they were not all counted: the three counts are the least.
    public var isCutShort: Bool
    /// Rows of the final table that the source no longer has: not compared. Nil below level keys.
    public var vanishedRows: Int?
    /// Key map rows; nil below level keys and for tables without a source key.
    public var knownKeys: Int?
    /// Key map rows whose row is in the final table.
    public var presentKeys: Int?
    /// Foreign keys with rows that have no parent.
    public var orphans: [OrphanLine]
    /// Some of the rows that are counted above.
    public var examples: [Example]
    /// Why the table could not be proven, such as a chunk that is not what the manifest says.
    public var problem: String?
    /// True where the snapshot holds changed rows alone: nothing else was compared. Nil else.
    public var isPartial: Bool?
    /// Rows that the source deleted by a snapshot of changed rows, and that the key map takes to be
    /// there. Nil where the source does not say which it deleted.
    public var leftOver: Int?

    public init(
      table: String, source: String, snapshotRows: Int, targetRows: Int = 0, rejectedRows: Int = 0,
      exportRejects: Int = 0, damagedPlaces: Int = 0, otherRows: Int = 0, missing: Int = 0,
      extra: Int = 0, differing: Int = 0, isCutShort: Bool = false,
      vanishedRows: Int? = nil, knownKeys: Int? = nil, presentKeys: Int? = nil,
      orphans: [OrphanLine] = [], examples: [Example] = [],
      problem: String? = nil, isPartial: Bool? = nil
    ) {
      self.table = table
      self.source = source
      self.snapshotRows = snapshotRows
      self.targetRows = targetRows
      self.rejectedRows = rejectedRows
      self.exportRejects = exportRejects
      self.damagedPlaces = damagedPlaces
      self.otherRows = otherRows
      self.missing = missing
      self.extra = extra
      self.differing = differing
      self.isCutShort = isCutShort
      self.vanishedRows = vanishedRows
      self.knownKeys = knownKeys
      self.presentKeys = presentKeys
      self.orphans = orphans
      self.examples = examples
      self.problem = problem
      self.isPartial = isPartial
    }

    public var isEqual: Bool {
      problem == nil && missing == 0 && extra == 0 && differing == 0 && orphanRows == 0
        && knownKeys == presentKeys && leftOver ?? 0 == 0
    }

    public var orphanRows: Int { orphans.reduce(0) { $0 + $1.rows } }

    enum CodingKeys: String, CodingKey {
      case table, source, missing, extra, differing, orphans, examples, problem
      case snapshotRows = "snapshot_rows"
      case targetRows = "target_rows"
      case rejectedRows = "rejected_rows"
      case exportRejects = "export_rejects"
      case damagedPlaces = "damaged_places"
      case otherRows = "other_rows"
      case isCutShort = "cut_short"
      case vanishedRows = "vanished_rows"
      case knownKeys = "known_keys"
      case presentKeys = "present_keys"
      case isPartial = "partial"
      case leftOver = "left_over"
    }
  }

  public struct OrphanLine: Codable, Hashable, Sendable {
    public var foreignKey: String
    public var rows: Int

    public init(foreignKey: String, rows: Int) {
      self.foreignKey = foreignKey
      self.rows = rows
    }

    enum CodingKeys: String, CodingKey {
      case rows
      case foreignKey = "foreign_key"
    }
  }

  /// One row that is not the same on both sides.
  public struct Example: Codable, Hashable, Sendable {
    public enum Kind: String, Codable, Sendable { case missing, extra, differing }

    public var kind: Kind
    /// The source key's columns, under their names in the source, and their values; all columns for
    /// a table without one. A nil value is NULL.
    public var key: [KeyValue]
    /// Names, in the source, of the columns that differ; empty for missing and extra rows.
    public var columns: [String]

    public init(kind: Kind, key: [KeyValue], columns: [String] = []) {
      self.kind = kind
      self.key = key
      self.columns = columns
    }
  }

  public struct KeyValue: Codable, Hashable, Sendable {
    public var column: String
    public var value: String?

    public init(column: String, value: String?) {
      self.column = column
      self.value = value
    }
  }
}

extension Verification: CustomStringConvertible {
  /// The counts of all tables, what differs with its keys, and the verdict in one line. Values of
  /// other columns than keys are left out: the rows can be looked at by their keys.
  public var description: String {
    var text = "\(tableText)\n"
    for line in tables where !line.isEqual { text += Self.differences(of: line) + "\n" }
    return text + (remarks + [verdict]).map { $0 + "\n" }.joined()
  }

  private var tableText: String {
    var table = AlignedTable([
      .text("table"), .number("snapshot"), .number("target"), .number("rejected"),
      .number("missing"), .number("extra"), .number("differing"), .number("orphans"),
      .number("not ours"), .text(""),
    ])
    for line in tables {
      let counts = [
        line.snapshotRows, line.targetRows, line.rejectedRows, line.missing, line.extra,
        line.differing, line.orphanRows, line.otherRows,
      ]
      table.add([line.table] + counts.map(\.grouped) + [line.isEqual ? "equal" : "DIFFERENT"])
    }
    return table.description
  }

  private static func differences(of line: TableLine) -> String {
    var text = "\(line.table.printable), from \(line.source.printable):\n"
    if let problem = line.problem { text += "  \(problem.printable)\n" }
    if let known = line.knownKeys, let present = line.presentKeys, known != present {
      text += "  \(present.grouped) of \(known.grouped) keys in the key map have their row\n"
    }
    for orphan in line.orphans where orphan.rows > 0 {
      text += "  \(orphan.rows.grouped) rows have no parent by \(orphan.foreignKey.printable)\n"
    }
    if let leftOver = line.leftOver, leftOver > 0 {
      text += "  \(leftOver.rows) that the source deleted are not noted as vanished\n"
    }
    for example in line.examples { text += "  \(example)\n" }
    let left = line.missing + line.extra + line.differing - line.examples.count
    if left > 0 { text += "  and \(left.grouped) more rows\n" }
    if line.isCutShort { text += "  and others: so many differ that they were not all counted\n" }
    return text
  }

  /// What is no difference and should be known all the same.
  private var remarks: [String] {
    let others = tables.reduce(0) { $0 + $1.otherRows }
    var remarks: [String] = []
    if others > 0 { remarks.append("\(others.rows) of these tables are not from this source") }
    if !exportRefusals.isEmpty { remarks.append(exportRefusals.remark) }
    let partial = tables.count { $0.isPartial == true }
    if partial > 0 {
      remarks.append(
        "of \(partial) \(partial == 1 ? "table" : "tables") the snapshot holds changed rows alone: "
          + "no other rows were compared")
    }
    for table in goneTables {
      remarks.append(
        "\(table.printable): loaded earlier, no longer in the source, and not compared")
    }
    return remarks
  }

  private var verdict: String {
    let equal = tables.filter(\.isEqual)
    let rows = tables.reduce(0) { $0 + $1.snapshotRows }
    guard isEqual else {
      return
        "\(tables.count - equal.count) of \(tables.count) tables differ (level \(level.rawValue))"
    }
    let but = refusals.isEmpty ? "" : " but for \(refusals), not in the target"
    return "equal\(but): \(tables.count) tables, \(rows.rows) (level \(level.rawValue))"
  }
}

extension Int {
  /// "1 row", "2,000 rows".
  fileprivate var rows: String { "\(grouped) \(self == 1 ? "row" : "rows")" }
}

extension Verification.Example: CustomStringConvertible {
  public var description: String {
    let keys = key.map { "\($0.column)=\($0.value.map(Self.shortened) ?? "NULL")" }
    let differing = columns.isEmpty ? "" : ": \(columns.joined(separator: ", "))"
    return ("\(kind.rawValue) " + keys.joined(separator: " ") + differing).printable
  }

  /// In quotes where blanks or commas would make it hard to read; cut after 60 characters.
  private static func shortened(_ value: String) -> String {
    let cut = value.count > 60 ? value.prefix(60) + "…" : value[...]
    let isPlain = !cut.isEmpty && !cut.contains { $0.isWhitespace || "=,'\"".contains($0) }
    return isPlain ? String(cut) : "'\(cut.replacing("'", with: "''"))'"
  }
}
