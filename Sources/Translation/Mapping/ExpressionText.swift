// What the mapping says in SQL is put into parentheses. PostgreSQL itself reads it before a row is
// staged; what it could not notice is an expression that closes these parentheses itself.

/// What is wrong with the shape of an expression; its words are PostgreSQL's matter.
///
/// Quotes, dollar quotes and comments are told apart as PostgreSQL's scanner does with
/// standard_conforming_strings on (its documentation, section 4.1).
enum ExpressionText {
  /// - Returns: What stands there instead of one expression; nil where the shape is right.
  static func fault(in text: String) -> String? {
    var scanner = ExpressionScanner(text)
    return scanner.fault
  }
}

private struct ExpressionScanner {
  private let bytes: [UInt8]
  private var place = 0
  private var open: [UInt8] = []

  init(_ text: String) { bytes = Array(text.utf8) }

  var fault: String? {
    mutating get {
      while place < bytes.count {
        if let fault = step() { return fault }
      }
      return open.isEmpty ? nil : "a \(character(open[open.count - 1])) that is never closed"
    }
  }

  private mutating func step() -> String? {
    let byte = bytes[place]
    switch byte {
    case UInt8(ascii: "'"): return skipQuoted(byte, escapes: isEscapeString)
    case UInt8(ascii: "\""): return skipQuoted(byte, escapes: false)
    case UInt8(ascii: "$"): return skipDollarQuoted()
    case UInt8(ascii: "-") where follows(place, "--"):
      place = bytes[place...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      return nil
    case UInt8(ascii: "/") where follows(place, "/*"): return skipComment()
    case UInt8(ascii: "("), UInt8(ascii: "["): open.append(byte)
    case UInt8(ascii: ")"), UInt8(ascii: "]"):
      let opening = byte == UInt8(ascii: ")") ? UInt8(ascii: "(") : UInt8(ascii: "[")
      guard open.popLast() == opening else {
        return "a \(character(byte)) without its \(character(opening))"
      }
    case UInt8(ascii: ";"): return "a ; which ends a statement"
    default: break
    }
    place += 1
    return nil
  }

  /// `E'…'`, where a backslash takes the next character along.
  private var isEscapeString: Bool {
    guard place > 0, bytes[place - 1] | 0x20 == UInt8(ascii: "e") else { return false }
    return place == 1 || !isInName(bytes[place - 2])
  }

  private mutating func skipQuoted(_ quote: UInt8, escapes: Bool) -> String? {
    place += 1
    while place < bytes.count {
      if escapes, bytes[place] == UInt8(ascii: "\\") {
        place += 2
      } else if bytes[place] == quote {
        place += 1
        guard place < bytes.count, bytes[place] == quote else { return nil }
        place += 1
      } else {
        place += 1
      }
    }
    return "a \(character(quote)) that is never closed"
  }

  /// `$tag$ … $tag$`; a dollar inside of a name, or of a parameter, is none of these.
  private mutating func skipDollarQuoted() -> String? {
    let start = place
    place += 1
    guard start == 0 || !isInName(bytes[start - 1]) else { return nil }
    var end = place
    while end < bytes.count, isInName(bytes[end]) { end += 1 }
    let isNumber = end > place && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place])
    guard end < bytes.count, bytes[end] == UInt8(ascii: "$"), !isNumber else { return nil }
    let tag = bytes[start...end]
    place = end + 1
    while place + tag.count <= bytes.count {
      if bytes[place..<place + tag.count].elementsEqual(tag) {
        place += tag.count
        return nil
      }
      place += 1
    }
    return "a \(String(decoding: tag, as: UTF8.self)) that is never closed"
  }

  /// Comments nest.
  private mutating func skipComment() -> String? {
    var depth = 0
    while place < bytes.count {
      if follows(place, "/*") {
        depth += 1
        place += 2
      } else if follows(place, "*/") {
        depth -= 1
        place += 2
        if depth == 0 { return nil }
      } else {
        place += 1
      }
    }
    return "a /* that is never closed"
  }

  private func follows(_ place: Int, _ text: StaticString) -> Bool {
    text.withUTF8Buffer { bytes[place...].starts(with: $0) }
  }

  private func isInName(_ byte: UInt8) -> Bool {
    byte >= 0x80 || byte == UInt8(ascii: "_")
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private func character(_ byte: UInt8) -> String { String(UnicodeScalar(byte)) }
}
