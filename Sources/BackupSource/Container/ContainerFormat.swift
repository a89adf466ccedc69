/// What the header of a compressed container says, section 4: the size of record prefixes, their
/// marks, and the algorithm.
struct ContainerFormat: Sendable {
  let firstRecordOffset: Int
  let prefixByteCount: Int
  let codec: PieceCodec
  private let markBase: UInt8

  /// - Throws: `refusedKind` when the header says that the records are encrypted, `unknown` when it
  ///   has a version or flags that are not known.
  init(_ file: some ByteStream) throws(BackupError) {
    let header = try file.structure(at: 0, count: 16, place: "container header")
    let version = try header.uint32(at: 8)
    let flags = try header.uint32(at: 12)
    switch (version, flags) {
    case (1, 1):
      (firstRecordOffset, prefixByteCount, markBase, codec) = (0x10, 4, 0x80, .xpressHuffman)
    case (2, 0x03):
      (firstRecordOffset, prefixByteCount, markBase, codec) = (0x1E0, 24, 0x20, .xpressHuffman)
    case (2, 0x83):
      (firstRecordOffset, prefixByteCount, markBase, codec) = (0x1E0, 24, 0x20, .zstd)
    case (2, let flags) where flags & Self.isEncrypted != 0:
      throw BackupError(
        .refusedKind, file: file.fileName, offset: 12, place: "container header",
        problem: "the backup is encrypted (flags 0x\(String(flags, radix: 16, uppercase: true)))",
        advice: "back up again without ENCRYPTION")
    case (2, let flags):
      throw BackupError(
        .unknown, file: file.fileName, offset: 12, place: "container header",
        problem: "the compressed container has the flags "
          + "0x\(String(flags, radix: 16, uppercase: true)), which are not known: another algorithm, "
          + "or an encrypted database (TDE)",
        advice: "back up again WITH NO_COMPRESSION")
    default:
      throw BackupError(
        .unknown, file: file.fileName, offset: 8, place: "container header",
        problem: "version \(version).\(flags) of the compressed container is not known",
        advice: "back up again WITH NO_COMPRESSION")
    }
    try file.requireBytes(0, at: firstRecordOffset, place: "container header")
  }

  /// Backups WITH ENCRYPTION have it, compressed or not.
  private static let isEncrypted: UInt32 = 0x04
}

extension ContainerFormat {
  enum Mark {
    /// Bit 0 of the mark says whether the piece is compressed.
    case data(isCompressed: Bool)
    case padding, directory
    case unknown
  }

  func mark(_ mark: UInt8) -> Mark {
    switch mark ^ markBase {
    case 0x00: .data(isCompressed: false)
    case 0x01: .data(isCompressed: true)
    case 0x04: .padding
    case 0x0C: .directory
    default: .unknown
    }
  }
}

/// What the pieces of a container are compressed by.
enum PieceCodec: Sendable {
  /// MS_XPRESS, the algorithm of all versions.
  case xpressHuffman
  /// ALGORITHM = ZSTD of SQL Server 2025: each piece is a frame of its own.
  case zstd
}
