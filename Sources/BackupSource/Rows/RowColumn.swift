import Catalog
import Staging

/// One stored column of a table, ready for the row loop: where a record keeps it and how its values
/// become cells.
struct RowColumn {
  let name: String
  let physical: PhysicalColumn
  let decoder: ValueDecoder
  /// What rows have in it that are older than the column, in the type's ordinary encoding; nil for
  /// NULL.
  let missingValue: [UInt8]?
}

extension RowColumn {
  /// Writes what rows have that are older than the column.
  func writeMissing(into writer: inout TableWriter) throws(Fault) {
    guard let missingValue else {
      writer.writeNull()
      return
    }
    try decode(missingValue, into: &writer)
  }

  func decode(_ value: [UInt8], into writer: inout TableWriter) throws(Fault) {
    var failure: Fault?
    value.withUnsafeBytes { bytes in
      do throws(Fault) { try decoder.decode(bytes, &writer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// The columns of a partition in the order of a CSV line.
  ///
  /// - Throws: `unknown` for a column that cannot be read, naming it.
  static func columns(
    of table: Table, in partition: TableStorage.Partition, file: String
  ) throws(BackupError) -> [RowColumn] {
    let byID = Dictionary(
      partition.columns.filter { !$0.isDropped }.map { ($0.columnID, $0) },
      uniquingKeysWith: { first, _ in first })
    var result: [RowColumn] = []
    for column in table.storedColumns {
      do throws(Fault) {
        guard let physical = byID[column.id] else {
          throw Fault.damaged("rowset \(partition.rowset.id) does not say where the column is")
        }
        let added = partition.addedDefaults.first { $0.number == physical.number }
        result.append(
          RowColumn(
            name: column.name, physical: physical,
            decoder: try ValueDecoder(column, physical: physical),
            missingValue: added?.value))
      } catch {
        throw error.at("\(table.name), column \(column.name)", file: file)
      }
    }
    return result
  }
}
