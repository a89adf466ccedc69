extension MappedTable {
  /// Names of the key map's key columns: `source_<name>` for each column of the source key, or
  /// `source_row_hash` and `source_occurrence` for a table keyed by its whole row. Names that the
  /// prefix makes too long are cut.
  public var keyMapColumns: [Identifier] {
    switch sourceKey {
    case .columns(let indexes):
      indexes.map { Identifier.shortened("source_" + columns[$0].name.name) }
    case .wholeRow: [Identifier("source_row_hash"), Identifier("source_occurrence")]
    }
  }
}
