import Glibc

/// The memory that rows are encoded into: allocated once, filled from the front, never grown.
///
/// Invariant: 0 <= `count` <= `capacity`, and the bytes below `count` are initialised. Whoever writes
/// through `end` has made sure of the room before and says afterwards how much it was.
struct RowBuffer: ~Copyable {
  fileprivate let bytes: UnsafeMutablePointer<UInt8>
  let capacity: Int
  fileprivate(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    bytes = .allocate(capacity: capacity)
  }

  deinit { bytes.deallocate() }

  var free: Int { capacity - count }

  /// Where the next byte goes.
  var end: UnsafeMutablePointer<UInt8> { bytes + count }

  mutating func advance(by written: Int) {
    precondition(written >= 0 && written <= free, "encoder wrote beyond its room")
    count += written
  }

  mutating func append(_ byte: UInt8) {
    precondition(count < capacity, "no room made for a byte")
    bytes[count] = byte
    count += 1
  }

  mutating func append(_ byte: UInt8, times: Int) {
    precondition(times >= 0 && times <= free, "no room made for filling")
    (bytes + count).update(repeating: byte, count: times)
    count += times
  }

  /// The bytes in a range below `count`; valid until the next change.
  func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice beyond the buffer")
    return UnsafeRawBufferPointer(start: bytes + range.lowerBound, count: range.count)
  }

  mutating func cut(to newCount: Int) {
    precondition(newCount >= 0 && newCount <= count, "cut beyond the buffer")
    count = newCount
  }

  /// Forgets the first bytes and moves the others to the front.
  mutating func removeFirst(_ removed: Int) {
    precondition(removed >= 0 && removed <= count, "removal beyond the buffer")
    count -= removed
    memmove(bytes, bytes + removed, count)
  }

  mutating func insert(_ byte: UInt8, at index: Int) {
    precondition(index >= 0 && index <= count && count < capacity, "no room made for a byte")
    memmove(bytes + index + 1, bytes + index, count - index)
    bytes[index] = byte
    count += 1
  }

  /// Doubles every quotation mark from `start` on. There must be room for all of them.
  mutating func doubleQuotes(from start: Int) {
    precondition(start >= 0 && start <= count, "quoting beyond the buffer")
    var quoteCount = 0
    for index in start..<count where bytes[index] == ASCII.quote { quoteCount += 1 }
    precondition(quoteCount <= free, "no room made for doubled quotes")
    var source = count
    var target = count + quoteCount
    count = target
    // From the end backward: once the two meet, everything before is in its place already.
    while source < target {
      source -= 1
      target -= 1
      bytes[target] = bytes[source]
      if bytes[source] == ASCII.quote {
        target -= 1
        bytes[target] = ASCII.quote
      }
    }
  }
}

extension RowBuffer {
  /// Leaves out each U+0000 and each half of a surrogate pair (the three bytes ED A0..BF xx, which
  /// UTF-8 does not have) from `start` on.
  mutating func stripUnstorable(from start: Int) {
    precondition(start >= 0 && start <= count, "stripping beyond the buffer")
    var target = start
    var source = start
    while source < count {
      if let byteCount = unstorableByteCount(at: source) {
        source += byteCount
        continue
      }
      bytes[target] = bytes[source]
      target += 1
      source += 1
    }
    count = target
  }

  /// Puts U+FFFD in the place of each of them. There must be room for two bytes more for each NUL.
  mutating func replaceUnstorable(from start: Int) {
    precondition(start >= 0 && start <= count, "replacing beyond the buffer")
    var nulCount = 0
    var index = start
    while index < count {
      let byteCount = unstorableByteCount(at: index)
      if byteCount == 1 { nulCount += 1 }
      if byteCount == 3 { putReplacement(at: index) }
      index += byteCount ?? 1
    }
    precondition(2 * nulCount <= free, "no room made for replacements")
    var source = count
    var target = count + 2 * nulCount
    count = target
    // From the end backward: once the two meet, everything before is in its place already.
    while source < target {
      source -= 1
      target -= bytes[source] == 0 ? 3 : 1
      if bytes[source] == 0 { putReplacement(at: target) } else { bytes[target] = bytes[source] }
    }
  }

  private func unstorableByteCount(at index: Int) -> Int? {
    if bytes[index] == 0 { return 1 }
    let isHalf = bytes[index] == 0xED && index + 2 < count && bytes[index + 1] >= 0xA0
    return isHalf ? 3 : nil
  }

  private func putReplacement(at index: Int) {
    bytes[index] = 0xEF
    bytes[index + 1] = 0xBF
    bytes[index + 2] = 0xBD
  }
}

enum ASCII {
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let blank: UInt8 = 0x20
  static let quote: UInt8 = 0x22
  static let plus: UInt8 = 0x2B
  static let comma: UInt8 = 0x2C
  static let minus: UInt8 = 0x2D
  static let point: UInt8 = 0x2E
  static let zero: UInt8 = 0x30
  static let colon: UInt8 = 0x3A
  static let backslash: UInt8 = 0x5C
}
