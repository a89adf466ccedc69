import Catalog
import Staging
import Testing

@testable import BackupSource

@Suite("hierarchyid")
struct HierarchyIDTests {
  /// As the server's `ToString()` prints them; most are those of AdventureWorks.
  @Test(
    "is a path of dotted numbers",
    arguments: [
      ("", "/"), ("58", "/1/"), ("68", "/2/"), ("78", "/3/"), ("5AC0", "/1/1/"),
      ("5B40", "/1/2/"), ("5AD6", "/1/1/1/"), ("5ADA", "/1/1/2/"), ("5ADE", "/1/1/3/"),
      ("5AE1", "/1/1/4/"), ("5AE158", "/1/1/4/1/"),
    ])
  func paths(bytes: String, path: String) throws {
    let found = try hex(bytes).withUnsafeBytes { try HierarchyID($0).description }
    #expect(found == path)
  }

  @Test("has as many bytes as the server keeps at most")
  func tooLong() {
    let error = #expect(throws: HierarchyID.Damage.self) {
      try [UInt8](repeating: 0, count: 900_000).withUnsafeBytes { _ = try HierarchyID($0) }
    }
    #expect(error?.problem == "a hierarchyid of 900000 bytes")
  }

  @Test("ends at the end of a level, or is damaged")
  func damaged() {
    #expect(throws: HierarchyID.Damage.self) {
      try hex("50").withUnsafeBytes { _ = try HierarchyID($0) }
    }
    #expect(throws: HierarchyID.Damage.self) {
      try hex("01").withUnsafeBytes { _ = try HierarchyID($0) }
    }
  }
}

@Suite("binary XML")
struct BinaryXMLTests {
  private func text(_ tokens: String) throws -> String {
    let decoder = BinaryXML()
    var text: [UInt8] = []
    try hex("DFFF 01 B004" + tokens).withUnsafeBytes {
      try decoder.decode($0) { text.append(contentsOf: $0) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Little-endian, as hex digits.
  private func digits(_ number: some FixedWidthInteger) -> String {
    number.testBytes.map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }.joined()
  }

  /// Names 1 "a" and 2 "b"; qualified names 1 and 2 of them.
  private let names = "F0 01 6100 EF 00 00 01 F0 01 6200 EF 00 00 02"

  @Test("empty elements, attributes and nested text")
  func elements() throws {
    #expect(try text(names + "F8 01 F7") == "<a/>")
    #expect(
      try text(names + "F8 01 F6 02 11 01 7800 F5 11 01 7900 F8 02 F7 F7")
        == "<a b=\"x\">y<b/></a>")
  }

  @Test("what would end a value is written as entity")
  func escaping() throws {
    #expect(
      try text(names + "F8 01 F6 02 11 05 2200 3C00 2600 0A00 0900 F5 11 04 2200 3E00 0D00 7800 F7")
        == "<a b=\"&quot;&lt;&amp;&#x0A;&#x09;\">\"&gt;&#x0D;x</a>")
    #expect(try text(names + "F8 01 11 02 2000 0A00 F7") == "<a> &#x0A;</a>")
  }

  @Test("names are kept where the value forgets its own")
  func forgottenNames() throws {
    #expect(try text(names + "F8 01 E9 11 01 7800 F7") == "<a>x</a>")
  }

  @Test("a long name that is named again and again is no matter of memory")
  func amplification() throws {
    // 20,000 letters, then 20,000 empty elements of that name: 400 MB of text from 100 KB.
    var bytes = hex("DFFF 01 B004 F0 A0 9C 01")
    for _ in 0..<20_000 { bytes += [0x61, 0] }
    bytes += hex("EF 00 00 01")
    for _ in 0..<20_000 { bytes += [0xF8, 1, 0xF7] }
    var (total, longest) = (0, 0)
    try bytes.withUnsafeBytes {
      try BinaryXML().decode($0) { piece in
        total += piece.count
        longest = max(longest, piece.count)
      }
    }
    #expect(total == 20_000 * 20_003)
    #expect(longest < 1 << 20)
  }

  @Test("comments, instructions and typed numbers")
  func others() throws {
    #expect(try text(names + "F3 01 7A00 F4 01 01 7A00 F8 01 F7") == "<!--z--><?a z?><a/>")
    #expect(
      try text(names + "F8 01 87 0B 26 0A 01 00187BBD12010000 F7") == "<a>118</a>")
    #expect(try text(names + "F8 01 86 01 F7") == "<a>true</a>")
  }

  @Test(
    "typed dates and times",
    arguments: [
      // The forms of 2008 and later, scale 7 and 0, with and without a zone.
      ("7F 42240B", "2000-02-29"), ("7C 00 000000 42240B 0000", "2000-02-29Z"),
      ("7C 07 0058A5C8C0 41240B 3C00", "2000-02-29+01:00"),
      ("7E 07 D202964900 42240B", "2000-02-29T00:02:03.456789"),
      ("7E 00 003C00 42240B", "2000-02-29T04:16:00"),
      ("7B 03 F81C2D00 42240B A6FE", "2000-02-28T19:03:16.536-05:46"),
      ("7D 00 003C00 000000", "04:16:00"), ("7A 00 003C00 42240B 0000", "04:16:00Z"),
    ])
  func typedTimes(_ value: String, _ expected: String) throws {
    #expect(try text(names + "F8 01 \(value) F7") == "<a>\(expected)</a>")
  }

  @Test("typed dates and times of SQL Server 2005")
  func typedTimes2005() throws {
    func value(_ token: String, _ number: Int64) throws -> String {
      try text(names + "F8 01 F6 02 \(token)\(digits(number)) F5 F7")
    }
    // Month 7, day 22: day 4464207, in months of 31 days since the year -9999.
    #expect(try value("83", 31070884081) == "<a b=\"2001-07-22Z\"/>")
    #expect(try value("83", 31070884441) == "<a b=\"2001-07-22-01:30\"/>")
    #expect(try value("81", 245996480) == "<a b=\"17:04:59.12Z\"/>")
    #expect(try value("82", 1542830185196002) == "<a b=\"2001-07-22T17:04:59Z\"/>")
    #expect(throws: Fault.self) { try value("83", -1) }
    #expect(throws: Fault.self) { try value("82", .max) }
  }

  @Test("typed floats in the canonical form, lists and names as values")
  func typedOthers() throws {
    func double(_ value: Double) throws -> String {
      let xml = try text(names + "F8 01 04\(digits(value.bitPattern)) F7")
      return String(xml.dropFirst(3).dropLast(4))
    }
    let values: [Double] = [1, -1.5, 0, 100, 0.00025, 1e300, .infinity]
    let expected = ["1.0E0", "-1.5E0", "0.0E0", "1.0E2", "2.5E-4", "1.0E300", "INF"]
    #expect(try values.map { try double($0) } == expected)
    #expect(try text(names + "F8 01 03 0000A040 F7") == "<a>5.0E0</a>")
    #expect(try text(names + "F8 01 02 01000000 02 02000000 F7") == "<a>1 2</a>")
    #expect(try text(names + "F8 01 8C 02 F7") == "<a>b</a>")
  }

  @Test("damage and unknown tokens are errors")
  func damage() {
    for tokens in ["F8 01 F7", names + "F8 01", names + "F7", names + "F8 01 11 05 41", "D0"] {
      #expect(throws: Fault.self, "\(tokens)") { try text(tokens) }
    }
  }
}
