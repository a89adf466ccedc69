extension Table {
  /// Names of the columns that identify a row in the source: the primary key, else the first unique
  /// constraint, else the first unique index, whose columns are all stored and never NULL. Nil when
  /// there is none: the whole row is the key then.
  ///
  /// A key or an index counts only while it binds every row: a filtered or disabled one does not.
  public var sourceKeyColumns: [String]? {
    let uniqueIndexes = indexes.filter { index in
      index.isUnique && !index.isDisabled && index.filter == nil
        && (index.kind == .clustered || index.kind == .nonclustered)
    }
    let candidates =
      ([primaryKey].compactMap { $0 } + uniqueConstraints)
      .filter { $0.isDisabled != true }.map(\.columnNames)
      + uniqueIndexes.map { $0.columns.map(\.name) }
    return candidates.first(where: identifiesRows)
  }

  private func identifiesRows(_ names: [String]) -> Bool {
    !names.isEmpty
      && names.allSatisfy { name in
        guard let column = column(named: name) else { return false }
        return column.isStored && !column.isNullable
      }
  }
}
