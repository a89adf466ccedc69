// What `commit: table` commits at a time.

import Catalog

/// Tables that are merged in one transaction: one table, or all tables of a cycle of foreign keys.
struct MergeUnit: Sendable {
  /// Indexes into `MappedDatabase.tables`; members of a cycle stand side by side there.
  let tables: Range<Int>
  /// Indexes of the units whose key maps must be complete before this one is merged.
  let parents: Set<Int>
  /// 0 for units without parents, else one more than the highest of the parents.
  let level: Int
}

extension MappedDatabase {
  /// All tables in foreign-key order, cut into units; parents come before their children.
  var mergeUnits: [MergeUnit] {
    let parents = tables.map { table in
      Set(table.foreignKeys.map(\.parent) + table.columns.compactMap(\.keyTable))
    }
    let ranges = Self.ranges(parents)
    var unitOfTable = [Int](repeating: 0, count: tables.count)
    for (number, range) in ranges.enumerated() {
      for index in range { unitOfTable[index] = number }
    }
    var units: [MergeUnit] = []
    for (number, range) in ranges.enumerated() {
      let others = Set(range.flatMap { parents[$0] }.map { unitOfTable[$0] }).subtracting([number])
      units.append(
        MergeUnit(
          tables: range, parents: others, level: others.map { units[$0].level + 1 }.max() ?? 0))
    }
    return units
  }

  /// In foreign-key order only a cycle leads to a later table, and then everything in between belongs
  /// to the cycle as well.
  private static func ranges(_ parents: [Set<Int>]) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var begin = 0
    var reach = 0
    for index in parents.indices {
      reach = max(reach, index, parents[index].max() ?? 0)
      guard reach == index else { continue }
      ranges.append(begin..<index + 1)
      begin = index + 1
    }
    return ranges
  }
}
