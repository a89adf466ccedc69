import CZstd
import TestSupport
import Testing

@testable import BackupSource

/// Pieces that did not shrink. No server's file with one is at hand, so a file has to prove each of them.
@Suite("containers: pieces stored as they are, and other algorithms")
struct ContainerStoredTests {
  @Test("pieces of all forms in any order expand to what they stand for", arguments: UInt64(0)..<60)
  func anyOrder(seed: UInt64) throws {
    let (container, plain) = TestContainer.random(seed)
    let stream = try ExpandedStream(MemoryStream(container.bytes), cachedPieceCount: 2)
    #expect(try stream.everything() == plain, "seed \(seed)")
    var generator = SeededGenerator(seed: seed &+ 1)
    for _ in 0..<20 {
      let start = Int.random(in: 0..<plain.count, using: &generator)
      let count = Int.random(in: 0...min(plain.count - start, 200_000), using: &generator)
      let part = try stream.structure(at: start, count: count, place: "test")
      #expect(part.bytes == Array(plain[start..<start + count]), "seed \(seed)")
    }
  }

  @Test("a changed byte gives an error or the same bytes", arguments: UInt64(0)..<200)
  func changedByte(seed: UInt64) throws {
    let (container, plain) = TestContainer.random(seed)
    var generator = SeededGenerator(seed: seed &+ 2)
    var bytes = container.bytes
    let inPrefix = container.starts.randomElement(using: &generator).map {
      $0 + Int.random(in: 0..<4, using: &generator)
    }
    let anywhere = Int.random(in: 0..<bytes.count, using: &generator)
    let place = seed % 2 == 0 ? inPrefix ?? anywhere : anywhere
    bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    do throws(BackupError) {
      let stream = try ExpandedStream(MemoryStream(bytes))
      let found = try stream.structure(at: 0, count: stream.byteCount, place: "test").bytes
      // A record that became padding, or a block between records: the tape format's own checksums and
      // the pages' see that.
      #expect(found == plain || found.count != plain.count || place >= container.blockStart)
    } catch {
      #expect(!error.problem.isEmpty && error.offset != nil, "seed \(seed)")
    }
  }

  @Test("cut off anywhere, it is refused or shorter", arguments: [1, 2])
  func cut(version: UInt32) throws {
    var container = TestContainer(version: version)
    container.append(stored: TestContainer.noise(65_536, seed: 1))
    container.append(stored: TestContainer.noise(1024, seed: 2))
    for byteCount in stride(from: 16, to: container.bytes.count, by: 97) {
      let bytes = Array(container.bytes[..<byteCount])
      let stream = try? ExpandedStream(MemoryStream(bytes))
      #expect((stream?.byteCount ?? 0) <= 65_536, "cut at \(byteCount)")
    }
  }

  @Test("what does not prove itself is refused with what was found")
  func refusals() {
    let noise = TestContainer.noise(65_536, seed: 3)
    expect("it has 700 bytes for 65536") { $0.append(stored: noise, size: 700) }
    expect("it has 0 bytes for 1024") { $0.append(stored: Array(noise[..<1024]), size: 0) }
    expect("its checksum does not fit 65536 bytes") { $0.append(stored: noise, checksum: 1) }
    expect("no record follows its 65536 bytes") {
      $0.append(stored: noise)
      $0.bytes += [UInt8](repeating: 0, count: 64)
    }
    expect("the file ends within its 65536 bytes") {
      $0.append(stored: noise)
      $0.bytes.removeLast()
    }
  }

  @Test("padding without end is not walked through")
  func padding() {
    var container = TestContainer(version: 1)
    for _ in 0..<1000 { container.append(mark: 4, units: 0, size: 0) }
    let error = #expect(throws: BackupError.self) { try RecordIndex(MemoryStream(container.bytes)) }
    #expect(error?.problem == "padding behind padding")
    #expect(error?.offset == container.starts[2])
  }

  @Test("the checksum of every stored piece is checked, not only that of the first")
  func laterPieces() throws {
    var container = TestContainer(version: 2)
    container.append(stored: TestContainer.noise(65_536, seed: 4))
    container.append(stored: TestContainer.noise(65_536, seed: 5), checksum: 1)
    let stream = try ExpandedStream(MemoryStream(container.bytes))
    _ = try stream.structure(at: 0, count: 65_536, place: "test")
    let error = #expect(throws: BackupError.self) {
      _ = try stream.structure(at: 65_536, count: 1, place: "test")
    }
    #expect(error?.code == .damaged)
    #expect(error?.offset == container.starts[1] + 24)
  }

  @Test("a piece of another algorithm is named by what it seems to be")
  func otherAlgorithms() {
    let text = [UInt8](repeating: 65, count: 65_536)
    let zstd = TestContainer.zstdFrame(text + TestContainer.noise(4096, seed: 6))
    #expect(reason(zstd, flags: 3).hasSuffix("it seems to be ZSTD"))
    for start: [UInt8] in [
      [0x1F, 0x8B, 0x08, 0x00], [0x78, 0x9C], [0x78, 0xDA],
      // A block with dynamic codes, as zlib begins it.
      [
        0x9D, 0x91, 0x4B, 0x4E, 0xC3, 0x30, 0x10, 0x86, 0xF7, 0x9C, 0x22, 0xCA, 0x3E, 0xB2, 0x67,
        0xFC,
      ],
    ] {
      let data = start + TestContainer.noise(600, seed: 7)
      #expect(reason(data, flags: 3).hasSuffix("it seems to be DEFLATE, which QAT writes"))
    }
    #expect(
      reason(TestContainer.noise(600, seed: 8), flags: 3).hasSuffix("not one of Xpress Huffman"))
    #expect(reason(TestContainer.noise(600, seed: 8), flags: 0x83).hasSuffix("not a ZSTD frame"))
  }

  @Test("ZSTD frames that lie are errors")
  func zstdDamage() throws {
    let frame = TestContainer.zstdFrame([UInt8](repeating: 7, count: 1024))
    #expect(reason(frame, flags: 0x83, units: 4).contains("holds 1024 bytes"))
    #expect(reason(frame, flags: 0x83, units: 1).contains("damaged"))
    #expect(reason(Array(frame.dropLast(3)), flags: 0x83, units: 2).contains("damaged"))
    for seed in UInt64(0)..<300 {
      var generator = SeededGenerator(seed: seed)
      var damaged = TestContainer.zstdFrame(
        (0..<40_000).map { UInt8(truncatingIfNeeded: $0 % 251 * ($0 / 997)) })
      let place = Int.random(in: 4..<damaged.count, using: &generator)
      damaged[place] = UInt8.random(in: 0...255, using: &generator)
      var container = TestContainer(version: 2, flags: 0x83)
      container.append(data: damaged, units: 79)
      let stream = try ExpandedStream(MemoryStream(container.bytes))
      _ = try? stream.structure(at: 0, count: 79 * 512, place: "test")
    }
  }

  @Test("flags that are not known are named, and encryption is", arguments: [5, 7, 0x2F, 0x87])
  func flags(encrypted: UInt32) throws {
    let error = #expect(throws: BackupError.self) {
      try RecordIndex(MemoryStream(TestContainer(version: 2, flags: encrypted).bytes))
    }
    #expect(error?.code == .refusedKind)
    #expect(error?.problem.contains("the backup is encrypted") == true)
    for flags: UInt32 in [0x2B, 0x43, 1, 0] {
      let error = #expect(throws: BackupError.self) {
        try RecordIndex(MemoryStream(TestContainer(version: 2, flags: flags).bytes))
      }
      #expect(error?.code == .unknown)
      #expect(
        error?.problem.contains("flags 0x\(String(flags, radix: 16, uppercase: true))") == true)
    }
  }

  private func expect(
    _ reason: String, location: SourceLocation = #_sourceLocation,
    _ change: (inout TestContainer) -> Void
  ) {
    for version: UInt32 in [1, 2] {
      var container = TestContainer(version: version)
      container.append(data: TestContainer.codedZeros, units: 1)
      let start = container.bytes.count
      change(&container)
      let error = #expect(throws: BackupError.self, sourceLocation: location) {
        try RecordIndex(MemoryStream(container.bytes))
      }
      #expect(error?.code == .unknown, sourceLocation: location)
      #expect(error?.offset == start, sourceLocation: location)
      #expect(
        error?.problem.contains(reason) == true, "\(String(describing: error))",
        sourceLocation: location)
    }
  }

  private func reason(_ data: [UInt8], flags: UInt32, units: UInt8 = 128) -> String {
    var container = TestContainer(version: 2, flags: flags)
    container.append(data: data, units: units)
    do throws(BackupError) {
      let stream = try ExpandedStream(MemoryStream(container.bytes))
      _ = try stream.structure(at: 0, count: 512, place: "test")
      return "none"
    } catch {
      return error.problem
    }
  }
}

/// A container written record by record.
struct TestContainer {
  let version: UInt32
  var bytes: [UInt8]
  /// Where the records begin.
  var starts: [Int] = []
  /// Where the physical block at the end begins.
  var blockStart = Int.max

  init(version: UInt32, flags: UInt32? = nil) {
    self.version = version
    bytes = Array("MSSQLBAK".utf8) + version.testBytes + (flags ?? (version == 1 ? 1 : 3)).testBytes
    if version == 2 { bytes += [UInt8](repeating: 0xEE, count: 0x1E0 - 16) }
  }

  mutating func append(
    stored: [UInt8], isMarked: Bool = true, size: Int? = nil, checksum: UInt32? = nil
  ) {
    append(mark: isMarked ? 0 : 1, units: stored.count / 512, size: size ?? stored.count & 0xFFFF)
    bytes += (checksum ?? Self.checksum(stored)).testBytes + stored
  }

  mutating func append(data: [UInt8], units: UInt8) {
    append(mark: 1, units: Int(units), size: data.count)
    bytes += Self.checksum(data).testBytes + data
  }

  mutating func append(mark: UInt8, units: Int, size: Int) {
    starts.append(bytes.count)
    bytes += [(version == 1 ? 0x80 : 0x20) | mark, UInt8(units)] + UInt16(size).testBytes
    if version == 2 { bytes += [UInt8](repeating: 0xCD, count: 20) }
  }

  mutating func appendBlock() {
    blockStart = bytes.count
    var block = [UInt8](repeating: 0, count: 512)
    block.replaceSubrange(0..<4, with: "SFMB".utf8)
    block.replaceSubrange(8..<10, with: UInt16(512).testBytes)
    bytes += block
  }

  static func random(_ seed: UInt64) -> (TestContainer, plain: [UInt8]) {
    var generator = SeededGenerator(seed: seed)
    let isZstd = seed % 3 == 2
    var container = TestContainer(
      version: isZstd ? 2 : UInt32(seed % 3 + 1), flags: isZstd ? 0x83 : nil)
    var plain: [UInt8] = []
    for _ in 0..<Int.random(in: 1...8, using: &generator) {
      let units = [1, 2, 127, 128, 128].randomElement(using: &generator) ?? 1
      let noise = Self.noise(units * 512, seed: generator.next())
      switch Int.random(in: 0..<4, using: &generator) {
      case 0:
        container.append(stored: noise)
        plain += noise
      case 1:
        container.append(stored: noise, isMarked: false)
        plain += noise
      case 2 where isZstd:
        let text = [UInt8](repeating: UInt8(units), count: units * 512)
        container.append(data: zstdFrame(text), units: UInt8(units))
        plain += text
      case 2:
        container.append(data: codedZeros, units: 1)
        plain += [UInt8](repeating: 0, count: 512)
      default:
        container.append(mark: 4, units: 0, size: 40)
        container.bytes += [UInt8](repeating: 0, count: 40)
        container.append(stored: noise)
        plain += noise
      }
    }
    container.appendBlock()
    return (container, plain + container.bytes.suffix(512))
  }

  /// 512 zeros: two codes of one bit, for the byte 0 and for symbol 256.
  static let codedZeros: [UInt8] = {
    var table = [UInt8](repeating: 0, count: 256)
    table[0] = 1
    table[128] = 1
    return table + [UInt8](repeating: 0, count: 64)
  }()

  static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count / 8 + 1).flatMap { _ in generator.next().testBytes }.prefix(count).map { $0 }
  }

  static func zstdFrame(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { frame, count in
      count = ZSTD_compress(frame.baseAddress, frame.count, bytes, bytes.count, 3)
    }
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum: UInt32 = 0
    for start in stride(from: 0, to: bytes.count, by: 4) {
      let word = (0..<4).reduce(UInt32(0)) { word, index in
        start + index < bytes.count ? word | UInt32(bytes[start + index]) << (8 * index) : word
      }
      sum = (sum << 1 | sum >> 31) ^ word
    }
    return sum
  }
}
