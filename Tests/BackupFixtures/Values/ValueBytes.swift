import Catalog

/// The stored bytes of values (section 14), not compressed.
enum ValueBytes {
  /// - Returns: nil for NULL; one byte, 0 or 1, for a bit.
  static func bytes(_ value: FixtureValue, _ type: StoredType, codePage: Int) -> [UInt8]? {
    switch value {
    case .null: return nil
    case .bool(let bool): return [bool ? 1 : 0]
    case .integer(let number): return littleEndian(number, bytes: type.length)
    case .decimal(let magnitude, let isNegative):
      return decimal(magnitude, isNegative: isNegative, type)
    case .double(let double): return littleEndian(double.bitPattern, bytes: 8)
    case .float(let float): return littleEndian(float.bitPattern, bytes: 4)
    case .date(let days): return littleEndian(days, bytes: 3)
    case .time(let ticks): return time(ticks, type.scale)
    case .timestamp(let days, let ticks):
      if type.xtype == 58 {
        return littleEndian(ticks / 600_000_000, bytes: 2)
          + littleEndian(days - daysTo1900, bytes: 2)
      }
      return time(ticks, type.scale) + littleEndian(days, bytes: 3)
    case .datetime(let days, let ticks300):
      return littleEndian(ticks300, bytes: 4) + littleEndian(days - daysTo1900, bytes: 4)
    case .instant(let days, let ticks, let offset):
      return time(ticks, type.scale) + littleEndian(days, bytes: 3) + littleEndian(offset, bytes: 2)
    case .text(let text): return padded(self.text(text, type, codePage), type)
    case .utf16(let units): return padded(utf16Bytes(units), type)
    case .bytes(let bytes), .encoded(let bytes, _): return padded(bytes, type)
    case .xml(let document): return BinaryXML.bytes(document)
    }
  }

  /// Days from 0001-01-01 to 1900-01-01.
  static let daysTo1900 = 693_595

  private static func decimal(
    _ magnitude: UInt128, isNegative: Bool, _ type: StoredType
  ) -> [UInt8] {
    switch type.xtype {
    case 60, 122:
      let number = Int128(magnitude)
      return littleEndian(isNegative ? -number : number, bytes: type.length)
    default:
      return [isNegative ? 0 : 1] + littleEndian(magnitude, bytes: type.length - 1)
    }
  }

  private static func time(_ ticks: Int64, _ scale: Int) -> [UInt8] {
    var unit: Int64 = 1
    for _ in scale..<7 { unit *= 10 }
    precondition(ticks % unit == 0, "time of \(ticks) x 100 ns does not fit scale \(scale)")
    return littleEndian(ticks / unit, bytes: StoredType.timeByteCount(scale))
  }

  private static func text(_ text: String, _ type: StoredType, _ codePage: Int) -> [UInt8] {
    switch type.xtype {
    case 231, 239, 99: utf16Bytes(text)
    case 241: BinaryXML.bytes(.text(text))
    default: EightBitText.bytes(text, codePage)
    }
  }

  /// Fixed-length text is filled with blanks, binary with zeros.
  private static func padded(_ bytes: [UInt8], _ type: StoredType) -> [UInt8] {
    guard let count = type.fixedByteCount, bytes.count < count else { return bytes }
    var bytes = bytes
    while bytes.count < count {
      switch type.xtype {
      case 175: bytes.append(0x20)
      case 239: bytes += [0x20, 0]
      default: bytes.append(0)
      }
    }
    return bytes
  }
}

/// 8-bit text in the code pages that the fixtures can write: 1252 and UTF-8.
package enum EightBitText {
  package static func bytes(_ text: String, _ codePage: Int) -> [UInt8] {
    if codePage == 65001 { return Array(text.utf8) }
    return text.unicodeScalars.map { scalar in
      if let byte = windows1252[scalar] { return byte }
      precondition(
        codePage == 1252 && scalar.value < 0x100 || scalar.value < 0x80,
        "U+\(String(scalar.value, radix: 16)) has no place in code page \(codePage)")
      return UInt8(scalar.value)
    }
  }

  package static func windows1252Has(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { windows1252[$0] != nil || $0.value < 0x100 }
  }

  /// 0x80 to 0x9F where the code page differs from Latin-1.
  private static let windows1252: [Unicode.Scalar: UInt8] = {
    let letters = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ".unicodeScalars
    let bytes =
      [0x80] + Array(0x82...0x8C) + [0x8E] + Array(0x91...0x9C) + Array(0x9E...0x9F)
    return Dictionary(uniqueKeysWithValues: zip(letters, bytes.map(UInt8.init)))
  }()
}
