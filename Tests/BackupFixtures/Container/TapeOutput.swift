import CZstd
import SystemPackage

/// Where the tape format goes: the file itself, or the container of compressed pieces around it.
protocol TapeOutput: AnyObject {
  /// Bytes of the tape so far, expanded.
  var position: Int { get }
  func write(_ bytes: [UInt8]) throws
  /// A whole physical block that is never compressed (SFMB).
  func writeBlock(_ bytes: [UInt8]) throws
  /// Ends a compressed piece here.
  func cut() throws
  /// What stands before the last file mark of a set.
  func endOfSet(from setStart: Int, dataEnd: Int) throws
}

/// The file, and how much was written to it.
final class OutputStream {
  private let descriptor: FileDescriptor
  private var pending: [UInt8] = []
  private(set) var position = 0

  init(_ path: String) throws {
    descriptor = try FileDescriptor.open(
      FilePath(path), .writeOnly, options: [.create, .truncate],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
  }

  deinit { try? descriptor.close() }

  func write(_ bytes: [UInt8]) throws {
    pending += bytes
    position += bytes.count
    if pending.count >= 1 << 20 { try flush() }
  }

  func flush() throws {
    try pending.withUnsafeBytes { _ = try descriptor.writeAll($0) }
    pending = []
  }
}

/// A backup that is not compressed.
final class PlainTape: TapeOutput {
  private let stream: OutputStream
  var position: Int { stream.position }

  init(_ stream: OutputStream) { self.stream = stream }

  func write(_ bytes: [UInt8]) throws { try stream.write(bytes) }
  func writeBlock(_ bytes: [UInt8]) throws { try stream.write(bytes) }
  func cut() {}
  func endOfSet(from setStart: Int, dataEnd: Int) {}
}

/// The container of compressed backups, `MSSQLBAK` (section 4).
final class CompressedTape: TapeOutput {
  private let stream: OutputStream
  private let version: Int
  private let packs: Packing
  private let marksStored: Bool
  private let storedPercentMin: Int
  private let blockByteCount: Int
  private var piece: [UInt8] = []
  private(set) var position = 0
  /// Where in the file the piece with a place of the tape begins: for the directory.
  private var recordStarts: [(position: Int, offset: Int)] = []

  enum Packing { case xpressHuffman, zstd }

  static let pieceByteCountMax = 64 << 10

  /// - Parameters:
  ///   - version: 1 as SQL Server 2008 to 2012 write it, or 2.
  ///   - marksStored: Whether bit 0 of the mark is clear where a piece is stored as it is.
  ///   - storedPercentMin: Pieces are stored that would keep this part of their size.
  init(
    _ stream: OutputStream, version: Int, packing: Packing, marksStored: Bool,
    storedPercentMin: Int, blockByteCount: Int
  ) throws {
    self.stream = stream
    self.version = version
    packs = packing
    self.marksStored = marksStored
    self.storedPercentMin = storedPercentMin
    self.blockByteCount = blockByteCount
    try stream.write(signature)
    if version == 2 { try stream.write(Self.noise(0x1E0 - 16)) }
  }

  func write(_ bytes: [UInt8]) throws {
    position += bytes.count
    piece += bytes
    while piece.count >= Self.pieceByteCountMax {
      let rest = Array(piece[Self.pieceByteCountMax...])
      piece.removeSubrange(Self.pieceByteCountMax...)
      try writePiece(piece)
      piece = rest
    }
  }

  func cut() throws {
    guard !piece.isEmpty else { return }
    precondition(piece.count % 512 == 0, "a piece of \(piece.count) bytes")
    try writePiece(piece)
    piece = []
  }

  func writeBlock(_ bytes: [UInt8]) throws {
    try cut()
    try pad()
    try stream.write(bytes)
    position += bytes.count
  }

  /// The directory: where the data end and where the end part begins.
  func endOfSet(from setStart: Int, dataEnd: Int) throws {
    try cut()
    let places = [dataEnd, position].map { place in
      recordStarts.last { $0.position <= place } ?? (0, 0)
    }
    var entries: [UInt8] = []
    for place in places {
      entries += littleEndian(place.position - setStart, bytes: 8)
      entries += littleEndian(place.offset, bytes: 8)
    }
    try stream.write(prefix(mark: 0x0C, units: 0, byteCount: 0))
    let start = stream.position
    var byteCount = 16 + entries.count + 16
    byteCount += (blockByteCount - (start + byteCount) % blockByteCount) % blockByteCount
    var body = littleEndian(1, bytes: 2) + littleEndian(1, bytes: 2)
    body += littleEndian(places.count, bytes: 4) + littleEndian(byteCount, bytes: 4)
    body += littleEndian(Self.checksum(entries), bytes: 4) + entries
    body += [UInt8](repeating: 0, count: byteCount - 16 - body.count) + signature
    try stream.write(body)
  }

  private var signature: [UInt8] {
    Array("MSSQLBAK".utf8) + littleEndian(version, bytes: 4)
      + littleEndian(version == 1 ? 1 : packs == .zstd ? 0x83 : 3, bytes: 4)
  }

  /// Pieces that do not shrink are stored as they are; the 16 bits of a size hold 0 for 64 KiB.
  private func writePiece(_ bytes: [UInt8]) throws {
    let packed =
      switch packs {
      case .xpressHuffman: XpressHuffmanEncoder.encode(bytes)
      case .zstd: Self.zstdFrame(bytes)
      }
    let shrinks = packed.count * 100 < bytes.count * storedPercentMin
    let data = shrinks ? packed : bytes
    recordStarts.append((position - bytes.count, stream.position))
    if recordStarts.count > 4096 { recordStarts.removeFirst(2048) }
    try stream.write(
      prefix(
        mark: shrinks || !marksStored ? 0x01 : 0x00, units: bytes.count / 512,
        byteCount: data.count & 0xFFFF))
    try stream.write(littleEndian(Self.checksum(data), bytes: 4) + data)
  }

  private static func zstdFrame(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { frame, count in
      count = ZSTD_compress(frame.baseAddress, frame.count, bytes, bytes.count, 3)
      precondition(ZSTD_isError(count) == 0, "a frame of \(bytes.count) bytes")
    }
  }

  private func pad() throws {
    let prefixByteCount = version == 1 ? 4 : 24
    guard stream.position % blockByteCount != 0 else { return }
    var gap = blockByteCount - stream.position % blockByteCount
    if gap < prefixByteCount { gap += blockByteCount }
    while gap > 0 {
      let part = min(gap, 1 << 15)
      let zeros = (gap - part < prefixByteCount ? gap : part) - prefixByteCount
      try stream.write(prefix(mark: 0x04, units: 0, byteCount: zeros))
      try stream.write([UInt8](repeating: 0, count: zeros))
      gap -= prefixByteCount + zeros
    }
  }

  private func prefix(mark: UInt8, units: Int, byteCount: Int) -> [UInt8] {
    let base: UInt8 = version == 1 ? 0x80 : 0x20
    let head = [base | mark, UInt8(units)] + littleEndian(byteCount, bytes: 2)
    return version == 1 ? head : head + Self.noise(20)
  }

  /// What real files have where memory was written as it was.
  private static func noise(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
  }

  /// Words XORed into a sum that turns left by one bit each time.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum: UInt32 = 0
    for start in stride(from: 0, to: bytes.count, by: 4) {
      var word: UInt32 = 0
      for index in start..<min(start + 4, bytes.count) {
        word |= UInt32(bytes[index]) << UInt32(8 * (index - start))
      }
      sum = (sum << 1 | sum >> 31) ^ word
    }
    return sum
  }
}
