// db-lib keeps its handlers and its configuration for the whole process, so they are set up once here,
// before the first connection.

import CSybDB
import CSystemCalls
import Glibc
import Staging

/// db-lib as a whole.
enum DBLibrary {
  /// - Throws: `unreachable` where the library cannot be started.
  static func start() throws(ServerError) {
    guard started else {
      throw ServerError(
        .unreachable, server: "db-lib", problem: "the library cannot be initialised",
        advice: "check the memory that is left")
    }
  }

  private static let started: Bool = {
    // Each of these would change what the login record or the configuration below says.
    for name in ["TDSVER", "TDSPORT", "TDSHOST", "TDSQUERY", "DSQUERY", "FREETDS", "TDSDUMPCONFIG"]
    {
      unsetenv(name)
    }
    guard setenv("FREETDSCONF", LibraryConfiguration.shared.path, 1) == 0, dbinit() == SUCCEED
    else { return false }
    // dbinit resets the handlers, so they come after it. The library is never initialised again.
    dberrhandle { process, severity, number, systemError, text, systemText in
      MessageLog.current(for: process)?.add(
        LibraryError(
          number: number, severity: severity, text: text.map { String(cString: $0) } ?? "",
          systemError: systemError,
          systemText: systemText.map { String(cString: $0) } ?? ""))
      return INT_CANCEL
    }
    dbmsghandle { process, number, state, severity, text, _, procedure, line in
      MessageLog.current(for: process)?.add(
        ServerMessage(
          number: Int(number), severity: Int(severity), state: Int(state),
          text: text.map { String(cString: $0) } ?? "",
          procedure: procedure.map { String(cString: $0) } ?? "", line: Int(line)))
      return 0
    }
    // The default of 4,096 processes is above every number of jobs.
    return true
  }()
}

/// The configuration file of db-lib: what it takes from nowhere else, which is TLS.
///
/// It is a file in memory that no other user can open and that leaves nothing behind. Sections are
/// only ever added, each before the connection that reads it is opened.
final class LibraryConfiguration: Sendable {
  static let shared = LibraryConfiguration()

  private struct State {
    var sections: [String: String] = [:]
    var authorities: [String: Int32] = [:]
  }

  private let descriptor = restage_memory_file()
  private let state = Locked(State())

  var path: String { "/proc/self/fd/\(descriptor)" }

  /// The file and those that it names, for a child that is to read them under the same numbers.
  var descriptors: [Int32] { [descriptor] + state.withLock { Array($0.authorities.values) } }

  /// Adds the settings of a server.
  ///
  /// - Returns: The name of the section, which `dbopen` takes for a server's name.
  /// - Throws: `badURI` where the file of authorities cannot be read; `unreachable` where there is no
  ///   memory for the configuration.
  func section(for address: ServerAddress) throws(ServerError) -> String {
    let settings = try settings(address)
    let name = state.withLock { state in
      if let known = state.sections[settings] { return known }
      // The name is also what the login says the server is called, by which Azure finds it.
      let isTaken = state.sections.values.contains {
        $0.lowercased() == address.host.lowercased()
      }
      let name = isTaken ? "\(address.host),\(state.sections.count + 1)" : address.host
      guard MemoryFile.append("[\(name)]\n\(settings)", to: descriptor) else { return "" }
      state.sections[settings] = name
      return name
    }
    guard !name.isEmpty else {
      throw ServerError(
        .unreachable, server: address.label, problem: "the settings of db-lib cannot be written",
        advice: "check the memory that is left, and that /proc is there")
    }
    return name
  }

  private func settings(_ address: ServerAddress) throws(ServerError) -> String {
    var lines = [
      "host = \(address.host)",
      "encryption = \(address.encryption.rawValue)",
      "connect timeout = \(address.limits.loginSeconds)",
      "timeout = \(address.limits.stallSeconds)",
      "tds version = \(address.usesTDS73 ? "7.3" : "7.4")",
      "client charset = UTF-8",
      // A configuration line of its own, so that no other version can be negotiated.
      "use ntlmv2 = yes",
    ]
    if address.isReadOnlyIntent { lines.append("read-only intent = yes") }
    if let instance = address.instance {
      lines.append("instance = \(instance)")
    } else {
      lines.append("port = \(address.port ?? ServerAddress.defaultPort)")
    }
    if address.authentication == .kerberos, let service = Kerberos.service(of: address) {
      lines.append("spn = \(service)")
    }
    switch address.trust {
    case .anyone: break
    case .system: lines.append("ca file = system")
    case .authorities(let file): lines.append("ca file = \(try authorities(file, address))")
    }
    lines.append("check certificate hostname = \(address.checksHost ? "yes" : "no")")
    return lines.joined(separator: "\n") + "\n"
  }

  /// A copy of the PEM file under a path that any configuration line can hold.
  private func authorities(_ file: String, _ address: ServerAddress) throws(ServerError) -> String {
    guard let bytes = MemoryFile.contents(of: file), !bytes.isEmpty else {
      throw ServerError(
        .badURI, server: address.label,
        problem: "the file of certificate authorities \(file) cannot be read",
        advice: "ca takes a file of PEM certificates, or system")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    guard text.contains("-----BEGIN") else {
      throw ServerError(
        .badURI, server: address.label, problem: "\(file) holds no PEM certificate",
        advice: "ca takes a file of PEM certificates, or system")
    }
    let descriptor: Int32 = state.withLock { state in
      if let known = state.authorities[text] { return known }
      let copy = restage_memory_file()
      guard copy >= 0, MemoryFile.append(text, to: copy) else { return -1 }
      state.authorities[text] = copy
      return copy
    }
    guard descriptor >= 0 else {
      throw ServerError(
        .unreachable, server: address.label, problem: "the settings of TLS cannot be written",
        advice: "check the memory and the open files that are left")
    }
    return "/proc/self/fd/\(descriptor)"
  }
}

/// Files that have no name.
private enum MemoryFile {
  static func append(_ text: String, to descriptor: Int32) -> Bool {
    guard descriptor >= 0 else { return false }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      bytes = bytes.dropFirst(count)
    }
    return true
  }

  /// The whole file, at most 4 MiB; nil where it cannot be read.
  static func contents(of path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while contents.count < 4 << 20 {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { return contents }
      contents += buffer[..<count]
    }
    return nil
  }
}
