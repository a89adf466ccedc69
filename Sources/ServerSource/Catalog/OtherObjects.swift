import Catalog
import Dispatch
import Staging

/// What the catalog has beside tables.
struct OtherObjects: Sendable {
  // Answers of the server: these objects are made when the names of tables are known.
  let modules: [ResultRecord]
  let synonyms: [ResultRecord]
  let aliasTypes: [ResultRecord]

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
    aliasTypes = try reader.aliasTypeRecords()
    sequences = try reader.sequences()
    partitionFunctions = try reader.partitionFunctions()
    partitionSchemes = try reader.partitionSchemes()
    extendedProperties = try reader.extendedProperties()
    try reader.notePermissions()
    notes = reader.notes
    warnings = reader.warnings
  }
}

/// Asks for other objects than tables on a second connection and a thread of its own.
///
/// Babelfish has to learn on each connection to read a question, which takes it much longer than the
/// answer. Connections that learn at the same time are ready earlier for the rows.
final class OtherObjectsReading: Sendable {
  /// Calls its argument with a connection that nobody else uses.
  typealias Lend =
    @Sendable (_ body: (ServerConnection) throws -> OtherObjects) throws -> OtherObjects

  private let queue = DispatchQueue(label: "restage.catalog")
  private let found = Locked<OtherObjects?>(nil)

  init(_ reader: CatalogReader, on lend: @escaping Lend) {
    queue.async { [found] in
      let objects = try? lend { connection in
        var reader = reader
        reader.connection = connection
        return try OtherObjects(reader)
      }
      found.withLock { $0 = objects }
    }
  }

  /// - Returns: nil where anything went wrong.
  func wait() -> OtherObjects? {
    queue.sync {}
    return found.withLock(\.self)
  }
}
