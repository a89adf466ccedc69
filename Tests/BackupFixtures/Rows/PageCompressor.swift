/// Gathers rows until they fill a page and writes them with an anchor record and a dictionary
/// (section 12.2). A page that would not get smaller stays merely row-compressed.
final class PageCompressor {
  private typealias Cell = CompressedRecord.Cell

  private let records: CompressedRecords
  private var rows: [(cells: [Cell], key: [StoredValue])] = []
  private var byteCount = 0

  /// Rows of this size, row-compressed, make a page: what the structure adds has room then.
  private static let gatheredByteCount = 7000

  init(layout: RowLayout) { records = CompressedRecords(layout: layout) }

  func append(
    _ values: [StoredValue], key: [StoredValue], to store: any RowStore
  ) throws {
    let cells = records.cells(values)
    let size = CompressedRecord.bytes(cells).count + 2
    if byteCount + size > Self.gatheredByteCount { try flush(to: store) }
    rows.append((cells, key))
    byteCount += size
  }

  func flush(to store: any RowStore) throws {
    defer {
      rows = []
      byteCount = 0
    }
    guard let first = rows.first else { return }
    let anchor = self.anchor()
    let anchored = rows.map { Self.relative($0.cells, to: anchor) }
    let dictionary = Self.dictionary(anchored)
    let packed = anchored.map { CompressedRecord.bytes(Self.replaced($0, dictionary)) }
    let structure = Self.structure(anchor, dictionary)
    let size = structure.count + packed.reduce(0) { $0 + $1.count + 2 }
    if size < byteCount && size <= 8096 {
      try store.startPage(structure, key: first.key)
      for (row, record) in zip(rows, packed) { try store.append(record, key: row.key) }
      return
    }
    try store.startPage(nil, key: first.key)
    for row in rows { try store.append(CompressedRecord.bytes(row.cells), key: row.key) }
  }

  /// For each column the value that shares the longest beginnings with the others.
  private func anchor() -> [[UInt8]?] {
    let columnCount = rows.map(\.cells.count).max() ?? 0
    return (0..<columnCount).map { column in
      let cells = rows.compactMap { $0.cells.count > column ? $0.cells[column] : nil }
      var values: [[UInt8]] = []
      for cell in cells {
        switch cell {
        case .value(let value): values.append(value)
        case .null: break
        case .pointer, .one, .symbol: return nil
        }
      }
      guard records.layout.columns[column].type.xtype != 104,
        let candidate = values.first(where: { $0.count > 1 })
      else { return nil }
      let saved = values.reduce(-candidate.count) {
        $0 + ($1 == candidate ? candidate.count : Self.commonCount($1, candidate) - 1)
      }
      return saved > 0 ? candidate : nil
    }
  }

  private static func commonCount(_ left: [UInt8], _ right: [UInt8]) -> Int {
    zip(left, right).prefix { $0 == $1 }.count
  }

  /// Values as their columns' anchors make them: how much to keep, then the rest.
  private static func relative(_ cells: [Cell], to anchor: [[UInt8]?]) -> [Cell] {
    cells.enumerated().map { column, cell in
      guard case .value(let value) = cell, let prefix = anchor[column] else { return cell }
      if value == prefix { return .value([]) }
      let kept = commonCount(value, prefix)
      let count = kept < 0x80 ? [UInt8(kept)] : [0x80 | UInt8(kept >> 8), UInt8(kept & 0xFF)]
      return .value(count + value.dropFirst(kept))
    }
  }

  /// What stands on the page more than once, at most 255 entries.
  private static func dictionary(_ rows: [[Cell]]) -> [[UInt8]] {
    var counts: [[UInt8]: Int] = [:]
    for cell in rows.joined() {
      if case .value(let value) = cell, value.count > 2 { counts[value, default: 0] += 1 }
    }
    let repeated = counts.filter { $0.value > 2 }.sorted { left, right in
      left.value == right.value
        ? left.key.lexicographicallyPrecedes(right.key) : left.value > right.value
    }
    return repeated.prefix(255).map(\.key)
  }

  private static func replaced(_ cells: [Cell], _ dictionary: [[UInt8]]) -> [Cell] {
    cells.map { cell in
      guard case .value(let value) = cell, value.count > 2,
        let index = dictionary.firstIndex(of: value)
      else { return cell }
      return .symbol(UInt8(index))
    }
  }

  private static func structure(_ anchor: [[UInt8]?], _ dictionary: [[UInt8]]) -> [UInt8] {
    let record = CompressedRecord.bytes(anchor.map { $0.map(Cell.value) ?? .null })
    let hasDictionary = !dictionary.isEmpty
    let headerCount = hasDictionary ? 7 : 5
    var structure: [UInt8] = [hasDictionary ? 6 : 2] + littleEndian(rowChanges, bytes: 2)
    structure.append(headerCount + record.count, bytes: 2)
    guard hasDictionary else { return structure + record }
    var entries = littleEndian(dictionary.count, bytes: 2)
    var end = 2 + 2 * dictionary.count
    for entry in dictionary {
      end += entry.count
      entries.append(end, bytes: 2)
    }
    entries += dictionary.flatMap { $0 }
    structure.append(headerCount + record.count + entries.count, bytes: 2)
    return structure + record + entries
  }

  /// Changes to the page since it was compressed.
  private static let rowChanges = 3
}
