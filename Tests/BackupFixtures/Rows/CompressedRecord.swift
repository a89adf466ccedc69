/// Writes records of row and page compression (section 12.1): a 4-bit code for each column, then the
/// short values, then the long ones.
struct CompressedRecord {
  /// What a record holds for one column.
  enum Cell: Hashable {
    case null
    /// At most 8 bytes go to the short region, more to the long one.
    case value([UInt8])
    /// A pointer to a value outside of the row.
    case pointer([UInt8])
    /// A bit with value 1.
    case one
    /// An entry of the page's dictionary.
    case symbol(UInt8)
  }

  static let clusterColumnCount = 30

  /// - Parameter header: Byte 0 without bit 5: 0x01 for a row, 0x0D for a ghost.
  static func bytes(_ cells: [Cell], header: UInt8 = 0x01) -> [UInt8] {
    var record: [UInt8] = [header]
    if cells.count < 0x80 {
      record.append(UInt8(cells.count))
    } else {
      record += [0x80 | UInt8(cells.count >> 8), UInt8(truncatingIfNeeded: cells.count)]
    }
    let codes = cells.map(code) + (cells.count % 2 == 1 ? [0] : [])
    for index in stride(from: 0, to: codes.count, by: 2) {
      record.append(codes[index] | codes[index + 1] << 4)
    }
    appendShort(cells, to: &record)
    appendLong(cells, to: &record)
    return record
  }

  private static func code(_ cell: Cell) -> UInt8 {
    switch cell {
    case .null: 0
    case .value(let bytes): bytes.count <= 8 ? UInt8(bytes.count + 1) : 10
    case .pointer: 10
    case .one: 11
    case .symbol: 12
    }
  }

  private static func shortBytes(_ cell: Cell) -> [UInt8] {
    switch cell {
    case .value(let bytes) where bytes.count <= 8: bytes
    case .symbol(let index): [index]
    default: []
    }
  }

  private static func longBytes(_ cell: Cell) -> (bytes: [UInt8], isPointer: Bool)? {
    switch cell {
    case .value(let bytes) where bytes.count > 8: (bytes, false)
    case .pointer(let bytes): (bytes, true)
    default: nil
    }
  }

  /// One byte for each cluster of 30 columns but the last says how long its values are.
  private static func appendShort(_ cells: [Cell], to record: inout [UInt8]) {
    for cluster in fullClusters(cells) {
      record.append(UInt8(cluster.reduce(0) { $0 + shortBytes($1).count }))
    }
    record += cells.flatMap(shortBytes)
  }

  private static func appendLong(_ cells: [Cell], to record: inout [UInt8]) {
    let values = cells.compactMap(longBytes)
    guard !values.isEmpty else { return }
    record[0] |= 0x20
    record.append(1)
    record.append(values.count, bytes: 2)
    var end = 0
    for value in values {
      end += value.bytes.count
      record.append(end | (value.isPointer ? 0x8000 : 0), bytes: 2)
    }
    for cluster in fullClusters(cells) {
      record.append(UInt8(cluster.filter { longBytes($0) != nil }.count))
    }
    record += values.flatMap(\.bytes)
  }

  private static func fullClusters(_ cells: [Cell]) -> [ArraySlice<Cell>] {
    let count = max(cells.count - 1, 0) / clusterColumnCount
    return (0..<count).map { cells[$0 * clusterColumnCount..<($0 + 1) * clusterColumnCount] }
  }
}

/// Records of a rowset with row compression.
struct CompressedRecords: RecordFormat {
  let layout: RowLayout

  func bytes(_ values: [StoredValue], columnCount: Int, _ form: RecordForm) -> [UInt8] {
    let cells = self.cells(values)
    switch form {
    case .ghost: return CompressedRecord.bytes(cells, header: 0x0D)
    case .versioned:
      return CompressedRecord.bytes(cells, header: 0x03) + [UInt8](repeating: 0xEE, count: 14)
    case .plain, .forwarded: return CompressedRecord.bytes(cells)
    }
  }

  func cells(_ values: [StoredValue]) -> [CompressedRecord.Cell] {
    zip(layout.columns, values).map { column, value in
      switch value {
      case .null: .null
      case .complex(let pointer): .pointer(pointer)
      case .bytes(let bytes):
        if column.type.xtype == 104 {
          bytes == [1] ? .one : .value([])
        } else {
          .value(CompressedValue.bytes(bytes, column.type))
        }
      }
    }
  }
}
