/// Puts values outside of the row (section 13) and gives back what the row holds instead.
///
/// One writer serves the large-value unit or the row-overflow unit of a partition. Records of
/// several values share a page where they fit.
final class LargeValueWriter {
  private let unit: AllocationUnit
  private var page: PageImage?
  private var blobID: UInt64

  /// Most bytes of a value in one record of a page.
  static let fragmentByteCount = 8040

  init(_ unit: AllocationUnit) {
    self.unit = unit
    blobID = UInt64(truncatingIfNeeded: unit.rowset & 0xFFFF) << 32 | 0x0007_0000
  }

  /// A long value of a type with a declared length: one link, kind 2.
  func overflow(_ value: [UInt8]) throws -> StoredValue {
    let identity = nextBlobID()
    let links = try fragments(of: value, identity)
    return .complex(inlineRoot(kind: 2, level: 0, identity, links))
  }

  /// - Parameter place: Not `.inRow`.
  func store(_ value: [UInt8], _ place: LargeValuePlace, isLegacy: Bool) throws -> StoredValue {
    let identity = nextBlobID()
    switch place {
    case .textPointer: return try textPointer(value, identity, linkCountMax: 400)
    case .inlineRoot, .inRow: return try inlineTree(value, identity, linkCountMax: 400)
    case .tree(let links):
      return try isLegacy
        ? textPointer(value, identity, linkCountMax: links)
        : inlineTree(value, identity, linkCountMax: links)
    case .automatic:
      return try isLegacy
        ? textPointer(value, identity, linkCountMax: 400)
        : inlineTree(value, identity, linkCountMax: 400)
    }
  }

  func finish() throws {
    if let page { try unit.write(page) }
    page = nil
    try unit.writeIAMChain()
  }

  private struct Link {
    var byteCount: Int
    var page: PageAddress
    var slot: Int
  }

  private func nextBlobID() -> UInt64 {
    blobID += 0x10000
    return blobID
  }

  /// 16 bytes in the row; the root is a record of its own.
  private func textPointer(
    _ value: [UInt8], _ identity: UInt64, linkCountMax: Int
  ) throws -> StoredValue {
    let root: (page: PageAddress, slot: Int)
    if value.count <= 64 {
      root = try append(
        identity, type: 0, littleEndian(value.count, bytes: 2) + [0, 0, 0, 0] + value)
    } else {
      let tree = try self.tree(
        try fragments(of: value, identity), identity, rootLinkCount: 5, linkCountMax: linkCountMax)
      var body = littleEndian(5, bytes: 2) + littleEndian(tree.links.count, bytes: 2)
      body += littleEndian(tree.level, bytes: 2) + [0, 0, 0, 0]
      body += Self.bytes(tree.links, sizeByteCount: 4)
      root = try append(identity, type: 5, body)
    }
    return .complex(
      littleEndian(identity >> 16, bytes: 4) + [0, 0, 0, 0] + root.page.bytes(slot: root.slot))
  }

  private func inlineTree(
    _ value: [UInt8], _ identity: UInt64, linkCountMax: Int
  ) throws -> StoredValue {
    let tree = try self.tree(
      try fragments(of: value, identity), identity, rootLinkCount: 5, linkCountMax: linkCountMax)
    return .complex(inlineRoot(kind: 4, level: tree.level, identity, tree.links))
  }

  private func inlineRoot(
    kind: UInt8, level: Int, _ identity: UInt64, _ links: [Link]
  ) -> [UInt8] {
    [kind, 0, UInt8(level), 0] + littleEndian(1, bytes: 4)
      + littleEndian(identity >> 16, bytes: 4) + Self.bytes(links, sizeByteCount: 4)
  }

  /// Joins links under internal nodes until they fit the root.
  private func tree(
    _ leaves: [Link], _ identity: UInt64, rootLinkCount: Int, linkCountMax: Int
  ) throws -> (links: [Link], level: Int) {
    var links = leaves
    var level = 0
    while links.count > rootLinkCount {
      var parents: [Link] = []
      for start in stride(from: 0, to: links.count, by: linkCountMax) {
        let children = Array(links[start..<min(start + linkCountMax, links.count)])
        var body = littleEndian(linkCountMax, bytes: 2) + littleEndian(children.count, bytes: 2)
        body += littleEndian(level, bytes: 2) + Self.bytes(children, sizeByteCount: 8)
        let place = try append(identity, type: 2, body)
        let byteCount = children.reduce(0) { $0 + $1.byteCount }
        parents.append(Link(byteCount: byteCount, page: place.page, slot: place.slot))
      }
      links = parents
      level += 1
    }
    return (links, level)
  }

  /// Sizes in links are cumulative.
  private static func bytes(_ links: [Link], sizeByteCount: Int) -> [UInt8] {
    var end = 0
    return links.flatMap { link in
      end += link.byteCount
      return littleEndian(end, bytes: sizeByteCount) + link.page.bytes(slot: link.slot)
    }
  }

  private func fragments(of value: [UInt8], _ identity: UInt64) throws -> [Link] {
    var links: [Link] = []
    var start = 0
    repeat {
      let end = min(start + Self.fragmentByteCount, value.count)
      let place = try append(identity, type: 3, Array(value[start..<end]))
      links.append(Link(byteCount: end - start, page: place.page, slot: place.slot))
      start = end
    } while start < value.count
    return links
  }

  private func append(
    _ identity: UInt64, type: Int, _ body: [UInt8]
  ) throws -> (page: PageAddress, slot: Int) {
    var record: [UInt8] = [0x08, 0] + littleEndian(14 + body.count, bytes: 2)
    record += littleEndian(identity, bytes: 8) + littleEndian(type, bytes: 2) + body
    if let full = page, !full.fits(record.count) {
      try unit.write(full)
      page = nil
    }
    var page = try page ?? newPage()
    let slot = page.append(record)
    self.page = page
    return (page.address, slot)
  }

  private func newPage() throws -> PageImage {
    let address = unit.allocatePage(fullness: 4)
    if unit.first == .none {
      unit.first = address
      unit.root = address
    }
    return PageImage(.textMix, at: address, unit: unit.id)
  }
}
