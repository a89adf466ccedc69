import CSybDB
import Catalog

extension CatalogReader {
  /// Gives persisted computed decimals the precision and scale in which the server sends them.
  ///
  /// Babelfish lists each of them as decimal(38,38), which could hold none of their values. SQL Server's
  /// catalog is right, and is not asked twice.
  func withSentDecimals(_ tables: [Table]) throws(ServerError) -> [Table] {
    guard queries.version.kind == .babelfish else { return tables }
    var tables = tables
    for table in tables.indices {
      for column in tables[table].columns.indices {
        let described = tables[table].columns[column]
        guard described.computed?.isPersisted ?? false,
          [.decimal, .numeric].contains(described.type.base),
          let sent = try sentDecimal(described, of: tables[table].name)
        else { continue }
        tables[table].columns[column].type.precision = sent.precision
        tables[table].columns[column].type.scale = sent.scale
      }
    }
    return tables
  }

  private func sentDecimal(
    _ column: Column, of table: ObjectName
  ) throws(ServerError) -> (precision: Int, scale: Int)? {
    try connection.sentDecimal(
      SQLBatch(
        "type of a computed column",
        "SELECT TOP (0) \(SQLText.quoted(column.name)) FROM \(SQLText.quoted(table))"))
  }
}

extension ServerConnection {
  /// Precision and scale of the single decimal column of a query.
  fileprivate func sentDecimal(
    _ batch: SQLBatch
  ) throws(ServerError) -> (precision: Int, scale: Int)? {
    try execute(batch)
    var sent: (precision: Int, scale: Int)?
    while try nextResult(of: batch) {
      guard dbnumcols(process) == 1 else { continue }
      if let info = dbcoltypeinfo(process, 1)?.pointee {
        sent = (Int(info.precision), Int(info.scale))
      }
      while try nextRow(of: batch) {}
    }
    return sent
  }
}
