// Tables that are written in ranges: each range has files of its own until all of them are finished.

public import Catalog
import Glibc
import SystemPackage

extension SnapshotWriter {
  /// Makes one table of its ranges. Their chunks get the names that chunks of a table have, and their
  /// rejects the positions that rows have in the whole table.
  ///
  /// - Parameter ranges: What the writers of the ranges returned, in the order of the ranges.
  /// - Throws: `.cannotWrite`.
  public func join(
    _ table: Table, ranges: [TableManifest]
  ) throws(StagingError) -> TableManifest {
    var joined = TableManifest(table: table.name)
    joined.order = ranges.first?.order ?? .physical
    let folder = layout.tableFolder(table.name)
    for range in ranges {
      joined.rows += range.rows
      joined.bytes += range.bytes
      joined.rejects += range.rejects
      if let altered = range.altered { joined.altered = (joined.altered ?? 0) + altered }
      for var chunk in range.chunks {
        let name = ChunkManifest.fileName(number: joined.chunks.count + 1)
        try Folder.rename(folder.appending(chunk.file), to: folder.appending(name))
        chunk.file = name
        joined.chunks.append(chunk)
      }
    }
    try Folder.sync(folder)
    try joinRejects(of: table.name, ranges)
    return joined
  }

  private func joinRejects(
    of table: ObjectName, _ ranges: [TableManifest]
  ) throws(StagingError) {
    var output: OutputFile?
    var position = 0
    for (index, range) in ranges.enumerated() {
      let path = layout.rejectFile(table, range: index + 1)
      if try Folder.kind(of: path) == .file {
        let file = if let output { output } else { try beginRejects(of: table) }
        output = file
        try RejectLines.copy(path, to: file, movedBy: position)
      }
      position += range.rows + range.refusedRows
    }
    guard let output else { return }
    try output.finish()
    try Folder.sync(layout.rejects)
    for index in ranges.indices {
      let path = layout.rejectFile(table, range: index + 1)
      if try Folder.kind(of: path) == .file { try Folder.removeFile(path) }
    }
  }

  private func beginRejects(of table: ObjectName) throws(StagingError) -> OutputFile {
    let file = try OutputFile(path: layout.rejectFile(table))
    try file.write(Array(RejectFile.header.utf8))
    return file
  }
}

/// The lines of a file of rejects, the last cell of which is the position of a row.
private enum RejectLines {
  /// Copies all but the header, and adds to the positions.
  static func copy(
    _ path: FilePath, to output: OutputFile, movedBy offset: Int
  ) throws(StagingError) {
    let file = try OwnedDescriptor(opening: path, flags: O_RDONLY, failure: .unreadable)
    guard let count = file.byteCount else { throw StagingError(.unreadable, path, "fstat") }
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { block.deallocate() }
    var line: [UInt8] = []
    var isQuoted = false
    var isHeader = true
    var start = 0
    while start < count {
      let part = UnsafeMutableRawBufferPointer(rebasing: block[..<min(block.count, count - start)])
      try file.read(at: start, into: part, of: path)
      start += part.count
      for byte in part {
        line.append(byte)
        if byte == ASCII.quote { isQuoted.toggle() }
        guard byte == ASCII.lineFeed, !isQuoted else { continue }
        if !isHeader { try output.write(moved(line, by: offset)) }
        isHeader = false
        line.removeAll(keepingCapacity: true)
      }
    }
  }

  /// A line without a position stays as it is.
  private static func moved(_ line: [UInt8], by offset: Int) -> [UInt8] {
    guard let comma = line.lastIndex(of: ASCII.comma),
      let position = Int(String(decoding: line[(comma + 1)...].dropLast(), as: UTF8.self))
    else { return line }
    return line[...comma] + Array(String(position + offset).utf8) + [ASCII.lineFeed]
  }
}

extension Folder {
  /// Gives a file another name in the same folder.
  static func rename(_ path: FilePath, to other: FilePath) throws(StagingError) {
    guard Glibc.rename(path.string, other.string) == 0 else {
      throw StagingError(.cannotWrite, other, "rename")
    }
  }
}
