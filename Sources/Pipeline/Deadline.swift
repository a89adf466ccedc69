import Glibc
import Staging

/// A time of day at which an export stops to read: the source has other work then.
public struct Deadline: Hashable, Sendable, CustomStringConvertible {
  /// `05:30`, in local time.
  public let description: String
  private let hour: Int32
  private let minute: Int32

  /// - Returns: nil for what is not hours and minutes from 00:00 to 23:59.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ (1...2).contains($0.utf8.count) }),
      parts[1].utf8.count == 2, let hour = UInt8(parts[0]), let minute = UInt8(parts[1]),
      hour < 24, minute < 60
    else { return nil }
    description = (hour < 10 ? "0" : "") + "\(hour):" + parts[1]
    self.hour = Int32(hour)
    self.minute = Int32(minute)
  }

  /// From now until it is that time again: more than nothing, at most a day (or the 25 hours of one).
  func remaining(now: timespec = .now) -> Duration {
    var seconds = now.tv_sec
    var local = tm()
    localtime_r(&seconds, &local)
    func end(inDays days: Int32) -> time_t {
      var end = local
      end.tm_mday += days
      (end.tm_hour, end.tm_min, end.tm_sec) = (hour, minute, 0)
      // Whether it is summer then is for mktime to find out.
      end.tm_isdst = -1
      return mktime(&end)
    }
    let today = end(inDays: 0)
    let end = today > now.tv_sec ? today : end(inDays: 1)
    return .seconds(end - now.tv_sec) - .nanoseconds(now.tv_nsec)
  }
}

extension timespec {
  static var now: timespec {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return time
  }
}

extension Export {
  /// Does the work unless it takes until the deadline; then it is cancelled.
  ///
  /// - Parameter canGoOn: Whether what is finished by then is worth something to the next export.
  /// - Throws: `locked` at the deadline: try again later.
  func before<Outcome: Sendable>(
    _ deadline: Deadline?, canGoOn: Bool, _ work: @escaping @Sendable () async throws -> Outcome
  ) async throws -> Outcome {
    guard let deadline else { return try await work() }
    let remaining = deadline.remaining()
    return try await withThrowingTaskGroup(of: Outcome?.self) { group in
      group.addTask { try await work() }
      group.addTask {
        try await Task.sleep(for: remaining)
        return nil
      }
      defer { group.cancelAll() }
      guard let outcome = try await group.next() ?? nil else {
        if canGoOn { source.keepState() }
        throw PipelineError(
          .locked, "it is \(deadline), and not all tables are exported",
          advice: canGoOn
            ? "export --into '\(folder)' again: it goes on with what is missing"
            : """
            nothing shows that the source stays as it is, so the next export begins again: use \
            --consistency database-snapshot or a read-only database, or give it more time
            """)
      }
      return outcome
    }
  }
}
