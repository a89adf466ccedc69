import Catalog

/// The source key of one row: its cells as they stand in the CSV line.
///
/// The arrays keep their memory from row to row.
struct KeyCells {
  private var bytes: [UInt8] = []
  /// Where each key column's cell lies in `bytes`, in the key's own order; empty for NULL.
  private var cells: [Range<Int>]

  init(columnCount: Int) {
    cells = Array(repeating: 0..<0, count: columnCount)
  }

  var byteCount: Int { bytes.count }

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  /// Takes the cell of the key column with index `slot`.
  mutating func append(_ cell: UnsafeRawBufferPointer, slot: Int) {
    let start = bytes.count
    bytes.append(contentsOf: cell)
    cells[slot] = start..<bytes.count
    bytes.append(ASCII.comma)
  }

  /// XXH3-64 of the cells in column order, each followed by a comma.
  var hash: UInt64 { bytes.withUnsafeBytes { StreamHash.hash64($0) } }

  /// The values as text, nil for NULL.
  var values: [String?] {
    cells.map { cell in
      cell.isEmpty ? nil : String(decoding: Self.unquoted(bytes[cell]), as: UTF8.self)
    }
  }

  /// The key as the text of a JSON object under the columns' names.
  ///
  /// What no JSON text may hold in PostgreSQL (U+0000, half a surrogate pair) is written as the
  /// characters `\u0000`, `\ud83d`, so that the object can be cast to jsonb.
  func jsonObject(columns: [Column]) -> String {
    let members = zip(columns, cells).map { column, cell in
      let name = JSONText.string(Array(column.name.utf8))
      return "\(name): \(Self.jsonValue(Self.unquoted(bytes[cell]), isNull: cell.isEmpty, column))"
    }
    return "{" + members.joined(separator: ", ") + "}"
  }

  private static func jsonValue(_ value: [UInt8], isNull: Bool, _ column: Column) -> String {
    if isNull { return "null" }
    switch column.type.base {
    case .tinyint, .smallint, .int, .bigint, .decimal, .numeric, .money, .smallmoney, .float,
      .real:
      return String(decoding: value, as: UTF8.self)
    case .bit: return value == [0x74] ? "true" : "false"
    default: return JSONText.string(value)
    }
  }

  private static func unquoted(_ cell: ArraySlice<UInt8>) -> [UInt8] {
    guard cell.count >= 2, cell.first == ASCII.quote else { return Array(cell) }
    var value: [UInt8] = []
    var isEscape = false
    for byte in cell.dropFirst().dropLast() {
      isEscape = byte == ASCII.quote && !isEscape
      if !isEscape { value.append(byte) }
    }
    return value
  }
}

/// JSON strings out of bytes that are UTF-8 but for encoded halves of surrogate pairs.
enum JSONText {
  static func string(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = [ASCII.quote]
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == 0xED, index + 2 < bytes.count, bytes[index + 1] >= 0xA0 {
        let unit = 0xD000 | (Int(bytes[index + 1]) & 0x3F) << 6 | Int(bytes[index + 2]) & 0x3F
        text += Array("\\\\u\(String(unit, radix: 16))".utf8)
        index += 3
        continue
      }
      switch byte {
      case 0: text += Array("\\\\u0000".utf8)
      case ASCII.quote, ASCII.backslash: text += [ASCII.backslash, byte]
      case 1..<0x20:
        let digits = String(byte, radix: 16)
        text += Array("\\u00\(digits.utf8.count == 1 ? "0" : "")\(digits)".utf8)
      default: text.append(byte)
      }
      index += 1
    }
    text.append(ASCII.quote)
    return String(decoding: text, as: UTF8.self)
  }
}
