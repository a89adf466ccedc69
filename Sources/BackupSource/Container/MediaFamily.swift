/// What the first block of a backup file says of the file: who wrote it, and which member of a
/// striped backup it is.
struct MediaFamily: Hashable, Sendable {
  /// Zero where the file has no RAID stream.
  let mediaSetID: [UInt8]
  /// Over how many files the backup is striped.
  let memberCount: Int
  /// This file's number, from 1.
  let memberNumber: Int

  init(_ tape: TapeBlock, _ source: some ByteStream) throws(BackupError) {
    let writer = try tape.string(at: 80)
    guard writer.hasPrefix("Microsoft SQL Server") else {
      throw BackupError(
        .notABackup, file: source.fileName, offset: tape.header.baseOffset,
        problem: "is a backup written by another program (\(writer.isEmpty ? "unnamed" : writer))",
        advice: "restore it with that program and give the .bak or .mdf inside")
    }
    guard let raid = tape.stream("RAID") else {
      (mediaSetID, memberCount, memberNumber) = ([], 1, 1)
      return
    }
    let facts = try source.structure(at: raid.offset, count: min(raid.byteCount, 32), place: "RAID")
    mediaSetID = try facts.slice(16, at: 0, place: "RAID").bytes
    memberCount = Int(try facts.uint16(at: 20))
    memberNumber = Int(try facts.uint16(at: 24))
    guard (1...Self.memberCountMax).contains(memberCount), (1...memberCount).contains(memberNumber)
    else { throw facts.damaged("file \(memberNumber) of \(memberCount)", at: 20) }
  }

  /// SQL Server stripes over at most 64 devices.
  private static let memberCountMax = 64
}
