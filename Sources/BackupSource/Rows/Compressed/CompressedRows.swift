/// The records of compressed pages as rows: what `FixedVarRecord` is to ordinary ones.
///
/// Holds the state that is shared by the records of a page and reused from page to page.
final class CompressedRows {
  private let page = CompressedPage()
  private let record = CDRecord()
  private let scratch = UnsafeMutableRawBufferPointer.allocate(
    byteCount: 8 * PageLayout.byteCount, alignment: 8)

  deinit { scratch.deallocate() }

  /// Takes the page in the buffer.
  func load(_ buffer: PageBuffer) throws(Fault) { try page.load(buffer) }

  /// Takes one record of that page.
  func parse(_ bytes: UnsafeRawBufferPointer) throws(Fault) { try record.parse(bytes) }

  /// The value of a column in its ordinary encoding, valid until the next call.
  func cell(_ column: RowColumn) throws(Fault) -> Cell {
    let number = column.physical.nullBit
    guard number < record.columnCount else { return .missing }
    let value = record.value(number)
    switch value {
    case .null: return .null
    case .offRow(let pointer): return .offRow(pointer)
    case .bitOne:
      scratch[0] = 1
      return .inRow(UnsafeRawBufferPointer(rebasing: scratch[0..<1]))
    case .empty, .bytes, .symbol:
      let stored = try page.stored(value, column: number)
      return .inRow(try column.expander.expand(stored, into: scratch))
    }
  }
}

extension RecordKind {
  init(_ kind: CDRecord.Kind) {
    switch kind {
    case .primary: self = .primary
    case .forwarded: self = .forwarded
    case .forwardingStub: self = .forwardingStub
    case .ghostEmpty, .ghostData, .ghostForwarded: self = .ghostData
    case .index: self = .index
    case .ghostIndex: self = .ghostIndex
    }
  }
}
