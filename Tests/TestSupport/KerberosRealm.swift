// A real Kerberos realm for tests: one throwaway KDC for the whole test process.

import Foundation
import Synchronization
public import Testing

/// The realm RESTAGE.TEST, with services and users that tests add.
public final class KerberosRealm: Sendable {
  public static let name = "RESTAGE.TEST"
  public static let shared = Result { try KerberosRealm() }

  /// For `.enabled(if:)`: true where there is a KDC, and also where there must be one
  /// (`RESTAGE_REQUIRE_SHARED=1`), so that the test then fails instead of being skipped.
  public static let isThere =
    FileManager.default.fileExists(atPath: "/usr/sbin/krb5kdc")
    || ProcessInfo.processInfo.environment["RESTAGE_REQUIRE_SHARED"] == "1"

  /// What a skipped test says.
  public static let skipped: Comment = "skipped: no krb5kdc (scripts/setup --tests installs it)"

  /// What clients name in KRB5_CONFIG.
  public let configuration: String
  private let folder: String
  private let fileCount = Atomic(0)
  private static let script = SharedData.packageFolder + "/scripts/private-kdc"

  private init() throws {
    folder = "/tmp/restage-kdc-\(getpid())"
    // The script's watcher stops the KDC when this process has ended, however it ended.
    let started = try Shell.run(Self.script, ["start", folder, "\(getpid())"])
    guard started.status == 0 else { throw ShellFailure(description: started.errors) }
    configuration = started.output.trimmingCharacters(in: .newlines)
  }

  /// A file that does not exist yet, and goes with the realm.
  public func newFile() -> String {
    "\(folder)/file-\(fileCount.add(1, ordering: .relaxed).newValue)"
  }

  /// Gives a principal, which is made where it is not there, a new key, and adds that to a file. The key
  /// that it had before is no longer its own.
  public func add(_ principal: String, to keytab: String) throws {
    let added = try Shell.run(Self.script, ["add", folder, principal, keytab])
    guard added.status == 0 else { throw ShellFailure(description: added.errors) }
  }

  /// Has a user log in.
  ///
  /// - Returns: The file of the ticket.
  public func ticket(of user: String, keytab: String, life: String = "10h") throws -> String {
    let file = newFile()
    let made = try Shell.run(
      "kinit", ["-k", "-t", keytab, "-c", file, "-l", life, user],
      environment: ["KRB5_CONFIG": configuration])
    guard made.status == 0 else { throw ShellFailure(description: made.errors) }
    return file
  }

  /// Waits until the time of a ticket is up that was made just now, to the second and one more, for which the
  /// KDC still takes it.
  public func waitUntilExpired(_ ticket: String, life: Int) throws {
    let script =
      "until (( $(date +%s) > $(stat --format=%Y \(ticket)) + \(life + 1) )); do sleep 0.1; done"
    let asked = try Shell.run("bash", ["-c", script])
    guard asked.status == 0 else { throw ShellFailure(description: asked.errors) }
  }

  /// Sets the clock of a ticket's user forward, as far as the ticket's users are concerned.
  ///
  /// - Parameter ticket: A file, of version 4, which begins with the difference between the clock of the
  ///   machine and that of the KDC, in seconds.
  public func skew(_ ticket: String, seconds: UInt32) throws {
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: ticket)))
    guard bytes.starts(with: [5, 4, 0, 12, 0, 1, 0, 8]) else {
      throw ShellFailure(description: "\(ticket) does not begin as a file of tickets")
    }
    for place in 0..<4 { bytes[8 + place] = UInt8(seconds >> UInt32(24 - 8 * place) & 0xFF) }
    try Data(bytes).write(to: URL(fileURLWithPath: ticket))
  }
}
