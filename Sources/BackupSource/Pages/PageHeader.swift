/// What every page is: 8192 bytes, and eight of them an extent.
enum PageLayout {
  static let byteCount = 8192
  static let headerByteCount = 96
  static let pagesPerExtent = 8
  static let extentByteCount = byteCount * pagesPerExtent
}

/// Page types of section 7; other numbers are met on filler and unformatted pages.
struct PageType: RawRepresentable, Hashable, Sendable {
  let rawValue: UInt8

  static let data = PageType(rawValue: 1)
  static let index = PageType(rawValue: 2)
  static let textMix = PageType(rawValue: 3)
  static let textTree = PageType(rawValue: 4)
  static let globalAllocationMap = PageType(rawValue: 8)
  static let sharedAllocationMap = PageType(rawValue: 9)
  static let indexAllocationMap = PageType(rawValue: 10)
  static let pageFreeSpace = PageType(rawValue: 11)
  static let boot = PageType(rawValue: 13)
  static let fileHeader = PageType(rawValue: 15)
  static let differentialMap = PageType(rawValue: 16)
  /// Filler between the last extent of a region and its end; never part of a database.
  static let filler = PageType(rawValue: 0x65)
}

/// The 96 bytes at the start of a page, section 7.
struct PageHeader: Hashable, Sendable {
  var version: UInt8
  var type: PageType
  /// Bit 0x80: the page carries a compression information structure.
  var typeFlags: UInt8
  /// Level in the index; 0 is the leaf.
  var level: UInt8
  /// Bit 0x100: torn-page bits; bit 0x200: checksum.
  var flags: UInt16
  var indexID: UInt16
  var previousPage: PageID
  /// Size of the fixed part of the page's records.
  var fixedByteCount: UInt16
  var nextPage: PageID
  var slotCount: UInt16
  var freeSpaceOffset: UInt16
  var id: PageID
  var lsn: LogSequenceNumber

  /// Whether the page is an allocation map of an encrypted database.
  ///
  /// Flag 0x08 alone says little: ordinary file header pages and some others bear it, but no
  /// allocation map of a database that is not encrypted.
  var isEncryptedMap: Bool {
    let maps: [PageType] = [.globalAllocationMap, .sharedAllocationMap, .differentialMap]
    return version == 1 && maps.contains(type) && flags & 0x08 != 0
  }

  var hasTornBits: Bool { flags & 0x100 != 0 }
  var hasChecksum: Bool { flags & 0x200 != 0 }

  /// Nil when `page` has fewer than the 96 bytes of the header.
  init?(_ page: RawSpan) {
    guard
      let version = page.uint8(at: 0), let type = page.uint8(at: 1),
      let typeFlags = page.uint8(at: 2), let level = page.uint8(at: 3),
      let flags = page.uint16(at: 4), let indexID = page.uint16(at: 6),
      let previousPage = page.pageID(at: 8), let fixedByteCount = page.uint16(at: 14),
      let nextPage = page.pageID(at: 16), let slotCount = page.uint16(at: 22),
      let freeSpaceOffset = page.uint16(at: 30), let id = page.pageID(at: 32),
      let lsn = LogSequenceNumber(page, at: 40), page.byteCount >= PageLayout.headerByteCount
    else { return nil }
    self.version = version
    self.type = PageType(rawValue: type)
    self.typeFlags = typeFlags
    self.level = level
    self.flags = flags
    self.indexID = indexID
    self.previousPage = previousPage
    self.fixedByteCount = fixedByteCount
    self.nextPage = nextPage
    self.slotCount = slotCount
    self.freeSpaceOffset = freeSpaceOffset
    self.id = id
    self.lsn = lsn
  }
}

/// A place in the transaction log: file sequence, block and slot, compared in that order.
struct LogSequenceNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
  var sequence: UInt32
  var block: UInt32
  var slot: UInt16

  static let none = LogSequenceNumber(sequence: 0, block: 0, slot: 0)

  static func < (left: LogSequenceNumber, right: LogSequenceNumber) -> Bool {
    (left.sequence, left.block, left.slot) < (right.sequence, right.block, right.slot)
  }

  /// As SQL Server prints it in its error log.
  var description: String { "\(sequence):\(block):\(slot)" }
}

extension LogSequenceNumber {
  init?(_ bytes: RawSpan, at offset: Int) {
    guard
      let sequence = bytes.uint32(at: offset), let block = bytes.uint32(at: offset + 4),
      let slot = bytes.uint16(at: offset + 8)
    else { return nil }
    self.init(sequence: sequence, block: block, slot: slot)
  }
}
