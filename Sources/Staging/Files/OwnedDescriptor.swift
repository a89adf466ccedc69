import Glibc
import SystemPackage

/// A file descriptor that is closed once, by its owner.
struct OwnedDescriptor: ~Copyable {
  let raw: Int32

  /// - Throws: `failure` with the operating system's reason.
  init(opening path: FilePath, flags: Int32, failure: StagingError.Code) throws(StagingError) {
    var opened = open(path.string, flags | O_CLOEXEC, 0o644)
    while opened < 0 && errno == EINTR {
      opened = open(path.string, flags | O_CLOEXEC, 0o644)
    }
    guard opened >= 0 else { throw StagingError(failure, path, "open") }
    raw = opened
  }

  deinit { close(raw) }

  var byteCount: Int? {
    var status = stat()
    return fstat(raw, &status) == 0 ? Int(status.st_size) : nil
  }

  /// Reads until `buffer` is full; a file that ends before is `.damaged`.
  borrowing func read(
    at offset: Int, into buffer: UnsafeMutableRawBufferPointer, of path: FilePath
  ) throws(StagingError) {
    var filled = 0
    while filled < buffer.count {
      let got = pread(
        raw, buffer.baseAddress?.advanced(by: filled), buffer.count - filled,
        off_t(offset + filled))
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw StagingError(.unreadable, path, "read") }
      guard got > 0 else {
        throw StagingError(
          .damaged, file: path.string,
          problem: "the file ends at byte \(offset + filled) while it is read")
      }
      filled += got
    }
  }
}

extension StagingError {
  /// A system call that failed, with the reason in `errno`.
  init(_ code: Code, _ path: FilePath, _ call: String) {
    let reason = Errno(rawValue: errno)
    self.init(
      code, file: path.string, problem: "\(call) failed: \(reason)",
      advice: Self.advice(for: reason))
  }

  private static func advice(for reason: Errno) -> String? {
    switch reason {
    case .noSpace, .diskQuotaExceeded: "free some space or name another folder with --into"
    case .permissionDenied, .notPermitted, .readOnlyFileSystem:
      "name a folder that this user may write to"
    case .tooManyOpenFiles: "raise the limit of open files (ulimit -n) or use fewer jobs"
    default: nil
    }
  }
}
