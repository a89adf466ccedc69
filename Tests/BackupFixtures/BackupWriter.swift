import Catalog
import Foundation

/// What a backup file is to be like.
public struct FixtureBackup: Sendable {
  public enum Kind: Hashable, Sendable {
    case plain
    /// The container as SQL Server 2008 to 2012 (1) or 2014 and later (2) write it.
    case compressed(version: Int)
    /// The same container with ALGORITHM = ZSTD of SQL Server 2025.
    case zstd

    public static let compressed = Kind.compressed(version: 2)
  }

  public enum SetType: Sendable {
    case full
    /// What changed since the given state of the database.
    case differential(since: FixtureDatabase)
    /// A log backup: it holds no pages.
    case log
  }

  public struct BackupSet: Sendable {
    public var database: FixtureDatabase
    public var type: SetType
    /// How many extents are repeated in a second region, as those that changed during the backup
    /// are; the first region then holds them with wrong contents.
    public var repeatedExtentCount: Int
    /// Whether each data file has a region of its own; all are in one as a rule.
    public var hasRegionPerFile = false
    /// Whether a full-text catalog of SQL Server 2005 is among the files.
    public var hasFullTextCatalog = false

    public init(
      _ database: FixtureDatabase, type: SetType = .full, repeatedExtentCount: Int = 0
    ) {
      self.database = database
      self.type = type
      self.repeatedExtentCount = repeatedExtentCount
    }
  }

  public var kind: Kind
  public var sets: [BackupSet]
  /// Files that the extents are dealt out to.
  public var stripeCount: Int
  /// The device's physical block: a power of two from 512 to 65,536 bytes.
  public var blockByteCount: Int
  /// Regions are filled up to a multiple of it.
  public var transferByteCount: Int?
  /// Whether a compressed backup's piece that does not shrink has a mark of its own, or is told by its
  /// size alone.
  public var marksStoredPieces = true
  /// Pieces are stored as they are that would keep at least this many percent of their size. Pages
  /// shrink by their headers at least, so that with 100 hardly any is.
  public var storedPercentMin = 100

  public init(
    _ sets: [BackupSet], kind: Kind = .plain, stripeCount: Int = 1, blockByteCount: Int = 4096,
    transferByteCount: Int? = nil
  ) {
    self.sets = sets
    self.kind = kind
    self.stripeCount = stripeCount
    self.blockByteCount = blockByteCount
    self.transferByteCount = transferByteCount
  }

  public init(_ database: FixtureDatabase, kind: Kind = .plain, stripeCount: Int = 1) {
    self.init([BackupSet(database)], kind: kind, stripeCount: stripeCount)
  }

  /// Writes the backup. The data files it is made from stand beside it meanwhile.
  ///
  /// - Returns: Paths of all stripes in order: the one given, and `NAME_2.bak`, ….
  @discardableResult
  public func write(to path: String) throws -> [String] {
    let paths = (0..<stripeCount).map { number in
      number == 0 ? path : (path as NSString).deletingPathExtension + "_\(number + 1).bak"
    }
    let tapes = try paths.enumerated().map { number, path in
      let stream = try OutputStream(path)
      let tape = BackupTape(
        try output(stream), blockByteCount: blockByteCount, transferByteCount: transferByteCount)
      try tape.begin(mediaSet: Self.mediaSet, member: number + 1, memberCount: stripeCount)
      return (tape: tape, stream: stream)
    }
    for (number, set) in sets.enumerated() {
      let parts = path + ".parts"
      try? FileManager.default.removeItem(atPath: parts)
      try FileManager.default.createDirectory(atPath: parts, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: parts) }
      try SetWriter(set, number: number + 1, parts: parts).write(to: tapes.map(\.tape))
    }
    for tape in tapes { try tape.stream.flush() }
    return paths
  }

  private static let mediaSet: [UInt8] = [
    0xD6, 0x60, 0xDB, 0xCC, 0x18, 0x9B, 0x8F, 0x44, 0x99, 0x72, 0x53, 0x8F, 0x9F, 0x3B, 0x26, 0xD1,
  ]

  private func output(_ stream: OutputStream) throws -> any TapeOutput {
    switch kind {
    case .plain: PlainTape(stream)
    case .compressed(let version):
      try CompressedTape(
        stream, version: version, packing: .xpressHuffman, marksStored: marksStoredPieces,
        storedPercentMin: storedPercentMin, blockByteCount: blockByteCount)
    case .zstd:
      try CompressedTape(
        stream, version: 2, packing: .zstd, marksStored: marksStoredPieces,
        storedPercentMin: storedPercentMin, blockByteCount: blockByteCount)
    }
  }
}

/// Writes one backup set to all members of the family.
private struct SetWriter {
  let set: FixtureBackup.BackupSet
  let number: Int
  private let files: [DataFile]
  /// What goes into the first region, in order.
  private let extents: [(file: Int, extent: Int)]

  init(_ set: FixtureBackup.BackupSet, number: Int, parts: String) throws {
    self.set = set
    self.number = number
    files = try FixtureWriter(set.database).writeDataFiles(at: "\(parts)/new.mdf")
    switch set.type {
    case .full: extents = Self.planned(files)
    case .log: extents = []
    case .differential(let base):
      let old = try FixtureWriter(base).writeDataFiles(at: "\(parts)/old.mdf")
      extents = try Self.changed(files, since: old, database: set.database)
    }
  }

  func write(to tapes: [BackupTape]) throws {
    for (member, tape) in tapes.enumerated() {
      try tape.beginSet(
        number: number, name: set.database.catalog.name, setType: setType,
        configuration.bytes(isFinished: false))
      if setType != "L" { try writeRegions(to: tape, member: member, memberCount: tapes.count) }
      let dataEnd = tape.position
      try tape.writeLog(byteCount: member == 0 ? 64 << 10 : 0)
      try tape.endSet(configuration.bytes(isFinished: true), dataEnd: dataEnd)
    }
  }

  private func writeRegions(to tape: BackupTape, member: Int, memberCount: Int) throws {
    // Neighbours go to different members, and not in strict turns.
    let own = extents.indices.filter { ($0 + $0 / 5) % memberCount == member }
    let repeated = Set(own.suffix(set.repeatedExtentCount))
    if set.hasRegionPerFile {
      for file in files.indices {
        let own = own.filter { extents[$0].file == file }
        try tape.writeRegion(extentCount: own.count) { index in
          try files[file].readExtent(extents[own[index]].extent)
        }
      }
      return
    }
    try tape.writeRegion(extentCount: own.count) { index in
      let place = extents[own[index]]
      let bytes = try files[place.file].readExtent(place.extent)
      return repeated.contains(own[index]) ? Self.outdated(bytes) : bytes
    }
    guard !repeated.isEmpty else { return }
    let again = repeated.sorted()
    try tape.writeRegion(extentCount: again.count) { index in
      let place = extents[again[index]]
      return try files[place.file].readExtent(place.extent)
    }
  }

  /// The extent as it was before: the records of its data pages are others.
  private static func outdated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for start in stride(from: 0, to: bytes.count, by: PageImage.byteCount)
    where bytes[start + 1] == PageKind.data.rawValue {
      var page = Array(bytes[start..<start + PageImage.byteCount])
      for offset in 110..<200 { page[offset] ^= 0x01 }
      PageImage.protectByChecksum(&page)
      bytes.replaceSubrange(start..<start + PageImage.byteCount, with: page)
    }
    return bytes
  }

  private var setType: Character {
    switch set.type {
    case .full: "D"
    case .differential: "I"
    case .log: "L"
    }
  }

  private var configuration: SetConfiguration {
    var base = LogSequenceNumber.none
    if case .differential(let database) = set.type {
      base = LogSequenceNumber(state: database.state)
    }
    return SetConfiguration(
      databaseName: set.database.catalog.name,
      collation: set.database.catalog.collation?.id ?? 0x3400_D008, setType: setType,
      checkpoint: LogSequenceNumber(state: set.database.state), databaseBackup: base,
      started: BackupTape.started, dataByteCount: extents.count << 16,
      files: files.enumerated().map { index, file in
        SetConfiguration.File(
          id: Int(file.id), name: "\(set.database.catalog.name)_\(index)",
          pageCount: 8 * extents.filter { $0.file == index }.count,
          byteCount: file.pageCount * PageImage.byteCount)
      }, hasFullTextCatalog: set.hasFullTextCatalog)
  }

  private static func planned(_ files: [DataFile]) -> [(file: Int, extent: Int)] {
    files.enumerated().flatMap { index, file in
      file.plannedExtents().map { (file: index, extent: $0) }
    }
  }

  /// The extents that differ from an earlier state. They include the differential map itself, which
  /// is rewritten to mark exactly them.
  private static func changed(
    _ files: [DataFile], since old: [DataFile], database: FixtureDatabase
  ) throws -> [(file: Int, extent: Int)] {
    var changed: [(file: Int, extent: Int)] = []
    for (index, file) in files.enumerated() {
      var extents: Set<Int> = [0]
      for extent in file.plannedExtents() {
        let before = index < old.count ? try old[index].readExtent(extent) : []
        if try file.readExtent(extent) != before { extents.insert(extent) }
      }
      let step = DataFile.extentsPerInterval
      for first in stride(from: 0, to: file.pageCount / 8, by: step) { extents.insert(first) }
      file.changedExtents = extents
      try file.finish(name: database.catalog.name, database: FixtureWriter(database).bindingID)
      changed += extents.sorted().map { (file: index, extent: $0) }
    }
    return changed
  }
}
