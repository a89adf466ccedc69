import TestSupport
import Testing

@testable import BackupSource

@Suite("containers: where pages lie")
struct ContainerPlacementTests {
  static let unstriped = ContainerTruth.readable.filter {
    $0.files.count == 1 && $0.files[0].hasPrefix("bak/")
  }

  @Test(
    "the allocation maps and the pages' own headers place the same extents",
    .enabled(if: SharedData.isThere, SharedData.skipped), arguments: unstriped)
  func twoWaysAgree(_ truth: ContainerTruth) throws {
    let backup = try BackupMembers([InputFile(path: truth.specification())])
    let set = try backup.parts(of: truth.setNumber ?? 1)[0]
    let files = set.configuration.files
    var planned = Placement(backup.streams)
    _ = try planned.placeByPlan(files, in: set.regions)
    try planned.requireSamples(of: files)
    var named = Placement(backup.streams)
    try named.placeByHeaders([set], files)
    // What only one of the two places holds no allocated page.
    let (left, right) = (planned.map.extents(ofFile: 1), named.map.extents(ofFile: 1))
    let pages = BackupPages(fileName: "", map: planned.map, streams: backup.streams)
    var freeSpace = PageFreeSpace(pages)
    for extent in Set(left).symmetricDifference(right) {
      for index in 0..<8 { #expect(try !freeSpace.isAllocated(extent.page(index))) }
    }
    for extent in left where named.map[extent] != nil {
      #expect(planned.map[extent] == named.map[extent])
    }
  }

  @Test("a map gives back what was placed, and nothing else")
  func map() {
    var map = PageMap()
    let extents = [0, 1, 511, 512, 63_904, 536_870_911].map { ExtentID(file: 3, number: $0) }
    for (index, extent) in extents.enumerated() {
      map[extent] = Place(stream: index, offset: 1_000_000_000_000 + index)
    }
    map[extents[1]] = Place(stream: 7, offset: 5)
    #expect(map.extentCount == extents.count)
    #expect(map.extents(ofFile: 3) == extents)
    #expect(map[extents[1]] == Place(stream: 7, offset: 5))
    #expect(map[ExtentID(file: 3, number: 2)] == nil)
    #expect(map[ExtentID(file: 1, number: 0)] == nil)
    let page = map.place(of: PageID(file: 3, page: 511 * 8 + 5))
    #expect(page == Place(stream: 2, offset: 1_000_000_000_002 + 5 * 8192))
  }

  @Test(
    "a differential over another full backup is refused",
    .enabled(if: SharedData.isThere, SharedData.skipped),
    arguments: [
      ("bak/pubs-2012.bak", "bak/chain/dbareports_DIFF_20170518_041826.bak", "builds on the full"),
      ("bak/chain/dbareports_FULL_20170518_041739.bak", "bak/pubs-2012.bak", "is a full backup"),
      (
        "bak/chain/dbareports_FULL_20170518_041739.bak",
        "bak/chain/dbareports_LOG_20170518_041831.trn", "transaction log"
      ),
      (
        "bak/chain/dbareports_DIFF_20170518_041819.bak",
        "bak/chain/dbareports_DIFF_20170518_041826.bak", "differential"
      ),
    ])
  func wrongPair(full: String, differential: String, problem: String) throws {
    let specification = try SharedData.path(full) + "+" + SharedData.path(differential)
    let error = try #require(throws: BackupError.self) { try BackupFile.open(specification) }
    #expect(error.code == .refusedKind)
    #expect(error.problem.contains(problem), "\(error)")
  }

  @Test(
    "a differential that lacks a changed extent, or is from another database, is refused",
    .enabled(if: SharedData.isThere, SharedData.skipped))
  func brokenDifferential() throws {
    let full = try InputFile(path: SharedData.path("bak/chain/dbareports_FULL_20170518_041739.bak"))
    let whole = try PatchedBackup("bak/chain/dbareports_DIFF_20170518_041826.bak")
    let region = try TapeFile(MemoryStream(whole.bytes)).sets[0].regions[0]
    let pages = try BackupFile.open([full], differential: [MemoryStream(whole.bytes)]).pages
    var buffer = [UInt8](repeating: 0, count: PageLayout.byteCount)
    try buffer.withUnsafeMutableBytes { try pages.readPage(PageID(file: 1, page: 130), into: $0) }

    var lacking = whole
    // The frame of pages 128 to 135 becomes one more of pages 48 to 55.
    let frame = lacking.bytes[region.frameOffset(4)..<region.frameOffset(5)]
    lacking.bytes.replaceSubrange(region.frameOffset(5)..<region.frameOffset(6), with: frame)
    let missing = #expect(throws: BackupError.self) {
      try BackupFile.open([full], differential: [MemoryStream(lacking.bytes)])
    }
    #expect(missing?.code == .damaged)
    #expect(missing?.problem.contains("page 1:128 is in use and not there") ?? false)

    var foreign = whole
    // The binding id follows the offset array of the file header record; flags without checksum.
    foreign.bytes[region.offset + 5] &= ~3
    foreign.bytes[region.offset + 96 + 0x6E] ^= 0xFF
    let error = #expect(throws: BackupError.self) {
      try BackupFile.open([full], differential: [MemoryStream(foreign.bytes)])
    }
    #expect(error?.problem.contains("is a differential of another database") ?? false, "\(error)")
  }

  @Test(
    "files that are no family are refused",
    .enabled(if: SharedData.isThere, SharedData.skipped),
    arguments: [
      (["bak/stripes/mvcmasr-2016-1of2.bak", "bak/stripes/mvcmasr-2016-1of2.bak"], "given twice"),
      (
        ["bak/stripes/mvcmasr-2016-2of2.bak", "bak/stripes/northwind-2014-1of2-mate-missing.bak"],
        "does not belong to the same backup"
      ),
      (["bak/pubs-2012.bak", "bak/iti-2022.bak"], "does not belong to the same backup"),
      (["bak/pubs-2012.bak", "mdf/pubs-2008.mdf"], "is a data file among backups"),
      (["mdf/pubs-2008.mdf", "mdf/northwind-2008.mdf"], "calls itself file 1"),
    ])
  func noFamily(files: [String], problem: String) throws {
    let specification = try files.map { try SharedData.path($0) }.joined(separator: ",")
    let error = try #require(throws: BackupError.self) { try BackupFile.open(specification) }
    #expect(error.code == .refusedKind)
    #expect(error.problem.contains(problem), "\(error)")
  }

  @Test("stripes come in any order", .enabled(if: SharedData.isThere, SharedData.skipped))
  func stripeOrder() throws {
    let paths = try ["bak/stripes/mvcmasr-2016-2of2.bak", "bak/stripes/mvcmasr-2016-1of2.bak"].map {
      try SharedData.path($0)
    }
    let opened = try BackupFile.open(paths.joined(separator: ","))
    #expect(opened.facts.files == ["mvcmasr-2016-1of2.bak", "mvcmasr-2016-2of2.bak"])
  }

  @Test("a set that is not there is refused", .enabled(if: SharedData.isThere, SharedData.skipped))
  func setNumber() throws {
    let path = try SharedData.path("bak/two-sets-2005.bak")
    #expect(try BackupFile.open(path).facts.setNumber == 2)
    #expect(try BackupFile.open(path, setNumber: 1).facts.finishedAt == "2009-08-11T14:57:39")
    for number in [0, 3, -1, .max] {
      let error = #expect(throws: BackupError.self) {
        try BackupFile.open(path, setNumber: number)
      }
      #expect(error?.problem == "has no backup set \(number), only 2")
    }
  }
}
