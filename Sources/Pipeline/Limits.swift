/// Every bound of a run, in one place.
public enum Limits {
  /// Tables that are exported, staged or proven at the same time; also the number of connections
  /// that stage rows.
  public static let jobCountDefault = 4
  public static let jobCountMax = 64

  /// Seconds that a statement of the merge waits for a lock that an application holds.
  public static let lockTimeoutSeconds = 60

  /// Seconds that a run waits for the lock of its source: as long as a server may need to find out that
  /// the program which had it has ended.
  static let lockOfEndedRunSeconds = 3

  /// How often a run looks whether it is in a deadlock: well within the second after which a server
  /// would look on the application's behalf.
  static let deadlockCheckInterval = Duration.milliseconds(250)

  /// Oldest PostgreSQL that understands what is generated (UNIQUE NULLS NOT DISTINCT).
  public static let serverVersionMin = 150_000
}
