/// A set of pages, one bit for each page of the stretches that it has pages of: 64 KiB for 4 GiB of a
/// file.
struct PageBits: Sequence {
  /// 2^19 pages of one file.
  private static let stretchShift: UInt32 = 19
  private static let wordCount = (1 << 19) / 64

  private var stretches: [PageID: [UInt64]] = [:]
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  func contains(_ page: PageID) -> Bool {
    let (stretch, word, bit) = Self.place(of: page)
    return stretches[stretch].map { $0[word] & bit != 0 } ?? false
  }

  /// - Returns: false where the page was there already.
  @discardableResult
  mutating func insert(_ page: PageID) -> Bool {
    let (stretch, word, bit) = Self.place(of: page)
    if stretches[stretch] == nil {
      stretches[stretch] = [UInt64](repeating: 0, count: Self.wordCount)
    }
    let isNew = !contains(page)
    if isNew {
      stretches[stretch]?[word] |= bit
      count += 1
    }
    return isNew
  }

  private static func place(of page: PageID) -> (stretch: PageID, word: Int, bit: UInt64) {
    let first = (page.page >> Self.stretchShift) << Self.stretchShift
    let index = Int(page.page - first)
    return (PageID(file: page.file, page: first), index / 64, 1 << UInt64(index % 64))
  }

  /// Ascending by file and page.
  func makeIterator() -> Iterator { Iterator(stretches) }

  struct Iterator: IteratorProtocol {
    private var rest: [(first: PageID, words: [UInt64])]
    private var word = 0
    /// The bits of the current word that are still to come.
    private var bits: UInt64

    fileprivate init(_ stretches: [PageID: [UInt64]]) {
      // Taken from the end.
      rest = stretches.sorted { $1.key < $0.key }.map { ($0.key, $0.value) }
      bits = rest.last?.words[0] ?? 0
    }

    mutating func next() -> PageID? {
      while let stretch = rest.last {
        if bits != 0 {
          let page = UInt32(word * 64 + bits.trailingZeroBitCount)
          bits &= bits - 1
          return PageID(file: stretch.first.file, page: stretch.first.page + page)
        }
        word += 1
        if word < stretch.words.count {
          bits = stretch.words[word]
          continue
        }
        rest.removeLast()
        word = 0
        bits = rest.last?.words[0] ?? 0
      }
      return nil
    }
  }
}
