// freebcp as a child process. Everything it needs is handed to it as open files without names: its
// settings (FREETDSCONF), the format file, the pipe for the rows, and the password on its standard input,
// so that nothing of it is in any folder, and the password not among its arguments.

import CSybDB
import Glibc
import Staging

/// One run of freebcp.
final class FreeBCPProcess {
  /// Where the rows come out.
  let output: Int32
  private let processID: pid_t
  private let messages: Int32
  private let address: ServerAddress
  private var hasEnded = false

  static let program = "freebcp"
  /// freebcp reads a line into 256 bytes.
  private static let passwordByteCountMax = 254

  /// - Throws: `login` for a password that freebcp cannot be given without showing it to everybody;
  ///   `badURI` for options of the URI that it does not have.
  static func check(_ password: String, _ address: ServerAddress) throws(ServerError) {
    guard password.utf8.count <= passwordByteCountMax, !password.utf8.contains(0x0A),
      !password.utf8.contains(0)
    else {
      throw ServerError(
        .login, server: address.label,
        problem: "freebcp takes no password with a line feed or more than 254 bytes",
        advice: "use --engine native")
    }
  }

  /// Starts freebcp.
  ///
  /// - Throws: `program` where it cannot be started; `unreachable` where there are no files left.
  init(
    _ query: FreeBCPQuery, _ address: ServerAddress, password: String, usesSnapshot: Bool,
    place: String
  ) throws(ServerError) {
    self.address = address
    let configuration = LibraryConfiguration.shared
    let section = try configuration.section(for: address)
    var files = ChildFiles()
    defer { files.closeAll() }
    guard let rows = files.pipe(), let secret = files.pipe(), let format = files.memory(),
      let said = files.memory(), files.write(query.formatFile, to: format),
      files.write(password + "\n", to: secret.write)
    else {
      throw ServerError(
        .unreachable, server: address.label, problem: "freebcp cannot be given its files",
        advice: "check the memory and the open files that are left")
    }
    let arguments =
      [
        Self.program, query.select, "queryout", "/dev/fd/\(rows.write)", "-f", "/dev/fd/\(format)",
        "-S", section, "-D", address.database,
        "-A", "\(address.limits.packetByteCount)", "-T", "\(Int32.max)",
        "-O", Self.options(address, usesSnapshot: usesSnapshot),
      ] + (address.user.isEmpty ? [] : ["-U", address.user, "-P", "-"])
    let status = Child.spawn(
      Self.program, arguments, environment: ["FREETDSCONF": configuration.path],
      standard: (secret.read, said, said),
      inherited: [rows.write, format] + configuration.descriptors)
    guard case .started(let processID) = status else {
      throw ServerError(
        .program, server: address.label, place: place,
        problem: "the program freebcp cannot be started\(status.reason)",
        advice: "install it (Debian: freetds-bin), or use --engine native")
    }
    self.processID = processID
    output = files.keep(rows.read)
    messages = files.keep(said)
  }

  deinit {
    if !hasEnded {
      kill(processID, SIGKILL)
      _ = wait()
    }
    close(output)
    close(messages)
  }

  /// Statements for the session, after freebcp's own SET TEXTSIZE.
  private static func options(_ address: ServerAddress, usesSnapshot: Bool) -> String {
    var options = ["SET ROWCOUNT 0", "SET LOCK_TIMEOUT \(address.limits.lockMilliseconds)"]
    if usesSnapshot { options.append("SET TRANSACTION ISOLATION LEVEL SNAPSHOT") }
    return options.map { "\n\($0);" }.joined()
  }

  /// Waits for freebcp to end, or ends it, and judges by what it said: its status is 0 also where a
  /// server error cut the rows off.
  ///
  /// - Parameter isBroken: The output is of no use any more.
  /// - Returns: How many rows it says it copied.
  /// - Throws: The server's or the library's error that it printed; else `program` for a bad status.
  func finish(at place: String, isBroken: Bool) throws(ServerError) -> Int? {
    if isBroken { kill(processID, SIGTERM) }
    let status = wait()
    let said = FreeBCPMessages(FileText.contents(of: messages))
    let log = MessageLog()
    said.serverMessages.forEach { log.add($0) }
    said.libraryErrors.forEach { log.add($0) }
    guard log.isEmpty else {
      guard said.isConnected else {
        let failure = ServerError(connecting: address, log)
        // The server has just counted the rows: what is out of reach now may come back.
        let isPassing = failure.code == .unreachable || failure.code == .tls
        throw (isPassing ? failure.asLostConnection : failure).at(place)
      }
      throw ServerError(using: address, log, isDead: said.isDead, otherwise: "").at(place)
    }
    if isBroken { return nil }
    guard status == 0 else {
      throw ServerError(
        .program, server: address.label, place: place,
        problem: "freebcp ended with status \(status): \(said.otherLines.joined(separator: " "))")
    }
    return said.rowCount
  }

  /// - Returns: The exit status, or 128 and the signal.
  private func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(processID, &status, 0) < 0, errno == EINTR {}
    hasEnded = true
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
  }
}

/// What freebcp printed.
struct FreeBCPMessages {
  private(set) var serverMessages: [ServerMessage] = []
  private(set) var libraryErrors: [LibraryError] = []
  private(set) var rowCount: Int?
  private(set) var isConnected = true
  /// Everything that is no message, without its usual chatter.
  private(set) var otherLines: [String] = []

  /// Whether a message says that the channel is gone.
  var isDead: Bool {
    libraryErrors.contains {
      [SYBEREAD, SYBEWRIT, SYBESEOF, SYBETIME, SYBECONN, SYBEDDNE].contains($0.number)
    }
  }

  init(_ text: String) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: true)[...]
    while let line = lines.popFirst() {
      if let head = MessageHead(line) {
        take(head, &lines)
      } else if line.hasPrefix("Can't connect to server") {
        isConnected = false
      } else if line.hasSuffix(" rows copied."), let count = Int(line.dropLast(13)) {
        rowCount = count
      } else if line != "Starting copy..." {
        otherLines.append(String(line))
      }
    }
  }

  /// The lines after "Msg n, Level l[, State s]": where, for a message of the server, and the text.
  private mutating func take(_ head: MessageHead, _ lines: inout ArraySlice<Substring>) {
    guard let state = head.state else {
      libraryErrors.append(
        LibraryError(
          number: Int32(clamping: head.number), severity: Int32(clamping: head.level),
          text: String(lines.popFirst() ?? ""), systemError: 0, systemText: ""))
      return
    }
    var line = 0
    if let place = lines.first, !place.hasPrefix("\t") {
      lines.removeFirst()
      if let mark = place.firstRange(of: "Line ") { line = Int(place[mark.upperBound...]) ?? 0 }
    }
    let text = lines.popFirst().map { $0.drop { $0 == "\t" } } ?? ""
    serverMessages.append(
      ServerMessage(
        number: head.number, severity: head.level, state: state, text: String(text),
        procedure: "", line: line))
  }

  private struct MessageHead {
    let number: Int
    let level: Int
    let state: Int?

    init?(_ line: Substring) {
      guard line.hasPrefix("Msg ") else { return nil }
      var numbers: [String: Int] = [:]
      for part in line.split(separator: ",") {
        let words = part.split(separator: " ")
        guard words.count == 2, let number = Int(words[1]) else { return nil }
        numbers[String(words[0])] = number
      }
      guard let number = numbers["Msg"], let level = numbers["Level"] else { return nil }
      (self.number, self.level, state) = (number, level, numbers["State"])
    }
  }
}
