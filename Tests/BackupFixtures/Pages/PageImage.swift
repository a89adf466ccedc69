/// The place of a page: {u32 page, u16 file} in pointers.
struct PageAddress: Hashable, Sendable {
  var file: UInt16
  var page: UInt32

  static let none = PageAddress(file: 0, page: 0)

  var bytes: [UInt8] { littleEndian(page, bytes: 4) + littleEndian(file, bytes: 2) }

  /// A record's address: the page's, then the slot.
  func bytes(slot: Int) -> [UInt8] { bytes + littleEndian(slot, bytes: 2) }
}

enum PageKind: UInt8 {
  case data = 1
  case index = 2
  case textMix = 3
  case textTree = 4
  case gam = 8
  case sgam = 9
  case iam = 10
  case pfs = 11
  case boot = 13
  case fileHeader = 15
  case differentialMap = 16
  case bulkChangedMap = 17
}

/// A page while it is filled: 8192 bytes, records upwards from byte 96, slots downwards from the end.
struct PageImage {
  static let byteCount = 8192
  /// The longest record: what is left beside the header and its own slot.
  static let recordByteCountMax = 8060

  private(set) var bytes = [UInt8](repeating: 0, count: byteCount)
  private(set) var slotCount = 0
  private var freeOffset = 96

  let address: PageAddress
  /// The allocation unit, of which the header keeps two parts; 0x63 << 16 for allocation pages.
  let unit: UInt64

  static let allocationUnit: UInt64 = 0x63 << 16

  init(_ kind: PageKind, at address: PageAddress, unit: UInt64, level: Int = 0) {
    self.address = address
    self.unit = unit
    bytes[0] = 1
    bytes[1] = kind.rawValue
    bytes[3] = UInt8(level)
    bytes.put(address.bytes, at: 32)
    bytes.put(unit >> 48, bytes: 2, at: 6)
    bytes.put(unit >> 16, bytes: 4, at: 24)
  }

  var freeByteCount: Int { Self.byteCount - freeOffset - 2 * slotCount }

  /// Where the next record will begin.
  var nextRecordOffset: Int { freeOffset }

  /// Whether a record, with its slot, still fits.
  func fits(_ byteCount: Int) -> Bool { freeByteCount >= byteCount + 2 }

  /// - Returns: The slot of the record.
  @discardableResult
  mutating func append(_ record: [UInt8]) -> Int {
    precondition(fits(record.count), "a record of \(record.count) bytes does not fit the page")
    bytes.put(record, at: freeOffset)
    addSlot(freeOffset)
    freeOffset += record.count
    return slotCount - 1
  }

  /// A slot whose record was removed.
  mutating func appendEmptySlot() { addSlot(0) }

  /// Bytes that no slot points to: the structure in front of the records of a compressed page.
  mutating func reserve(_ structure: [UInt8]) {
    bytes.put(structure, at: freeOffset)
    freeOffset += structure.count
  }

  mutating func setTypeFlags(_ flags: UInt8) { bytes[2] = flags }
  mutating func setFixedByteCount(_ count: Int) { bytes.put(count, bytes: 2, at: 14) }
  mutating func setPrevious(_ page: PageAddress) { bytes.put(page.bytes, at: 8) }
  mutating func setNext(_ page: PageAddress) { bytes.put(page.bytes, at: 16) }
  mutating func setGhostCount(_ count: Int) { bytes.put(count, bytes: 2, at: 58) }
  mutating func put(_ part: [UInt8], at offset: Int) { bytes.put(part, at: offset) }

  /// The same page somewhere else.
  func copied(to address: PageAddress) -> PageImage {
    var copy = PageImage(.data, at: address, unit: unit)
    copy.bytes = bytes
    copy.bytes.put(address.bytes, at: 32)
    copy.slotCount = slotCount
    copy.freeOffset = freeOffset
    return copy
  }

  private mutating func addSlot(_ offset: Int) {
    slotCount += 1
    bytes.put(offset, bytes: 2, at: Self.byteCount - 2 * slotCount)
  }

  /// The finished page: counts in the header, then the protection against damage.
  func sealed(lsn: Int, _ verify: FixtureDatabase.PageVerify) -> [UInt8] {
    var page = bytes
    page.put(slotCount, bytes: 2, at: 22)
    page.put(freeByteCount, bytes: 2, at: 28)
    page.put(freeOffset, bytes: 2, at: 30)
    page.put(36, bytes: 4, at: 40)
    page.put(lsn, bytes: 4, at: 44)
    page.put(1, bytes: 2, at: 48)
    switch verify {
    case .none: break
    case .tornPages: Self.protectBySectors(&page)
    case .checksum: Self.protectByChecksum(&page)
    }
    return page
  }

  /// Flag 0x200; XOR of the words of each sector, rotated by its distance from the last one.
  static func protectByChecksum(_ page: inout [UInt8]) {
    page.put(page.uint16(at: 4) | 0x200, bytes: 2, at: 4)
    page.put(0, bytes: 4, at: 60)
    let sum = page.withUnsafeBytes { bytes in
      (0..<16).reduce(UInt32(0)) { sum, sector in
        var part: UInt32 = 0
        for word in stride(from: sector * 512, to: sector * 512 + 512, by: 4) {
          part ^= bytes.loadUnaligned(fromByteOffset: word, as: UInt32.self)
        }
        let turn = UInt32(15 - sector)
        return sum ^ (turn == 0 ? part : part << turn | part >> (32 - turn))
      }
    }
    page.put(sum, bytes: 4, at: 60)
  }

  /// Flag 0x100; the two low bits at each sector's end move into the header and a pattern takes
  /// their place.
  static func protectBySectors(_ page: inout [UInt8]) {
    page.put(page.uint16(at: 4) | 0x100, bytes: 2, at: 4)
    var saved: UInt32 = 0b01
    for sector in 1..<16 {
      let end = sector * 512 + 511
      saved |= UInt32(page[end] & 3) << UInt32(2 * sector)
      page[end] = page[end] & ~3 | 0b01
    }
    page.put(saved, bytes: 4, at: 60)
  }
}
