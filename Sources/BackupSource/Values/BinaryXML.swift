/// Binary XML to the text that the server prints for it (section 14.2, [MS-BINXML]). One instance
/// decodes value after value into the same buffer.
final class BinaryXML {
  private enum Token {
    static let nameDefinition: UInt8 = 0xF0
    static let qualifiedNameDefinition: UInt8 = 0xEF
    static let element: UInt8 = 0xF8
    static let endElement: UInt8 = 0xF7
    static let attribute: UInt8 = 0xF6
    static let endAttributes: UInt8 = 0xF5
    static let instruction: UInt8 = 0xF4
    static let comment: UInt8 = 0xF3
    static let cdata: UInt8 = 0xF2
    static let endCDATA: UInt8 = 0xF1
    static let declaration: UInt8 = 0xFE
    static let encoding: UInt8 = 0xFD
    static let `extension`: UInt8 = 0xEA
    static let forgetNames: UInt8 = 0xE9
  }

  /// Where tokens stand decides how text is escaped and what may follow.
  private enum Place { case content, attributeValue, startTag }

  /// UTF-8 that was not handed on yet.
  private var output: [UInt8] = []
  private var handedByteCount = 0
  private var input = Input()
  private var names: [Range<Int>] = []
  private var qualifiedNames: [(prefix: Int, local: Int)] = []
  /// Names of the open elements, as ranges of the input.
  private var openElements: [(prefix: Range<Int>, local: Range<Int>)] = []
  private var place = Place.content
  /// Values of a list follow each other; blanks stand between them.
  private var isAfterTypedValue = false

  /// Hands the text on piece by piece: few bytes can name a long name again and again.
  ///
  /// Stops where the text cannot be stored anyway.
  func decode(
    _ bytes: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) -> Void
  ) throws(Fault) {
    handedByteCount = 0
    output.removeAll(keepingCapacity: true)
    names.removeAll(keepingCapacity: true)
    qualifiedNames.removeAll(keepingCapacity: true)
    openElements.removeAll(keepingCapacity: true)
    place = .content
    isAfterTypedValue = false
    input = Input(bytes)
    if bytes.count == 0 { return }
    guard bytes.count >= 5, bytes.uint16(at: 0) == 0xFFDF, (1...2).contains(bytes.uint8(at: 2)),
      bytes.uint16(at: 3) == 1200
    else { throw .unknown("an xml value that does not begin with DF FF 01|02 B0 04") }
    input.position = 5
    while let token = input.nextByte() {
      try step(token)
      if output.count >= Self.pieceByteCount { handOn(to: take) }
      if handedByteCount > Self.byteCountMax { return }
    }
    handOn(to: take)
    guard openElements.isEmpty, place == .content else {
      throw .damaged("an xml value ends inside an element")
    }
  }

  private func handOn(to take: (UnsafeRawBufferPointer) -> Void) {
    output.withUnsafeBytes { take($0) }
    handedByteCount += output.count
    output.removeAll(keepingCapacity: true)
  }

  private static let pieceByteCount = 64 << 10
  /// No line of a chunk is longer.
  private static let byteCountMax = 1 << 30

  private func step(_ token: UInt8) throws(Fault) {
    if token >= 0x90 { isAfterTypedValue = false }
    switch token {
    case Token.nameDefinition: names.append(try input.text())
    case Token.qualifiedNameDefinition:
      _ = try input.count()
      qualifiedNames.append((try input.count(), try input.count()))
    case Token.forgetNames:
      names.removeAll(keepingCapacity: true)
      qualifiedNames.removeAll(keepingCapacity: true)
    case Token.element: try openElement()
    case Token.attribute: try openAttribute()
    case Token.endAttributes: closeAttribute()
    case Token.endElement: try closeElement()
    case Token.instruction: try writeInstruction()
    case Token.comment:
      try leaveStartTag()
      append("<!--")
      try appendText(input.text(), .raw)
      append("-->")
    case Token.cdata:
      try leaveStartTag()
      append("<![CDATA[")
      try appendText(input.text(), .raw)
      append("]]>")
    case Token.endCDATA: break
    case Token.declaration: try skipDeclaration()
    case Token.extension: try input.skip(try input.count())
    case 0..<0x90: try writeValue(type: token)
    default:
      throw .unknown("token 0x\(String(token, radix: 16)) in an xml value")
    }
  }

  private func openElement() throws(Fault) {
    try leaveStartTag()
    append("<")
    let name = try qualifiedName(input.count())
    try append(name)
    openElements.append(name)
    place = .startTag
  }

  private func openAttribute() throws(Fault) {
    closeAttribute()
    guard place == .startTag else { throw .damaged("an xml attribute outside a start tag") }
    append(" ")
    try append(qualifiedName(input.count()))
    append("=\"")
    place = .attributeValue
  }

  private func closeAttribute() {
    guard place == .attributeValue else { return }
    append("\"")
    place = .startTag
  }

  /// Content follows: the start tag ends with `>`.
  private func leaveStartTag() throws(Fault) {
    closeAttribute()
    guard place == .startTag else { return }
    append(">")
    place = .content
  }

  private func closeElement() throws(Fault) {
    guard let name = openElements.popLast() else {
      throw .damaged("an xml value closes more elements than it opens")
    }
    closeAttribute()
    if place == .startTag {
      append("/>")
    } else {
      append("</")
      try append(name)
      append(">")
    }
    place = .content
  }

  private func writeInstruction() throws(Fault) {
    try leaveStartTag()
    append("<?")
    let name = try input.count()
    guard names.indices.contains(name - 1) else {
      throw .damaged("an xml value uses name \(name) of \(names.count)")
    }
    try appendText(names[name - 1], .raw)
    let text = try input.text()
    if !text.isEmpty { append(" ") }
    try appendText(text, .raw)
    append("?>")
  }

  /// The server does not print a declaration: version, encoding if there is one, standalone.
  private func skipDeclaration() throws(Fault) {
    _ = try input.text()
    if input.peek() == Token.encoding {
      _ = input.nextByte()
      _ = try input.text()
    }
    try input.skip(1)
  }

  private func writeValue(type: UInt8) throws(Fault) {
    if place == .startTag { try leaveStartTag() }
    let escaping: Escaping = place == .attributeValue ? .attribute : .content
    switch type {
    case 0x11, 0x0E, 0x18:
      try appendText(input.text(), escaping)
      isAfterTypedValue = false
      return
    default: break
    }
    if isAfterTypedValue { append(" ") }
    isAfterTypedValue = true
    if type == 0x8C {
      try append(qualifiedName(input.count()))
    } else {
      append(try XMLValue.text(type: type, &input))
    }
  }

  private func qualifiedName(
    _ number: Int
  ) throws(Fault) -> (prefix: Range<Int>, local: Range<Int>) {
    guard qualifiedNames.indices.contains(number - 1) else {
      throw .damaged("an xml value uses name \(number) of \(qualifiedNames.count)")
    }
    let (prefix, local) = qualifiedNames[number - 1]
    return (try name(prefix), try name(local))
  }

  private func append(_ name: (prefix: Range<Int>, local: Range<Int>)) throws(Fault) {
    try appendText(name.prefix, .raw)
    // A declaration xmlns:p has the prefix "xmlns:p" and an empty local name.
    if !name.prefix.isEmpty && !name.local.isEmpty { append(":") }
    try appendText(name.local, .raw)
  }

  /// - Parameter index: From 1; 0 is the empty name.
  private func name(_ index: Int) throws(Fault) -> Range<Int> {
    if index == 0 { return 0..<0 }
    guard names.indices.contains(index - 1) else {
      throw .damaged("an xml value uses name \(index) of \(names.count)")
    }
    return names[index - 1]
  }

  private func append(_ text: String) {
    output.append(contentsOf: text.utf8)
  }

  private enum Escaping { case content, attribute, raw }

  /// - Parameter range: UTF-16LE text in the input.
  private func appendText(_ range: Range<Int>, _ escaping: Escaping) throws(Fault) {
    let text = input.bytes.slice(range)
    let unitCount = text.count / 2
    // Of a text that is nothing but white space the server writes the last character as a number,
    // so that a parser keeps it.
    let isBlank =
      escaping == .content && unitCount > 0
      && (0..<unitCount).allSatisfy { Self.isBlank(text.uint16(at: 2 * $0)) }
    var index = 0
    while index < unitCount {
      let unit = text.uint16(at: 2 * index)
      index += 1
      if isBlank && index == unitCount {
        appendReference(unit)
      } else if unit < 0x80 {
        append(ascii: unit, escaping)
      } else if unit & 0xF800 == 0xD800 {
        guard unit < 0xDC00, index < unitCount, text.uint16(at: 2 * index) & 0xFC00 == 0xDC00
        else { throw .damaged("an xml value with half a surrogate pair") }
        let low = UInt32(text.uint16(at: 2 * index) & 0x3FF)
        append(scalar: 0x10000 + (UInt32(unit & 0x3FF) << 10 | low))
        index += 1
      } else {
        append(scalar: UInt32(unit))
      }
    }
  }

  private func append(ascii unit: UInt16, _ escaping: Escaping) {
    let byte = UInt8(truncatingIfNeeded: unit)
    guard escaping != .raw else {
      output.append(byte)
      return
    }
    switch byte {
    case UInt8(ascii: "&"): append("&amp;")
    case UInt8(ascii: "<"): append("&lt;")
    case UInt8(ascii: ">"): append("&gt;")
    case UInt8(ascii: "\"") where escaping == .attribute: append("&quot;")
    case 0x09 where escaping == .attribute: appendReference(unit)
    case 0x0A where escaping == .attribute: appendReference(unit)
    case 0x0D: appendReference(unit)
    default: output.append(byte)
    }
  }

  /// `&#x0D;`: two digits, as the server writes white space.
  private func appendReference(_ unit: UInt16) {
    let hex = String(unit, radix: 16, uppercase: true)
    append("&#x" + (hex.count == 1 ? "0" : "") + hex + ";")
  }

  private func append(scalar: UInt32) {
    if scalar < 0x800 {
      output.append(UInt8(0xC0 | scalar >> 6))
    } else if scalar < 0x10000 {
      output.append(UInt8(0xE0 | scalar >> 12))
      output.append(UInt8(0x80 | scalar >> 6 & 0x3F))
    } else {
      output.append(UInt8(0xF0 | scalar >> 18))
      output.append(UInt8(0x80 | scalar >> 12 & 0x3F))
      output.append(UInt8(0x80 | scalar >> 6 & 0x3F))
    }
    output.append(UInt8(0x80 | scalar & 0x3F))
  }

  private static func isBlank(_ unit: UInt16) -> Bool {
    unit == 0x20 || unit == 0x09 || unit == 0x0A || unit == 0x0D
  }

  /// The tokens that are left to read.
  struct Input {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    init() { bytes = UnsafeRawBufferPointer(start: nil, count: 0) }
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func nextByte() -> UInt8? {
      guard position < bytes.count else { return nil }
      defer { position += 1 }
      return bytes.uint8(at: position)
    }

    func peek() -> UInt8? { position < bytes.count ? bytes.uint8(at: position) : nil }

    mutating func skip(_ count: Int) throws(Fault) { _ = try take(count) }

    mutating func take(_ count: Int) throws(Fault) -> UnsafeRawBufferPointer {
      guard count >= 0 && count <= bytes.count - position else {
        throw .damaged("an xml value ends inside a token")
      }
      defer { position += count }
      return bytes.slice(position..<position + count)
    }

    /// Seven bits a byte, the lowest first.
    mutating func count() throws(Fault) -> Int {
      var value = 0
      for shift in stride(from: 0, to: 35, by: 7) {
        guard let byte = nextByte() else { throw .damaged("an xml value ends inside a count") }
        value |= Int(byte & 0x7F) << shift
        if byte & 0x80 == 0 { return value }
      }
      throw .damaged("a count in an xml value has more than five bytes")
    }

    /// The range of a text: a count of UTF-16 units, then the units.
    mutating func text() throws(Fault) -> Range<Int> {
      let byteCount = 2 * (try count())
      let start = position
      _ = try take(byteCount)
      return start..<start + byteCount
    }
  }
}
