// What a described server knows of changes: rowversions, Change Tracking, times of modification.

import BackupFixtures
public import Catalog

/// Changes of a described database, as its client asks for them.
public struct ChangeLog: Sendable {
  /// What MIN_ACTIVE_ROWVERSION says; nil for a server that does not know it.
  public var lowestRowversion: UInt64?
  /// What CHANGE_TRACKING_CURRENT_VERSION says; nil where it is not on.
  public var version: Int64?
  public var tracked: [ObjectName: Tracked] = [:]

  /// A table with Change Tracking.
  public struct Tracked: Sendable {
    /// From which version on changes are kept.
    public var oldestVersion: Int64 = 0
    /// Whole-number keys of changed rows, by version.
    public var changes: [(version: Int64, key: Int64, isRemoval: Bool)] = []

    public init() {}
  }

  public init(lowestRowversion: UInt64? = nil, version: Int64? = nil) {
    self.lowestRowversion = lowestRowversion
    self.version = version
  }
}

extension ChangeLog {
  /// Answers questions about changes; nil for others.
  func answer(_ batch: Batch, _ database: FixtureDatabase) throws -> ResultSet? {
    switch batch.name {
    case "rowversion":
      guard let lowestRowversion else {
        throw ServerMessage(195, "'MIN_ACTIVE_ROWVERSION' is not a recognized built-in function.")
      }
      let digits = String(lowestRowversion, radix: 16, uppercase: true)
      let text = "0x" + String(repeating: "0", count: 16 - digits.count) + digits
      return ResultSet([ResultColumn("lowest_active", "varchar(18)")], rows: [[.text(text)]])
    case "change tracking version":
      return ResultSet(
        [ResultColumn("current_version", "bigint")],
        rows: [[version.map { .integer($0) } ?? .null]])
    case "change tracking since":
      let table = database.tables.first { batch.text.contains("[\($0.table.name.name)]") }
      let oldest = table.flatMap { tracked[$0.table.name] }?.oldestVersion
      return ResultSet(
        [ResultColumn("oldest_version", "bigint")],
        rows: [[oldest.map { .integer($0) } ?? .null]])
    case let name where name.hasPrefix("latest "):
      let name = name.dropFirst(7)
      guard let table = database.tables.first(where: { $0.table.name.fileName == name }),
        let column = batch.text.firstMatch(of: try Regex(#"CAST\(t\.\[(\w+)\] AS"#))?[1].substring
      else { throw ServerMessage(208, "Invalid object name.") }
      let latest = try table.cells(String(column)).compactMap(Moment.init).max()
      return ResultSet(
        [ResultColumn("latest", "nvarchar(30)")], rows: [[latest.map { .text($0.text) } ?? .null]])
    default: return nil
    }
  }

  /// The batch without its condition, and the database with the rows alone that meet it.
  func narrowed(
    _ batch: Batch, _ database: FixtureDatabase
  ) throws -> (batch: Batch, database: FixtureDatabase) {
    guard batch.name.hasPrefix("rows ") || batch.name.hasPrefix("count "),
      let match = batch.text.firstMatch(
        of: try Regex(#"\nWHERE ([\s\S]*?)(?=\nORDER BY|;|$)"#)),
      let condition = match[1].substring,
      let index = database.tables.firstIndex(where: {
        batch.name.hasSuffix(" " + $0.table.name.fileName)
      })
    else { return (batch, database) }
    var (narrow, batch) = (database, batch)
    let table = database.tables[index]
    let name = table.table.name
    batch.text.removeSubrange(match.range)
    if condition.hasPrefix("t.SYS_CHANGE_OPERATION = N'D'") {
      let from = batch.text.firstMatch(
        of: try Regex(#"CHANGETABLE\(CHANGES \[(\w+)\]\.\[(\w+)\], (\d+)\)"#))
      guard let from, let since = from[3].substring.flatMap({ Int64($0) }) else {
        throw Self.mistake
      }
      batch.text.replaceSubrange(from.range, with: "[\(name.schema)].[\(name.name)]")
      let present = Set(try table.keys())
      let gone = Set(changes(of: name, since: since).filter(\.isRemoval).map(\.key))
      narrow.tables[index] = table.ofKeys(gone.subtracting(present).sorted())
    } else {
      let isKept = try test(String(condition), table)
      narrow.tables[index] = table.keeping(isKept)
    }
    return (batch, narrow)
  }

  private func changes(
    of table: ObjectName, since version: Int64
  ) -> [(version: Int64, key: Int64, isRemoval: Bool)] {
    (tracked[table]?.changes ?? []).filter { $0.version > version }
  }

  private func test(_ condition: String, _ table: FixtureTable) throws -> [Bool] {
    if let match = condition.wholeMatch(of: try Regex(#"t\.\[(\w+)\] >= 0x([0-9A-F]{16})"#)),
      let column = match[1].substring,
      let since = match[2].substring.flatMap({ UInt64($0, radix: 16) })
    {
      return try table.cells(String(column)).map { value in
        guard case .bytes(let bytes) = value else { return false }
        return bytes.reduce(0) { $0 << 8 | UInt64($1) } >= since
      }
    }
    let modified =
      #"\(t\.\[(\w+)\] >= DATEADD\(second, -(\d+), CAST\(N'(.*)' AS datetime2\(7\)\)\) OR t\.\[\w+\] IS NULL\)"#
    if let match = condition.wholeMatch(of: try Regex(modified)),
      let column = match[1].substring, let seconds = match[2].substring.flatMap({ Int64($0) }),
      let since = match[3].substring.flatMap({ Moment(String($0)) })
    {
      return try table.cells(String(column)).map { value in
        Moment(value).map { $0.ticks >= since.ticks - seconds * 10_000_000 } ?? true
      }
    }
    if let match = condition.firstMatch(of: try Regex(#"CHANGETABLE\(CHANGES .*, (\d+)\) AS c"#)),
      let since = match[1].substring.flatMap({ Int64($0) }), condition.hasPrefix("EXISTS (")
    {
      let changed = Set(changes(of: table.table.name, since: since).map(\.key))
      return try table.keys().map { changed.contains($0) }
    }
    throw Self.mistake
  }

  private static let mistake = ServerMessage(50_003, "the fixture does not understand a condition")
}

/// Units of 100 ns since the first of January in the year 1.
private struct Moment: Comparable {
  var ticks: Int64

  private static let ticksPerDay: Int64 = 864_000_000_000

  init?(_ value: FixtureValue) {
    guard case .timestamp(let days, let ticks) = value else { return nil }
    self.ticks = Int64(days) * Self.ticksPerDay + ticks
  }

  /// `2026-01-31T04:00:00.0000000`
  init?(_ text: String) {
    let numbers = text.split { "-T:.".contains($0) }.compactMap { Int64($0) }
    guard numbers.count == 7 else { return nil }
    // Days of a civil date, counted from March, so that a leap day is the last of its year.
    let year = numbers[1] <= 2 ? numbers[0] - 1 : numbers[0]
    let month = (numbers[1] + 9) % 12
    let days =
      365 * year + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10
      + numbers[2] - 1 - 306
    ticks =
      days * Self.ticksPerDay
      + ((numbers[3] * 60 + numbers[4]) * 60 + numbers[5]) * 10_000_000 + numbers[6]
  }

  /// As CONVERT with style 126, without a fraction where it is zero.
  var text: String {
    func digits(_ number: Int64, _ count: Int) -> String {
      let text = "\(number)"
      return String(repeating: "0", count: count - text.count) + text
    }
    let (day, time) = (ticks / Self.ticksPerDay, ticks % Self.ticksPerDay)
    var year: Int64 = 1
    var rest = day
    func length(_ year: Int64) -> Int64 {
      year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 : 365
    }
    while rest >= length(year) {
      rest -= length(year)
      year += 1
    }
    let months: [Int64] = [31, length(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    var month = 0
    while rest >= months[month] {
      rest -= months[month]
      month += 1
    }
    let seconds = time / 10_000_000
    let fraction = time % 10_000_000
    return "\(digits(year, 4))-\(digits(Int64(month) + 1, 2))-\(digits(rest + 1, 2))T"
      + "\(digits(seconds / 3600, 2)):\(digits(seconds / 60 % 60, 2)):\(digits(seconds % 60, 2))"
      + (fraction == 0 ? "" : "." + digits(fraction, 7))
  }

  static func < (left: Moment, right: Moment) -> Bool { left.ticks < right.ticks }
}

extension FixtureTable {
  fileprivate func cells(_ column: String) throws -> [FixtureValue] {
    guard let index = table.storedColumns.firstIndex(where: { $0.name == column }) else {
      throw ServerMessage(207, "Invalid column name '\(column)'.")
    }
    return (0..<rowCount).map { row($0)[index] }
  }

  /// Values of a primary key of one whole number.
  fileprivate func keys() throws -> [Int64] {
    try cells(table.primaryKey?.columns.first?.name ?? "").map { value in
      guard case .integer(let key) = value else {
        throw ServerMessage(50_003, "the fixture tracks whole-number keys only")
      }
      return key
    }
  }

  fileprivate func keeping(_ isKept: [Bool]) -> FixtureTable {
    let kept = isKept.indices.filter { isKept[$0] }
    var table = self
    table.rowCount = kept.count
    table.row = { row(kept[$0]) }
    return table
  }

  fileprivate func ofKeys(_ keys: [Int64]) -> FixtureTable {
    var table = table
    table.columns = table.storedColumns.filter { $0.name == table.primaryKey?.columns.first?.name }
    return FixtureTable(table, rows: keys.map { [.integer($0)] })
  }
}
