import Catalog
import Staging

extension ValueDecoder {
  /// sql_variant (section 14.3): u8 type, u8 version, the type's arguments, the value.
  static func variant() -> ValueDecoder {
    let decoders = VariantDecoders()
    return ValueDecoder { (bytes, writer) throws(Fault) in
      try decoders.decode(bytes, into: &writer)
    }
  }

  static var hierarchyID: ValueDecoder {
    ValueDecoder { (bytes, writer) throws(Fault) in
      var text: String
      do throws(HierarchyID.Damage) {
        text = try HierarchyID(bytes).description
      } catch {
        throw .damaged(error.problem)
      }
      text.withUTF8 { writer.write(utf8: UnsafeRawBufferPointer($0)) }
    }
  }

  static func xml() -> ValueDecoder {
    let decoder = BinaryXML()
    return ValueDecoder { (bytes, writer) throws(Fault) in
      writer.beginUTF8()
      try decoder.decode(bytes) { writer.append($0) }
      writer.endValue()
    }
  }
}

/// Decoders of the types that values of a sql_variant column turned out to have; each is made once.
private final class VariantDecoders {
  private struct Key: Hashable {
    var xtype: UInt8
    var scale: UInt8 = 0
    var collation: UInt32 = 0
  }

  private var decoders: [Key: ValueDecoder] = [:]

  func decode(
    _ bytes: UnsafeRawBufferPointer, into writer: inout TableWriter
  ) throws(Fault) {
    guard bytes.count >= 2 else { throw .damaged("a sql_variant of \(bytes.count) bytes") }
    var key = Key(xtype: bytes.uint8(at: 0))
    guard bytes.uint8(at: 1) == 1 else {
      throw .unknown("a sql_variant of version \(bytes.uint8(at: 1))")
    }
    let headerByteCount = Self.headerByteCount(key.xtype)
    guard bytes.count >= headerByteCount else {
      throw .damaged("a sql_variant of \(bytes.count) bytes")
    }
    switch headerByteCount {
    case 3: key.scale = bytes.uint8(at: 2)
    case 8: key.collation = bytes.uint32(at: 4)
    case 4 where key.xtype == XType.decimal || key.xtype == XType.numeric:
      key.scale = bytes.uint8(at: 3)
    default: break
    }
    try decoder(key).decode(bytes.slice(headerByteCount..<bytes.count), &writer)
  }

  private static func headerByteCount(_ xtype: UInt8) -> Int {
    switch xtype {
    case XType.time, XType.datetime2, XType.datetimeoffset: 3
    case XType.decimal, XType.numeric, XType.binary, XType.varbinary: 4
    case XType.char, XType.varchar, XType.nchar, XType.nvarchar: 8
    default: 2
    }
  }

  private func decoder(_ key: Key) throws(Fault) -> ValueDecoder {
    if let known = decoders[key] { return known }
    let made = try Self.make(key)
    decoders[key] = made
    return made
  }

  private static func make(_ key: Key) throws(Fault) -> ValueDecoder {
    switch key.xtype {
    // The column's text form is that of text: a bit prints as the number that SQL Server shows.
    case XType.tinyint, XType.bit: .unsignedByte
    case XType.smallint: .int16
    case XType.int: .int32
    case XType.bigint: .int64
    case XType.money: .money
    case XType.smallmoney: .smallMoney
    case XType.decimal, XType.numeric:
      try .decimal(scale: Int(key.scale))
    case XType.real: .float32
    case XType.float: .float64
    case XType.date: .date
    case XType.time: try .time(scale: Int(key.scale))
    case XType.smalldatetime: .smallDateTime
    case XType.datetime: .dateTime
    case XType.datetime2: try .dateTime2(scale: Int(key.scale))
    case XType.datetimeoffset: try .dateTimeOffset(scale: Int(key.scale))
    case XType.char, XType.varchar:
      try .text(CollationID(key.collation).collation, paddedTo: nil)
    case XType.nchar, XType.nvarchar: .utf16(paddedTo: nil)
    case XType.binary, XType.varbinary: .bytes
    case XType.uniqueidentifier: .guid
    default: throw .unknown("a sql_variant of type \(key.xtype)")
    }
  }
}
