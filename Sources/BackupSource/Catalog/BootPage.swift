/// Page 9 of file 1: which layout the database has and where its catalog begins (section 8.1).
struct BootPage: Sendable {
  /// Internal version of the database; it names the catalog's layout.
  let version: Int
  let createdVersion: Int
  let name: String
  let collationID: UInt32
  let firstAllocationUnitPage: PageID

  static let id = PageID(file: 1, page: 9)
  /// Above the newest known version the catalog's own description decides whether it is read.
  private static let plausibleVersionMax = 1200

  init(from pages: any PageReading) throws(BackupError) {
    let buffer = PageBuffer()
    try buffer.load(Self.id, from: pages)
    guard buffer.type == .boot else {
      throw pages.damaged(Self.id, "is of type \(buffer.type.rawValue), not 13 (boot)")
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
  var serverVersion: String { DatabaseVersion(number: version).description }

  private func requireKnownVersion(file: String) throws(BackupError) {
    switch version {
    case DatabaseVersion.oldestReadable.number...Self.plausibleVersionMax: return
    case 1..<DatabaseVersion.oldestReadable.number:
      throw BackupError(
        .refusedKind, file: file, place: "boot page",
        problem: "the database has internal version \(version): SQL Server 2000 or older",
        advice: "restore it on SQL Server 2005 to 2008 R2 and back it up from there")
    default:
      // An encrypted boot page has a good header and noise below it.
      throw BackupError(
        .refusedKind, file: file, place: "boot page",
        problem:
          "an internal version of \(version): encrypted, or no boot page",
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
