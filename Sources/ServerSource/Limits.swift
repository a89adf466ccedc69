/// Every bound of this module.
///
/// Memory of one connection is two packets and one row. db-lib hands a row over whole, with its (max)
/// values: no more of each is asked for than `valueByteCountMax`, and one byte that says there is more.
public struct ServerLimits: Hashable, Sendable {
  /// Seconds until a server has answered and let the login in.
  public var loginSeconds = 15
  /// Seconds without a single byte after which a query counts as stalled. The server may need most
  /// of it to sort a large table before the first row.
  public var stallSeconds = 300
  /// Milliseconds that a query waits for a lock of somebody else.
  public var lockMilliseconds = 60_000
  /// Bytes of a packet. With TLS a server takes no more than 16,383.
  public var packetByteCount = 16_383
  /// Bytes of a (max) value, as the server gives it; a row with a larger one is a reject.
  public var valueByteCountMax = 64 << 20
  /// Rows between two looks at whether the export was cancelled.
  public var rowsBetweenChecks = 1_024
  /// Connections that are kept open for the next table.
  public var idleConnectionCountMax = 64
  /// Connections that will read rows at the same time. Of several a second one is opened at once; Babelfish
  /// is asked for the catalog over both.
  public var readerCount = 1
  /// Rows of a range of a table that is read in ranges; a table of twice as many is.
  public var rangeRowCount = 250_000
  /// What all connections together take from the server; nil for as much as it gives.
  public var rateMax: Rate?

  /// Ranges of a table; those of a larger table have more rows.
  public static let rangeCountMax = 1_000

  /// How often connections begin their transactions anew until all of them see one state.
  public static let shareAttemptCountMax = 5

  /// How often a table, or a range of it, is begun again after its connection broke.
  public static let attemptCountMax = 4
  /// Seconds before the second attempt; doubled before each further one.
  public static let backoffSeconds = 2

  public init() {}
}
