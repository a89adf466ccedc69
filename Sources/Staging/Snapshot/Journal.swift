// `journal.jsonl`: what an unfinished export has finished so far, one JSON object a line. The first line
// says which state of the source the files are of; a line is written when its files are durable.

public import Catalog
import FoundationEssentials
import Glibc
import SystemPackage

/// What an earlier export into the same folder has finished, of the same state of the same source.
public struct FinishedWork: Hashable, Sendable {
  /// Tables with all their rows.
  public var tables: [ObjectName: TableManifest] = [:]
  /// How other tables are read in ranges.
  public var plans: [ObjectName: RowRanges] = [:]
  /// Of those, the ranges with all their rows, by number.
  public var ranges: [ObjectName: [Int: TableManifest]] = [:]

  /// Whole tables and ranges.
  public var count: Int { ranges.values.reduce(tables.count) { $0 + $1.count } }
}

extension SnapshotWriter {
  /// The words that an unfinished export in a folder gave `begin(_:lasting:)`; nil where there is none.
  public static func lastingWords(in folder: String) throws(StagingError) -> String? {
    let layout = SnapshotLayout(folder: FilePath(folder))
    guard try Folder.kind(of: layout.journal) == .file,
      try Folder.kind(of: layout.manifest) == nil
    else { return nil }
    return JournalReader.lines(try Folder.read(layout.journal)).first?.begun?.state
  }
}

/// Appends to the journal of a folder.
final class Journal: Sendable {
  private let path: FilePath
  private let descriptor: OwnedFile

  /// Sendable because appending is one system call.
  private final class OwnedFile: Sendable {
    let descriptor: OwnedDescriptor
    init(_ path: FilePath) throws(StagingError) {
      descriptor = try OwnedDescriptor(
        opening: path, flags: O_WRONLY | O_APPEND, failure: .cannotWrite)
    }
  }

  /// Replaces the journal of a folder.
  init(_ layout: SnapshotLayout, _ lines: [JournalLine]) throws(StagingError) {
    path = layout.journal
    let file = try OutputFile(path: path)
    for line in lines { try file.write(try line.bytes(path)) }
    try file.finish()
    try Folder.sync(layout.folder)
    descriptor = try OwnedFile(path)
  }

  /// Adds a line and makes it durable.
  func append(_ line: JournalLine) throws(StagingError) {
    let bytes = try line.bytes(path)
    let written = bytes.withUnsafeBytes {
      Glibc.write(descriptor.descriptor.raw, $0.baseAddress, $0.count)
    }
    // Half a line is no line to who reads it.
    guard written == bytes.count, fsync(descriptor.descriptor.raw) == 0 else {
      throw StagingError(.cannotWrite, path, "write")
    }
  }
}

/// One line of the journal, of one of three kinds.
struct JournalLine: Codable, Hashable {
  var begun: Begun?
  var planned: Planned?
  var finished: Finished?

  /// The first line.
  struct Begun: Codable, Hashable {
    /// What the rows depend on, in the words of the export.
    var state: String
    var schemaXXH3: String
  }

  struct Planned: Codable, Hashable {
    var table: ObjectName
    var ranges: RowRanges
  }

  struct Finished: Codable, Hashable {
    var table: TableManifest
    var range: Int?
    /// XXH3-128 of the file of rejects; nil where there is none.
    var rejectsXXH3: String?
  }

  func bytes(_ path: FilePath) throws(StagingError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return [UInt8](try encoder.encode(self)) + [ASCII.lineFeed]
    } catch {
      throw StagingError(.badValue, file: path.string, problem: "no JSON can hold it: \(error)")
    }
  }
}

/// What a journal is worth: lines whose files are there, byte for byte.
struct JournalReader {
  let layout: SnapshotLayout
  private(set) var work = FinishedWork()
  /// Paths of all files that the work needs.
  private(set) var files: Set<String> = []
  private(set) var lines: [JournalLine]

  /// - Parameter begun: A journal that begins otherwise is worth nothing.
  init(_ layout: SnapshotLayout, begun: JournalLine.Begun) throws(StagingError) {
    self.layout = layout
    lines = [JournalLine(begun: begun)]
    guard try Folder.kind(of: layout.journal) == .file else { return }
    var read = Self.lines(try Folder.read(layout.journal))[...]
    guard read.popFirst()?.begun == begun else { return }
    for line in read { try take(line) }
    dropRangesOfFinishedTables()
    rebuild(read)
  }

  /// A line that was cut off is the last one that counts.
  static func lines(_ bytes: [UInt8]) -> [JournalLine] {
    var lines: [JournalLine] = []
    for text in bytes.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false).dropLast()
    {
      guard let line = try? JSONDecoder().decode(JournalLine.self, from: Data(text)) else { break }
      lines.append(line)
    }
    return lines
  }

  private mutating func take(_ line: JournalLine) throws(StagingError) {
    if let planned = line.planned {
      work.plans[planned.table] = planned.ranges
      // Ranges of a plan before this one are none of this one.
      work.ranges[planned.table] = nil
    }
    guard let finished = line.finished, try isWhole(finished) else { return }
    let name = finished.table.table
    if let range = finished.range {
      work.ranges[name, default: [:]][range] = finished.table
    } else {
      work.tables[name] = finished.table
    }
  }

  private func isWhole(_ finished: JournalLine.Finished) throws(StagingError) -> Bool {
    let table = finished.table
    for chunk in table.chunks {
      let isOurs =
        finished.range == nil
        ? SnapshotLayout.isChunkName(chunk.file)
        : SnapshotLayout.isRangeChunkName(chunk.file)
          && chunk.file.hasPrefix(SnapshotLayout.rangePrefix(finished.range))
      let path = layout.tableFolder(table.table).appending(chunk.file)
      guard isOurs, try Folder.hash(of: path) == chunk.xxh3 else { return false }
    }
    let rejects = layout.rejectFile(table.table, range: finished.range)
    return try Folder.hash(of: rejects) == finished.rejectsXXH3
  }

  private mutating func dropRangesOfFinishedTables() {
    for name in work.tables.keys {
      work.plans[name] = nil
      work.ranges[name] = nil
    }
    for (name, ranges) in work.ranges {
      let numbers = Set(work.plans[name]?.ranges.map(\.number) ?? [])
      work.ranges[name] = ranges.filter { numbers.contains($0.key) }
    }
  }

  /// The lines and files of what is kept.
  private mutating func rebuild(_ read: ArraySlice<JournalLine>) {
    for line in read {
      if let planned = line.planned, work.plans[planned.table] == planned.ranges {
        lines.append(line)
      }
      guard let finished = line.finished else { continue }
      let table = finished.table
      let kept =
        finished.range.map { work.ranges[table.table]?[$0] } ?? work.tables[table.table]
      guard kept == table else { continue }
      lines.append(line)
      let folder = layout.tableFolder(table.table)
      files.formUnion(table.chunks.map { folder.appending($0.file).string })
      if finished.rejectsXXH3 != nil {
        files.insert(layout.rejectFile(table.table, range: finished.range).string)
      }
    }
  }
}

extension Folder {
  /// XXH3-128 of a file; nil where there is none.
  static func hash(of path: FilePath) throws(StagingError) -> String? {
    guard try kind(of: path) == .file else { return nil }
    let file = try OwnedDescriptor(opening: path, flags: O_RDONLY, failure: .unreadable)
    guard let count = file.byteCount else { throw StagingError(.unreadable, path, "fstat") }
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { block.deallocate() }
    var hash = StreamHash()
    var offset = 0
    while offset < count {
      let part = UnsafeMutableRawBufferPointer(
        rebasing: block[..<min(block.count, count - offset)])
      try file.read(at: offset, into: part, of: path)
      hash.update(UnsafeRawBufferPointer(part))
      offset += part.count
    }
    return hash.hexDigits
  }
}
