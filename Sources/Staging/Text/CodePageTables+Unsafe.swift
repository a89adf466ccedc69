// Tables of code pages, built with the C library's iconv and kept for the life of the process.

import Glibc

/// What each byte of a code page, and each pair of a lead byte and another, is in UTF-8.
///
/// An entry has up to three bytes of UTF-8, the first lowest, and their count in the highest byte;
/// 0 where there is no character.
// Sendable because the tables are written before their first reader exists and never freed.
struct CodePageTables: @unchecked Sendable {
  /// 256 entries.
  let singles: UnsafePointer<UInt32>
  /// 65,536 entries by lead and trail byte; for an 8-bit page there are none.
  let doubles: UnsafePointer<UInt32>
  let hasLeads: Bool

  private static let leadByte: UInt32 = 0x8000_0000

  static let ascii = CodePageTables { byte in byte < 0x80 ? 0x0100_0000 | UInt32(byte) : 0 }

  @inline(__always)
  func isLead(_ byte: UInt8) -> Bool { singles[Int(byte)] == Self.leadByte }

  /// - Returns: nil when the C library does not know the code page.
  init?(codePage: Int) {
    guard let converter = ByteConverter(codePage: codePage) else { return nil }
    let singles = (0..<256).map { converter.convert([UInt8($0)]) }
    let leads = (0..<256).filter { singles[$0] == .unfinished }
    self.init { byte in
      switch singles[Int(byte)] {
      case .character(let packed): packed
      case .unfinished: Self.leadByte
      // SQL Server keeps a byte that an 8-bit code page leaves undefined as the character of the
      // same number.
      case .undefined: leads.isEmpty || byte < 0xA0 ? Self.packed(scalar: UInt32(byte)) : 0
      }
    } double: { lead, trail in
      guard leads.contains(Int(lead)),
        case .character(let packed) = converter.convert([lead, trail])
      else { return 0 }
      return packed
    }
  }

  private init(
    single: (UInt8) -> UInt32, double: ((UInt8, UInt8) -> UInt32)? = nil
  ) {
    let singles = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
    for byte in 0..<256 { singles[byte] = single(UInt8(byte)) }
    self.singles = UnsafePointer(singles)
    let leads = (0..<256).filter { singles[$0] == Self.leadByte }
    hasLeads = !leads.isEmpty
    guard hasLeads, let double else {
      doubles = UnsafePointer(singles)
      return
    }
    let doubles = UnsafeMutablePointer<UInt32>.allocate(capacity: 65_536)
    doubles.initialize(repeating: 0, count: 65_536)
    for lead in leads {
      for trail in 0..<256 { doubles[lead << 8 | trail] = double(UInt8(lead), UInt8(trail)) }
    }
    self.doubles = UnsafePointer(doubles)
  }

  fileprivate static func packed(scalar: UInt32) -> UInt32 {
    guard let scalar = Unicode.Scalar(scalar) else { return 0 }
    return packed(Array(String(Character(scalar)).utf8))
  }

  fileprivate static func packed(_ utf8: [UInt8]) -> UInt32 {
    guard (1...3).contains(utf8.count) else { return 0 }
    return UInt32(utf8.count) << 24 | utf8.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}

/// iconv for one character at a time.
private final class ByteConverter {
  enum Outcome: Equatable {
    case character(UInt32)
    case unfinished
    case undefined
  }

  private let converter: iconv_t

  init?(codePage: Int) {
    guard let opened = iconv_open("UTF-8", "CP\(codePage)"), Int(bitPattern: opened) != -1 else {
      return nil
    }
    converter = opened
  }

  deinit { iconv_close(converter) }

  func convert(_ source: [UInt8]) -> Outcome {
    var source = source.map(CChar.init(bitPattern:))
    var target = [CChar](repeating: 0, count: 16)
    var sourceLeft = source.count
    var targetLeft = target.count
    iconv(converter, nil, nil, nil, nil)
    let status = source.withUnsafeMutableBufferPointer { sourceBuffer in
      target.withUnsafeMutableBufferPointer { targetBuffer in
        var from = sourceBuffer.baseAddress
        var to = targetBuffer.baseAddress
        let status = iconv(converter, &from, &sourceLeft, &to, &targetLeft)
        // Pages with combining characters (1255, 1258) keep a letter back until the next one comes.
        return status == 0 ? iconv(converter, nil, nil, &to, &targetLeft) : status
      }
    }
    if status == 0 && sourceLeft == 0 {
      let count = target.count - targetLeft
      return .character(CodePageTables.packed(target[..<count].map(UInt8.init(bitPattern:))))
    }
    return errno == EINVAL ? .unfinished : .undefined
  }
}
