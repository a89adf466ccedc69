/// Page 9 of file 1: which layout the database has and where its catalog begins (section 8.1).
struct BootPage: Sendable {
  /// Internal version of the database; it names the catalog's layout.
  let version: Int
  let createdVersion: Int
  let name: String
  let collationID: UInt32
  let firstAllocationUnitPage: PageID

  static let id = PageID(file: 1, page: 9)

  init(from pages: any PageReading) throws(BackupError) {
    let buffer = PageBuffer()
    try buffer.load(Self.id, from: pages)
    guard buffer.type == .boot else {
      throw pages.damaged(
        Self.id, slot: nil, "expected page type 13 (boot), found \(buffer.type.rawValue)")
    }
    let bytes = buffer.bytes
    version = Int(bytes.uint16(at: 100))
    createdVersion = Int(bytes.uint16(at: 102))
    name = Self.name(bytes.slice(148..<148 + 256))
    collationID = bytes.uint32(at: 488)
    firstAllocationUnitPage = bytes.pageID(at: 612)
    try requireKnownVersion(file: pages.fileName)
  }

  /// "SQL Server 2016", by the version that last wrote the database.
  var serverVersion: String { Self.serverVersion(version) }

  static func serverVersion(_ version: Int) -> String {
    let year =
      switch version {
      case 611, 612: "2005"
      case 655: "2008"
      case 660, 661: "2008 R2"
      case 705, 706: "2012"
      case 782: "2014"
      case 852: "2016"
      case 869: "2017"
      case 904: "2019"
      case 957: "2022"
      case 998: "2025"
      default: "(internal version \(version))"
      }
    return "SQL Server \(year)"
  }

  private func requireKnownVersion(file: String) throws(BackupError) {
    switch version {
    case 611...1200: return
    case 1...610:
      throw BackupError(
        .refusedKind, file: file, place: "boot page",
        problem: "the database has internal version \(version): SQL Server 2000 or older",
        advice: "restore it on SQL Server 2005 to 2016 and back it up from there")
    default:
      // An encrypted boot page has a good header and noise below it.
      throw BackupError(
        .refusedKind, file: file, place: "boot page",
        problem: "internal version \(version) is not plausible; with TDE the pages are encrypted",
        advice: "turn off database encryption (TDE) at the source and take a new backup")
    }
  }

  /// UTF-16, padded with U+2020 or blanks. For databases attached by path it is the path.
  private static func name(_ bytes: UnsafeRawBufferPointer) -> String {
    var units = (0..<bytes.count / 2).map { bytes.uint16(at: 2 * $0) }
    if let end = units.firstIndex(of: 0) { units.removeSubrange(end...) }
    while let last = units.last, last == 0x2020 || last == 0x20 { units.removeLast() }
    return String(decoding: units, as: UTF16.self)
  }
}
