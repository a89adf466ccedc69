/// An allocation unit being filled: its pages, and the IAM chain that lists them.
///
/// Extents are taken from the data files in turn, so a unit of a database with several files has
/// pages, and IAM pages, in each of them.
final class AllocationUnit {
  enum Kind: Int { case inRow = 1, large = 2, rowOverflow = 3 }

  let id: UInt64
  let kind: Kind
  let rowset: Int
  private let files: [DataFile]
  private let firstExtent: Int
  private var mixedPagesLeft: Int
  private var extentsTaken = 0
  private var freePages: [PageAddress] = []
  private var singlePages: [PageAddress] = []
  private var maps: [Map] = []
  private(set) var pageCount = 0
  var first = PageAddress.none
  var root = PageAddress.none

  private struct Map {
    let file: UInt16
    let interval: Int
    let address: PageAddress
    var extents: Set<Int> = []
  }

  init(id: UInt64, kind: Kind, rowset: Int, files: [DataFile], _ storage: FixtureStorage) {
    self.id = id
    self.kind = kind
    self.rowset = rowset
    self.files = files
    firstExtent = storage.firstExtent
    mixedPagesLeft = storage.usesMixedExtents ? 8 : 0
  }

  var firstIAM: PageAddress { maps.first?.address ?? .none }

  /// - Parameter fullness: Bits 0 to 2 of the page's PFS byte, which heaps and LOB pages keep.
  func allocatePage(fullness: UInt8 = 0) -> PageAddress {
    pageCount += 1
    if mixedPagesLeft > 0 {
      mixedPagesLeft -= 1
      // The single pages are listed by the first IAM page of the chain.
      if maps.isEmpty { addMap(file: files[0], interval: 0) }
      singlePages.append(files[0].allocateMixedPage(state: fullness))
      return singlePages[singlePages.count - 1]
    }
    if freePages.isEmpty { takeExtent() }
    let page = freePages.removeFirst()
    file(page.file).setState(ofPage: page.page, 0x40 | fullness)
    return page
  }

  func write(_ page: PageImage) throws { try file(page.address.file).write(page) }

  /// Marks a page as free again, whatever it holds.
  func free(_ page: PageAddress) { file(page.file).setState(ofPage: page.page, 0) }

  func writeIAMChain() throws {
    for (number, map) in maps.enumerated() {
      var page = PageImage(.iam, at: map.address, unit: id)
      page.setFixedByteCount(90)
      page.setPrevious(number > 0 ? maps[number - 1].address : .none)
      page.setNext(number + 1 < maps.count ? maps[number + 1].address : .none)
      page.append(headerRecord(of: map, number))
      let start = map.interval * DataFile.extentsPerInterval
      page.append(
        ExtentMap.record(
          map.extents, of: start..<start + DataFile.extentsPerInterval, marked: true))
      // The four bytes behind the bitmap are set in real files and mean nothing.
      page.put([0xFF, 0xFF, 0xFF, 0xFF], at: page.nextRecordOffset)
      try write(page)
    }
  }

  private func headerRecord(of map: Map, _ number: Int) -> [UInt8] {
    var record: [UInt8] = [0, 0, 0x5E, 0] + [UInt8](repeating: 0, count: 90)
    record.put(number, bytes: 4, at: 4)
    let start = PageAddress(
      file: map.file, page: UInt32(map.interval * DataFile.pagesPerInterval))
    record.put(start.bytes, at: 40)
    if number == 0 {
      for (index, page) in singlePages.enumerated() {
        record.put(page.bytes, at: 46 + 6 * index)
      }
    }
    return record
  }

  private func takeExtent() {
    let file = files[extentsTaken % files.count]
    extentsTaken += 1
    let pages = file.allocateExtent(from: firstExtent)
    let extent = Int(pages[0]) / 8
    freePages = pages.map { PageAddress(file: file.id, page: $0) }
    let interval = extent / DataFile.extentsPerInterval
    let known = maps.firstIndex { $0.file == file.id && $0.interval == interval }
    if known == nil { addMap(file: file, interval: interval) }
    maps[known ?? maps.count - 1].extents.insert(extent)
  }

  private func addMap(file: DataFile, interval: Int) {
    let address = files[0].allocateMixedPage(state: 0x10)
    maps.append(Map(file: file.id, interval: interval, address: address))
  }

  private func file(_ id: UInt16) -> DataFile { files.first { $0.id == id } ?? files[0] }
}
