import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes that can be read at any place, by several threads at once: a file, or what a compressed
/// backup expands to.
protocol ByteStream: Sendable {
  /// File name for error messages, without its folder.
  var fileName: String { get }
  var byteCount: Int { get }

  /// Fills `buffer` with the bytes from `offset`.
  ///
  /// - Throws: `truncated` when the stream ends before the buffer is full.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError)

  /// Where in the file on disk a byte of the stream comes from, for messages: the same number, or
  /// in a compressed backup the start of the record that expands to it.
  func fileOffset(of offset: Int) -> Int

  /// Whether the stream's bytes are the file's own.
  var isFile: Bool { get }
}

extension ByteStream {
  func fileOffset(of offset: Int) -> Int { offset }

  var isFile: Bool { true }

  /// Copies `count` bytes out as a structure; nothing is allocated before the stream is known to
  /// have them.
  func structure(
    at offset: Int, count: Int, place: String
  ) throws(BackupError) -> ByteReader {
    try requireBytes(count, at: offset, place: place)
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withBuffer { (buffer) throws(BackupError) in try read(at: offset, into: buffer) }
    return ByteReader(
      bytes: bytes, baseOffset: fileOffset(of: offset), isExact: isFile, fileName: fileName,
      place: place)
  }

  /// Checks that `count` bytes from `offset` exist.
  func requireBytes(_ count: Int, at offset: Int, place: String?) throws(BackupError) {
    guard offset >= 0, count >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw BackupError(
        .truncated, file: fileName, offset: fileOffset(of: min(max(offset, 0), byteCount)),
        place: place, problem: "\(count) bytes are expected here, and the file ends before that",
        advice: "give the whole file; this one was cut off while it was written or copied")
    }
  }
}

/// A regular file, opened for reading, read with `pread` so that threads do not disturb each other.
final class InputFile: ByteStream {
  let fileName: String
  let byteCount: Int
  private let descriptor: FileDescriptor

  /// - Throws: `unreadable` when the system refuses, or the path is not a regular file.
  init(path: String) throws(BackupError) {
    let filePath = FilePath(path)
    fileName = lastComponent(of: path)
    do {
      // Non-blocking, so that a named pipe is refused below instead of waited for.
      descriptor = try FileDescriptor.open(filePath, .readOnly, options: [.nonBlocking])
    } catch {
      throw BackupError(.unreadable, file: fileName, problem: "cannot be opened: \(error)")
    }
    var status = stat()
    guard fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      try? descriptor.close()
      throw BackupError(
        .unreadable, file: fileName, problem: "is not a regular file",
        advice: "give the file itself, copied to a local disk")
    }
    byteCount = Int(status.st_size)
  }

  deinit { try? descriptor.close() }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    try requireBytes(buffer.count, at: offset, place: nil)
    var done = 0
    while done < buffer.count {
      let count: Int
      do {
        count = try descriptor.read(
          fromAbsoluteOffset: Int64(offset + done),
          into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
      } catch {
        throw BackupError(
          .unreadable, file: fileName, offset: offset + done, problem: "cannot be read: \(error)")
      }
      guard count > 0 else {
        throw BackupError(
          .truncated, file: fileName, offset: offset + done,
          problem: "the file became shorter while it was read",
          advice: "read a copy that nobody writes to")
      }
      done += count
    }
  }
}
