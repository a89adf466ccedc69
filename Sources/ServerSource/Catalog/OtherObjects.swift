import Catalog

/// What the catalog has beside tables, and what it says of tables that nothing else depends on.
struct OtherObjects: Sendable {
  // Answers of the server: these objects are made when the names of tables are known.
  let modules: [ResultRecord]
  let synonyms: [ResultRecord]
  /// None where all types are asked for with the columns.
  let aliasTypes: [ResultRecord]

  /// By the number of the table; column 0 is the table itself.
  let comments: [ColumnKey: String]
  let rowCounts: [Int: Int]
  let sequences: [SequenceGenerator]
  let partitionFunctions: [PartitionFunction]
  let partitionSchemes: [PartitionScheme]
  let extendedProperties: [ExtendedProperty]
  let notes: [String]
  let warnings: [String]

  init(_ reader: CatalogReader) throws(ServerError) {
    var reader = reader
    modules = try reader.moduleRecords()
    synonyms = try reader.askIfThere(reader.queries.synonyms, of: .synonyms)
    aliasTypes = reader.queries.arePlain ? [] : try reader.ask(reader.queries.aliasTypes)
    rowCounts = try reader.rowCounts()
    sequences = try reader.sequences()
    partitionFunctions = try reader.partitionFunctions()
    partitionSchemes = try reader.partitionSchemes()
    extendedProperties = try reader.extendedProperties()
    comments = try reader.comments()
    notes = reader.notes
    warnings = reader.warnings
  }
}

extension CatalogReader {
  fileprivate mutating func comments() throws(ServerError) -> [ColumnKey: String] {
    let records = try askIfThere(queries.comments, of: .extendedProperties)
    return Dictionary(
      records.compactMap { record in
        guard let key = ColumnKey(record), let text = record.text("comment") else { return nil }
        return (key, text)
      }, uniquingKeysWith: { first, _ in first })
  }

  /// The server's bookkeeping; Babelfish has none until it is analysed, and says 0.
  fileprivate mutating func rowCounts() throws(ServerError) -> [Int: Int] {
    let isKept = queries.version.kind != .babelfish
    var counts: [Int: Int] = [:]
    for record in try askIfThere(queries.rowCounts) {
      guard let id = record.integer("object_id"), let count = record.integer("row_count"),
        record.integer("index_id") ?? 0 <= 1
      else { continue }
      // Babelfish gives a row for each partition.
      if isKept || count > 0 { counts[id, default: 0] += count }
    }
    return counts
  }
}

extension OtherObjects {
  /// Calls its argument with a connection that nobody else uses.
  typealias Lend =
    @Sendable (_ body: (ServerConnection) throws -> OtherObjects) throws -> OtherObjects

  /// Asks for them on a second connection.
  ///
  /// Babelfish has to learn on each connection to read a question, which takes it much longer than the
  /// answer. Connections that learn at the same time are ready earlier for the rows.
  static func meanwhile(_ reader: CatalogReader, on lend: @escaping Lend) -> Meanwhile<Self> {
    Meanwhile {
      try lend { connection in
        var reader = reader
        reader.connection = connection
        return try OtherObjects(reader)
      }
    }
  }
}
