// Starting a program with open files, by posix_spawn.

import CSystemCalls
import Glibc

enum Child {
  enum Status {
    case started(pid_t)
    case failed(Int32)

    /// ": No such file or directory".
    var reason: String {
      if case .failed(let number) = self { return ": \(String(cString: strerror(number)))" }
      return ""
    }
  }

  /// Starts a program that is found by PATH.
  ///
  /// - Parameters:
  ///   - environment: Added to that of this process, less what would change FreeTDS or tell the password.
  ///   - standard: Its standard input, output and error.
  ///   - inherited: Files that it has under the same numbers; it has no others, so that a connection
  ///     which is closed here is closed.
  static func spawn(
    _ program: String, _ arguments: [String], environment: [String: String],
    standard: (input: Int32, output: Int32, error: Int32), inherited: [Int32]
  ) -> Status {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_adddup2(&actions, standard.input, 0)
    posix_spawn_file_actions_adddup2(&actions, standard.output, 1)
    posix_spawn_file_actions_adddup2(&actions, standard.error, 2)
    // Onto itself: the child keeps it open.
    for file in inherited { posix_spawn_file_actions_adddup2(&actions, file, file) }
    let firstOther = (inherited.max() ?? 2) + 1
    for file in 3..<max(3, firstOther) where !inherited.contains(file) {
      posix_spawn_file_actions_addclose(&actions, file)
    }
    restage_add_close_from(&actions, firstOther)
    // Signals that restage ignores must end the child; an interrupt of the terminal is for restage alone.
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

    var processID = pid_t()
    let status = withCStrings(arguments) { arguments in
      withCStrings(ownEnvironment(adding: environment)) { environment in
        posix_spawnp(&processID, program, &actions, &attributes, arguments, environment)
      }
    }
    return status == 0 ? .started(processID) : .failed(status)
  }

  private static let droppedPrefixes = [
    "TDS", "FREETDS", "FREEBCP", "DSQUERY", "SYBASE", "RESTAGE_", "LC_",
  ]

  private static func ownEnvironment(adding added: [String: String]) -> [String] {
    var variables: [String] = []
    var next = Glibc.environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if !droppedPrefixes.contains(where: { text.hasPrefix($0) }) { variables.append(text) }
      next += 1
    }
    return variables + ["LC_ALL=C.UTF-8"] + added.map { "\($0)=\($1)" }
  }

  private static func withCStrings<Value>(
    _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
  ) -> Value {
    var pointers = texts.map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
      var nothing: UnsafeMutablePointer<CChar>?
      return withUnsafeMutablePointer(to: &nothing) { body(buffer.baseAddress ?? $0) }
    }
  }
}

/// The files of one child: all are closed here that are not kept.
struct ChildFiles {
  private var files: [Int32] = []

  mutating func pipe() -> (read: Int32, write: Int32)? {
    var ends: [Int32] = [-1, -1]
    guard restage_pipe(&ends) == 0 else { return nil }
    files += ends
    // Larger pipes mean fewer changes between the two processes; a refusal costs nothing else.
    restage_widen_pipe(ends[1], 1 << 20)
    return (ends[0], ends[1])
  }

  mutating func memory() -> Int32? {
    let file = restage_memory_file()
    guard file >= 0 else { return nil }
    files.append(file)
    return file
  }

  /// A short text, which a pipe holds without a reader.
  func write(_ text: String, to file: Int32) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) } == bytes.count
  }

  mutating func keep(_ file: Int32) -> Int32 {
    files.removeAll { $0 == file }
    return file
  }

  mutating func closeAll() {
    files.forEach { close($0) }
    files.removeAll()
  }
}

enum FileText {
  /// The first 64 KiB of a file, from its beginning.
  static func contents(of file: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = buffer.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
    return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
  }
}
