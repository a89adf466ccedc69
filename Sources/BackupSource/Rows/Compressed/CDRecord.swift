/// A record in the CD format of row and page compression (section 12.1): a 4-bit code for each
/// column, a region of values of up to 8 bytes, a region of longer ones. One instance parses record
/// after record without allocating.
final class CDRecord {
  enum Value {
    case null
    /// Zero bytes: the number zero, the empty string, or what the page's anchor says.
    case empty
    case bytes(UnsafeRawBufferPointer)
    case offRow(UnsafeRawBufferPointer)
    /// A bit column with the value 1.
    case bitOne
    /// Number of an entry of the page's dictionary.
    case symbol(Int)
  }

  /// Bits 2 to 4 of the first byte.
  enum Kind: UInt8 {
    case primary, ghostEmpty, forwardingStub, ghostData, forwarded, ghostForwarded, index,
      ghostIndex
  }

  private enum Code {
    static let null: UInt8 = 0
    static let empty: UInt8 = 1
    static let shortMax: UInt8 = 9
    static let long: UInt8 = 10
    static let bitOne: UInt8 = 11
    static let symbol: UInt8 = 12
  }

  /// Columns of one cluster; both regions keep a byte for each full one.
  private static let clusterColumnCount = 30

  private struct Entry {
    var code: UInt8
    var isOffRow = false
    var start = 0
    var end = 0
  }

  private(set) var columnCount = 0
  private var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
  private var entries: [Entry] = []

  /// - Throws: `unknown` when the first byte does not say that it is such a record.
  static func kind(of bytes: UnsafeRawBufferPointer) throws(Fault) -> Kind {
    guard bytes.count >= 2 else { throw .damaged("a compressed record of \(bytes.count) bytes") }
    let head = bytes.uint8(at: 0)
    guard head & 0x01 != 0, head & 0xC0 == 0 else {
      throw .unknown("a record that begins with byte \(head) in a compressed table")
    }
    return Kind(rawValue: head >> 2 & 7) ?? .primary
  }

  /// - Parameter bytes: From the record's first byte to the furthest that it can reach.
  func parse(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
    _ = try Self.kind(of: bytes)
    self.bytes = bytes
    var position = 2
    columnCount = Int(bytes.uint8(at: 1))
    if columnCount & 0x80 != 0 {
      guard bytes.count >= 3 else { throw .damaged("a compressed record of 2 bytes") }
      columnCount = (columnCount & 0x7F) << 8 | Int(bytes.uint8(at: 2))
      position = 3
    }
    let codesStart = position
    position += (columnCount + 1) / 2
    try require(position)
    readCodes(from: codesStart)
    position = try layShortRegion(from: position)
    if bytes.uint8(at: 0) & 0x20 != 0 {
      try layLongRegion(from: position)
    } else if entries.contains(where: { $0.code == Code.long }) {
      throw .damaged("a long value in a compressed record without a long region")
    }
  }

  /// - Parameter column: 0 ..< `columnCount`.
  func value(_ column: Int) -> Value {
    let entry = entries[column]
    switch entry.code {
    case Code.null: return .null
    case Code.empty: return .empty
    case Code.bitOne: return .bitOne
    case Code.symbol: return .symbol(Int(bytes.uint8(at: entry.start)))
    default:
      let value = bytes.slice(entry.start..<entry.end)
      return entry.isOffRow ? .offRow(value) : .bytes(value)
    }
  }

  private func readCodes(from start: Int) {
    entries.removeAll(keepingCapacity: true)
    for column in 0..<columnCount {
      let pair = bytes.uint8(at: start + column / 2)
      entries.append(Entry(code: column & 1 == 0 ? pair & 0xF : pair >> 4))
    }
  }

  /// Gives each short value its place.
  ///
  /// - Returns: Where the region ends.
  private func layShortRegion(from start: Int) throws(Fault) -> Int {
    var position = start + clusterByteCount
    for column in entries.indices {
      let code = entries[column].code
      let byteCount: Int
      switch code {
      case 2...Code.shortMax: byteCount = Int(code) - 1
      case Code.symbol: byteCount = 1
      case Code.null, Code.empty, Code.long, Code.bitOne: continue
      default: throw .unknown("the column code \(code) in a compressed record")
      }
      entries[column].start = position
      position += byteCount
      entries[column].end = position
    }
    try require(position)
    return position
  }

  /// u8 flags, u16 count, the ends from the start of the data (bit 15 = off-row pointer), a byte for
  /// each full cluster, data.
  private func layLongRegion(from start: Int) throws(Fault) {
    try require(start + 3)
    let flags = bytes.uint8(at: start)
    guard flags & 1 != 0 else { throw .unknown("a long region with the flags \(flags)") }
    let count = Int(bytes.uint16(at: start + 1))
    let data = start + 3 + 2 * count + clusterByteCount
    try require(data)
    var number = 0
    var previousEnd = 0
    for column in entries.indices where entries[column].code == Code.long {
      guard number < count else {
        throw .damaged("more long values than the \(count) of the long region")
      }
      let end = bytes.uint16(at: start + 3 + 2 * number)
      let endOffset = Int(end & 0x7FFF)
      guard endOffset >= previousEnd else {
        throw .damaged("the long values of a compressed record do not ascend")
      }
      try require(data + endOffset)
      entries[column].start = data + previousEnd
      entries[column].end = data + endOffset
      entries[column].isOffRow = end & 0x8000 != 0
      previousEnd = endOffset
      number += 1
    }
  }

  private var clusterByteCount: Int { max(columnCount - 1, 0) / Self.clusterColumnCount }

  private func require(_ end: Int) throws(Fault) {
    guard end <= bytes.count else {
      throw .damaged("a compressed record would end at byte \(end) of \(bytes.count)")
    }
  }
}
