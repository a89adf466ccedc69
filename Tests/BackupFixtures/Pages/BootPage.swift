import Catalog

/// Page 9 of the first data file, type 13 (section 8.1).
enum BootPage {
  static let internalVersion = 869

  static func image(
    _ database: FixtureDatabase, allocationUnits: PageAddress, in file: DataFile
  ) -> PageImage {
    var page = PageImage(.boot, at: file.address(9), unit: PageImage.allocationUnit)
    // Places are those in the page; the record begins at 96 with its status and length.
    var record = [UInt8](repeating: 0, count: 0x66C)
    func put(_ bytes: [UInt8], at place: Int) { record.put(bytes, at: place - 96) }
    put(littleEndian(record.count, bytes: 2), at: 98)
    put(littleEndian(internalVersion, bytes: 2), at: 100)
    put(littleEndian(internalVersion, bytes: 2), at: 102)
    put([0x08, 0x00, 0x01, 0x00], at: 132)
    var name = utf16Bytes(database.catalog.name)
    while name.count < 256 { name.append(0x20) }
    put(Array(name.prefix(256)), at: 148)
    put(littleEndian(database.catalog.collation?.id ?? 0x3400_D008, bytes: 4), at: 488)
    put(allocationUnits.bytes, at: 612)
    page.append(record)
    return page
  }
}
