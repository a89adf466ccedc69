import Glibc
import Pipeline

/// Writes to the process's own streams.
enum Terminal {
  /// Gives streams that were closed before the program began a place, so that no file or socket that is
  /// opened later becomes stdout. What is written to such a stdout is an error, as it should be.
  static func occupyClosedStreams() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is taken, which is this one.
      _ = open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Writes the whole text.
  ///
  /// - Returns: 0, or the system's number of the error; a reader that went away (head, less) is none.
  @discardableResult
  static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return errno == EPIPE ? 0 : errno }
      bytes = bytes.dropFirst(count)
    }
    return 0
  }

  /// The answer of a command, on stdout.
  ///
  /// - Throws: `cannotWrite`: an answer that nobody gets is no success.
  static func answer(_ text: String) throws(PipelineError) {
    let error = write(text.hasSuffix("\n") ? text : text + "\n", to: STDOUT_FILENO)
    guard error == 0 else {
      throw PipelineError(
        .cannotWrite, "the answer cannot be written to stdout: \(String(cString: strerror(error)))",
        advice: "what the command did stands")
    }
  }
}
