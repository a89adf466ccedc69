/// What a page-compressed page keeps once for all its records (section 12.2): an anchor, whose values
/// begin those of the records, and a dictionary.
///
/// One instance serves page after page. Pages of the same rowset without this structure are merely
/// row-compressed.
final class CompressedPage {
  private enum Flag {
    static let anchor: UInt8 = 2
    static let dictionary: UInt8 = 4
  }

  private let anchor = CDRecord()
  private var hasAnchor = false
  private var dictionary = UnsafeRawBufferPointer(start: nil, count: 0)
  private var symbolCount = 0
  /// Values put together from an anchor and what the record adds.
  private var joined = UnsafeMutableRawBufferPointer.allocate(
    byteCount: 2 * PageLayout.byteCount, alignment: 8)

  deinit { joined.deallocate() }

  /// Reads the structure of the page in the buffer; its bytes stay in use until the next call.
  func load(_ buffer: PageBuffer) throws(Fault) {
    hasAnchor = false
    symbolCount = 0
    guard buffer.hasCompressionInformation else { return }
    let end = PageLayout.byteCount - 2 * buffer.slotCount
    let bytes = buffer.bytes.slice(PageLayout.headerByteCount..<end)
    guard bytes.count >= 7 else { throw .damaged("a page too full for its anchor") }
    let flags = bytes.uint8(at: 0)
    guard flags & ~(Flag.anchor | Flag.dictionary | 1) == 0 else {
      throw .unknown("compression information with the flags \(flags)")
    }
    var position = 3
    var anchorEnd: Int?
    var dictionaryEnd: Int?
    if flags & Flag.anchor != 0 {
      anchorEnd = Int(bytes.uint16(at: position))
      position += 2
    }
    if flags & Flag.dictionary != 0 {
      dictionaryEnd = Int(bytes.uint16(at: position))
      position += 2
    }
    if let anchorEnd {
      try readAnchor(bytes, position..<max(anchorEnd, position))
      position = anchorEnd
    }
    if let dictionaryEnd {
      try readDictionary(bytes, position..<max(dictionaryEnd, position))
    }
  }

  /// The stored bytes of a column's value, anchor and dictionary put in; nil for `value`s without
  /// bytes of their own.
  func stored(
    _ value: CDRecord.Value, column: Int
  ) throws(Fault) -> UnsafeRawBufferPointer {
    let bytes: UnsafeRawBufferPointer
    switch value {
    case .bytes(let own): bytes = own
    case .symbol(let symbol): bytes = try entry(symbol)
    default: bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    }
    guard hasAnchor, column < anchor.columnCount else { return bytes }
    switch anchor.value(column) {
    case .null: return bytes
    case .bytes(let prefix): return try join(prefix, bytes)
    case .empty: return try join(UnsafeRawBufferPointer(start: nil, count: 0), bytes)
    case .offRow, .bitOne, .symbol:
      throw .unknown("an anchor that is no run of bytes")
    }
  }

  /// An empty value is the whole anchor; otherwise the first byte says how much of it to keep, two
  /// bytes where its highest bit is set.
  private func join(
    _ prefix: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer
  ) throws(Fault) -> UnsafeRawBufferPointer {
    if bytes.count == 0 { return prefix }
    var kept = Int(bytes.uint8(at: 0))
    var start = 1
    if kept & 0x80 != 0 {
      guard bytes.count >= 2 else { throw .damaged("a prefix length without its second byte") }
      kept = (kept & 0x7F) << 8 | Int(bytes.uint8(at: 1))
      start = 2
    }
    guard kept <= prefix.count else {
      throw .damaged("a value keeps \(kept) bytes of an anchor of \(prefix.count)")
    }
    // Both parts lie in one page, so together they fit the buffer of two.
    joined.copyMemory(from: prefix.slice(0..<kept))
    let rest = bytes.slice(start..<bytes.count)
    UnsafeMutableRawBufferPointer(rebasing: joined[kept...]).copyMemory(from: rest)
    return UnsafeRawBufferPointer(rebasing: joined[0..<kept + rest.count])
  }

  private func readAnchor(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(Fault) {
    guard range.upperBound <= bytes.count else {
      throw .damaged("an anchor would end at byte \(range.upperBound) of \(bytes.count)")
    }
    try anchor.parse(bytes.slice(range))
    hasAnchor = true
  }

  /// u16 count, u16 ends from the dictionary's start, entries.
  private func readDictionary(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(Fault) {
    guard range.upperBound <= bytes.count, range.count >= 2 else {
      throw .damaged("a dictionary would end at byte \(range.upperBound) of \(bytes.count)")
    }
    dictionary = bytes.slice(range)
    symbolCount = Int(dictionary.uint16(at: 0))
    guard 2 + 2 * symbolCount <= dictionary.count else {
      throw .damaged("a dictionary of \(symbolCount) entries in \(dictionary.count) bytes")
    }
  }

  private func entry(_ symbol: Int) throws(Fault) -> UnsafeRawBufferPointer {
    guard symbol < symbolCount else {
      throw .damaged("entry \(symbol) of a dictionary of \(symbolCount)")
    }
    let data = 2 + 2 * symbolCount
    let start = symbol == 0 ? data : Int(dictionary.uint16(at: 2 * symbol))
    let end = Int(dictionary.uint16(at: 2 + 2 * symbol))
    guard start >= data, start <= end, end <= dictionary.count else {
      throw .damaged("a dictionary entry at bytes \(start) to \(end) of \(dictionary.count)")
    }
    return dictionary.slice(start..<end)
  }
}
