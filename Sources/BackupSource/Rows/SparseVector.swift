/// The sparse columns of a record that are not NULL (section 11): u16 5, u16 count, u16 column ids,
/// u16 ends counted from the vector's start, data.
struct SparseVector {
  private let bytes: UnsafeRawBufferPointer
  private let count: Int

  /// - Returns: nil when the value is some other complex value.
  init?(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
    guard bytes.count >= 4, bytes.uint16(at: 0) == 5 else { return nil }
    self.bytes = bytes
    count = Int(bytes.uint16(at: 2))
    guard 4 + 4 * count <= bytes.count else {
      throw .damaged("a sparse vector of \(count) columns does not fit its \(bytes.count) bytes")
    }
  }

  func cell(columnID: Int) throws(Fault) -> Cell {
    for index in 0..<count where Int(bytes.uint16(at: 4 + 2 * index)) == columnID {
      let ends = 4 + 2 * count
      let start =
        index == 0 ? ends + 2 * count : Int(bytes.uint16(at: ends + 2 * (index - 1)) & 0x7FFF)
      let stored = bytes.uint16(at: ends + 2 * index)
      let end = Int(stored & 0x7FFF)
      guard start >= ends + 2 * count, start <= end, end <= bytes.count else {
        throw .damaged("a sparse value would lie at bytes \(start) to \(end) of its vector")
      }
      let value = bytes.slice(start..<end)
      // As in the record: bit 15 marks a pointer.
      return stored & 0x8000 == 0 ? .inRow(value) : .offRow(value)
    }
    return .null
  }
}
