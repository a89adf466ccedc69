// The password comes from a file or from the environment, never from an argument: arguments are seen
// by every user of the machine.

import Glibc

/// Reads a password from where it may be kept.
public enum Password {
  /// The first line of a file that nobody else may read.
  ///
  /// - Throws: `passwordFile` where the file cannot be opened, is no ordinary file, can be read or
  ///   written by others, or is larger than any password.
  public static func read(file: String) throws(ServerError) -> String {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw failure(file, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw failure(file, "is no ordinary file")
    }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      throw failure(file, "has mode \(mode): others can read or write it", "chmod 600 '\(file)'")
    }
    var bytes = [UInt8](repeating: 0, count: 4_097)
    let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
    guard (0..<bytes.count).contains(count) else {
      throw failure(file, "cannot be read, or is too long for a password")
    }
    let line = bytes[..<count].prefix { $0 != 0x0A && $0 != 0x0D }
    guard !line.isEmpty, !line.contains(0),
      let password = String(validating: line, as: UTF8.self)
    else { throw failure(file, "does not begin with a line of UTF-8 text") }
    return password
  }

  private static func failure(
    _ file: String, _ problem: String, _ advice: String? = nil
  ) -> ServerError {
    ServerError(.passwordFile, server: "password file \(file)", problem: problem, advice: advice)
  }
}
