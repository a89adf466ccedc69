import Catalog
import Staging

/// How the values of one column become cells. It is picked once for a column; what is left for each
/// cell is one call that checks the value's length and hands it to the writer.
struct ValueDecoder {
  /// Writes one whole value, given in the type's ordinary encoding (section 14).
  typealias Decode = (UnsafeRawBufferPointer, inout TableWriter) throws(Fault) -> Void

  /// How a value that is kept off its row reaches the writer.
  enum Streaming {
    /// Piece by piece, whatever its size.
    case bytes
    case utf16
    case text(CodePage)
    /// The decoder needs all of it at once.
    case whole
  }

  let decode: Decode
  let streaming: Streaming

  init(_ decode: @escaping Decode, streaming: Streaming = .whole) {
    self.decode = decode
    self.streaming = streaming
  }

  func decode(_ value: [UInt8], into writer: inout TableWriter) throws(Fault) {
    var failure: Fault?
    value.withUnsafeBytes { bytes in
      do throws(Fault) { try decode(bytes, &writer) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

extension ValueDecoder {
  /// - Parameters:
  ///   - physical: Where and how the rowset keeps the column.
  ///   - isVardecimal: Decimals are kept as vardecimals.
  /// - Throws: `unknown` for a type whose values are not read.
  init(_ column: Column, physical: PhysicalColumn, isVardecimal: Bool) throws(Fault) {
    let type = column.type
    switch type.base {
    case .bit: self = .bit(position: physical.bitPosition)
    case .tinyint: self = .unsignedByte
    case .smallint: self = .int16
    case .int: self = .int32
    case .bigint: self = .int64
    case .money: self = .money
    case .smallmoney: self = .smallMoney
    case .decimal, .numeric:
      self =
        try isVardecimal
        ? .vardecimal(scale: type.scale ?? 0) : .decimal(scale: type.scale ?? 0)
    case .float: self = .float64
    case .real: self = .float32
    case .date: self = .date
    case .time: self = try .time(scale: type.scale ?? 7)
    case .smalldatetime: self = .smallDateTime
    case .datetime: self = .dateTime
    case .datetime2: self = try .dateTime2(scale: type.scale ?? 7)
    case .datetimeoffset: self = try .dateTimeOffset(scale: type.scale ?? 7)
    case .char: self = try .text(column.collation, paddedTo: type.length)
    case .varchar, .text: self = try .text(column.collation, paddedTo: nil)
    case .nchar: self = .utf16(paddedTo: type.length)
    case .nvarchar, .ntext: self = .utf16(paddedTo: nil)
    case .binary, .varbinary, .image, .geometry, .geography, .clr: self = .bytes
    case .rowversion: self = .bytes(count: 8)
    case .uniqueidentifier: self = .guid
    case .xml: self = .xml()
    case .hierarchyid: self = .hierarchyID
    case .sqlVariant: self = .variant()
    case .json, .vector:
      throw .unknown("values of type \(type) are not read")
    }
  }

  static func bit(position: Int) -> ValueDecoder {
    let shift = UInt8(truncatingIfNeeded: position & 7)
    return ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(1, bytes)
      writer.write(bool: bytes.uint8(at: 0) >> shift & 1 != 0)
    }
  }

  static var unsignedByte: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(1, bytes)
      writer.write(integer: Int64(bytes.uint8(at: 0)))
    }
  }

  static var int16: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(2, bytes)
      writer.write(integer: Int64(bytes.int16(at: 0)))
    }
  }

  static var int32: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(4, bytes)
      writer.write(integer: Int64(bytes.int32(at: 0)))
    }
  }

  static var int64: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(8, bytes)
      writer.write(integer: bytes.int64(at: 0))
    }
  }

  static var float32: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(4, bytes)
      writer.write(float: Float(bitPattern: bytes.uint32(at: 0)))
    }
  }

  static var float64: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(8, bytes)
      writer.write(double: Double(bitPattern: bytes.uint64(at: 0)))
    }
  }

  static var guid: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(16, bytes)
      writer.write(guid: bytes)
    }
  }

  static var bytes: ValueDecoder {
    ValueDecoder(
      { (bytes, writer) throws(Fault) in writer.write(bytes: bytes) }, streaming: .bytes)
  }

  static func bytes(count: Int) -> ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      try requireCount(count, bytes)
      writer.write(bytes: bytes)
    }
  }

  static func utf16(paddedTo width: Int?) -> ValueDecoder {
    ValueDecoder(
      { (bytes, writer) throws(Fault) in
        guard bytes.count & 1 == 0 else {
          throw .damaged("UTF-16 text of \(bytes.count) bytes")
        }
        writer.write(utf16: bytes, paddedTo: width)
      }, streaming: .utf16)
  }

  /// Without a known code page only ASCII is read; other bytes are an error of the row.
  static func text(_ collation: Collation?, paddedTo width: Int?) throws(Fault) -> ValueDecoder {
    let codePage = try codePage(collation)
    return ValueDecoder(
      { (bytes, writer) throws(Fault) in
        writer.write(text: bytes, in: codePage, paddedTo: width)
      }, streaming: .text(codePage))
  }

  static func codePage(_ collation: Collation?) throws(Fault) -> CodePage {
    guard let number = collation?.codePage else { return .ascii }
    guard let codePage = CodePage(number: number) else {
      throw .unknown("code page \(number) is not known here")
    }
    return codePage
  }
}

/// The check before every fixed-width value.
@inline(__always)
func requireCount(_ expected: Int, _ bytes: UnsafeRawBufferPointer) throws(Fault) {
  guard bytes.count == expected else {
    throw .damaged("expected a value of \(expected) bytes, found \(bytes.count)")
  }
}

/// The check before a decoder is made.
func requireScale(_ scale: Int, of type: String, max: Int) throws(Fault) {
  guard (0...max).contains(scale) else { throw .damaged("a \(type) of scale \(scale)") }
}

extension PhysicalColumn {
  /// Vardecimal storage format: a decimal among the variable columns.
  var isVardecimal: Bool {
    guard type.xtype == XType.decimal || type.xtype == XType.numeric else { return false }
    if case .variable = place { return true }
    return false
  }
}
