/// One column's value as a record holds it.
enum Cell {
  case null
  /// The record is older than the column.
  case missing
  case inRow(UnsafeRawBufferPointer)
  /// A pointer to where the value is kept (section 13).
  case offRow(UnsafeRawBufferPointer)
}

/// What bits 1 to 3 of a record's first byte say it is.
enum RecordKind: UInt8 {
  case primary, forwarded, forwardingStub, index, blobFragment, ghostIndex, ghostData, ghostVersion

  init(statusA: UInt8) {
    self = Self(rawValue: statusA >> 1 & 7) ?? .primary
  }
}

/// An uncompressed record (section 11): a fixed part, a null bitmap and variable-length values.
///
/// All offsets inside it are checked once, by `init`; afterwards no value reaches out of the record.
struct FixedVarRecord {
  private enum Status {
    static let nullBitmap: UInt8 = 0x10
    static let variablePart: UInt8 = 0x20
  }

  let bytes: UnsafeRawBufferPointer
  let fixedEnd: Int
  let columnCount: Int
  /// Rows of tables whose columns are all sparse have no null bitmap.
  let hasNullBitmap: Bool
  let variableCount: Int
  /// Where the end offsets of the variable values start.
  private let endsStart: Int

  /// - Parameter bytes: From the record's first byte to the furthest that it can reach.
  init(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
    self.bytes = bytes
    guard bytes.count >= 6 else {
      throw .damaged("\(bytes.count) bytes are too few for a record")
    }
    let status = bytes.uint8(at: 0)
    fixedEnd = Int(bytes.uint16(at: 2))
    guard fixedEnd >= 4 && fixedEnd + 2 <= bytes.count else {
      throw .damaged("the fixed part would end at byte \(fixedEnd) of the record")
    }
    hasNullBitmap = status & Status.nullBitmap != 0
    columnCount = hasNullBitmap ? Int(bytes.uint16(at: fixedEnd)) : 0
    let bitmapEnd = fixedEnd + (hasNullBitmap ? 2 + (columnCount + 7) / 8 : 0)
    guard status & Status.variablePart != 0 else {
      guard bitmapEnd <= bytes.count else {
        throw .damaged("a null bitmap of \(columnCount) columns does not fit the record")
      }
      variableCount = 0
      endsStart = bitmapEnd
      return
    }
    guard bitmapEnd + 2 <= bytes.count else {
      throw .damaged("a null bitmap of \(columnCount) columns does not fit the record")
    }
    variableCount = Int(bytes.uint16(at: bitmapEnd))
    endsStart = bitmapEnd + 2
    guard endsStart + 2 * variableCount <= bytes.count else {
      throw .damaged("\(variableCount) variable columns do not fit the record")
    }
  }

  /// The value of a column; `missing` where the record was written before the column was added.
  func cell(_ column: borrowing PhysicalColumn) throws(Fault) -> Cell {
    // Sparse columns have no null bit.
    if case .sparse = column.place { return try sparseCell(columnID: column.columnID) }
    guard column.nullBit < columnCount else {
      guard hasNullBitmap else {
        throw .unknown("a data record without null bitmap (status byte \(bytes.uint8(at: 0)))")
      }
      return .missing
    }
    if isNull(column.nullBit) { return .null }
    switch column.place {
    case .fixed(let offset, let byteCount):
      guard offset + byteCount <= fixedEnd else {
        throw .damaged("a column would lie at byte \(offset) of a fixed part of \(fixedEnd)")
      }
      return .inRow(bytes.slice(offset..<offset + byteCount))
    case .variable(let number):
      return try variable(number)
    case .sparse: return .null
    }
  }

  /// - Parameter bit: 0 ..< `columnCount`.
  func isNull(_ bit: Int) -> Bool {
    bytes.uint8(at: fixedEnd + 2 + bit >> 3) >> UInt8(bit & 7) & 1 != 0
  }

  /// - Parameter number: 0 for the first variable column.
  func variable(_ number: Int) throws(Fault) -> Cell {
    // Trailing empty values are left out of the record; they are empty, not NULL.
    guard number < variableCount else { return .inRow(bytes.slice(0..<0)) }
    let start =
      number == 0
      ? endsStart + 2 * variableCount
      : Int(bytes.uint16(at: endsStart + 2 * (number - 1)) & 0x7FFF)
    let end = bytes.uint16(at: endsStart + 2 * number)
    let range = (start, Int(end & 0x7FFF))
    guard range.0 >= endsStart + 2 * variableCount, range.0 <= range.1, range.1 <= bytes.count
    else {
      throw .damaged("variable column \(number) would lie at bytes \(range.0) to \(range.1)")
    }
    let value = bytes.slice(range.0..<range.1)
    return end & 0x8000 == 0 ? .inRow(value) : .offRow(value)
  }

  /// The value of a sparse column: in the vector that is the record's last variable column, or NULL.
  /// A moved row has its back pointer behind the vector.
  private func sparseCell(columnID: Int) throws(Fault) -> Cell {
    for number in stride(from: variableCount - 1, through: max(variableCount - 2, 0), by: -1) {
      guard case .offRow(let value) = try variable(number) else { return .null }
      if let vector = try SparseVector(value) { return try vector.cell(columnID: columnID) }
    }
    return .null
  }
}
