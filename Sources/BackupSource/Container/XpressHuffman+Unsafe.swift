// The decoder's inner loop. It reads and writes through raw pointers because it runs over every byte
// of a compressed backup.
//
// Invariants, checked where each pointer moves:
// - reads of the input happen only below `end`; past it the bit stream goes on with zeros;
// - `out` never passes `outEnd`: a byte is written only while out < outEnd, a repetition only when
//   its length is at most outEnd - out;
// - a repetition reads from out - distance with distance <= out - outStart.
// Every symbol writes at least one byte, so the loop ends.

extension XpressHuffman {
  /// Decodes until `output` is full.
  ///
  /// The input is one record's data; what follows the last symbol needed is not looked at.
  static func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(Failure) {
    guard input.count >= tableByteCount, let base = input.baseAddress else { throw .noTable }
    let code = try CanonicalCode(input.bytes)
    let failure = withUnsafeTemporaryAllocation(of: UInt16.self, capacity: Tables.wordCount) {
      words -> Failure? in
      let tables = Tables(words, code, lengths: base)
      do throws(Failure) {
        try decode(input, into: output, tables, code)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  private static func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
    _ tables: Tables, _ code: CanonicalCode
  ) throws(Failure) {
    guard let inStart = input.baseAddress, let outStart = output.baseAddress else { return }
    var bits = BitStream(next: inStart + tableByteCount, end: inStart + input.count)
    var out = outStart
    let outEnd = outStart + output.count
    while out < outEnd {
      let symbol = bits.nextSymbol(tables, code)
      if symbol < 256 {
        out.storeBytes(of: UInt8(truncatingIfNeeded: symbol), as: UInt8.self)
        out += 1
        continue
      }
      let match = symbol - 256
      let length = try bits.nextLength(match & 15)
      let distance = bits.nextDistance(match >> 4)
      guard distance <= out - outStart else { throw .distanceTooLong }
      guard length <= outEnd - out else { throw .wrongLength }
      out.repeatBytes(from: distance, count: length, room: outEnd - out)
      out += length
    }
    guard !bits.isPastEnd else { throw .endedEarly }
  }
}

/// Code lookup in temporary memory: symbols in the order of codes, then a table indexed by the next
/// 11 bits whose entries are symbol × 16 + code length, 0 where the code is longer.
private struct Tables {
  let symbols: UnsafeMutablePointer<UInt16>
  let direct: UnsafeMutablePointer<UInt16>

  static let directCount = 1 << XpressHuffman.directBits
  static let wordCount = XpressHuffman.symbolCount + directCount

  /// `words` has `wordCount` elements, `lengths` 256 bytes that make the complete code `code`.
  init(
    _ words: UnsafeMutableBufferPointer<UInt16>, _ code: CanonicalCode, lengths: UnsafeRawPointer
  ) {
    precondition(words.count >= Self.wordCount, "room for both tables")
    words.initialize(repeating: 0)
    let start = words.baseAddress.unsafelyUnwrapped
    symbols = start
    direct = start + XpressHuffman.symbolCount
    var next = code.firstIndexes
    for symbol in 0..<XpressHuffman.symbolCount {
      let pair = lengths.load(fromByteOffset: symbol >> 1, as: UInt8.self)
      let length = Int(symbol & 1 == 0 ? pair & 15 : pair >> 4)
      guard length > 0 else { continue }
      let index = next[length]
      next[length] += 1
      // index < 512: there are as many indexes as symbols with a length.
      symbols[Int(index)] = UInt16(symbol)
      guard length <= XpressHuffman.directBits else { continue }
      // In a complete code no code of this length exceeds it, so the range lies in the table.
      let value = code.firstCodes[length] + UInt32(index - code.firstIndexes[length])
      let shift = UInt32(XpressHuffman.directBits - length)
      let entry = UInt16(symbol) << 4 | UInt16(length)
      (direct + Int(value << shift)).update(repeating: entry, count: 1 << shift)
    }
  }
}

/// Bits from u16 words, most significant first, of which 16 at least are always loaded: whole bytes
/// are taken from behind the words loaded so far.
private struct BitStream {
  private var next: UnsafeRawPointer
  private let end: UnsafeRawPointer
  /// The low `count` bits are valid; 16 to 32 between calls.
  private var bits: UInt64 = 0
  private var count: UInt64 = 0
  private var zeroWordCount = 0

  init(next: UnsafeRawPointer, end: UnsafeRawPointer) {
    self.next = next
    self.end = end
    loadWord()
    loadWord()
  }

  /// Whether bits were used that the input does not have. Two words are loaded ahead.
  var isPastEnd: Bool { zeroWordCount > 2 }

  @inline(__always)
  mutating func nextSymbol(_ tables: Tables, _ code: CanonicalCode) -> Int {
    let window = Int(truncatingIfNeeded: bits &>> (count &- 15)) & 0x7FFF
    // window >> 4 has 11 bits, the size of the table.
    let entry = tables.direct[window &>> (15 &- XpressHuffman.directBits)]
    if entry != 0 {
      consume(UInt64(entry & 15))
      return Int(entry &>> 4)
    }
    return nextLongSymbol(window, tables, code)
  }

  /// A complete code has an entry for every window, so one of the lengths fits.
  @inline(never)
  private mutating func nextLongSymbol(
    _ window: Int, _ tables: Tables, _ code: CanonicalCode
  ) -> Int {
    for length in (XpressHuffman.directBits + 1)...XpressHuffman.codeLengthMax {
      let value = window >> (XpressHuffman.codeLengthMax - length)
      let index = value - Int(code.firstCodes[length])
      guard index >= 0, index < Int(code.counts[length]) else { continue }
      consume(UInt64(length))
      return Int(tables.symbols[Int(code.firstIndexes[length]) + index])
    }
    preconditionFailure("a complete code has a symbol for every 15 bits")
  }

  /// The bytes to repeat, by the low four bits of the symbol.
  @inline(__always)
  mutating func nextLength(_ nibble: Int) throws(XpressHuffman.Failure) -> Int {
    nibble < 15 ? nibble + 3 : try nextLongLength()
  }

  @inline(never)
  private mutating func nextLongLength() throws(XpressHuffman.Failure) -> Int {
    let byte = try nextBytes(1)
    if byte < 255 { return byte + 15 + 3 }
    let word = try nextBytes(2)
    let length = word == 0 ? try nextBytes(4) : word
    guard length >= 15 else { throw .wrongLength }
    return length + 3
  }

  @inline(__always)
  mutating func nextDistance(_ bitCount: Int) -> Int {
    // bitCount < 16 and at least 16 bits are loaded.
    let mask = 1 &<< bitCount &- 1
    let low = Int(truncatingIfNeeded: bits &>> (count &- UInt64(bitCount))) & mask
    consume(UInt64(bitCount))
    return 1 &<< bitCount | low
  }

  @inline(__always)
  private mutating func consume(_ used: UInt64) {
    count &-= used
    if count < 16 { loadWord() }
  }

  @inline(__always)
  private mutating func loadWord() {
    var word: UInt64 = 0
    if end - next >= 2 {
      word = UInt64(UInt16(littleEndian: next.loadUnaligned(as: UInt16.self)))
      next += 2
    } else {
      zeroWordCount &+= 1
      if next < end {
        word = UInt64(next.load(as: UInt8.self))
        next += 1
      }
    }
    bits = bits &<< 16 | word
    count &+= 16
  }

  private mutating func nextBytes(_ byteCount: Int) throws(XpressHuffman.Failure) -> Int {
    guard end - next >= byteCount else { throw .endedEarly }
    var value = 0
    for index in 0..<byteCount {
      value |= Int(next.load(fromByteOffset: index, as: UInt8.self)) << (8 * index)
    }
    next += byteCount
    return value
  }
}

extension UnsafeMutableRawPointer {
  /// Writes `count` bytes here, each a copy of the one `distance` bytes before; they may overlap.
  ///
  /// `room` bytes may be written, at least `count`; `distance` bytes before this can be read.
  @inline(__always)
  fileprivate func repeatBytes(from distance: Int, count: Int, room: Int) {
    let source = UnsafeRawPointer(self) - distance
    if distance >= 8, room - count >= 8 {
      // Eight bytes at a time write at most 7 beyond `count`, which later output overwrites.
      var done = 0
      repeat {
        storeBytes(
          of: (source + done).loadUnaligned(as: UInt64.self), toByteOffset: done, as: UInt64.self)
        done &+= 8
      } while done < count
    } else if distance == 1 {
      initializeMemory(as: UInt8.self, repeating: source.load(as: UInt8.self), count: count)
    } else {
      for index in 0..<count {
        storeBytes(
          of: source.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index,
          as: UInt8.self)
      }
    }
  }
}
