public import Catalog

/// What the mapping's `incremental` says: how an export with `--since` finds changed rows.
public enum IncrementalPolicy: Hashable, Sendable {
  /// The table is always read whole.
  case none
  case rowversion
  case changeTracking
  case column(String, overlapSeconds: Int)
}

extension MappingField {
  /// `rowversion`, `change_tracking`, `none`, or `{ column: ModifiedAt, overlap: "1 hour" }`.
  func incremental() throws(MappingError) -> IncrementalPolicy {
    guard !hasFields else { return try modifiedAt() }
    switch try text() {
    case "none": return .none
    case "rowversion": return .rowversion
    case "change_tracking": return .changeTracking
    case let other:
      throw error(
        .wrongValue,
        expected: "rowversion, change_tracking, none or { column: …, overlap: \"1 hour\" }",
        actual: "'\(other)'")
    }
  }

  private func modifiedAt() throws(MappingError) -> IncrementalPolicy {
    var column: String?
    var overlap: Int?
    for field in try fields() {
      switch field.key {
      case "column": column = try field.text()
      case "overlap": overlap = try field.seconds()
      default: throw field.unknown("column, overlap")
      }
    }
    guard let column, let overlap else {
      throw error(
        .wrongValue, expected: "{ column: …, overlap: \"1 hour\" }",
        actual: column == nil ? "no column" : "no overlap")
    }
    return .column(column, overlapSeconds: overlap)
  }

  /// `90 seconds`, `1 hour`: at most a year.
  private func seconds() throws(MappingError) -> Int {
    let text = try text()
    let words = text.split(separator: " ")
    let units = ["second": 1, "minute": 60, "hour": 3600, "day": 86_400]
    guard words.count == 2, let number = Int(words[0]), (0...31_536_000).contains(number),
      let unit = units[words[1].hasSuffix("s") ? String(words[1].dropLast()) : String(words[1])],
      number * unit <= 31_536_000
    else {
      throw error(
        .wrongValue, expected: "a time such as 30 seconds, 1 hour or 2 days", actual: "'\(text)'")
    }
    return number * unit
  }
}

extension Mapping {
  /// The name under which key maps remember a source.
  public func sourceName(ofDatabase name: String) -> String { source ?? names.spelled(name) }

  /// How changed rows are found, of the tables for which the mapping says so.
  ///
  /// - Throws: `MappingError` for a table that is named without `*` and cannot be read so; tables that
  ///   only a pattern matches are left out then.
  public func changeSources(
    for tables: [Table]
  ) throws(MappingError) -> [ObjectName: ChangeSource] {
    var sources: [ObjectName: ChangeSource] = [:]
    for (table, rules) in zip(tables, try TableRules.resolve(self, for: tables)) {
      sources[table.name] = rules.changes
    }
    return sources
  }
}

extension TableRules {
  /// Settles how changed rows are found.
  mutating func resolveChanges(of table: Table, by mapping: Mapping) throws(MappingError) {
    guard let incremental, table.refusal == nil else { return }
    switch changeSource(incremental.value, of: table) {
    case .success(let source): changes = source
    case .failure(let problem) where isIncrementalByName:
      throw MappingError(
        code: .unfitKey, file: mapping.file, line: incremental.line, path: incremental.path,
        expected: problem.expected, actual: problem.actual)
    case .failure: changes = nil
    }
  }

  private struct Problem: Error {
    let expected: String
    let actual: String
  }

  private func changeSource(
    _ policy: IncrementalPolicy, of table: Table
  ) -> Result<ChangeSource?, Problem> {
    if policy == .none { return .success(nil) }
    guard let key = key?.value ?? table.sourceKeyColumns else {
      return .failure(
        Problem(
          expected: "a table with a source key",
          actual: "\(table.name), whose rows nothing tells apart from what they were before"))
    }
    switch policy {
    case .none: return .success(nil)
    case .rowversion:
      guard let column = table.storedColumns.first(where: { $0.type.base == .rowversion }) else {
        return .failure(
          Problem(expected: "a table with a rowversion column", actual: "\(table.name) without one")
        )
      }
      return .success(.rowversion(column: column.name))
    case .changeTracking:
      guard table.primaryKey?.columnNames == key else {
        return .failure(
          Problem(
            expected: "a table with a primary key, as Change Tracking needs it",
            actual: "\(table.name) without one"))
      }
      return .success(.changeTracking)
    case .column(let name, let overlap):
      guard let spelled = table.spelling(ofColumn: name), let column = table.column(named: spelled)
      else {
        return .failure(
          Problem(expected: "a stored column of \(table.name)", actual: "'\(name)'"))
      }
      guard column.type.isMoment else {
        return .failure(
          Problem(
            expected: "a column of a date and time",
            actual: "\(table.name).\(spelled) of type \(column.type)"))
      }
      return .success(.column(spelled, overlapSeconds: overlap))
    }
  }
}

extension ColumnType {
  fileprivate var isMoment: Bool {
    switch base {
    case .datetime, .datetime2, .datetimeoffset, .smalldatetime, .date: true
    default: false
    }
  }
}
