/// What a file is, told by its first bytes; names and extensions are never trusted.
///
/// Backups found in the wild carry every extension, and files called `.bak` hold everything else.
public struct FileKind: Hashable, Sendable, CustomStringConvertible {
  public let description: String

  private init(_ description: String) { self.description = description }

  /// An uncompressed backup in Microsoft Tape Format.
  public static let backup = FileKind("SQL Server backup")
  /// A compressed or encrypted backup container.
  public static let compressedBackup = FileKind("compressed SQL Server backup")
  /// An .mdf or .ndf file.
  public static let dataFile = FileKind("SQL Server data file")
  /// A zip archive: a bacpac, a dacpac, or anything else in a zip.
  public static let zip = FileKind("zip archive")
  /// None of these; `BackupError` says what it is.
  public static let other = FileKind("other")

  /// Reads the first bytes of a file.
  ///
  /// Throws `unreadable` when the system refuses to open or read it.
  public static func of(path: String) throws(BackupError) -> FileKind {
    try of(InputFile(path: path))
  }

  static func of(_ file: some ByteStream) throws(BackupError) -> FileKind {
    of(firstBytes: try firstBytes(of: file))
  }

  private static func of(firstBytes bytes: [UInt8]) -> FileKind {
    if bytes.starts(with: "TAPE".utf8) { return .backup }
    if bytes.starts(with: "MSSQLBAK".utf8) { return .compressedBackup }
    if bytes.starts(with: "PK\u{3}\u{4}".utf8) { return .zip }
    let span = bytes.span.bytes
    if span.uint16(at: 0) == 0x0F01, span.uint32(at: 32) == 0 { return .dataFile }
    return .other
  }
}

extension FileKind {
  /// The refusal of a file that is no backup and no data file: what it is, what to give instead.
  static func refusal(of file: some ByteStream) throws(BackupError) -> BackupError {
    let bytes = try firstBytes(of: file)
    func refusal(_ problem: String, _ advice: String) -> BackupError {
      BackupError(
        .notABackup, file: file.fileName, offset: 0, problem: problem, advice: advice)
    }
    if bytes.isEmpty { return refusal("is empty", "fetch the file again") }
    if bytes.starts(with: "PK\u{3}\u{4}".utf8) {
      return refusal(
        "is a zip archive or a bacpac, not a backup", "unpack it and give the .bak or .mdf inside")
    }
    for (signature, name, advice) in signatures where bytes.starts(with: signature) {
      return refusal("is \(name), not a backup", advice)
    }
    let start = Text.trimmed(bytes)
    for (opening, name, advice) in openings where Text.starts(start, with: opening) {
      return refusal("is \(name), not a backup", advice)
    }
    if bytes.allSatisfy({ $0 == 0 }) {
      return refusal("begins with zeros only", "fetch the file again; the copy is unfinished")
    }
    if Text.isText(bytes) {
      return refusal("is plain text, not a backup", "give a .bak or .mdf file")
    }
    let dump = bytes.prefix(4).map { hex($0) }.joined(separator: " ")
    return refusal(
      "begins with \(dump), which no backup or data file does",
      "give a .bak file written by BACKUP DATABASE, or an .mdf file")
  }

  private static func firstBytes(of file: some ByteStream) throws(BackupError) -> [UInt8] {
    try file.structure(at: 0, count: min(file.byteCount, 512), place: "start of the file").bytes
  }

  private static let signatures: [([UInt8], String, String)] = [
    (Array("PGDMP".utf8), "a PostgreSQL dump", "restore it with pg_restore"),
    ([0x1F, 0x8B], "a gzip archive", unpack),
    ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", unpack),
    (Array("Rar!\u{1A}\u{7}".utf8), "a RAR archive", unpack),
    (Array("BZh".utf8), "a bzip2 archive", unpack),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "an xz archive", unpack),
    ([0x28, 0xB5, 0x2F, 0xFD], "a zstd archive", unpack),
    (Array("PK\u{5}\u{6}".utf8), "an empty zip archive", "fetch the file again"),
    ([0x89, 0x50, 0x4E, 0x47], "a PNG picture", giveBackup),
    ([0xFF, 0xD8, 0xFF], "a JPEG picture", giveBackup),
    (Array("%PDF".utf8), "a PDF document", giveBackup),
    (Array("SQLite format 3\0".utf8), "an SQLite database", giveBackup),
    ([0xD0, 0xCF, 0x11, 0xE0], "an old Office document", giveBackup),
    (Array("MZ".utf8), "a Windows program", giveBackup),
    ([0x7F, 0x45, 0x4C, 0x46], "a Linux program", giveBackup),
  ]

  private static let openings: [(String, String, String)] = [
    ("<!doctype html", "a web page", download),
    ("<html", "a web page", download),
    ("<?xml", "an XML document", giveBackup),
    ("version https://git-lfs", "a Git LFS pointer", "fetch the file itself with `git lfs pull`"),
    ("-- postgresql database dump", "a PostgreSQL dump as SQL", "run it with psql"),
  ]

  private static let unpack = "unpack it and give the .bak or .mdf inside"
  private static let giveBackup = "give a .bak or .mdf file"
  private static let download = "download the file itself, not the page that shows it"
}

/// Text as it may stand at the start of a file that is no backup.
private enum Text {
  /// Without a byte-order mark and leading blanks.
  static func trimmed(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
    let rest = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    return rest.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
  }

  /// Compares without regard to the case of ASCII letters; `opening` is in lower case.
  static func starts(_ bytes: ArraySlice<UInt8>, with opening: String) -> Bool {
    bytes.prefix(opening.utf8.count).map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }
      == Array(opening.utf8)
  }

  static func isText(_ bytes: [UInt8]) -> Bool {
    bytes.allSatisfy { $0 >= 0x20 || (0x09...0x0D).contains($0) }
  }
}

func hex(_ byte: UInt8) -> String {
  (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
}
