import SystemPackage

/// A data file being written: who owns which extent, and the allocation pages that say so.
///
/// Pages are written as soon as they are full and the file has holes where nothing is allocated, so
/// a file of many gigabytes costs what its rows cost.
final class DataFile {
  static let extentsPerInterval = 63_904
  static let pagesPerInterval = 8 * extentsPerInterval
  static let pagesPerPFS = 8088

  let id: UInt16
  let path: String
  private let descriptor: FileDescriptor
  private let verify: FixtureDatabase.PageVerify
  private let lsn: Int
  /// What the PFS pages will say of each page.
  private var pageStates: [UInt8] = []
  private var nextExtent = 1
  /// Extents with a GAM bit of 0.
  private var takenExtents: Set<Int> = [0]
  private var mixedExtents: Set<Int> = [0]
  private var freeMixedPages: [UInt32] = []
  /// Extents that the differential map marks; nil marks those that were ever written.
  var changedExtents: Set<Int>?
  private(set) var writtenExtents: Set<Int> = []

  init(
    id: UInt16, path: String, verify: FixtureDatabase.PageVerify, lsn: Int
  ) throws {
    self.id = id
    self.path = path
    self.verify = verify
    self.lsn = lsn
    descriptor = try FileDescriptor.open(
      FilePath(path), .readWrite, options: [.create, .truncate],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    // Pages 0 to 7 are the file's own and page 9 of the first file is the boot page; the rest of the
    // second extent is mixed.
    let own: [UInt8] = [0x44, 0x44, 0x44, 0x44, 0, 0, 0x44, 0x44]
    for (page, state) in own.enumerated() { setState(ofPage: UInt32(page), state) }
    if id == 1 { setState(ofPage: 9, 0x64) }
    takenExtents.insert(1)
    mixedExtents.insert(1)
    nextExtent = 2
    freeMixedPages = (8..<16).filter { id != 1 || $0 != 9 }
  }

  deinit { try? descriptor.close() }

  func address(_ page: Int) -> PageAddress { PageAddress(file: id, page: UInt32(page)) }

  /// A page of a mixed extent.
  func allocateMixedPage(state: UInt8) -> PageAddress {
    if freeMixedPages.isEmpty {
      let extent = takeExtent(from: 0)
      mixedExtents.insert(extent)
      freeMixedPages = pages(ofExtent: extent)
    }
    let page = freeMixedPages.removeFirst()
    setState(ofPage: page, state | 0x60)
    return PageAddress(file: id, page: page)
  }

  /// The pages of a new extent of one owner, without a PFS page that may lie in it.
  func allocateExtent(from first: Int) -> [UInt32] {
    pages(ofExtent: takeExtent(from: first))
  }

  func setState(ofPage page: UInt32, _ state: UInt8) {
    let end = (Int(page) / 8 + 1) * 8
    if pageStates.count < end {
      pageStates.append(contentsOf: repeatElement(0, count: end - pageStates.count))
    }
    pageStates[Int(page)] = state
  }

  func write(_ page: PageImage) throws {
    writtenExtents.insert(Int(page.address.page) / 8)
    try write(page.sealed(lsn: lsn, verify), at: Int(page.address.page))
  }

  /// Writes the allocation pages and brings the file to its full length.
  func finish(name: String, database: UInt32) throws {
    let pageCount = max(pageStates.count, 64)
    try writePFS(pageCount: pageCount)
    for interval in 0..<(pageCount + Self.pagesPerInterval - 1) / Self.pagesPerInterval {
      try writeMaps(interval)
    }
    try write(FileHeaderPage.image(self, pageCount: pageCount, name: name, database: database))
    try descriptor.resize(to: Int64(pageCount * PageImage.byteCount))
  }

  /// The extents that a backup copies, ascending (section 6): allocated, first of an interval, mixed
  /// with a free page, or with a PFS page.
  func plannedExtents() -> [Int] {
    let end = max(pageStates.count, 64) / 8
    var planned = takenExtents
    for extent in stride(from: 0, to: end, by: Self.extentsPerInterval) { planned.insert(extent) }
    for page in stride(from: 0, to: end * 8, by: Self.pagesPerPFS) { planned.insert(page / 8) }
    return planned.filter { $0 < end }.sorted()
  }

  var pageCount: Int { max(pageStates.count, 64) }

  func readExtent(_ extent: Int) throws -> [UInt8] {
    let count = 8 * PageImage.byteCount
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      var done = 0
      while done < count {
        let part = UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[done...])
        let read = try descriptor.read(
          fromAbsoluteOffset: Int64(extent * count + done), into: part)
        guard read > 0 else { break }
        done += read
      }
      buffer[done...].update(repeating: 0)
      filled = count
    }
  }

  private func write(_ bytes: [UInt8], at page: Int) throws {
    try bytes.withUnsafeBytes { bytes in
      _ = try descriptor.writeAll(toAbsoluteOffset: Int64(page * PageImage.byteCount), bytes)
    }
  }

  private func takeExtent(from first: Int) -> Int {
    nextExtent = max(nextExtent, first)
    // The first extent of an interval holds its maps.
    if nextExtent % Self.extentsPerInterval == 0 { nextExtent += 1 }
    takenExtents.insert(nextExtent)
    setState(ofPage: UInt32(nextExtent * 8), 0)
    nextExtent += 1
    return nextExtent - 1
  }

  private func pages(ofExtent extent: Int) -> [UInt32] {
    (extent * 8..<extent * 8 + 8).filter { $0 % Self.pagesPerPFS != 0 }.map(UInt32.init)
  }

  private func writePFS(pageCount: Int) throws {
    for first in stride(from: 0, to: pageCount, by: Self.pagesPerPFS) {
      let place = first == 0 ? 1 : first
      setState(ofPage: UInt32(place), 0x44)
    }
    for interval in stride(from: Self.pagesPerInterval, to: pageCount, by: Self.pagesPerInterval) {
      for map in [0, 1, 6, 7] { setState(ofPage: UInt32(interval + map), 0x44) }
    }
    for first in stride(from: 0, to: pageStates.count, by: Self.pagesPerPFS) {
      let place = first == 0 ? 1 : first
      var page = PageImage(.pfs, at: address(place), unit: PageImage.allocationUnit)
      var states = Array(pageStates[first..<min(first + Self.pagesPerPFS, pageStates.count)])
      states += [UInt8](repeating: 0, count: Self.pagesPerPFS - states.count)
      page.append([0, 0] + littleEndian(Self.pagesPerPFS + 4, bytes: 2) + states)
      try write(page)
    }
  }

  private func writeMaps(_ interval: Int) throws {
    let first = interval * Self.extentsPerInterval
    let range = first..<first + Self.extentsPerInterval
    let maps = interval == 0 ? (gam: 2, sgam: 3) : (gam: first * 8, sgam: first * 8 + 1)
    let mixedWithRoom = Set(freeMixedPages.map { Int($0) / 8 })
    let changed = changedExtents ?? writtenExtents.union(takenExtents)
    let all: [(PageKind, Int, Set<Int>, Bool)] = [
      (.gam, maps.gam, takenExtents, false), (.sgam, maps.sgam, mixedWithRoom, true),
      (.differentialMap, first * 8 + 6, changed, true), (.bulkChangedMap, first * 8 + 7, [], true),
    ]
    for (kind, place, extents, marked) in all {
      var page = PageImage(kind, at: address(place), unit: PageImage.allocationUnit)
      page.setFixedByteCount(90)
      page.append([0, 0, 0x5E, 0] + [UInt8](repeating: 0, count: 90))
      page.append(ExtentMap.record(extents, of: range, marked: marked))
      try write(page)
    }
  }
}

/// The bitmap record of allocation pages: status, length, one bit for each extent of an interval.
enum ExtentMap {
  /// - Parameters:
  ///   - extents: Those of the whole file; the range tells which count.
  ///   - marked: The bit of the extents; the others have the opposite one.
  static func record(_ extents: Set<Int>, of range: Range<Int>, marked: Bool) -> [UInt8] {
    var bits = [UInt8](repeating: marked ? 0 : 0xFF, count: DataFile.extentsPerInterval / 8)
    for extent in extents where range.contains(extent) {
      let index = extent - range.lowerBound
      bits[index / 8] ^= 1 << UInt8(index % 8)
    }
    return [0, 0] + littleEndian(bits.count + 4, bytes: 2) + bits
  }
}
