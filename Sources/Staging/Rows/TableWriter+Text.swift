// Text and bytes of any length, in one piece or in many. A value is decoded piece by piece into the
// row's buffer and quoted there when the first character turns up that asks for it.

import Catalog

extension TableWriter {
  /// Writes bytea: `\x` and hex.
  public mutating func write(bytes: UnsafeRawBufferPointer) {
    beginBytes()
    append(bytes)
    endValue()
  }

  /// Writes text in UTF-16LE. `paddedTo` pads with blanks to that many characters (nchar).
  ///
  /// U+0000 and unpaired surrogates make the row a reject at `endRow`.
  public mutating func write(utf16 bytes: UnsafeRawBufferPointer, paddedTo width: Int? = nil) {
    begin(.utf16)
    writeText(bytes, paddedTo: width)
  }

  /// Writes text in the code page of a collation. `paddedTo` as above (char).
  ///
  /// Bytes that are no character there make the row a reject.
  public mutating func write(
    text bytes: UnsafeRawBufferPointer, in codePage: CodePage, paddedTo width: Int? = nil
  ) {
    begin(codePage.decoder)
    writeText(bytes, paddedTo: width)
  }

  /// Writes text that is UTF-8 already. Bytes that are not make the row a reject.
  public mutating func write(utf8 bytes: UnsafeRawBufferPointer) {
    begin(.utf8)
    writeText(bytes, paddedTo: nil)
  }

  /// Begins a value too large to hold in one piece: any number of `append`, then `endValue`. The
  /// pieces may end anywhere, in the middle of a character too.
  public mutating func beginBytes() {
    begin(.bytes)
    if isShape { return beginShape() }
    let target = rows.room(2)
    target[0] = ASCII.backslash
    target[1] = 0x78
    rows.advance(by: 2)
  }

  public mutating func beginUTF16() { begin(.utf16) }

  public mutating func beginUTF8() { begin(.utf8) }

  public mutating func beginText(in codePage: CodePage) { begin(codePage.decoder) }

  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard text.decoder.kind == .bytes else { return appendText(bytes) }
    if isShape { appendShape(bytes) } else { appendHex(bytes) }
  }

  public mutating func endValue() {
    if text.decoder.kind != .bytes { endText() } else if isShape { endShape() }
    closeCell()
  }

  private mutating func begin(_ decoder: TextDecoder) {
    openCell()
    text = TextValue(decoder: decoder)
  }

  private mutating func writeText(_ bytes: UnsafeRawBufferPointer, paddedTo width: Int?) {
    text.countsCharacters = width != nil
    appendText(bytes)
    if let width, width > text.characterCount {
      rows.append(ASCII.blank, times: width - text.characterCount)
    }
    endValue()
  }

  private mutating func appendHex(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(rows.capacity / 2))
      let target = rows.room(piece.count * 2)
      rows.advance(by: HexText.bytes(piece, at: target))
      rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
    }
  }

  private mutating func appendText(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while text.carry.count > 0, let byte = rest.first {
      text.carry.append(byte)
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
      decodeCarry()
    }
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(rows.capacity / 4))
      let consumed = decode(piece)
      // What is left over at the very end is the beginning of a character: 3 bytes at most.
      if piece.count == rest.count {
        for byte in piece[consumed...] { text.carry.append(byte) }
        return
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
    }
  }

  /// Decodes the bytes that were left over as soon as they are a character.
  private mutating func decodeCarry() {
    let consumed = withUnsafeBytes(of: text.carry.bytes) { bytes in
      decode(UnsafeRawBufferPointer(rebasing: bytes.prefix(text.carry.count)))
    }
    text.carry.removeFirst(consumed)
  }

  /// Decodes a piece into the cell and quotes it as far as it needs it.
  ///
  /// - Returns: How many bytes were taken: all but an unfinished character at the end.
  private mutating func decode(_ piece: UnsafeRawBufferPointer) -> Int {
    let target = rows.room(piece.count * TextDecoder.growthMax + 16)
    var start = rows.count
    let decoded = text.decoder.decode(piece, to: target)
    rows.advance(by: decoded.written)
    let faults = repair(decoded.findings.intersection(.fault), from: start)
    if text.countsCharacters {
      text.characterCount += TextDecoder.characterCount(target, rows.count - start)
    }
    if decoded.findings.isEmpty { return decoded.consumed }

    if !faults.isEmpty {
      text.faults.formUnion(faults)
      rows.isDropping = true
    }
    if !text.isQuoted && decoded.findings.contains(.needsQuotes) {
      start += rows.openQuote()
      text.isQuoted = true
    }
    if decoded.findings.contains(.quote) { rows.doubleQuotes(from: start) }
    return decoded.consumed
  }

  /// Takes what the column's policy lets be taken out of the text.
  ///
  /// - Returns: The faults that remain.
  @inline(__always)
  private mutating func repair(_ faults: TextFindings, from start: Int) -> TextFindings {
    if faults.isEmpty { return faults }
    let policy = textPolicy
    let repairable = faults.intersection([.nul, .unpairedSurrogate])
    guard policy != .fail, !repairable.isEmpty else { return faults }
    rows.repairText(from: start, policy)
    noteRepair(repairable, policy)
    return faults.subtracting(repairable)
  }

  private mutating func endText() {
    if !text.faults.isEmpty {
      report(text.faults)
    } else if text.carry.count > 0 {
      endCarry()
    }
    if text.isQuoted {
      rows.append(ASCII.quote)
    } else if rows.cellByteCount == 0 || isEndOfData {
      // Room first: making it later would move the cell.
      _ = rows.room(2)
      _ = rows.openQuote()
      rows.append(ASCII.quote)
    }
  }

  /// What is left over at the end of a value is half a character.
  private mutating func endCarry() {
    let policy = textPolicy
    guard text.decoder.kind == .utf16, text.carry.count == 2 else {
      return reject(.unfinishedCharacter)
    }
    guard policy != .fail else { return reject(.unpairedSurrogate) }
    if policy == .replace {
      for byte in "\u{FFFD}".utf8 { rows.append(byte) }
      text.characterCount += 1
    }
    noteRepair(.unpairedSurrogate, policy)
  }

  /// Whether the line would be `\.`, which ends a COPY.
  private var isEndOfData: Bool {
    guard columnCount == 1, rows.cellByteCount == 2, let cell = rows.cell else { return false }
    return cell[0] == ASCII.backslash && cell[1] == ASCII.point
  }

  /// One fault counts, the same one however the value was cut into pieces.
  private mutating func report(_ faults: TextFindings) {
    if faults.contains(.undefined) {
      if text.decoder.kind == .ascii {
        refuse(
          .badValue, "a byte above 0x7F in text whose code page is not known (\(collationName))",
          advice: "report the collation, so that its code page can be added")
      } else {
        reject(.undefinedBytes(codePage: text.decoder.codePage))
      }
    } else {
      reject(faults.contains(.nul) ? .nul : .unpairedSurrogate)
    }
  }
}

/// A text or bytea value between its beginning and its end.
struct TextValue {
  let decoder: TextDecoder
  /// The opening quote stands in the cell.
  var isQuoted = false
  var countsCharacters = false
  var characterCount = 0
  /// Seen so far, of `TextFindings.fault`.
  var faults: TextFindings = []
  var carry = CarriedBytes()

  init(decoder: TextDecoder) {
    self.decoder = decoder
  }
}

/// The first bytes of a character whose others come with the next piece; at most 4.
struct CarriedBytes {
  private(set) var bytes: UInt32 = 0
  private(set) var count = 0

  mutating func append(_ byte: UInt8) {
    precondition(count < 4, "a character of more than 4 bytes")
    bytes |= UInt32(byte) << UInt32(8 * count)
    count += 1
  }

  mutating func removeFirst(_ removed: Int) {
    bytes = removed >= 4 ? 0 : bytes >> UInt32(8 * removed)
    count -= removed
  }
}
