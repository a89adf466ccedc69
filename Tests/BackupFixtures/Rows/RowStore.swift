/// Where the records of a partition go: a heap, or the leaf of a clustered index with the index pages
/// above it. Pages are written as soon as they are full.
protocol RowStore: AnyObject {
  /// - Parameter key: The values of the key columns in the key's order.
  func append(_ record: [UInt8], key: [StoredValue]) throws
  /// The record of a deleted row.
  func appendGhost(_ record: [UInt8]) throws
  func appendEmptySlot() throws
  /// Begins a page, with a compression structure in front of its records if there is one.
  func startPage(_ structure: [UInt8]?, key: [StoredValue]) throws
  /// Ends the last pages, with `freedPageCount` pages that are freed and look like data.
  func finish(freedPageCount: Int) throws
}

/// Data pages of a heap, in no order.
final class Heap: RowStore {
  private let unit: AllocationUnit
  private let fixedEnd: Int
  private var page: PageImage?
  /// Moved rows go to a page of their own.
  private var movedPage: PageImage?
  private var ghosts: [PageAddress: Int] = [:]

  init(_ unit: AllocationUnit, fixedEnd: Int) {
    self.unit = unit
    self.fixedEnd = fixedEnd
  }

  func append(_ record: [UInt8], key: [StoredValue]) throws {
    var page = try room(for: record.count, in: page)
    page.append(record)
    self.page = page
  }

  /// Leaves a stub where the row was and puts it elsewhere.
  ///
  /// - Parameter record: Makes the moved record from the back pointer to the stub.
  func appendForwarded(_ record: (StoredValue) -> [UInt8]) throws {
    var home = try room(for: 16, in: page)
    let moved = record(FixedVarRecord.backPointer(to: home.address, slot: home.slotCount))
    var away = try room(for: moved.count, in: movedPage)
    let slot = away.append(moved)
    home.append(FixedVarRecord.stub(to: away.address, slot: slot))
    page = home
    movedPage = away
  }

  func appendGhost(_ record: [UInt8]) throws {
    var page = try room(for: record.count, in: page)
    page.append(record)
    ghosts[page.address, default: 0] += 1
    page.setGhostCount(ghosts[page.address, default: 0])
    self.page = page
  }

  func appendEmptySlot() throws {
    var page = try room(for: 0, in: page)
    page.appendEmptySlot()
    self.page = page
  }

  func startPage(_ structure: [UInt8]?, key: [StoredValue]) throws {
    if let page { try unit.write(page) }
    page = nil
    var next = try room(for: 0, in: nil)
    if let structure {
      next.setTypeFlags(0x80)
      next.reserve(structure)
    }
    page = next
  }

  func finish(freedPageCount: Int) throws {
    for _ in 0..<freedPageCount {
      guard let page else { break }
      let address = unit.allocatePage()
      try unit.write(page.copied(to: address))
      unit.free(address)
    }
    for page in [page, movedPage] { if let page { try unit.write(page) } }
    try unit.writeIAMChain()
  }

  private func room(for byteCount: Int, in open: PageImage?) throws -> PageImage {
    if let open, open.fits(byteCount) { return open }
    if let open { try unit.write(open) }
    let address = unit.allocatePage(fullness: 4)
    if unit.first == .none { unit.first = address }
    var page = PageImage(.data, at: address, unit: unit.id)
    page.setFixedByteCount(fixedEnd)
    return page
  }
}

/// A clustered index, filled in key order from left to right on all levels at once.
final class ClusteredIndex: RowStore {
  private let unit: AllocationUnit
  private let layout: RowLayout
  private let allocate: () -> PageAddress
  /// The open page of each level, from the leaf up, with the key of its first record.
  private var levels: [(page: PageImage, key: [StoredValue])] = []
  private var pageCounts: [Int] = []

  /// - Parameter pages: Gives the pages instead of the unit.
  init(
    _ unit: AllocationUnit, _ layout: RowLayout, pages: (() -> PageAddress)? = nil
  ) {
    self.unit = unit
    self.layout = layout
    allocate = pages ?? { unit.allocatePage() }
  }

  func append(_ record: [UInt8], key: [StoredValue]) throws {
    try append(record, key: key, level: 0)
  }

  func appendGhost(_ record: [UInt8]) throws {
    guard !levels.isEmpty, levels[0].page.fits(record.count) else { return }
    levels[0].page.append(record)
    levels[0].page.setGhostCount(1)
  }

  /// Leaves of an index have no empty slots.
  func appendEmptySlot() throws {}

  func startPage(_ structure: [UInt8]?, key: [StoredValue]) throws {
    if levels.isEmpty {
      levels.append((newPage(0), key))
      unit.first = levels[0].page.address
    } else {
      try openNextPage(0, firstKey: key)
    }
    guard let structure else { return }
    levels[0].page.setTypeFlags(0x80)
    levels[0].page.reserve(structure)
  }

  func finish(freedPageCount: Int) throws {
    for _ in 0..<freedPageCount {
      guard let leaf = levels.first?.page else { break }
      let address = unit.allocatePage()
      try unit.write(leaf.copied(to: address))
      unit.free(address)
    }
    // Closing a level adds its last page to the one above, which may open a page there.
    var level = 0
    while level < levels.count {
      let (page, key) = levels[level]
      try unit.write(page)
      if level == levels.count - 1 && isOnlyPage(of: level) {
        unit.root = page.address
        break
      }
      try append(
        IndexRecord.bytes(layout, key: key, child: page.address), key: key, level: level + 1)
      level += 1
    }
    try unit.writeIAMChain()
  }

  private func isOnlyPage(of level: Int) -> Bool { pageCounts[level] == 1 }

  private func append(_ record: [UInt8], key: [StoredValue], level: Int) throws {
    if level == levels.count {
      let page = newPage(level)
      if level == 0 { unit.first = page.address }
      levels.append((page, key))
    } else if !levels[level].page.fits(record.count) {
      try openNextPage(level, firstKey: key)
    }
    levels[level].page.append(record)
  }

  /// Ends the open page of a level: links it to the next one and lists it above.
  private func openNextPage(_ level: Int, firstKey: [StoredValue]) throws {
    var next = newPage(level)
    var (full, key) = levels[level]
    full.setNext(next.address)
    next.setPrevious(full.address)
    levels[level] = (next, firstKey)
    try unit.write(full)
    try append(
      IndexRecord.bytes(layout, key: key, child: full.address), key: key, level: level + 1)
  }

  private func newPage(_ level: Int) -> PageImage {
    if pageCounts.count == level { pageCounts.append(0) }
    pageCounts[level] += 1
    var page = PageImage(
      level == 0 ? .data : .index, at: allocate(), unit: unit.id, level: level)
    page.setFixedByteCount(level == 0 ? layout.fixedEnd : layout.indexFixedEnd + 6)
    return page
  }
}
