import Glibc
import SystemPackage

/// Folders as the operating system shows them, without following links.
enum Folder {
  enum Kind { case file, folder, other }

  /// - Returns: nil when nothing has this path.
  static func kind(of path: FilePath) throws(StagingError) -> Kind? {
    var status = stat()
    guard lstat(path.string, &status) == 0 else {
      guard errno == ENOENT || errno == ENOTDIR else {
        throw StagingError(.unreadable, path, "lstat")
      }
      return nil
    }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    default: .other
    }
  }

  /// Makes the folder and those above it; one that exists is fine.
  static func make(_ path: FilePath) throws(StagingError) {
    if mkdir(path.string, 0o755) == 0 { return }
    if errno == ENOENT, !path.removingLastComponent().isEmpty {
      try make(path.removingLastComponent())
      if mkdir(path.string, 0o755) == 0 { return }
    }
    guard errno == EEXIST else { throw StagingError(.cannotWrite, path, "mkdir") }
    var status = stat()
    guard stat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw StagingError(
        .cannotWrite, file: path.string, problem: "a folder is needed here, and this is a file")
    }
  }

  /// Names in the folder, sorted by bytes, without `.` and `..`.
  static func names(in path: FilePath) throws(StagingError) -> [String] {
    guard let stream = opendir(path.string) else {
      throw StagingError(.unreadable, path, "opendir")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else { throw StagingError(.unreadable, path, "readdir") }
        break
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Makes the names in the folder durable.
  static func sync(_ path: FilePath) throws(StagingError) {
    let descriptor = try OwnedDescriptor(
      opening: path, flags: O_RDONLY | O_DIRECTORY, failure: .cannotWrite)
    guard fsync(descriptor.raw) == 0 else { throw StagingError(.cannotWrite, path, "fsync") }
  }

  static func removeFile(_ path: FilePath) throws(StagingError) {
    guard unlink(path.string) == 0 else { throw StagingError(.cannotWrite, path, "unlink") }
  }

  static func removeEmpty(_ path: FilePath) throws(StagingError) {
    guard rmdir(path.string) == 0 else { throw StagingError(.cannotWrite, path, "rmdir") }
  }

  /// The whole file; for small ones.
  static func read(_ path: FilePath) throws(StagingError) -> [UInt8] {
    let descriptor = try OwnedDescriptor(opening: path, flags: O_RDONLY, failure: .unreadable)
    guard let count = descriptor.byteCount else { throw StagingError(.unreadable, path, "fstat") }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 16)
    defer { buffer.deallocate() }
    let contents = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
    try descriptor.read(at: 0, into: contents, of: path)
    return [UInt8](contents)
  }
}
