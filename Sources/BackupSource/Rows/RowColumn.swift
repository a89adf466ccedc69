import Catalog
import Staging

/// What the row loop reads cells from: an ordinary record, or the current one of compressed pages.
protocol RowRecord {
  func cell(_ column: RowColumn) throws(Fault) -> Cell
}

extension FixedVarRecord: RowRecord {
  @inline(__always)
  func cell(_ column: RowColumn) throws(Fault) -> Cell { try cell(column.physical) }
}

extension CompressedRows: RowRecord {}

/// One stored column of a table, ready for the row loop: where a record keeps it and how its values
/// become cells. A class, so that the row loop takes it up by one reference and copies none of what it
/// holds.
final class RowColumn {
  let name: String
  let physical: PhysicalColumn
  let decoder: ValueDecoder
  /// Of compressed rows.
  let expander: ValueExpander
  /// What rows have in it that are older than the column; nil for NULL.
  let missing: MissingValue?

  /// A value in the type's ordinary encoding, however the rows keep theirs: a bit is a byte of its own
  /// and a decimal no vardecimal.
  struct MissingValue {
    var bytes: [UInt8]
    var decoder: ValueDecoder
  }

  init(
    name: String, physical: PhysicalColumn, decoder: ValueDecoder, expander: ValueExpander,
    missing: MissingValue?
  ) {
    self.name = name
    self.physical = physical
    self.decoder = decoder
    self.expander = expander
    self.missing = missing
  }
}

extension RowColumn {
  /// Writes a cell.
  ///
  /// - Returns: The pointer of a value that is kept off its row and was not written.
  @inline(__always)
  func write(
    _ cell: Cell, into writer: inout TableWriter
  ) throws(Fault) -> UnsafeRawBufferPointer? {
    switch cell {
    case .inRow(let bytes): try decoder.decode(bytes, &writer)
    case .null: writer.writeNull()
    case .missing: try writeMissing(into: &writer)
    case .offRow(let pointer): return pointer
    }
    return nil
  }

  /// Writes what rows have that are older than the column.
  func writeMissing(into writer: inout TableWriter) throws(Fault) {
    guard let missing else {
      writer.writeNull()
      return
    }
    try missing.decoder.decode(missing.bytes, into: &writer)
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
    let isCompressed = partition.rowset.compression > 0
    var result: [RowColumn] = []
    for column in table.storedColumns {
      do throws(Fault) {
        guard var physical = byID[column.id] else {
          throw Fault.damaged("rowset \(partition.rowset.id) does not say where the column is")
        }
        guard physical.nullBit >= 0 || physical.place == .sparse else {
          throw Fault.damaged("rowset \(partition.rowset.id) gives the column no null bit")
        }
        // A compressed bit has a value of its own; a compressed decimal is always a vardecimal.
        if isCompressed { physical.bitPosition = 0 }
        let added = partition.addedDefaults.first { $0.number == physical.number }?.value
        let missing = try added.map { (value) throws(Fault) in
          var alone = physical
          alone.bitPosition = 0
          return MissingValue(
            bytes: value, decoder: try ValueDecoder(column, physical: alone, isVardecimal: false))
        }
        result.append(
          RowColumn(
            name: column.name, physical: physical,
            decoder: try ValueDecoder(
              column, physical: physical, isVardecimal: isCompressed || physical.isVardecimal),
            expander: ValueExpander(physical.type),
            missing: missing))
      } catch {
        throw error.at("\(table.name), column \(column.name)", file: file)
      }
    }
    return result
  }
}
