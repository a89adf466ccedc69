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
    try hex("DFFF 01 B004" + tokens).withUnsafeBytes { try decoder.decode($0) }
    return String(decoding: decoder.output, as: UTF8.self)
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

  @Test("comments, instructions and typed numbers")
  func others() throws {
    #expect(try text(names + "F3 01 7A00 F4 01 01 7A00 F8 01 F7") == "<!--z--><?a z?><a/>")
    #expect(
      try text(names + "F8 01 87 0B 26 0A 01 00187BBD12010000 F7") == "<a>118</a>")
    #expect(try text(names + "F8 01 86 01 F7") == "<a>true</a>")
  }

  @Test("damage and unknown tokens are errors")
  func damage() {
    for tokens in ["F8 01 F7", names + "F8 01", names + "F7", names + "F8 01 11 05 41", "D0"] {
      #expect(throws: Fault.self, "\(tokens)") { try text(tokens) }
    }
  }
}
