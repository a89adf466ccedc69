// What cannot be read is refused in one line, and nothing that looks like a snapshot stays.

import Foundation
import TestSupport
import Testing

@Suite("Refused sources", .enabled(if: SharedData.isThere, SharedData.skipped))
struct RefusalTests {
  @Test(
    "a file that is no full backup is refused by name",
    arguments: [
      ("bak/chain/dbareports_DIFF_20170518_041819.bak", "differential"),
      ("bak/chain/dbareports_LOG_20170518_041831.trn", "log"),
      ("bak/stripes/mvcmasr-2016-1of2.bak", "striped over 2 files"),
      ("bak/stripes/northwind-2014-1of2-mate-missing.bak", "striped over 2 files"),
    ])
  func wrongKind(path: String, word: String) throws {
    try expectRefusal(of: try SharedData.path(path), naming: word)
  }

  @Test(
    "a backup cut in half is refused",
    arguments: ["mvcmusicstore-2017", "northwind-2016-compressed"])
  func half(name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = try SharedData.bytes("bak/\(name).bak")
    let path = "\(folder.path)/half.bak"
    try Data(bytes[..<(bytes.count / 2)]).write(to: URL(fileURLWithPath: path))
    try expectRefusal(of: path, naming: "half.bak")
  }

  @Test("a picture named .bak is refused")
  func picture() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/picture.bak"
    let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    try Data(png + [UInt8](repeating: 0, count: 5000)).write(to: URL(fileURLWithPath: path))
    try expectRefusal(of: path, naming: "PNG")
  }

  @Test("a missing file is refused")
  func missing() throws {
    try expectRefusal(of: "/nonexistent/sales.bak", naming: "sales.bak")
  }

  private func expectRefusal(of path: String, naming word: String) throws {
    let folder = try TemporaryFolder()
    for arguments in [["inspect", path], ["export", path, "--into", "\(folder.path)/snapshot"]] {
      let ran = try RestageTool.run(arguments)
      #expect(ran.status == 66, "\(arguments[0]): \(ran.errors)")
      #expect(ran.output.isEmpty)
      let lines = ran.errors.split(separator: "\n")
      #expect(lines.count == 1, "\(ran.errors)")
      #expect(ran.errors.contains(word), "\(ran.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/snapshot/manifest.json"))
  }
}
