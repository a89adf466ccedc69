/// Writes the stored form of xml (section 14.2): untyped documents with elements, attributes, text
/// and comments.
struct BinaryXML {
  private var bytes: [UInt8] = [0xDF, 0xFF, 0x01, 0xB0, 0x04]
  private var names: [String: Int] = [:]
  private var qualifiedNames: [String: Int] = [:]

  static func bytes(_ document: FixtureXML) -> [UInt8] {
    var writer = BinaryXML()
    writer.append(document)
    return writer.bytes
  }

  private mutating func append(_ node: FixtureXML) {
    switch node {
    case .text(let text): append(token: 0x11, text: text)
    case .comment(let text): append(token: 0xF3, text: text)
    case .element(let name, let attributes, let children):
      let qualified = qualifiedName(name)
      bytes.append(0xF8)
      append(count: qualified)
      for attribute in attributes {
        let name = qualifiedName(attribute.name)
        bytes.append(0xF6)
        append(count: name)
        append(token: 0x11, text: attribute.value)
      }
      if !attributes.isEmpty { bytes.append(0xF5) }
      for child in children { append(child) }
      bytes.append(0xF7)
    }
  }

  /// Defines the name before its first use.
  private mutating func qualifiedName(_ name: String) -> Int {
    if let known = qualifiedNames[name] { return known }
    let index = names.count + 1
    names[name] = index
    append(token: 0xF0, text: name)
    // Namespace and prefix 0: none.
    bytes += [0xEF, 0, 0]
    append(count: index)
    qualifiedNames[name] = qualifiedNames.count + 1
    return qualifiedNames.count
  }

  private mutating func append(token: UInt8, text: String) {
    bytes.append(token)
    append(count: text.utf16.count)
    bytes += utf16Bytes(text)
  }

  /// 7 bits in each byte, low first.
  private mutating func append(count: Int) {
    var rest = count
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
