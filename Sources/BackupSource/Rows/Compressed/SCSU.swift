/// The Standard Compression Scheme for Unicode (UTS #6), in which compressed rows keep Unicode text.
enum SCSU {
  /// Decodes to UTF-16LE.
  ///
  /// The server makes lengths odd by one byte more, so that a tag or half a character at the very
  /// end is left alone.
  ///
  /// - Parameter target: At least four times as long as `source`.
  static func decode(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) throws(Fault) -> UnsafeRawBufferPointer {
    guard target.count >= 4 * source.count else {
      throw .damaged("compressed text of \(source.count) bytes in a row")
    }
    var decoder = Decoder(source, target)
    while decoder.position < source.count {
      if decoder.isUnicodeMode {
        try decoder.stepUnicode()
      } else {
        try decoder.stepSingle()
      }
    }
    return UnsafeRawBufferPointer(rebasing: target[0..<decoder.written])
  }

  private struct Decoder {
    let source: UnsafeRawBufferPointer
    let target: UnsafeMutableRawBufferPointer
    var position = 0
    var written = 0
    var isUnicodeMode = false
    private var active = 0
    /// The eight windows that text can move.
    private var windows: InlineArray<8, UInt32> = [
      0x0080, 0x00C0, 0x0400, 0x0600, 0x0900, 0x3040, 0x30A0, 0xFF00,
    ]

    init(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) {
      self.source = source
      self.target = target
    }

    /// Single-byte mode: ASCII, characters of the active window, tags.
    mutating func stepSingle() throws(Fault) {
      guard let byte = next() else { return }
      switch byte {
      case 0x00, 0x09, 0x0A, 0x0D, 0x20...0x7F: put(UInt32(byte))
      case 0x80...0xFF: put(windows[active] + UInt32(byte) - 0x80)
      case 0x01...0x08:
        guard let quoted = next() else { return }
        let window = Int(byte) - 0x01
        put(
          quoted < 0x80
            ? Self.staticWindow(window) + UInt32(quoted)
            : windows[window] + UInt32(quoted) - 0x80)
      case 0x0B: try defineExtended()
      case 0x0E: putUnit()
      case 0x0F: isUnicodeMode = true
      case 0x10...0x17: active = Int(byte) - 0x10
      case 0x18...0x1F: try define(window: Int(byte) - 0x18)
      default: throw .damaged("the reserved byte \(byte) in compressed text")
      }
    }

    /// Unicode mode: big-endian UTF-16 and tags.
    mutating func stepUnicode() throws(Fault) {
      guard let byte = next() else { return }
      switch byte {
      case 0xE0...0xE7:
        active = Int(byte) - 0xE0
        isUnicodeMode = false
      case 0xE8...0xEF:
        isUnicodeMode = false
        try define(window: Int(byte) - 0xE8)
      case 0xF0: putUnit()
      case 0xF1:
        isUnicodeMode = false
        try defineExtended()
      case 0xF2: throw .damaged("the reserved byte \(byte) in compressed text")
      default:
        guard let low = next() else { return }
        put(unit: UInt16(byte) << 8 | UInt16(low))
      }
    }

    private mutating func next() -> UInt8? {
      guard position < source.count else { return nil }
      defer { position += 1 }
      return source.uint8(at: position)
    }

    private mutating func putUnit() {
      guard let high = next(), let low = next() else { return }
      put(unit: UInt16(high) << 8 | UInt16(low))
    }

    private mutating func define(window: Int) throws(Fault) {
      guard let byte = next() else { return }
      let offset: UInt32
      switch byte {
      case 0x01...0x67: offset = UInt32(byte) * 0x80
      case 0x68...0xA7: offset = UInt32(byte) * 0x80 + 0xAC00
      case 0xF9...0xFF: offset = Self.specialWindow(byte)
      default: throw .damaged("the reserved window \(byte) in compressed text")
      }
      windows[window] = offset
      active = window
    }

    /// Three bits of window, thirteen of offset above U+FFFF.
    private mutating func defineExtended() throws(Fault) {
      guard let high = next(), let low = next() else { return }
      active = Int(high >> 5)
      windows[active] = 0x10000 + (UInt32(high & 0x1F) << 8 | UInt32(low)) * 0x80
    }

    private mutating func put(_ scalar: UInt32) {
      guard scalar >= 0x10000 else {
        put(unit: UInt16(truncatingIfNeeded: scalar))
        return
      }
      let rest = scalar - 0x10000
      put(unit: 0xD800 | UInt16(truncatingIfNeeded: rest >> 10 & 0x3FF))
      put(unit: 0xDC00 | UInt16(truncatingIfNeeded: rest & 0x3FF))
    }

    private mutating func put(unit: UInt16) {
      target.storeBytes(of: unit.littleEndian, toByteOffset: written, as: UInt16.self)
      written += 2
    }

    private static func staticWindow(_ number: Int) -> UInt32 {
      switch number {
      case 0: 0x0000
      case 1: 0x0080
      case 2: 0x0100
      case 3: 0x0300
      case 4: 0x2000
      case 5: 0x2080
      case 6: 0x2100
      default: 0x3000
      }
    }

    private static func specialWindow(_ byte: UInt8) -> UInt32 {
      switch byte {
      case 0xF9: 0x00C0
      case 0xFA: 0x0250
      case 0xFB: 0x0370
      case 0xFC: 0x0530
      case 0xFD: 0x3040
      case 0xFE: 0x30A0
      default: 0xFF60
      }
    }
  }
}
