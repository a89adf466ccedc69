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
  /// 65,536 entries by lead and trail byte; not to be read where `hasLeads` is false.
  let doubles: UnsafePointer<UInt32>
  let hasLeads: Bool

  private static let leadByte: UInt32 = 0x8000_0000

  static let ascii = CodePageTables { byte in byte < 0x80 ? 0x0100_0000 | UInt32(byte) : 0 }

  @inline(__always)
  func isLead(_ byte: UInt8) -> Bool { singles[Int(byte)] == Self.leadByte }

  /// - Returns: nil when the C library does not know the code page.
  init?(codePage: Int) {
    guard let converter = ByteConverter(codePage: codePage) else { return nil }
    let supplement = CodePageSupplement(codePage: codePage)
    self.init { byte in
      if supplement.isLead(byte) { return Self.leadByte }
      if let packed = converter.convert([byte]) { return packed }
      return supplement.scalar(for: byte).map(Self.packed(scalar:)) ?? 0
    } double: { lead, trail in
      converter.convert([lead, trail]) ?? 0
    }
    guard hasLeads else { return }
    let doubles = UnsafeMutablePointer(mutating: doubles)
    supplement.forEachUserDefined { lead, trail in
      supplement.isLead(lead) && doubles[Int(lead) << 8 | Int(trail)] == 0
    } _: { lead, trail, scalar in
      doubles[Int(lead) << 8 | Int(trail)] = Self.packed(scalar: scalar)
    }
  }

  private init(
    single: (UInt8) -> UInt32, double: (UInt8, UInt8) -> UInt32 = { _, _ in 0 }
  ) {
    let singles = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
    for byte in 0..<256 { singles[byte] = single(UInt8(byte)) }
    self.singles = UnsafePointer(singles)
    let leads = (0..<256).filter { singles[$0] == Self.leadByte }
    hasLeads = !leads.isEmpty
    guard hasLeads else {
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
    return utf8.reversed().reduce(0) { $0 << 8 | UInt32($1) } | UInt32(utf8.count) << 24
  }
}

/// iconv for one character at a time.
private final class ByteConverter {
  private let converter: iconv_t

  init?(codePage: Int) {
    guard let opened = iconv_open("UTF-8", "CP\(codePage)"), Int(bitPattern: opened) != -1 else {
      return nil
    }
    converter = opened
  }

  deinit { iconv_close(converter) }

  /// - Returns: The table entry; nil where the bytes are no character.
  func convert(_ source: [UInt8]) -> UInt32? {
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
    guard status == 0, sourceLeft == 0 else { return nil }
    let count = target.count - targetLeft
    return CodePageTables.packed(target[..<count].map(UInt8.init(bitPattern:)))
  }
}
