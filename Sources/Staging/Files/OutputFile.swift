import Glibc
import SystemPackage

/// A file that carries its name only when it is complete: written as `<name>.partial`, synced,
/// renamed. Left alone before `finish`, the partial file stays behind for the next export to clear.
// Sendable because it is handed over to be finished, and not used by who wrote it any more.
final class OutputFile: @unchecked Sendable {
  static let partialSuffix = ".partial"

  let path: FilePath
  private let partialPath: FilePath
  private let descriptor: OwnedDescriptor
  private(set) var byteCount = 0

  /// - Throws: `.cannotWrite`.
  init(path: FilePath) throws(StagingError) {
    self.path = path
    partialPath = FilePath(path.string + Self.partialSuffix)
    descriptor = try OwnedDescriptor(
      opening: partialPath, flags: O_RDWR | O_CREAT | O_TRUNC, failure: .cannotWrite)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StagingError) {
    var rest = bytes
    while let start = rest.baseAddress, !rest.isEmpty {
      let written = Glibc.write(descriptor.raw, start, rest.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw StagingError(.cannotWrite, partialPath, "write")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      byteCount += written
    }
  }

  func write(_ bytes: [UInt8]) throws(StagingError) {
    try bytes.withUnsafeBufferPointer { buffer throws(StagingError) in
      try write(UnsafeRawBufferPointer(buffer))
    }
  }

  /// Cuts the file back to its first bytes; writing goes on from there.
  func truncate(to count: Int) throws(StagingError) {
    guard ftruncate(descriptor.raw, off_t(count)) == 0 else {
      throw StagingError(.cannotWrite, partialPath, "ftruncate")
    }
    guard lseek(descriptor.raw, off_t(count), SEEK_SET) == off_t(count) else {
      throw StagingError(.cannotWrite, partialPath, "lseek")
    }
    byteCount = count
  }

  /// Reads bytes that were written before into `buffer`, which is filled.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(StagingError) {
    try descriptor.read(at: offset, into: buffer, of: partialPath)
  }

  /// Replaces bytes that were written before.
  func overwrite(at offset: Int, with bytes: UnsafeRawBufferPointer) throws(StagingError) {
    guard lseek(descriptor.raw, off_t(offset), SEEK_SET) == off_t(offset) else {
      throw StagingError(.cannotWrite, partialPath, "lseek")
    }
    let end = max(byteCount, offset + bytes.count)
    try write(bytes)
    byteCount = end
    guard lseek(descriptor.raw, off_t(end), SEEK_SET) == off_t(end) else {
      throw StagingError(.cannotWrite, partialPath, "lseek")
    }
  }

  /// Makes the file durable and gives it its name. The caller syncs the folder.
  func finish() throws(StagingError) {
    guard fsync(descriptor.raw) == 0 else { throw StagingError(.cannotWrite, partialPath, "fsync") }
    guard rename(partialPath.string, path.string) == 0 else {
      throw StagingError(.cannotWrite, path, "rename")
    }
  }
}
