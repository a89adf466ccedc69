/// The files of one backup, in the order of their numbers: one file, or all stripes of a family.
struct BackupMembers: Sendable {
  let streams: [any ByteStream]
  let tapes: [TapeFile]
  let isCompressed: Bool

  /// Opens the files, given in any order.
  ///
  /// Throws `refusedKind` when a member is missing or the files do not belong together.
  init(_ files: [any ByteStream]) throws(BackupError) {
    var members: [(tape: TapeFile, stream: any ByteStream)] = []
    var isCompressed = false
    for file in files {
      switch try FileKind.of(file) {
      case .backup: members.append((try TapeFile(file), file))
      case .compressedBackup:
        let stream = try ExpandedStream(file)
        members.append((try TapeFile(stream), stream))
        isCompressed = true
      case .dataFile:
        throw BackupError(
          .refusedKind, file: file.fileName, problem: "is a data file among backups",
          advice: "give backups or data files, not both")
      default: throw try FileKind.refusal(of: file)
      }
    }
    members.sort { $0.tape.family.memberNumber < $1.tape.family.memberNumber }
    streams = members.map(\.stream)
    tapes = members.map(\.tape)
    self.isCompressed = isCompressed
    try requireFamily()
  }

  /// The members' parts of one set, in the order of the members.
  func parts(of number: Int) throws(BackupError) -> [BackupSet] {
    var parts: [BackupSet] = []
    for (tape, stream) in zip(tapes, streams) {
      guard (1...tape.sets.count).contains(number) else {
        throw BackupError(
          .refusedKind, file: stream.fileName,
          problem: "has no backup set \(number), only \(tape.sets.count)",
          advice: "choose one with --set; `restage inspect` lists them")
      }
      parts.append(tape.sets[number - 1])
    }
    for (part, stream) in zip(parts, streams) {
      let (first, this) = (parts[0].configuration, part.configuration)
      guard
        first.finishedAt == this.finishedAt, first.checkpointLSN == this.checkpointLSN,
        first.databaseName == this.databaseName, first.setType == this.setType
      else {
        throw BackupError(
          .refusedKind, file: stream.fileName,
          problem: "is from another backup than \(streams[0].fileName)",
          advice: "give the files of one striped backup")
      }
    }
    return parts
  }

  private func requireFamily() throws(BackupError) {
    let count = tapes[0].family.memberCount
    for (tape, stream) in zip(tapes, streams) {
      guard tape.family.memberCount == count, tape.family.mediaSetID == tapes[0].family.mediaSetID
      else {
        throw BackupError(
          .refusedKind, file: stream.fileName,
          problem: "does not belong to the same backup as \(streams[0].fileName)",
          advice: count == 1
            ? "give each backup alone; only stripes of one backup are joined by commas"
            : "give the files of one striped backup")
      }
    }
    let numbers = tapes.map(\.family.memberNumber)
    if let twice = zip(numbers, numbers.dropFirst()).first(where: { $0 == $1 })?.0 {
      let name = streams.last { _ in true }?.fileName ?? ""
      throw BackupError(
        .refusedKind, file: name,
        problem: "file \(twice) of the backup is given twice", advice: "give each file once")
    }
    guard numbers.count == count else {
      let list = numbers.map(String.init).joined(separator: " and ")
      throw BackupError(
        .refusedKind, file: streams[0].fileName,
        problem: "is file \(list) of a backup striped over \(count) files",
        advice: "give all \(count), joined by commas, in any order")
    }
  }
}
