/// What a compressed backup expands to, decoded piece by piece when it is read.
///
/// The last pieces are kept, so that pages in a row cost one decoding. Several threads may read at
/// once; they decode beside each other.
final class ExpandedStream: ByteStream {
  let fileName: String
  let byteCount: Int
  private let file: any ByteStream
  private let index: RecordIndex
  private let cache: PieceCache

  init(
    _ file: any ByteStream, cachedPieceCount: Int = defaultCachedPieceCount
  ) throws(BackupError) {
    self.file = file
    fileName = file.fileName
    index = try RecordIndex(file)
    byteCount = index.expandedByteCount
    cache = PieceCache(capacity: cachedPieceCount)
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    try requireBytes(buffer.count, at: offset, place: nil)
    var number = index.index(ofByte: offset)
    var done = 0
    while done < buffer.count {
      let record = index.records[number]
      let start = offset + done - record.expandedOffset
      let piece = try piece(number)
      let count = min(buffer.count - done, piece.count - start)
      piece.withUnsafeBytes { bytes in
        UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
      }
      done += count
      number += 1
    }
  }

  var isFile: Bool { false }

  func fileOffset(of offset: Int) -> Int {
    guard offset < byteCount else { return file.byteCount }
    let number = index.index(ofByte: max(0, offset))
    return number < 0 ? 0 : index.records[number].offset
  }

  private func piece(_ number: Int) throws(BackupError) -> [UInt8] {
    if let piece = cache[number] { return piece }
    let piece = try expand(index.records[number])
    cache[number] = piece
    return piece
  }

  private func expand(_ record: CompressedRecord) throws(BackupError) -> [UInt8] {
    let stored = try file.structure(
      at: record.offset, count: Int(record.storedByteCount) + (record.form == .block ? 0 : 4),
      place: "record")
    if record.form == .block { return stored.bytes }
    let data = stored.bytes.dropFirst(4)
    guard try stored.uint32(at: 0) == rotatingXOR(data) else {
      throw stored.damaged("the record's checksum does not fit its \(data.count) bytes")
    }
    if record.form == .stored { return Array(data) }
    var piece = [UInt8](repeating: 0, count: Int(record.expandedByteCount))
    do throws(PieceFailure) {
      try piece.expand(data, index.format.codec)
    } catch {
      // What takes as many bytes as it stands for was not made smaller.
      if error.isOtherCodec, data.count == piece.count { return Array(data) }
      throw BackupError(
        error.isOtherCodec ? .unknown : .damaged, file: fileName, offset: record.offset,
        place: "record", problem: "the record cannot be expanded: \(error.reason(for: data))",
        advice: "back up again WITH NO_COMPRESSION")
    }
    return piece
  }

  /// 4 MiB.
  static let defaultCachedPieceCount = 64
}

extension [UInt8] {
  /// Fills the array with what a record's data expand to.
  fileprivate mutating func expand(
    _ data: ArraySlice<UInt8>, _ codec: PieceCodec
  ) throws(PieceFailure) {
    let failure = withUnsafeMutableBytes { output in
      data.withUnsafeBytes { input -> PieceFailure? in
        do throws(PieceFailure) {
          switch codec {
          case .xpressHuffman: try XpressHuffman.expand(input, into: output)
          case .zstd: try Zstd.expand(input, into: output)
          }
          return nil
        } catch {
          return error
        }
      }
    }
    if let failure { throw failure }
  }
}

extension XpressHuffman {
  fileprivate static func expand(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(PieceFailure) {
    do throws(Failure) { try decode(input, into: output) } catch { throw .xpressHuffman(error) }
  }
}

/// The checksum of records: rotate left by one, XOR the next u32, the last one filled with zeros.
func rotatingXOR(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  bytes.withUnsafeBytes { bytes in
    var sum: UInt32 = 0
    let span = bytes.bytes
    var offset = 0
    while let word = span.uint32(at: offset) {
      sum = (sum << 1 | sum >> 31) ^ word
      offset += 4
    }
    var last: UInt32 = 0
    var shift: UInt32 = 0
    while let byte = span.uint8(at: offset) {
      last |= UInt32(byte) << shift
      shift += 8
      offset += 1
    }
    return shift == 0 ? sum : (sum << 1 | sum >> 31) ^ last
  }
}
