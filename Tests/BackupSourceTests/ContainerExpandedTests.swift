import Foundation
import TestSupport
import Testing

@testable import BackupSource

@Suite("containers: compressed", .enabled(if: SharedData.isThere, SharedData.skipped))
struct ContainerExpandedTests {
  @Test("both versions of the container expand to the same bytes")
  func versions() throws {
    let newer = try SharedData.bytes("bak/tutorialdb-2016-compressed.bak")
    let older = try ContainerConversion.toVersion1(newer)
    #expect(older.count < newer.count)
    let left = try ExpandedStream(MemoryStream(newer))
    let right = try ExpandedStream(MemoryStream(older))
    #expect(left.byteCount == right.byteCount)
    #expect(try left.everything() == right.everything())
    let opened = try BackupFile.open([MemoryStream(older)])
    #expect(opened.facts.databaseName == "TutorialDB")
    #expect(opened.facts.isCompressed)
  }

  @Test("a cache of one piece, and reads across pieces, give the same bytes")
  func smallCache() throws {
    let file = try InputFile(path: SharedData.path("bak/tutorialdb-2016-compressed.bak"))
    let stream = try ExpandedStream(file, cachedPieceCount: 1)
    let whole = try stream.everything()
    for (offset, count) in [
      (0, 1), (65_535, 2), (100_000, 200_000), (whole.count - 7, 7), (whole.count, 0),
    ] {
      let part = try stream.structure(at: offset, count: count, place: "test").bytes
      #expect(part == Array(whole[offset..<offset + count]))
    }
    for (offset, count) in [(whole.count, 1), (-1, 1), (.max, 1), (0, .max), (5, whole.count)] {
      #expect(throws: BackupError.self) {
        _ = try stream.structure(at: offset, count: count, place: "test")
      }
    }
  }

  @Test("threads that read at once get the same pages", arguments: [1, 4, 64])
  func threads(cachedPieceCount: Int) throws {
    let file = try InputFile(path: SharedData.path("bak/tsqlv4-2016-compressed.bak"))
    let stream = try ExpandedStream(file, cachedPieceCount: cachedPieceCount)
    let set = try #require(try TapeFile(stream).sets.first)
    let map = try Placement.ofFull([set], in: [stream])
    let pages = BackupPages(fileName: "", map: map, streams: [stream])
    let opened = OpenedBackup(pages: pages, facts: BackupFacts(kind: .backup))
    let ids = Array(opened.pageIDs(dataFileByteCount: 0).prefix(400))
    let expected = try opened.contents(ids)
    let found = Locked<[Int]>([])
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      let contents = (try? opened.contents(ids)) ?? 0
      found.withLock { $0.append(contents) }
    }
    #expect(found.withLock { $0 } == [expected, expected, expected, expected])
  }
}

extension ExpandedStream {
  func everything() throws -> [UInt8] {
    try structure(at: 0, count: byteCount, place: "test").bytes
  }
}

/// Writes what SQL Server 2008 to 2012 write, from what later servers do: no sample of it may be
/// kept here.
private enum ContainerConversion {
  static func toVersion1(_ bytes: [UInt8]) throws -> [UInt8] {
    var older = Array("MSSQLBAK".utf8) + [1, 0, 0, 0, 1, 0, 0, 0]
    var offset = 0x1E0
    let reader = ByteReader(
      bytes: bytes, baseOffset: 0, isExact: true, fileName: "test.bak", place: "test")
    while offset < bytes.count {
      if try reader.tag(at: offset) == "SFMB" {
        // Padding to the next physical block; its size does not matter to the walk.
        older += [0x84, 0, 12, 0] + [UInt8](repeating: 0, count: 12)
        let count = Int(try reader.uint16(at: offset + 8))
        older += bytes[offset..<offset + count]
        offset += count
        continue
      }
      let size = Int(try reader.uint16(at: offset + 2))
      var count = 0
      switch bytes[offset] {
      case 0x21: count = 4 + size
      case 0x24: count = size
      default: count = Int(try reader.uint32(at: offset + 24 + 8))
      }
      if bytes[offset] != 0x24 {
        older += [bytes[offset] ^ 0x20 ^ 0x80] + bytes[(offset + 1)..<(offset + 4)]
        older += bytes[(offset + 24)..<(offset + 24 + count)]
      }
      offset += 24 + count
    }
    return older
  }
}
