/// Eight pages that are allocated together: {file, first page / 8}.
struct ExtentID: Hashable, Comparable, Sendable {
  var file: UInt16
  var number: UInt32

  init(file: UInt16, number: UInt32) {
    self.file = file
    self.number = number
  }

  /// An extent counted from the first of its GAM interval.
  init(file: UInt16, interval: Int, extent: Int) {
    self.init(
      file: file, number: UInt32(clamping: interval * AllocationInterval.extentCount + extent))
  }

  init(of page: PageID) {
    self.init(file: page.file, number: page.page / UInt32(PageLayout.pagesPerExtent))
  }

  /// Page 0 to 7 of the extent.
  func page(_ index: Int) -> PageID {
    PageID(file: file, page: number * UInt32(PageLayout.pagesPerExtent) + UInt32(index))
  }

  static func < (left: ExtentID, right: ExtentID) -> Bool {
    (left.file, left.number) < (right.file, right.number)
  }
}

/// Where an extent's first page stands: in which stream (member of a striped backup, or the
/// differential), and at which byte of it.
struct Place: Hashable, Sendable {
  let stream: Int
  let offset: Int
}

/// Extents and their places, 8 bytes each.
///
/// Memory follows the number of extents placed, not the highest number a page header claims.
struct PageMap: Sendable {
  private var leaves: [UInt64: [UInt64]] = [:]
  private(set) var extentCount = 0

  subscript(extent: ExtentID) -> Place? {
    get {
      guard let leaf = leaves[Self.leaf(of: extent)] else { return nil }
      let word = leaf[Self.slot(of: extent)]
      guard word != Self.absent else { return nil }
      return Place(
        stream: Int(word >> Self.offsetBits), offset: Int(word & (1 << Self.offsetBits - 1)))
    }
    set {
      let word = newValue.map(Self.word) ?? Self.absent
      let slot = Self.slot(of: extent)
      let old = leaves[Self.leaf(of: extent), default: Self.emptyLeaf].replace(slot, with: word)
      extentCount += (word == Self.absent ? 0 : 1) - (old == Self.absent ? 0 : 1)
    }
  }

  /// Where a page stands.
  func place(of page: PageID) -> Place? {
    guard let place = self[ExtentID(of: page)] else { return nil }
    let index = Int(page.page) % PageLayout.pagesPerExtent
    return Place(stream: place.stream, offset: place.offset + index * PageLayout.byteCount)
  }

  /// Every extent of a file that has a place, ascending.
  func extents(ofFile file: UInt16) -> [ExtentID] {
    leaves.keys.filter { UInt16(truncatingIfNeeded: $0 >> 32) == file }.sorted().flatMap { leaf in
      (UInt32(0)..<64).map { ExtentID(file: file, number: UInt32(leaf & 0xFFFF_FFFF) << 6 | $0) }
    }.filter { self[$0] != nil }
  }

  private static func word(_ place: Place) -> UInt64 {
    precondition(place.stream < 255 && place.offset >> offsetBits == 0, "streams are bounded")
    return UInt64(place.stream) << offsetBits | UInt64(place.offset)
  }

  private static func leaf(of extent: ExtentID) -> UInt64 {
    UInt64(extent.file) << 32 | UInt64(extent.number >> 6)
  }

  private static func slot(of extent: ExtentID) -> Int { Int(extent.number & 63) }

  private static let absent = UInt64.max
  private static let emptyLeaf = [UInt64](repeating: absent, count: 64)
  private static let offsetBits: UInt64 = 56
}

extension [UInt64] {
  fileprivate mutating func replace(_ index: Int, with word: UInt64) -> UInt64 {
    let old = self[index]
    self[index] = word
    return old
  }
}
