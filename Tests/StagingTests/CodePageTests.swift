import Catalog
import Foundation
import Staging
import Testing

@Suite("Text in code pages")
struct CodePageTests {
  @Test(
    "a character is what iconv says, else a control, a private one or a reject",
    arguments: CodePage.numbers.filter { $0 != 65001 })
  func agreesWithIconv(_ number: Int) throws {
    let codePage = try #require(CodePage(number: number))
    let characters = Self.candidates(number)
    let converter = try #require(iconv_open("UTF-8", "CP\(number)"))
    defer { iconv_close(converter) }
    var definedCount = 0
    for (character, text) in zip(characters, try written(characters, in: codePage)) {
      if let expected = Self.convert(character, with: converter) {
        definedCount += 1
        #expect(text == expected, "\(character)")
      } else if let scalar = text?.unicodeScalars.first?.value {
        let isControl = character == [UInt8(truncatingIfNeeded: scalar)] && scalar < 0xA0
        let isPrivate = (0xE000...0xF8FF).contains(scalar)
        #expect(isControl || isPrivate || (number == 1255 && scalar == 0x05BA), "\(character)")
      }
    }
    #expect(definedCount > 90)
  }

  @Test("8-bit pages of Windows give every byte a character", arguments: [874, 1250, 1253, 1255])
  func nothingIsUndefined(_ number: Int) throws {
    let codePage = try #require(CodePage(number: number))
    let texts = try written((0x80...0xFF).map { [UInt8($0)] }, in: codePage)
    #expect(texts.allSatisfy { $0 != nil })
    #expect(texts[1] == "\u{81}")
  }

  @Test("pieces may end anywhere in a character", arguments: [932, 936, 949, 950, 1252, 65001])
  func pieces(_ number: Int) throws {
    print("seed \(SeededGenerator.seed)")
    let codePage = try #require(CodePage(number: number))
    var generator = SeededGenerator(number)
    let values = (0..<200).map { _ -> [UInt8] in
      if number == 65001 {
        let count = Int.random(in: 0..<100, using: &generator)
        return Array(ValueKind.randomText(count, &generator).utf8)
      }
      return ValueKind.randomBytes(.random(in: 0..<4, using: &generator), &generator)
        + Array("plain, \"text\" of more than 16 bytes".utf8)
        + ValueKind.randomBytes(.random(in: 0..<4, using: &generator), &generator)
    }
    let folder = try ScratchFolder()
    let table = makeTable([ColumnType(.int), ColumnType(.varchar, isMax: true)])
    let whole = try writeSnapshot(table, into: folder.file("whole"), limits: .tiny) { writer in
      for (key, value) in values.enumerated() {
        writer.beginRow()
        writer.write(integer: Int64(key))
        value.withUnsafeBytes { writer.write(text: $0, in: codePage) }
        try writer.endRow()
      }
    }
    let parts = try writeSnapshot(table, into: folder.file("parts"), limits: .tiny) { writer in
      for (key, value) in values.enumerated() {
        writer.beginRow()
        writer.write(integer: Int64(key))
        writer.beginText(in: codePage)
        for byte in value { withUnsafeBytes(of: byte) { writer.append($0) } }
        writer.endValue()
        try writer.endRow()
      }
    }
    #expect(whole == parts)
    #expect(whole.rows > 0)
    if whole.rejects > 0 {
      let rejects = try ["whole", "parts"].map { try folder.text("\($0)/rejects/dbo.T.csv") }
      #expect(rejects[0] == rejects[1])
    }
  }

  @Test("an unknown number is no code page")
  func unknownNumber() {
    #expect(CodePage(number: 1047) == nil)
    #expect(CodePage(number: 0) == nil)
    #expect(CodePage(number: 65001)?.number == 65001)
  }

  /// Every character above ASCII that a code page could have: one byte, or a lead byte and another.
  private static func candidates(_ number: Int) -> [[UInt8]] {
    let upper = (0x80...0xFF).map { [UInt8($0)] }
    guard [932, 936, 949, 950].contains(number) else { return upper }
    let leads = Array(0x81...0xFE).filter {
      number != 932 || $0 < 0xA0 || (0xE0...0xFC).contains($0)
    }
    return upper + leads.flatMap { lead in (0x40...0xFE).map { [UInt8(lead), UInt8($0)] } }
  }

  /// What a snapshot makes of each: nil for a reject.
  private func written(_ characters: [[UInt8]], in codePage: CodePage) throws -> [String?] {
    let folder = try ScratchFolder()
    let types = [ColumnType(.varchar, length: 2), ColumnType(.int)]
    let manifest = try writeSnapshot(makeTable(types, keyCount: 0), into: folder.path) { writer in
      for (index, character) in characters.enumerated() {
        writer.beginRow()
        character.withUnsafeBytes { writer.write(text: $0, in: codePage) }
        writer.write(integer: Int64(index))
        try writer.endRow()
      }
    }
    var texts: [String?] = Array(repeating: nil, count: characters.count)
    for line in try csv(manifest, in: folder.path).split(separator: "\n") {
      let cells = line.split(separator: ",")
      texts[try #require(Int(cells[1]))] = String(cells[0])
    }
    #expect(manifest.rows + manifest.rejects == characters.count)
    return texts
  }

  private static func convert(_ character: [UInt8], with converter: iconv_t) -> String? {
    var source = character.map(CChar.init(bitPattern:))
    var target = [CChar](repeating: 0, count: 16)
    var sourceLeft = source.count
    var targetLeft = target.count
    let isConverted = source.withUnsafeMutableBufferPointer { from in
      target.withUnsafeMutableBufferPointer { to in
        var input = from.baseAddress
        var output = to.baseAddress
        return iconv(converter, &input, &sourceLeft, &output, &targetLeft) == 0
          && iconv(converter, nil, nil, &output, &targetLeft) == 0
      }
    }
    iconv(converter, nil, nil, nil, nil)
    guard isConverted, sourceLeft == 0 else { return nil }
    let bytes = target.prefix(16 - targetLeft).map(UInt8.init(bitPattern:))
    return String(decoding: bytes, as: UTF8.self)
  }
}
