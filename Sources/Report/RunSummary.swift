/// What a run did, table by table: the account that its audit keeps.
public struct RunSummary: Codable, Hashable, Sendable {
  /// The rows of one table, by what became of them.
  public struct TableLine: Codable, Hashable, Sendable {
    /// The final table.
    public var table: String
    public var staged: Int
    /// In chunks that are as an earlier run loaded them; not among the staged.
    public var skipped: Int
    public var inserted: Int
    public var updated: Int
    /// Known and the same.
    public var unchanged: Int
    /// Known and different, where the mapping says `on_changed: report`.
    public var changed: Int
    /// Changed in the source, edited in the target, and left alone (`on_conflict: keep`).
    public var kept: Int
    /// Recognised by their natural key as rows that were in the target already.
    public var matched: Int
    public var rejected: Int
    /// Left out by the mapping's `where`.
    public var filtered: Int
    /// Loaded with a foreign key set to NULL; among the inserted.
    public var nulled: Int
    /// Edited in the target before; among the updated.
    public var overwritten: Int
    /// Known and staged no longer; not among the staged.
    public var vanished: Int
    /// Vanished, now or before, and deleted from the final table.
    public var deleted: Int

    public init(
      table: String, staged: Int = 0, skipped: Int = 0, inserted: Int = 0, updated: Int = 0,
      unchanged: Int = 0, changed: Int = 0, kept: Int = 0, matched: Int = 0, rejected: Int = 0,
      filtered: Int = 0, nulled: Int = 0, overwritten: Int = 0, vanished: Int = 0,
      deleted: Int = 0
    ) {
      self.table = table
      self.staged = staged
      self.skipped = skipped
      self.inserted = inserted
      self.updated = updated
      self.unchanged = unchanged
      self.changed = changed
      self.kept = kept
      self.matched = matched
      self.rejected = rejected
      self.filtered = filtered
      self.nulled = nulled
      self.overwritten = overwritten
      self.vanished = vanished
      self.deleted = deleted
    }

    /// Whether every staged row is in exactly one of the other columns.
    public var isAccounted: Bool {
      staged == inserted + updated + unchanged + changed + kept + matched + rejected + filtered
    }
  }

  public var runID: String
  public var source: String
  /// "succeeded", "failed" or "interrupted", as `restage.run` has it.
  public var status: String
  public var seconds: Double
  public var tables: [TableLine]
  /// What the export refused, so that nothing of it was staged.
  public var exportRefusals: Refusals
  /// Tables that nobody asked for and foreign keys lead to, each with the reason.
  public var widened: [String]

  public init(
    runID: String, source: String, status: String, seconds: Double, tables: [TableLine],
    exportRefusals: Refusals = Refusals(), widened: [String] = []
  ) {
    self.runID = runID
    self.source = source
    self.status = status
    self.seconds = seconds
    self.tables = tables
    self.exportRefusals = exportRefusals
    self.widened = widened
  }

  enum CodingKeys: String, CodingKey {
    case source, status, seconds, tables, widened
    case runID = "run_id"
    case exportRefusals = "export_refusals"
  }
}

extension RunSummary: CustomStringConvertible {
  public var description: String {
    """
    run \(runID) of \(source.printable): \(status) in \(Self.duration(seconds))

    \(tableText)\(exportRefusals.isEmpty ? "" : "\n\(exportRefusals.remark)\n")\(widenedText)
    """
  }

  private var widenedText: String {
    guard !widened.isEmpty else { return "" }
    return "\nbeside what was asked for (--with-parents):\n"
      + widened.map { "  \($0.printable)\n" }.joined()
  }

  private var tableText: String {
    let shown = Self.countColumns.filter { column in
      column.isAlwaysShown || tables.contains { $0[keyPath: column.count] != 0 }
    }
    var table = AlignedTable([.text("table")] + shown.map { .number($0.title) })
    for line in tables {
      table.add([line.table] + shown.map { line[keyPath: $0.count].grouped })
    }
    if tables.count > 1 {
      table.setFooter(
        ["\(tables.count) tables"]
          + shown.map { column in
            tables.reduce(0) { $0 + $1[keyPath: column.count] }.grouped
          })
    }
    return table.description
  }

  private struct CountColumn {
    let title: String
    let count: any KeyPath<TableLine, Int> & Sendable
    var isAlwaysShown = true
  }

  private static let countColumns = [
    CountColumn(title: "staged", count: \.staged),
    CountColumn(title: "skipped", count: \.skipped, isAlwaysShown: false),
    CountColumn(title: "inserted", count: \.inserted),
    CountColumn(title: "updated", count: \.updated),
    CountColumn(title: "unchanged", count: \.unchanged),
    CountColumn(title: "changed", count: \.changed, isAlwaysShown: false),
    CountColumn(title: "kept", count: \.kept, isAlwaysShown: false),
    CountColumn(title: "matched", count: \.matched, isAlwaysShown: false),
    CountColumn(title: "rejected", count: \.rejected),
    CountColumn(title: "filtered", count: \.filtered, isAlwaysShown: false),
    CountColumn(title: "no parent", count: \.nulled, isAlwaysShown: false),
    CountColumn(title: "overwritten", count: \.overwritten, isAlwaysShown: false),
    CountColumn(title: "vanished", count: \.vanished),
    CountColumn(title: "deleted", count: \.deleted, isAlwaysShown: false),
  ]

  /// "0.42 s", "12.3 s", "3 min 05 s", "2 h 07 min".
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    if seconds < 60 {
      let scale = seconds < 10 ? 100.0 : 10.0
      return "\((seconds * scale).rounded() / scale) s"
    }
    let (minutes, rest) = Int(seconds.rounded()).quotientAndRemainder(dividingBy: 60)
    if minutes < 60 { return "\(minutes) min \(rest < 10 ? "0" : "")\(rest) s" }
    let (hours, left) = minutes.quotientAndRemainder(dividingBy: 60)
    return "\(hours.grouped) h \(left < 10 ? "0" : "")\(left) min"
  }
}
