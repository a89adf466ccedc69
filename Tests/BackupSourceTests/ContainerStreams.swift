import TestSupport
import Testing

@testable import BackupSource

/// A file in memory, for tests that change or cut many copies of one.
struct MemoryStream: ByteStream {
  let fileName: String
  var bytes: [UInt8]

  init(_ bytes: [UInt8], named fileName: String = "memory.bak") {
    self.fileName = fileName
    self.bytes = bytes
  }

  var byteCount: Int { bytes.count }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    try requireBytes(buffer.count, at: offset, place: nil)
    bytes.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + buffer.count]))
    }
  }
}

/// The first bytes of another stream, as a file that was cut off.
struct CutStream: ByteStream {
  let whole: any ByteStream
  let byteCount: Int

  var fileName: String { whole.fileName }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    try requireBytes(buffer.count, at: offset, place: nil)
    try whole.read(at: offset, into: buffer)
  }
}

extension OpenedBackup {
  /// Bytes of every allocated page, one hash over all of them.
  ///
  /// Throws the first error met, as an export would.
  func contents(_ ids: [PageID]) throws(BackupError) -> Int {
    var freeSpace = PageFreeSpace(pages)
    var hasher = Hasher()
    var buffer = [UInt8](repeating: 0, count: PageLayout.byteCount)
    for id in ids where try freeSpace.isAllocated(id) {
      try buffer.withBuffer { (buffer) throws(BackupError) in
        try pages.readPage(id, into: buffer)
      }
      hasher.combine(id)
      buffer.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    return hasher.finalize()
  }

  /// Every page of file 1 that has a place.
  func pageIDs(dataFileByteCount: Int) -> [PageID] {
    if let pages = pages as? BackupPages {
      return pages.map.extents(ofFile: 1).flatMap { extent in (0..<8).map { extent.page($0) } }
    }
    let count = UInt32(dataFileByteCount / PageLayout.byteCount)
    return (0..<count).map { PageID(file: 1, page: $0) }
  }
}
