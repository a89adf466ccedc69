import CXXHash
import SystemPackage

/// The chunk being written: every byte goes to the file and into its hash, and all bytes after a mark
/// can be taken back.
final class ChunkFile {
  /// Bytes read back at a time.
  private static let blockByteCount = 64 << 10

  private let file: OutputFile
  private var hash = StreamHash()
  private var markedHash = StreamHash()
  private var markedByteCount = 0

  init(path: FilePath) throws(StagingError) {
    file = try OutputFile(path: path)
  }

  var byteCount: Int { file.byteCount }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StagingError) {
    hash.update(bytes)
    try file.write(bytes)
  }

  /// Remembers this place for `rewind` and `insert`.
  func mark() {
    markedHash.copy(hash)
    markedByteCount = file.byteCount
  }

  /// Takes back what was written since the mark.
  func rewind() throws(StagingError) {
    try file.truncate(to: markedByteCount)
    hash.copy(markedHash)
  }

  /// Puts a byte before the one at `offset`, which lies behind the mark.
  func insert(_ byte: UInt8, at offset: Int) throws(StagingError) {
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.blockByteCount, alignment: 16)
    defer { block.deallocate() }
    // From the end backward, so that no byte is overwritten before it has moved.
    var end = file.byteCount
    while end > offset {
      let start = max(offset, end - block.count)
      let part = UnsafeMutableRawBufferPointer(rebasing: block[..<(end - start)])
      try file.read(at: start, into: part)
      try file.overwrite(at: start + 1, with: UnsafeRawBufferPointer(part))
      end = start
    }
    block[0] = byte
    try file.overwrite(
      at: offset, with: UnsafeRawBufferPointer(rebasing: block[..<1]))
    hash.copy(markedHash)
    try forEachBlockSinceMark { part in hash.update(part) }
  }

  /// XXH3-64 of what was written since the mark, and of `rest` after it.
  func hash64SinceMark(and rest: UnsafeRawBufferPointer) throws(StagingError) -> UInt64 {
    guard let state = XXH3_createState() else { fatalError("XXH3_createState: out of memory") }
    defer { XXH3_freeState(state) }
    XXH3_64bits_reset(state)
    try forEachBlockSinceMark { part in XXH3_64bits_update(state, part.baseAddress, part.count) }
    XXH3_64bits_update(state, rest.baseAddress, rest.count)
    return XXH3_64bits_digest(state)
  }

  /// Has the file completed under its name.
  ///
  /// - Returns: The hash of all its bytes, as the manifest has it.
  func finish(by finisher: FileFinisher) throws(StagingError) -> String {
    try finisher.finish(file)
    return hash.hexDigits
  }

  private func forEachBlockSinceMark(
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(StagingError) {
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.blockByteCount, alignment: 16)
    defer { block.deallocate() }
    var offset = markedByteCount
    while offset < file.byteCount {
      let count = min(block.count, file.byteCount - offset)
      let part = UnsafeMutableRawBufferPointer(rebasing: block[..<count])
      try file.read(at: offset, into: part)
      body(UnsafeRawBufferPointer(part))
      offset += count
    }
  }
}
