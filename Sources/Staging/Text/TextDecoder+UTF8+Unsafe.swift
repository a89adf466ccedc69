// Pointers are valid for the length of a call, and there is room as `TextDecoder.decode` demands.

extension TextDecoder {
  /// UTF-8, checked as RFC 3629, section 4 has it.
  static func utf8(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer
  ) -> Decoded {
    var result = Decoded()
    while true {
      asciiBytes(source, count, target, &result)
      guard result.consumed < count else { return result }
      let rest = UnsafeRawBufferPointer(
        start: source + result.consumed, count: min(4, count - result.consumed))
      switch UTF8Sequence(rest) {
      case .whole(let length):
        (target + result.written).copyMemory(
          from: source + result.consumed, byteCount: length)
        result.consumed += length
        result.written += length
      case .unfinished: return result
      case .invalid:
        put(0, at: target, &result)
        result.consumed += 1
      }
    }
  }
}

/// What stands at the beginning of some bytes that should be UTF-8 and are not ASCII.
private enum UTF8Sequence {
  case whole(Int)
  case unfinished
  case invalid

  /// - Parameter bytes: At most 4, at least 1.
  init(_ bytes: UnsafeRawBufferPointer) {
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch bytes[0] {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default:
      self = .invalid
      return
    }
    for index in 1..<length {
      guard index < bytes.count else {
        self = .unfinished
        return
      }
      guard (index == 1 ? second : 0x80...0xBF).contains(bytes[index]) else {
        self = .invalid
        return
      }
    }
    self = .whole(length)
  }
}
