import Catalog

/// Writes one member of a backup: the tape's beginning, the sets, each with its blocks in the order of
/// real files.
final class BackupTape {
  private let output: any TapeOutput
  private let blockByteCount: Int
  private let transferByteCount: Int?
  private var setStart = 0
  private var blockNumber = 0
  private var markNumber = 0

  init(_ output: any TapeOutput, blockByteCount: Int, transferByteCount: Int?) {
    self.output = output
    self.blockByteCount = blockByteCount
    self.transferByteCount = transferByteCount
  }

  static let started = TapeDate.bytes(
    year: 2018, month: 10, day: 5, hour: 10, minute: 30, second: 49)

  /// - Parameters:
  ///   - member: This file's number, from 1.
  func begin(mediaSet: [UInt8], member: Int, memberCount: Int) throws {
    var tape = TapeBlock("TAPE", byteCount: 94, attributes: 0x30000)
    tape.put(0x046D_2BE0, bytes: 4, at: 52)
    tape.put(5, bytes: 4, at: 56)
    tape.put(member, bytes: 2, at: 60)
    tape.put(blockByteCount / 512, bytes: 2, at: 64)
    tape.put(1024, bytes: 2, at: 84)
    tape.put(Self.started, at: 88)
    tape.put(1, bytes: 1, at: 93)
    tape.put(string: "Microsoft SQL Server\0", at: 80)
    var family = mediaSet + littleEndian(0xF000_00AD as UInt32, bytes: 4)
    family += littleEndian(memberCount, bytes: 2) + [1, 0]
    family += littleEndian(member, bytes: 2) + [0, 0, 0, 0, 1, 0]
    var bytes = tape.bytes()
    bytes += TapeBlock.stream("RAID", byteCount: family.count) + family
    while bytes.count % 4 != 0 { bytes.append(0) }
    try output.write(bytes + TapeBlock.padding(from: bytes.count, boundary: blockByteCount))
    try writeFileMark()
  }

  func beginSet(number: Int, name: String, setType: Character, _ configuration: [UInt8]) throws {
    setStart = output.position
    blockNumber = 0
    var set = block("SSET", byteCount: 108)
    set.put(setType == "I" ? 0x8 : 0x4, bytes: 4, at: 52)
    set.put(number, bytes: 2, at: 62)
    set.put(Self.started, at: 88)
    set.put(14, bytes: 1, at: 93)
    set.put(string: "\(name)-Full Database Backup", at: 64)
    set.put(string: "FIXTURES\\restage", at: 76)
    try finish(set)
    var volume = block("VOLB", byteCount: 73)
    volume.put(string: "C:", at: 56)
    volume.put(string: "FIXTURES", at: 64)
    volume.put(Self.started, at: 68)
    try finish(volume)
    let header = block("MSCI", byteCount: 56)
    try finish(header, TapeBlock.stream("MQCI", byteCount: configuration.count) + configuration)
  }

  /// A region of pages: extents of 64 KiB, then filler up to the transfer size.
  ///
  /// - Parameter extents: Each called once, in order, and not kept.
  func writeRegion(extentCount: Int, _ extents: (Int) throws -> [UInt8]) throws {
    var header = block("MSDA", byteCount: 60)
    header.put(1, bytes: 2, at: 58)
    let extentByteCount = 8 * PageImage.byteCount
    let transfer = transferByteCount.map { max($0, extentByteCount) } ?? extentByteCount
    let total = (extentCount * extentByteCount + transfer - 1) / transfer * transfer
    try writeAligned(header, id: "MQDA", byteCount: 2 + total)
    for index in 0..<extentCount { try output.write(try extents(index)) }
    for _ in extentCount..<total / extentByteCount { try output.write(Self.filler) }
    try output.cut()
    var end = TapeBlock.stream("MQDA", mediaAttributes: 6, byteCount: 0)
    while (output.position + end.count) % 4 != 0 { end.append(0) }
    try output.write(
      end + TapeBlock.padding(from: output.position + end.count, boundary: 1024))
  }

  func writeLog(byteCount: Int) throws {
    let header = block("MSTL", byteCount: 596)
    try writeAligned(header, id: "MQTL", byteCount: 2 + byteCount)
    try output.write([UInt8](repeating: 0, count: byteCount))
    try output.write(TapeBlock.padding(from: output.position, boundary: 1024))
  }

  func endSet(_ configuration: [UInt8], dataEnd: Int) throws {
    let header = block("MSLS", byteCount: 56)
    let bytes = header.bytes()
    let stream = TapeBlock.stream("MQCI", byteCount: configuration.count) + configuration
    try write(bytes, stream, boundary: blockByteCount)
    try output.endOfSet(from: setStart, dataEnd: dataEnd)
    try writeFileMark()
    for _ in 0..<2 {
      var end = TapeBlock("ESET", byteCount: 88)
      end.put(1, bytes: 2, at: 78)
      end.put(Self.started, at: 80)
      try write(end.bytes(), [], boundary: blockByteCount)
    }
    try writeFileMark()
  }

  var position: Int { output.position }

  private static let filler: [UInt8] = {
    var page = [UInt8](repeating: 0, count: PageImage.byteCount)
    page[0] = 1
    page[1] = 0x65
    return (0..<8).flatMap { _ in page }
  }()

  private func block(_ type: String, byteCount: Int) -> TapeBlock {
    defer { blockNumber += 1 }
    return TapeBlock(
      type, byteCount: byteCount, logicalBlock: (output.position - setStart) / 1024,
      number: blockNumber)
  }

  private func finish(_ block: TapeBlock, _ stream: [UInt8] = []) throws {
    try write(block.bytes(), stream, boundary: 1024)
  }

  private func write(_ header: [UInt8], _ stream: [UInt8], boundary: Int) throws {
    var bytes = header + stream
    while bytes.count % 4 != 0 { bytes.append(0) }
    try output.write(
      bytes + TapeBlock.padding(from: output.position + bytes.count, boundary: boundary))
  }

  /// A header, APAD, and a stream whose payload, behind two zero bytes, begins at a multiple of 4096.
  private func writeAligned(_ block: TapeBlock, id: String, byteCount: Int) throws {
    let header = block.bytes()
    let padStart = output.position + header.count
    var payload = padStart + 22 + 22 + 2
    payload += (4096 - payload % 4096) % 4096
    let padByteCount = payload - 24 - padStart - 22
    var bytes = header
    bytes += TapeBlock.stream("APAD", mediaAttributes: 0x80, byteCount: padByteCount)
    bytes += [UInt8](repeating: 0, count: padByteCount)
    bytes += TapeBlock.stream(id, mediaAttributes: 2, byteCount: byteCount) + [0, 0]
    try output.write(bytes)
    try output.cut()
  }

  private func writeFileMark() throws {
    var mark = TapeBlock("SFMB", byteCount: 64)
    mark.put(0x8000_0000 as UInt32, bytes: 4, at: 4)
    mark.put(markNumber, bytes: 4, at: 54)
    markNumber += 1
    try output.writeBlock(mark.bytes(filling: blockByteCount))
  }
}
