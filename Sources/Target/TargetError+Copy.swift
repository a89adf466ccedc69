// An error of COPY … FROM STDIN counts lines from the beginning of the data; here that becomes a file
// and a line in it.

import Glibc

extension TargetError {
  /// Finds the file, the line in it and the column that the server speaks of in its CONTEXT, such as
  /// `COPY album, line 4071, column title: "…"`. The words may be translated.
  mutating func locate(in files: [String]) {
    guard let context, let place = CopyContext(context) else { return }
    column = place.column
    let total = place.line + Self.uncountedLines(of: files)
    var line = total
    for path in files {
      let lineCount = Self.lineCount(of: path)
      guard line > lineCount else {
        (self.file, self.line) = (path, line)
        return
      }
      line -= lineCount
    }
    self.line = total
  }

  /// How many lines the server's count is behind. Within quotes it counts the character that ends
  /// lines, and only after the first row it knows that this is the line feed; before that it counts
  /// carriage returns (copyfromparse.c, CopyReadLineText).
  private static func uncountedLines(of files: [String]) -> Int {
    var isQuoted = false
    var lines = 0
    scan(files) { byte in
      switch byte {
      case UInt8(ascii: "\""): isQuoted.toggle()
      case UInt8(ascii: "\n") where isQuoted: lines += 1
      case UInt8(ascii: "\r") where isQuoted: lines -= 1
      default: break
      }
      return isQuoted || byte != UInt8(ascii: "\n")
    }
    return lines
  }

  /// Hands over the bytes of files until `body` returns false.
  private static func scan(_ files: [String], _ body: (UInt8) -> Bool) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Limits.copyByteCount, alignment: 16)
    defer { buffer.deallocate() }
    for path in files {
      guard var file = try? CopyFile(path) else { return }
      while let piece = try? file.read(into: buffer) {
        guard piece.allSatisfy(body) else { return }
      }
    }
  }

  /// Line feeds in a file.
  private static func lineCount(of path: String) -> Int {
    var count = 0
    scan([path]) { byte in
      if byte == UInt8(ascii: "\n") { count += 1 }
      return true
    }
    return count
  }
}

/// Line and column in the CONTEXT of a COPY. The value that may follow is left alone.
struct CopyContext: Hashable {
  let line: Int
  let column: String?

  init?(_ context: String) {
    let first = context.prefix { !$0.isNewline }
    guard first.hasPrefix("COPY "), let found = first.firstMatch(of: #/, [^ ,]+ ([0-9]+)/#),
      let line = Int(found.1)
    else { return nil }
    self.line = line
    column = first[found.range.upperBound...].prefixMatch(of: #/, [^ ,]+ (.+?)(: |$)/#)
      .map { String($0.1) }
  }
}
