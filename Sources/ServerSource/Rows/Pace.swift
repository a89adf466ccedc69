// How fast rows are taken from the server. A server sends no faster than it is read: what is not read
// stays in its own buffers and holds the query back.

import CSybDB
import CSystemCalls
import Glibc
import Staging

/// A bound on what is taken from the server: `20MB`, `500kB`, `50000rows`, each for a second.
public struct Rate: Hashable, Sendable, CustomStringConvertible {
  public enum Unit: String, Sendable { case bytes, rows }

  public let count: Int
  public let unit: Unit

  /// - Returns: nil for what is no rate: a whole number above zero with B, kB, MB, GB, KiB, MiB, GiB or
  ///   rows.
  public init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let name = text.dropFirst(digits.count).drop { $0 == " " }
    let units: [String: (Int, Unit)] = [
      "B": (1, .bytes), "kB": (1000, .bytes), "KB": (1000, .bytes), "MB": (1_000_000, .bytes),
      "GB": (1_000_000_000, .bytes), "KiB": (1 << 10, .bytes), "MiB": (1 << 20, .bytes),
      "GiB": (1 << 30, .bytes), "rows": (1, .rows),
    ]
    guard let number = Int(digits), number > 0, let (factor, unit) = units[String(name)],
      number <= 1_000_000_000_000 / factor
    else { return nil }
    count = number * factor
    self.unit = unit
  }

  public var description: String { "\(count) \(unit) a second" }
}

/// A bucket that fills at a rate and from which all connections of a source take.
final class Pace: Sendable {
  let rate: Rate
  /// Nanoseconds of `now` at which what was taken will have filled again.
  private let filledAt = Locked(Int.min)

  /// What may be taken at once after a pause.
  private static let burstNanoseconds = 200_000_000
  /// How soon somebody who waits notices that the export was cancelled.
  private static let sliceNanoseconds = 100_000_000

  init(_ rate: Rate) { self.rate = rate }

  /// Takes what has come already, and waits as long as it should have taken to come.
  ///
  /// - Throws: `CancellationError`.
  func take(_ count: Int) throws {
    let cost = Int(Double(count) * 1e9 / Double(rate.count))
    let now = Self.now
    let end = filledAt.withLock { filledAt in
      filledAt = max(filledAt, now - Self.burstNanoseconds) + cost
      return filledAt
    }
    var rest = end - now
    while rest > 0 {
      try Task.checkCancellation()
      usleep(UInt32(min(rest, Self.sliceNanoseconds) / 1000 + 1))
      rest = end - Self.now
    }
  }

  private static let start = ContinuousClock.now

  private static var now: Int { Int(start.duration(to: .now) / .nanoseconds(1)) }
}

/// The rows between two looks at what is not a row: whether the export was cancelled, and the pace.
struct RowStride {
  /// Rows until the next look.
  private(set) var rowCount: Int
  private let rowCountMax: Int
  private let process: OpaquePointer
  private let pace: Pace?
  private var receivedBytes: Int

  /// Bytes after which to look again where a pace is to be kept.
  private static let byteCount = 128 << 10
  /// The first rows of a table may be of any size.
  private static let rowCountFirst = 16

  init(_ connection: ServerConnection, _ pace: Pace?) {
    rowCountMax = max(1, connection.address.limits.rowsBetweenChecks)
    rowCount = pace == nil ? rowCountMax : min(rowCountMax, Self.rowCountFirst)
    process = connection.process
    self.pace = pace
    receivedBytes = pace == nil ? 0 : Int(restage_received_bytes(dbiordesc(process)))
  }

  /// - Parameter rows: That have come since the last look.
  mutating func end(rows: Int) throws {
    try Task.checkCancellation()
    guard let pace else { return }
    guard pace.rate.unit == .bytes else {
      try pace.take(rows)
      rowCount = min(rowCountMax, max(1, pace.rate.count / 10))
      return
    }
    let received = Int(restage_received_bytes(dbiordesc(process)))
    let count = max(0, received - receivedBytes)
    receivedBytes = received
    try pace.take(count)
    rowCount = min(rowCountMax, max(1, Self.byteCount * max(1, rows) / max(1, count)))
  }
}
