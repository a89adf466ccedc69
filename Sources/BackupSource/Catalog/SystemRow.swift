/// How a system table keeps its columns: in declaration order, fixed-length ones packed from byte 4,
/// variable-length ones counted apart, null bit = ordinal (section 9).
struct SystemLayout {
  private(set) var columns: [String: PhysicalColumn] = [:]
  let table: String

  struct Declaration {
    var name: String
    var type: PhysicalType

    init(_ name: String, _ xtype: UInt8, _ byteCount: Int = 0) {
      self.name = name
      type = PhysicalType(xtype: xtype, byteCount: byteCount)
    }
  }

  init(table: String, _ declarations: [Declaration]) {
    self.table = table
    var offset = 4
    var variableCount = 0
    for (ordinal, declared) in declarations.enumerated() {
      let place: PhysicalColumn.Place
      if let byteCount = declared.type.fixedByteCount {
        place = .fixed(offset: offset, byteCount: byteCount)
        offset += byteCount
      } else {
        place = .variable(variableCount)
        variableCount += 1
      }
      columns[declared.name] = PhysicalColumn(
        columnID: ordinal + 1, number: ordinal + 1, nullBit: ordinal, place: place, bitPosition: 0,
        type: declared.type, isNullable: true, isDropped: false, isFilestream: false)
    }
  }
}

/// One row of a system table, valid while it is being read.
struct SystemRow {
  let layout: SystemLayout
  let record: FixedVarRecord
  let offRow: OffRowReader
  let fileName: String
  let place: String

  /// An integer column; zero where the row has no such value.
  func int(_ column: String) throws(BackupError) -> Int {
    guard let bytes = try bytes(column) else { return 0 }
    return try integer(bytes, isUnsigned: layout.columns[column]?.type.xtype == XType.tinyint)
  }

  func string(_ column: String) throws(BackupError) -> String {
    guard let bytes = try bytes(column) else { return "" }
    return String(utf16: bytes)
  }

  /// Eight bits a character, such as `type char(2)`.
  func ascii(_ column: String) throws(BackupError) -> String {
    guard let bytes = try bytes(column) else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }

  func pageID(_ column: String) throws(BackupError) -> PageID {
    guard let bytes = try bytes(column), bytes.count == 6 else { throw missing(column) }
    return bytes.withUnsafeBytes { $0.pageID(at: 0) }
  }

  /// The value's bytes, off-row ones included; nil for NULL.
  func bytes(_ column: String) throws(BackupError) -> [UInt8]? {
    guard let physical = layout.columns[column] else { return nil }
    let cell: Cell
    do throws(Fault) { cell = try record.cell(physical) } catch {
      throw error.at("\(place), column \(column)", file: fileName)
    }
    switch cell {
    case .null, .missing: return nil
    case .inRow(let bytes): return [UInt8](bytes)
    case .offRow(let pointer):
      guard try offRow.open(pointer) else { return nil }
      var value: [UInt8] = []
      while let piece = try offRow.next() { value.append(contentsOf: piece) }
      return value
    }
  }

  private func integer(_ bytes: [UInt8], isUnsigned: Bool) throws(BackupError) -> Int {
    guard (1...8).contains(bytes.count) else {
      throw BackupError(
        .damaged, file: fileName, place: place, problem: "an integer of \(bytes.count) bytes")
    }
    let number = bytes.withUnsafeBytes { $0.unsignedNumber() }
    if isUnsigned { return Int(truncatingIfNeeded: number) }
    let shift = UInt64(64 - 8 * bytes.count)
    return Int(truncatingIfNeeded: Int64(bitPattern: number << shift) >> Int64(shift))
  }

  private func missing(_ column: String) -> BackupError {
    BackupError(
      .damaged, file: fileName, place: place, problem: "column \(column) holds no page pointer")
  }
}

extension String {
  /// UTF-16LE; half a surrogate pair becomes U+FFFD, which is right for names shown to people.
  init(utf16 bytes: [UInt8]) {
    let units = stride(from: 0, to: bytes.count - 1, by: 2).map {
      UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8
    }
    self.init(decoding: units, as: UTF16.self)
  }
}
