/// How a compressed value becomes the type's ordinary encoding (section 12.3). Picked once for a
/// column; what it writes into the scratch buffer is what the column's decoder reads.
enum ValueExpander {
  case asIs
  case bit
  case tinyint
  /// Big-endian and biased, shortest length; zero bytes are zero.
  case integer(byteCount: Int)
  /// Leading zero bytes of the ordinary form are left out.
  case paddedInFront(byteCount: Int)
  /// Trailing zero bytes are left out.
  case paddedBehind(byteCount: Int)
  /// Odd lengths are SCSU, even ones UTF-16.
  case unicode

  init(_ type: PhysicalType) {
    switch type.xtype {
    case XType.bit: self = .bit
    case XType.tinyint: self = .tinyint
    case XType.smallint: self = .integer(byteCount: 2)
    case XType.int, XType.smallmoney: self = .integer(byteCount: 4)
    case XType.bigint, XType.money, XType.datetime: self = .integer(byteCount: 8)
    case XType.smalldatetime, XType.real: self = .paddedInFront(byteCount: 4)
    case XType.float, XType.rowversion: self = .paddedInFront(byteCount: 8)
    case XType.date, XType.time, XType.datetime2, XType.datetimeoffset, XType.binary:
      self = .paddedBehind(byteCount: type.fixedByteCount ?? 0)
    case XType.nchar: self = .unicode
    case XType.nvarchar: self = type.byteCount == 0 ? .asIs : .unicode
    // Decimals are vardecimals, which have their own decoder; text loses blanks that only fixed
    // lengths have, and those are put back by the writer.
    default: self = .asIs
    }
  }

  /// - Parameters:
  ///   - value: As it is stored, anchor and dictionary put in.
  ///   - scratch: At least 32 KiB.
  /// - Returns: The ordinary encoding: `value` itself, or a part of `scratch`.
  func expand(
    _ value: UnsafeRawBufferPointer, into scratch: UnsafeMutableRawBufferPointer
  ) throws(Fault) -> UnsafeRawBufferPointer {
    switch self {
    case .asIs: return value
    case .bit, .tinyint: return try Self.pad(value, to: 1, inFront: false, scratch)
    case .integer(let byteCount): return try Self.integer(value, byteCount, scratch)
    case .paddedInFront(let byteCount):
      return try Self.pad(value, to: byteCount, inFront: true, scratch)
    case .paddedBehind(let byteCount):
      return try Self.pad(value, to: byteCount, inFront: false, scratch)
    case .unicode:
      guard value.count & 1 == 1 else { return value }
      return try SCSU.decode(value, into: scratch)
    }
  }

  /// The value is its unsigned number less 2^(8n-1).
  private static func integer(
    _ value: UnsafeRawBufferPointer, _ byteCount: Int, _ scratch: UnsafeMutableRawBufferPointer
  ) throws(Fault) -> UnsafeRawBufferPointer {
    guard value.count <= byteCount else {
      throw .damaged("a compressed integer of \(value.count) bytes, \(byteCount) at most")
    }
    var number: UInt64 = 0
    for byte in value { number = number << 8 | UInt64(byte) }
    if value.count > 0 { number &-= 1 << UInt64(8 * value.count - 1) }
    scratch.storeBytes(of: number.littleEndian, as: UInt64.self)
    return UnsafeRawBufferPointer(rebasing: scratch[0..<byteCount])
  }

  private static func pad(
    _ value: UnsafeRawBufferPointer, to byteCount: Int, inFront: Bool,
    _ scratch: UnsafeMutableRawBufferPointer
  ) throws(Fault) -> UnsafeRawBufferPointer {
    guard value.count <= byteCount else {
      throw .damaged("a compressed value of \(value.count) bytes, \(byteCount) at most")
    }
    let gap = byteCount - value.count
    for index in 0..<byteCount { scratch[index] = 0 }
    let start = inFront ? gap : 0
    UnsafeMutableRawBufferPointer(rebasing: scratch[start..<start + value.count])
      .copyMemory(from: value)
    return UnsafeRawBufferPointer(rebasing: scratch[0..<byteCount])
  }
}
