import Catalog

/// The PostgreSQL type of every column. Columns that a foreign key pairs get types that PostgreSQL
/// can compare.
struct TypePlan {
  /// By table and column.
  private(set) var types: [[String]]

  init(
    _ tables: [SourceTable], keys: KeyPlan, mapping: Mapping, findings: inout Findings
  ) throws(MappingError) {
    types = tables.map { table in table.columns.map(\.defaultTargetType) }
    var isDeclared = types.map { $0.map { _ in false } }
    for (index, table) in tables.enumerated() {
      for (column, source) in table.columns.enumerated() {
        if keys.surrogates[index] == column || source.identity != nil {
          types[index][column] = source.identityTargetType
        }
        guard let rule = table.rules.columns[source.name]?.type else { continue }
        types[index][column] = try Self.declared(
          rule, for: source, isGenerated: keys.surrogates[index] == column, mapping)
        isDeclared[index][column] = true
      }
    }
    while widen(tables, isDeclared) {}
    try check(tables, mapping)
    noteLosses(tables, findings: &findings)
  }

  private static func declared(
    _ rule: Located<String>, for column: Column, isGenerated: Bool, _ mapping: Mapping
  ) throws(MappingError) -> String {
    guard let type = TargetType(rule.value) else {
      throw mapping.error(
        .unfitType, at: rule,
        expected: "one of \(TargetType.Base.allCases.map(\.rawValue).joined(separator: ", "))",
        actual: "'\(rule.value)'")
    }
    let stored = TargetType(column.csvType)
    guard !type.isSpatial || !column.type.isSpatial || column.cellForm == .ewkb else {
      throw mapping.error(
        .unfitType, at: rule,
        expected:
          "a snapshot that holds the column's shapes as EWKB: export again with this mapping",
        actual: "'\(rule.value)' for a column whose bytes are as SQL Server stores them")
    }
    let isPlausible = type.base != .json || column.type.isText || column.type.base == .json
    guard let stored, type.holds(stored), isPlausible else {
      throw mapping.error(
        .unfitType, at: rule,
        expected: "a type that holds every value of \(column.type) as the snapshot has it "
          + "(\(column.csvType))", actual: "'\(rule.value)'")
    }
    let needsSequence = column.identity != nil || (isGenerated && stored.base != .uuid)
    guard !needsSequence || [.smallint, .integer, .bigint].contains(type.base) else {
      throw mapping.error(
        .unfitType, at: rule,
        expected: "smallint, integer or bigint for a column that a sequence fills",
        actual: "'\(rule.value)'")
    }
    guard !isGenerated || stored.base != .uuid || type.base == .uuid else {
      throw mapping.error(
        .unfitType, at: rule, expected: "uuid for a column that gets new uuid keys",
        actual: "'\(rule.value)'")
    }
    return type.sql
  }

  /// A whole number that refers to a wider one becomes as wide: new keys and decimal identities are
  /// bigint where the referring column may not be. Only ever widens, so it ends.
  private mutating func widen(_ tables: [SourceTable], _ isDeclared: [[Bool]]) -> Bool {
    var isChanged = false
    for (child, table) in tables.enumerated() {
      for link in table.links {
        for (column, parentColumn) in zip(link.columns, link.parentColumns) {
          let wanted = types[link.parent][parentColumn]
          let current = types[child][column]
          guard !isDeclared[child][column], Self.rank(wanted) > Self.rank(current),
            TargetType(current)?.isWholeNumber == true
          else { continue }
          types[child][column] = wanted
          isChanged = true
        }
      }
    }
    return isChanged
  }

  /// A numeric is below the integer types: it takes their type, because PostgreSQL makes no foreign
  /// key from numeric to an integer type.
  private static func rank(_ type: String) -> Int {
    switch type {
    case "bigint": 3
    case "integer": 2
    case "smallint": 1
    default: 0
    }
  }

  /// Foreign keys whose columns PostgreSQL could not compare are the fault of a declared type.
  private func check(_ tables: [SourceTable], _ mapping: Mapping) throws(MappingError) {
    for (child, table) in tables.enumerated() {
      for link in table.links {
        for (column, parentColumn) in zip(link.columns, link.parentColumns) {
          let types = (types[child][column], types[link.parent][parentColumn])
          guard !Self.areComparable(types.0, types.1) else { continue }
          let parentTable = tables[link.parent]
          let own = table.rules.columns[table.columns[column].name]
          let parents = parentTable.rules.columns[parentTable.columns[parentColumn].name]
          let rule = own?.type ?? own?.references ?? parents?.type
          guard let rule else { continue }
          throw mapping.error(
            .unfitType, at: rule,
            expected: "types that \(table.table.name).\(table.columns[column].name) and its parent "
              + "\(parentTable.table.name) can be compared by",
            actual: "\(types.0) and \(types.1)")
        }
      }
    }
  }

  static func areComparable(_ child: String, _ parent: String) -> Bool {
    guard child != parent, let child = TargetType(child), let parent = TargetType(parent) else {
      return true
    }
    if child.base == parent.base { return true }
    if child.isText, parent.isText { return true }
    if parent.base == .numeric { return child.isWholeNumber }
    return rank(child.sql) > 0 && rank(parent.sql) > 0
  }
}

extension Column {
  fileprivate var defaultTargetType: String {
    // A length of zero stands in no real catalog, and in no PostgreSQL type either.
    if let length = type.length, length < 1, type.isText { return "text" }
    return TargetType(csvType).flatMap { $0.isSpatial ? $0.sql : nil } ?? csvType
  }

  /// Sequences fill smallint, integer and bigint only.
  fileprivate var identityTargetType: String {
    switch type.base {
    case .decimal, .numeric: "bigint"
    default: defaultTargetType
    }
  }
}

// MARK: - What values lose on the way

extension TypePlan {
  private func noteLosses(_ tables: [SourceTable], findings: inout Findings) {
    for (loss, sentence) in Self.losses {
      let columns = tables.flatMap { table in
        table.columns.filter { loss($0.type) }.map { "\(table.table.name).\($0.name)" }
      }
      guard !columns.isEmpty else { continue }
      findings.note("\(sentence): \(columns.joined(separator: ", ")).")
    }
  }

  private static let losses: [(applies: @Sendable (ColumnType) -> Bool, sentence: String)] = [
    (
      { [.time, .datetime2, .datetimeoffset].contains($0.base) && ($0.scale ?? 7) == 7 },
      "The seventh fractional digit of a second is cut off, PostgreSQL keeps six"
    ),
    (
      { $0.base == .datetimeoffset },
      "The instant is kept and the offset from UTC with which it was written is not"
    ),
    ({ $0.base == .sqlVariant }, "The text of the value is kept and its base type is not"),
    ({ $0.base == .hierarchyid }, "Kept as text such as /1/2/, which sorts differently"),
    (
      { [.geometry, .geography, .clr].contains($0.base) },
      "Kept as the bytes in which SQL Server stores them"
    ),
    ({ $0.base == .rowversion }, "Values are carried over; the target does not make new ones"),
  ]
}
