import Testing

@testable import BackupSource

@Suite("sets of pages")
struct PageBitsTests {
  @Test("pages of several files and far apart come back in order, each once")
  func order() {
    var bits = PageBits()
    #expect(bits.isEmpty)
    let pages = [
      PageID(file: 3, page: 0), PageID(file: 1, page: .max), PageID(file: 1, page: 63),
      PageID(file: 1, page: 64), PageID(file: 1, page: 524_287), PageID(file: 1, page: 524_288),
      PageID(file: 1, page: 0),
    ]
    for page in pages {
      let isNew = bits.insert(page)
      #expect(isNew)
    }
    for page in pages {
      let isNew = bits.insert(page)
      #expect(!isNew)
      #expect(bits.contains(page))
    }
    #expect(bits.count == pages.count)
    #expect(Array(bits) == pages.sorted())
    #expect(!bits.contains(PageID(file: 2, page: 0)))
    #expect(!bits.contains(PageID(file: 1, page: 1)))
  }

  @Test("random pages are the set that they make", arguments: [1, 2, 3] as [UInt64])
  func random(seed: UInt64) {
    var state = seed
    var bits = PageBits()
    var wanted: Set<PageID> = []
    for _ in 0..<3000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let page = PageID(file: UInt16(state >> 62), page: UInt32(state >> 41 & 0x1F_FFFF))
      let (isNew, isWanted) = (bits.insert(page), wanted.insert(page).inserted)
      #expect(isNew == isWanted)
    }
    #expect(Array(bits) == wanted.sorted())
  }
}
