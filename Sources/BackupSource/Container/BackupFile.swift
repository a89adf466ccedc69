/// A source that has been opened: its pages, and what it is.
struct OpenedBackup: Sendable {
  let pages: any PageReading
  let facts: BackupFacts
}

/// Opens backups and data files.
enum BackupFile {
  /// Opens what a SOURCE names.
  ///
  /// The file is walked from end to end, its structure checked against its own counts, and every
  /// extent placed before this returns; pages are read when they are asked for. Without a number
  /// the newest full backup set is opened. The number counts from 1.
  ///
  /// Throws `notABackup` or `refusedKind` for what cannot be read, by name and with what to give
  /// instead; `truncated` and `damaged` for files that are not whole.
  static func open(
    _ specification: String, setNumber: Int? = nil
  ) throws(BackupError) -> OpenedBackup {
    let names = try SourceFiles(specification)
    return try open(
      try openFiles(names.base), differential: try openFiles(names.differential), setNumber)
  }

  /// Opens files that are open already: at least one, and those of a differential if there is any.
  static func open(
    _ files: [any ByteStream], differential: [any ByteStream] = [], _ setNumber: Int? = nil
  ) throws(BackupError) -> OpenedBackup {
    switch try FileKind.of(files[0]) {
    case .dataFile: return try openDataFiles(files, differential)
    case .backup, .compressedBackup:
      let full = try BackupMembers(files)
      guard !differential.isEmpty else { return try openFull(full, setNumber) }
      return try openDifferential(try BackupMembers(differential), over: full, setNumber)
    default: throw try FileKind.refusal(of: files[0])
    }
  }

  private static func openFiles(_ names: [String]) throws(BackupError) -> [any ByteStream] {
    var files: [any ByteStream] = []
    for name in names { files.append(try InputFile(path: name)) }
    return files
  }

  private static func openDataFiles(
    _ files: [any ByteStream], _ differential: [any ByteStream]
  ) throws(BackupError) -> OpenedBackup {
    guard differential.isEmpty else {
      throw BackupError(
        .refusedKind, file: files[0].fileName,
        problem: "is a data file, over which no differential can be laid",
        advice: "give the full backup and its differential, or the data file alone")
    }
    let pages = try DataFilePages(primary: files[0], secondary: Array(files.dropFirst()))
    var facts = BackupFacts(kind: .dataFile)
    facts.files = files.map(\.fileName)
    return OpenedBackup(pages: pages, facts: facts)
  }

  private static func openFull(
    _ backup: BackupMembers, _ setNumber: Int?
  ) throws(BackupError) -> OpenedBackup {
    let parts = try fullParts(of: backup, setNumber)
    let map = try Placement.ofFull(parts, in: backup.streams)
    var facts = BackupFacts(of: parts[0], in: backup)
    facts.logByteCount = parts.reduce(0) { $0 + $1.logByteCount }
    facts.otherBlocks = Set(parts.flatMap(\.otherBlocks).map(\.description)).sorted()
    facts.warnings = warnings(facts)
    let pages = BackupPages(
      fileName: backup.streams[0].fileName, map: map, streams: backup.streams)
    return OpenedBackup(pages: pages, facts: facts)
  }

  private static func openDifferential(
    _ differential: BackupMembers, over full: BackupMembers, _ setNumber: Int?
  ) throws(BackupError) -> OpenedBackup {
    let fullParts = try fullParts(of: full, setNumber)
    let parts = try differentialParts(of: differential, over: fullParts[0])
    let streams = full.streams + differential.streams
    let map = try Placement.ofDifferential(
      parts, over: fullParts, in: streams)
    var facts = BackupFacts(of: parts[0], in: differential)
    facts.files = streams.map(\.fileName)
    facts.isCompressed = full.isCompressed || differential.isCompressed
    facts.logByteCount = parts.reduce(0) { $0 + $1.logByteCount }
    facts.otherBlocks = Set(parts.flatMap(\.otherBlocks).map(\.description)).sorted()
    facts.warnings = warnings(facts)
    let pages = BackupPages(fileName: full.streams[0].fileName, map: map, streams: streams)
    return OpenedBackup(pages: pages, facts: facts)
  }
}

// MARK: - Choosing a set

extension BackupFile {
  /// The chosen set, or the newest full one; appended backups follow each other in time.
  private static func fullParts(
    of backup: BackupMembers, _ setNumber: Int?
  ) throws(BackupError) -> [BackupSet] {
    let sets = backup.tapes[0].sets
    let newest = sets.last { $0.type == .full } ?? sets.last
    let parts = try backup.parts(of: setNumber ?? newest?.number ?? 1)
    try requireReadable(parts[0], backup)
    guard parts[0].type == .full else { throw refusal(of: parts[0], backup) }
    guard parts.contains(where: { !$0.regions.isEmpty }) else {
      throw BackupError(
        .refusedKind, file: backup.streams[0].fileName, problem: "holds no data pages",
        advice: "give a full backup of the database")
    }
    return parts
  }

  /// The newest differential in the file that builds on the full set.
  private static func differentialParts(
    of backup: BackupMembers, over full: BackupSet
  ) throws(BackupError) -> [BackupSet] {
    let name = backup.streams[0].fileName
    let sets = backup.tapes[0].sets.filter { $0.type == .differential }
    guard !sets.isEmpty else {
      let type = backup.tapes[0].sets.last?.type.description ?? "empty"
      throw BackupError(
        .refusedKind, file: name, problem: "is a \(type) backup and not a differential one",
        advice: "give FULL.bak+DIFFERENTIAL.bak; log backups cannot be applied")
    }
    guard let set = sets.last(where: { $0.isDifferential(on: full) }) else {
      let base = sets.last?.configuration.databaseBackupLSN ?? .none
      throw BackupError(
        .refusedKind, file: name,
        problem: "builds on the full backup with checkpoint \(base), and the one given has "
          + "\(full.configuration.checkpointLSN)",
        advice: "give the full backup that was taken last before the differential")
    }
    let parts = try backup.parts(of: set.number)
    try requireReadable(parts[0], backup)
    return parts
  }

  private static func requireReadable(
    _ set: BackupSet, _ backup: BackupMembers
  ) throws(BackupError) {
    let configuration = set.configuration
    let version = DatabaseVersion(number: configuration.internalVersion)
    guard configuration.server.major > 8, version >= .oldestReadable else {
      throw configuration.server.refusal(of: backup.streams[0].fileName)
    }
  }

  private static func refusal(of set: BackupSet, _ backup: BackupMembers) -> BackupError {
    let name = set.configuration.databaseName
    let advice =
      set.type == .differential
      ? "give its full backup with it: FULL.bak+\(backup.streams[0].fileName)"
      : "give a full backup of \(name.isEmpty ? "the database" : name)"
    return BackupError(
      .refusedKind, file: backup.streams[0].fileName,
      problem: "is a \(set.type) backup, which does not hold all pages", advice: advice)
  }
}

extension BackupFile {
  private static func warnings(_ facts: BackupFacts) -> [String] {
    var warnings: [String] = []
    if facts.logByteCount > Self.quietLogByteCount {
      warnings.append(
        "The database was in use while it was backed up: \(facts.logByteCount) bytes of log are "
          + "not replayed, so rows of unfinished transactions may be there.")
    }
    if !facts.otherBlocks.isEmpty {
      warnings.append(
        "The backup has parts that are not read, as of FILESTREAM or memory-optimised filegroups: "
          + "blocks \(facts.otherBlocks.joined(separator: ", ")).")
    }
    if facts.sets.count > 1, let number = facts.setNumber {
      warnings.append("The file holds \(facts.sets.count) backup sets; set \(number) is read.")
      let later = facts.sets.last { $0.number > number && $0.type != "full" }
      if let later {
        warnings.append(
          "Set \(later.number) is a later \(later.type) backup, whose changes are not read.")
      }
    }
    if let version = facts.internalVersion, version > DatabaseVersion.newestKnown.number {
      warnings.append("The database has version \(version), newer than any this reader knows.")
    }
    return warnings
  }

  /// A quiet database leaves 64 KiB of log in its backup.
  private static let quietLogByteCount = 1 << 20
}

extension BackupSet {
  /// Whether a differential builds on this full set: on its checkpoint.
  func isDifferential(on full: BackupSet) -> Bool {
    let base = configuration.databaseBackupLSN
    return base != .none && base == full.configuration.checkpointLSN
  }
}
