import TestSupport
import Testing

@testable import BackupSource

@Suite("containers: files cut off", .enabled(if: SharedData.isThere, SharedData.skipped))
struct ContainerTruncationTests {
  static let refusals: Set<BackupError.Code> = [.truncated, .damaged, .notABackup]

  @Test(
    "a backup cut anywhere is refused when it is opened",
    arguments: [
      ("bak/tutorialdb-2016-compressed.bak", 512),
      ("bak/chain/dbareports_FULL_20170518_041739.bak", 4096),
      ("bak/iti-2022.bak", 32_771), ("bak/sharepoint-2014-compressed.bak", 16_381),
      ("bak/two-sets-2005.bak", 65_531),
    ])
  func cutBackup(path: String, step: Int) throws {
    let whole = try InputFile(path: SharedData.path(path))
    for byteCount in stride(from: 0, to: whole.byteCount, by: step) {
      let error = try #require(throws: BackupError.self, "cut at \(byteCount)") {
        try BackupFile.open([CutStream(whole: whole, byteCount: byteCount)])
      }
      #expect(Self.refusals.contains(error.code), "cut at \(byteCount): \(error)")
      #expect((error.offset ?? 0) <= byteCount, "cut at \(byteCount): \(error)")
    }
  }

  @Test("one missing byte is enough", arguments: ["tutorialdb-2016-compressed", "peepstat-2012"])
  func lastByte(name: String) throws {
    let whole = try InputFile(path: SharedData.path("bak/\(name).bak"))
    let error = try #require(throws: BackupError.self) {
      try BackupFile.open([CutStream(whole: whole, byteCount: whole.byteCount - 1)])
    }
    #expect(error.code == .truncated)
    #expect(error.offset != nil)
  }

  @Test("a data file is refused, or only free space is missing")
  func cutDataFile() throws {
    let whole = try InputFile(path: SharedData.path("mdf/pubs-2008.mdf"))
    let opened = try BackupFile.open([whole])
    let expected = try opened.contents(opened.pageIDs(dataFileByteCount: whole.byteCount))
    var openedCount = 0
    for byteCount in stride(from: 0, to: whole.byteCount, by: 512 * 31) {
      do throws(BackupError) {
        let cut = try BackupFile.open([CutStream(whole: whole, byteCount: byteCount)])
        let found = try cut.contents(cut.pageIDs(dataFileByteCount: byteCount))
        #expect(found == expected)
        openedCount += 1
      } catch {
        #expect(Self.refusals.contains(error.code), "cut at \(byteCount): \(error)")
      }
    }
    #expect(openedCount > 0)
  }

  @Test("a file that shrinks on disk while it is open gives an error, not a short page")
  func shrinks() throws {
    let copy = try TemporaryFile(SharedData.bytes("mdf/pubs-2008.mdf"), name: "pubs.mdf")
    let pages = try DataFilePages(primary: InputFile(path: copy.path))
    try copy.truncate(to: 100_000)
    var buffer = [UInt8](repeating: 0, count: PageLayout.byteCount)
    let error = #expect(throws: BackupError.self) {
      try buffer.withUnsafeMutableBytes { try pages.readPage(PageID(file: 1, page: 12), into: $0) }
    }
    #expect(error?.code == .truncated)
  }
}
