import Catalog
import Staging

/// Makes rows of what freebcp writes.
struct FreeBCPReader: ~Copyable {
  private(set) var rowCount = 0
  private let columns: [FreeBCPColumn]
  private let table: Table
  private let address: ServerAddress
  private var output: FreeBCPOutput

  /// Bytes of a value that is held whole; longer ones go through in pieces.
  private static let wholeByteCountMax = FreeBCPOutput.capacity / 2

  init(
    _ query: FreeBCPQuery, _ table: Table, _ address: ServerAddress,
    _ output: consuming FreeBCPOutput
  ) {
    columns = query.columns
    self.table = table
    self.address = address
    self.output = output
  }

  /// Reads to the end of the output.
  ///
  /// - Throws: `badAnswer` for a value that is none of its type; `connectionLost` where the output
  ///   ends within a row; `stalled`.
  mutating func readRows(into writer: inout TableWriter) throws {
    while try !output.isAtEnd() {
      writer.beginRow()
      for index in columns.indices { try writeCell(of: columns[index], into: &writer) }
      try output.takeEndOfRow(rowCount)
      try writer.endRow()
      rowCount += 1
      if rowCount & 1023 == 0 { try Task.checkCancellation() }
    }
  }

  private mutating func writeCell(
    of column: FreeBCPColumn, into writer: inout TableWriter
  ) throws {
    do {
      if try !write(column, into: &writer) { writer.writeNull() }
    } catch let fault as Fault {
      throw ServerError(
        .badAnswer, server: address.label,
        place: "\(table.name), row \(rowCount + 1), column \(column.name)", problem: fault.problem)
    }
  }

  /// Every form below writes a value, or finds NULL, writes nothing and returns `false`.
  private mutating func write(
    _ column: FreeBCPColumn, into writer: inout TableWriter
  ) throws -> Bool {
    switch column.form {
    case .native: try writeNative(column, into: &writer)
    case .isoTime: try writeTime(column, into: &writer)
    case .counted: try writeCounted(column, into: &writer)
    case .utf8: try writeText(column, into: &writer)
    case .variant: try writeVariant(into: &writer)
    case .alternatives(let columns): try writeAlternative(columns, into: &writer)
    }
  }

  private mutating func writeNative(
    _ column: FreeBCPColumn, into writer: inout TableWriter
  ) throws -> Bool {
    let byteCount = try output.takeLength()
    guard byteCount > 0 else { return false }
    let bytes = try output.take(byteCount, atMost: Numeric.byteCount)
    guard case .decimal = column.kind else {
      try column.kind.write(bytes, codePage: .ascii, into: &writer)
      return true
    }
    // freebcp leaves out the bytes of DBNUMERIC that the precision does not need.
    try withUnsafeTemporaryAllocation(byteCount: Numeric.byteCount, alignment: 1) { whole in
      whole.initializeMemory(as: UInt8.self, repeating: 0)
      whole.copyMemory(from: bytes)
      try column.kind.write(UnsafeRawBufferPointer(whole), codePage: .ascii, into: &writer)
    }
    return true
  }

  private mutating func writeTime(
    _ column: FreeBCPColumn, into writer: inout TableWriter
  ) throws -> Bool {
    let byteCount = try output.takeLength()
    guard byteCount > 0 else { return false }
    let time = try ISOTime(try output.take(byteCount, atMost: 40), column.kind)
    try time.withMoment { bytes throws(Fault) in
      try column.kind.write(bytes, codePage: .ascii, into: &writer)
    }
    return true
  }

  private mutating func writeCounted(
    _ column: FreeBCPColumn, into writer: inout TableWriter
  ) throws -> Bool {
    let width = try output.takeLength()
    guard width == 0 || width == 8 else { throw Fault("a length of \(width) bytes") }
    let promised = width == 0 ? nil : Int(try output.take(8, atMost: 8).load64(0))
    let byteCount = try output.takeLength()
    guard byteCount == promised ?? 0 else {
      throw Fault("\(byteCount) bytes came of a value of \(promised.map { "\($0)" } ?? "no")")
    }
    guard promised != nil else { return false }
    if byteCount > address.limits.valueByteCountMax { return try skip(byteCount, into: &writer) }
    guard byteCount > Self.wholeByteCountMax else {
      let bytes = try output.take(byteCount, atMost: Self.wholeByteCountMax)
      try column.kind.write(bytes, codePage: column.codePage, into: &writer)
      return true
    }
    switch column.kind {
    case .bytes: writer.beginBytes()
    case .utf16(nil) where byteCount & 1 == 0: writer.beginUTF16()
    case .text(nil): writer.beginText(in: column.codePage)
    default: throw Fault("a value of \(byteCount) bytes")
    }
    try writeRest(byteCount, into: &writer)
    return true
  }

  private mutating func writeText(
    _ column: FreeBCPColumn, into writer: inout TableWriter
  ) throws -> Bool {
    let byteCount = try output.takeLength()
    guard byteCount > 0 else { return false }
    if byteCount > address.limits.valueByteCountMax { return try skip(byteCount, into: &writer) }
    guard byteCount > Self.wholeByteCountMax else {
      var bytes = try output.take(byteCount, atMost: Self.wholeByteCountMax)
      // No server that is asked for text in this form can store U+0000.
      if bytes.count == 1, bytes[0] == 0 { bytes = UnsafeRawBufferPointer(rebasing: bytes[..<0]) }
      try column.kind.write(bytes, codePage: column.codePage, into: &writer)
      return true
    }
    guard case .text(nil) = column.kind else { throw Fault("a value of \(byteCount) bytes") }
    writer.beginText(in: column.codePage)
    try writeRest(byteCount, into: &writer)
    return true
  }

  /// The pieces of a value that has been begun.
  private mutating func writeRest(_ byteCount: Int, into writer: inout TableWriter) throws {
    var left = byteCount
    while left > 0 {
      let piece = try output.takeSome(atMost: left)
      writer.append(piece)
      left -= piece.count
    }
    writer.endValue()
  }

  /// The beginning of a value that is larger than anybody wants.
  private mutating func skip(_ byteCount: Int, into writer: inout TableWriter) throws -> Bool {
    var left = byteCount
    while left > 0 { left -= try output.takeSome(atMost: left).count }
    writer.writeNothing(ofMoreThan: address.limits.valueByteCountMax)
    return true
  }

  private mutating func writeVariant(into writer: inout TableWriter) throws -> Bool {
    let baseType = Array(try output.take(try output.takeLength(), atMost: 256))
    let width = try output.takeLength()
    guard width == 0 || width == 4 else { throw Fault("a code page of \(width) bytes") }
    let codePage = width == 4 ? Int(try output.take(4, atMost: 4).load32(0)) : nil
    // An empty value looks like NULL, which has no type.
    let bytes = try output.take(try output.takeLength(), atMost: 8_016)
    guard !baseType.isEmpty else {
      guard bytes.isEmpty else { throw Fault("a sql_variant without its type") }
      return false
    }
    try baseType.withUnsafeBytes { name in
      try VariantValue(baseType: name, codePage: codePage, bytes: bytes).write(into: &writer)
    }
    return true
  }

  /// A sql_variant whose value comes in the one of several columns that has its type.
  private mutating func writeAlternative(
    _ columns: [FreeBCPColumn], into writer: inout TableWriter
  ) throws -> Bool {
    let baseType = Array(try output.take(try output.takeLength(), atMost: 256))
    var hasValue = false
    for column in columns {
      guard try write(column, into: &writer) else { continue }
      guard !hasValue else { throw Fault("a sql_variant with two values") }
      hasValue = true
    }
    guard hasValue == !baseType.isEmpty else {
      throw Fault("a sql_variant of type \(String(decoding: baseType, as: UTF8.self))")
    }
    return hasValue
  }
}
