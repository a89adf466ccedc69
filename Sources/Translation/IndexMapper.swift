import Catalog

/// Decides which indexes of a table the target gets, and how.
struct IndexMapper {
  let table: SourceTable
  let keyTables: [Int?]
  let mapped: MappedTable

  /// A B-tree entry has at most 2704 bytes; longer ones fail when the row is written. 2600 leaves
  /// room for its header and alignment.
  private static let entryByteCountMax = 2600

  mutating func map(
    _ index: Int, names: inout NamePlan, findings: inout Findings
  ) -> [MappedIndex] {
    table.table.indexes.compactMap { source in
      do throws(Untranslatable) {
        return try mappedIndex(source, index, names: &names, findings: &findings)
      } catch {
        findings.report(
          source.isUnique ? "unique index" : "index", "\(table.table.name).\(source.name)",
          error.reason, text: source.sourceText(on: table.table.name))
        return nil
      }
    }
  }

  private func mappedIndex(
    _ source: Index, _ index: Int, names: inout NamePlan, findings: inout Findings
  ) throws(Untranslatable) -> MappedIndex {
    try refuse(source)
    let parts = try source.columns.map { column throws(Untranslatable) in
      guard let place = table.indexes(of: [column.name])?.first else {
        throw Untranslatable("its column \(column.name) is computed and not stored")
      }
      guard table.columns[place].type.hasEquality else {
        throw Untranslatable("PostgreSQL cannot order its column \(column.name)")
      }
      return MappedIndex.Part(column: place, isDescending: column.isDescending)
    }
    var predicate: Predicate?
    if let filter = source.filter {
      predicate = try Predicate(filter, of: table, mapped: mapped, keyTables: keyTables)
    }
    let known = predicate?.notNullColumns ?? []
    if source.isUnique, let condition = predicate, condition.isOnlyNotNull,
      known.isSubset(of: parts.map(\.column)), !parts.contains(where: \.isDescending),
      parts.allSatisfy({ !table.columns[$0.column].isNullable || known.contains($0.column) })
    {
      // To PostgreSQL a NULL is like no other: without the condition the key means the same.
      predicate = nil
    }
    let target = mapped.target.name.name
    let columns = parts.map { mapped.columns[$0.column].name.name }.joined(separator: "_")
    let fallback = "\(target)_\(columns)_idx"
    let couldBeConstraint =
      source.isUnique && predicate == nil && !parts.contains(where: \.isDescending)
    return MappedIndex(
      name: couldBeConstraint
        ? names.key(source.name, fallback: fallback, of: index)
        : names.relation(source.name, fallback: fallback, of: index),
      isUnique: source.isUnique, parts: parts,
      included: included(source, parts, findings: &findings), predicate: predicate?.sql,
      nullsNotDistinct: source.isUnique
        && parts.contains {
          table.columns[$0.column].isNullable && !known.contains($0.column)
        },
      isDeferrable: couldBeConstraint)
  }

  private func refuse(_ source: Index) throws(Untranslatable) {
    switch source.kind {
    case .clustered, .nonclustered: break
    case .xml: throw Untranslatable("PostgreSQL has no index on the inside of xml")
    case .spatial: throw Untranslatable("spatial values are kept as bytes")
    case .columnstore: throw Untranslatable("PostgreSQL has no columnstore index")
    case .hash: throw Untranslatable("indexes of memory-optimized tables are not made")
    case .fullText: throw Untranslatable("full-text search is set up differently in PostgreSQL")
    }
    if source.isDisabled { throw Untranslatable("disabled in the source") }
    guard !source.columns.isEmpty else { throw Untranslatable("no key column is known") }
  }

  /// Included columns as long as an entry surely fits; the others only cost a look into the table.
  private func included(
    _ source: Index, _ parts: [MappedIndex.Part], findings: inout Findings
  ) -> [Int] {
    var kept: [Int] = []
    var left: [String] = []
    var byteCount = parts.map { byteCountMax(of: $0.column) }.reduce(0, addingCapped)
    for name in source.included {
      guard let column = table.indexes(of: [name])?.first else {
        left.append(name)
        continue
      }
      guard !parts.contains(where: { $0.column == column }), !kept.contains(column) else {
        continue
      }
      let wider = addingCapped(byteCount, byteCountMax(of: column))
      guard wider <= Self.entryByteCountMax else {
        left.append(name)
        continue
      }
      byteCount = wider
      kept.append(column)
    }
    if !left.isEmpty {
      findings.report(
        "included column", "\(table.table.name).\(source.name)",
        "left out of the index, whose entries could become too long for PostgreSQL: "
          + left.joined(separator: ", "), text: source.sourceText(on: table.table.name))
    }
    return kept
  }

  /// The most bytes that a value can have in the target; UTF-8 has up to three for each UTF-16 unit
  /// and for each byte of an 8-bit code page.
  private func byteCountMax(of column: Int) -> Int {
    let type = table.columns[column].type
    switch type.base {
    case .char, .varchar, .nchar, .nvarchar:
      return type.isMax ? Int.max : min(type.length ?? 1, 1 << 20) * 3 + 4
    case .binary, .varbinary, .rowversion:
      return type.isMax ? Int.max : min(type.length ?? 8, 1 << 20) + 4
    case .decimal, .numeric, .money, .smallmoney: return 28
    case .text, .ntext, .image, .xml, .json, .geometry, .geography, .clr, .vector: return Int.max
    case .sqlVariant: return 8016 * 3
    case .hierarchyid: return 892 * 3
    default: return 16
    }
  }

  private func addingCapped(_ left: Int, _ right: Int) -> Int {
    let (sum, isOver) = left.addingReportingOverflow(right)
    return isOver ? Int.max : sum
  }
}

extension Index {
  /// The index as T-SQL, for reports.
  func sourceText(on table: ObjectName) -> String {
    let unique = isUnique ? "UNIQUE " : ""
    let columns = self.columns.map { bracketed($0.name) + ($0.isDescending ? " DESC" : "") }
    var text =
      "CREATE \(unique)\(kind.rawValue.uppercased()) INDEX \(bracketed(name)) ON "
      + "\(table.bracketed) (\(columns.joined(separator: ", ")))"
    if !included.isEmpty { text += " INCLUDE (\(bracketed(included)))" }
    if let filter { text += " WHERE \(filter)" }
    return text
  }
}
