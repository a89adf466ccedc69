/// Typed values inside binary XML, in the canonical form of XML Schema that the server prints.
enum XMLValue {
  /// - Parameter type: The token, below 0x90.
  /// - Throws: `unknown` for a type whose printed form is not established.
  static func text(type: UInt8, _ input: inout BinaryXML.Input) throws(Fault) -> String {
    switch type {
    case 0x01: return "\(try input.take(2).int16(at: 0))"
    case 0x02: return "\(try input.take(4).int32(at: 0))"
    case 0x07: return "\(try input.take(1).uint8(at: 0))"
    case 0x08: return "\(try input.take(8).int64(at: 0))"
    case 0x88: return "\(Int8(bitPattern: try input.take(1).uint8(at: 0)))"
    case 0x89: return "\(try input.take(2).uint16(at: 0))"
    case 0x8A: return "\(try input.take(4).uint32(at: 0))"
    case 0x8B: return "\(try input.take(8).uint64(at: 0))"
    case 0x06, 0x86: return try input.take(1).uint8(at: 0) == 0 ? "false" : "true"
    case 0x0A, 0x0B, 0x87: return try decimal(&input)
    case 0x03: return number("\(Float(bitPattern: try input.take(4).uint32(at: 0)))")
    case 0x04: return number("\(Double(bitPattern: try input.take(8).uint64(at: 0)))")
    case 0x84: return hexadecimal(try binary(&input))
    case 0x0C, 0x0F, 0x17, 0x85: return base64(try binary(&input))
    case 0x7A...0x7F: return try XMLTime.text(type: type, &input)
    case 0x81...0x83: return try XMLTime.text2005(type: type, &input)
    default:
      throw .unknown("a typed value 0x\(String(type, radix: 16)) in an xml value")
    }
  }

  /// u8 length, precision, scale, sign (1 = positive), magnitude. Zeros at the end of the fraction
  /// are not printed.
  private static func decimal(_ input: inout BinaryXML.Input) throws(Fault) -> String {
    let length = Int(try input.take(1).uint8(at: 0))
    guard (7...19).contains(length), (length - 3) % 4 == 0 else {
      throw .damaged("a decimal of \(length) bytes in an xml value")
    }
    let bytes = try input.take(length)
    var scale = Int(bytes.uint8(at: 1))
    var magnitude: UInt128 = 0
    for offset in stride(from: length - 4, through: 3, by: -4) {
      magnitude = magnitude << 32 | UInt128(bytes.uint32(at: offset))
    }
    guard scale <= 38 else { throw .damaged("a decimal of scale \(scale) in an xml value") }
    while scale > 0 && magnitude % 10 == 0 {
      magnitude /= 10
      scale -= 1
    }
    var digits = "\(magnitude)"
    if scale > 0 {
      digits = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
      digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale))
    }
    return bytes.uint8(at: 2) == 0 && magnitude != 0 ? "-" + digits : digits
  }

  /// One digit before the point, at least one behind it, and an exponent.
  ///
  /// - Parameter shortest: The shortest digits that stand for the number, as Swift prints them.
  private static func number(_ shortest: String) -> String {
    switch shortest {
    case "inf": return "INF"
    case "-inf": return "-INF"
    case let text where text.contains("nan"): return "NaN"
    default: break
    }
    let sign = shortest.hasPrefix("-") ? "-" : ""
    let parts = shortest.drop { $0 == "-" }.split(separator: "e")
    let (mantissa, exponent) = (parts[0], parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    let point = mantissa.firstIndex(of: ".") ?? mantissa.endIndex
    let digits = mantissa.filter { $0 != "." }
    let leadingZeros = digits.prefix { $0 == "0" }.count
    var significant = digits.dropFirst(leadingZeros)
    while significant.last == "0" { significant.removeLast() }
    guard let first = significant.first else { return sign + "0.0E0" }
    let fraction = significant.count > 1 ? String(significant.dropFirst()) : "0"
    let wholeCount = mantissa.distance(from: mantissa.startIndex, to: point)
    return "\(sign)\(first).\(fraction)E\(wholeCount - leadingZeros - 1 + exponent)"
  }

  private static func binary(
    _ input: inout BinaryXML.Input
  ) throws(Fault) -> UnsafeRawBufferPointer {
    let count = try input.count()
    return try input.take(count)
  }

  private static func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
    bytes.reduce(into: "") { text, byte in
      text += byte < 16 ? "0" : ""
      text += String(byte, radix: 16, uppercase: true)
    }
  }

  private static func base64(_ bytes: UnsafeRawBufferPointer) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var group = 0
      for index in 0..<3 {
        group = group << 8 | (index < count ? Int(bytes.uint8(at: start + index)) : 0)
      }
      for index in 0..<4 {
        let digit = group >> (18 - 6 * index) & 63
        text.append(index <= count ? alphabet[digit] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
