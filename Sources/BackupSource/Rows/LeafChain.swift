/// The leaf pages of a clustered index in key order, checked against the pages that the index owns.
struct LeafChain {
  private let pages: any PageReading
  private let set: PageSet
  private var nextPage: PageID
  private var previousPage = PageID.none
  private var visited = PageBits()

  /// Finds the first leaf: from the root where that leads to one, else among all pages of the index.
  /// Roots and first pages of the catalog can be stale, so each candidate is checked.
  init(
    _ unit: AllocationUnit, set: PageSet, pages: any PageReading, isCompressed: Bool,
    buffer: PageBuffer
  ) throws(BackupError) {
    self.pages = pages
    self.set = set
    nextPage = .none
    if set.pages.isEmpty { return }
    // Records above the leaf of a compressed index are compressed as well; its first page is tried
    // instead.
    let candidate =
      isCompressed ? unit.first : try descend(from: unit.root, buffer: buffer) ?? unit.first
    if try isFirstLeaf(candidate, buffer: buffer) {
      nextPage = candidate
      return
    }
    for page in set.pages where try isFirstLeaf(page, buffer: buffer) {
      nextPage = page
      return
    }
    try checkComplete(buffer: buffer)
  }

  /// Loads the next leaf page into the buffer.
  ///
  /// - Returns: `false` at the end of the chain, when every page of the index was met.
  /// - Throws: `damaged`, naming the page, when the chain and the pages of the index differ.
  mutating func next(into buffer: PageBuffer) throws(BackupError) -> Bool {
    guard nextPage != .none else {
      try checkComplete(buffer: buffer)
      return false
    }
    guard set.contains(nextPage) else {
      throw pages.damaged(nextPage, "is next in the index's leaf chain but not among its pages")
    }
    guard visited.insert(nextPage) else {
      throw pages.damaged(nextPage, "closes a circle in the index's leaf chain")
    }
    try buffer.load(nextPage, from: pages)
    guard buffer.type == .data, buffer.level == 0 else {
      throw pages.damaged(
        nextPage,
        "is of type \(buffer.type.rawValue), level \(buffer.level), in the chain of leaf pages")
    }
    guard buffer.previousPage == previousPage else {
      throw pages.damaged(
        nextPage, "follows \(previousPage) in the leaf chain and says \(buffer.previousPage)")
    }
    previousPage = nextPage
    nextPage = buffer.nextPage
    return true
  }

  /// Follows the first record of each index page down to a leaf; nil where that leads nowhere.
  private func descend(
    from root: PageID, buffer: PageBuffer
  ) throws(BackupError) -> PageID? {
    var page = root
    var levelAbove = Int(UInt8.max) + 1
    while set.contains(page) {
      try buffer.load(page, from: pages)
      guard buffer.type == .index else { return page }
      guard Int(buffer.level) < levelAbove, let record = try? buffer.record(slot: 0),
        buffer.fixedByteCount >= 7, record.count >= buffer.fixedByteCount
      else { return nil }
      levelAbove = Int(buffer.level)
      page = record.pageID(at: buffer.fixedByteCount - 6)
    }
    return nil
  }

  private func isFirstLeaf(_ page: PageID, buffer: PageBuffer) throws(BackupError) -> Bool {
    guard set.contains(page) else { return false }
    try buffer.load(page, from: pages)
    return buffer.type == .data && buffer.level == 0 && buffer.previousPage == .none
  }

  /// Every page of the index that holds rows must have been met.
  private func checkComplete(buffer: PageBuffer) throws(BackupError) {
    for page in set.pages where !visited.contains(page) {
      try buffer.load(page, from: pages)
      guard buffer.type == .data, buffer.level == 0, buffer.slotCount > 0 else { continue }
      throw pages.damaged(page, "belongs to the index, holds rows and is not in its leaf chain")
    }
  }
}
