// How a session is set up before anything is asked of it: on every connection, those after a broken one
// included.

extension ServerConnection {
  /// A connection whose session is set up.
  static func ready(
    _ address: ServerAddress, password: String
  ) throws(ServerError) -> ServerConnection {
    let connection = try ServerConnection(address, password: password)
    let all = SQLBatch(
      "session", ([session(address.limits)] + manners).map(\.statements).joined(separator: "\n"))
    do throws(ServerError) {
      try connection.run(all)
      return connection
    } catch {
      guard error.code == .sql, connection.recover() else { throw error }
    }
    try connection.run(session(address.limits))
    // Servers that only speak like SQL Server may not know these; none changes a value.
    for batch in manners {
      do throws(ServerError) {
        try connection.run(batch)
      } catch {
        guard error.code == .sql, connection.recover() else { throw error }
      }
    }
    return connection
  }

  /// Begins the transaction of SNAPSHOT isolation in which all tables of this connection are read.
  /// Its moment is that of the first query in it.
  func beginSnapshot() throws(ServerError) {
    try run(
      SQLBatch(
        "snapshot",
        """
        SET TRANSACTION ISOLATION LEVEL SNAPSHOT;
        BEGIN TRANSACTION;
        """))
    isInSnapshot = true
  }

  /// Begins the transaction in which one table is read; the hints of its queries take the lock and
  /// hold it to the end.
  func beginLocked() throws(ServerError) {
    try run(SQLBatch("locked", "BEGIN TRANSACTION;"))
  }

  func endLocked() throws(ServerError) {
    try run(SQLBatch("locked, end", "COMMIT TRANSACTION;"))
  }

  /// What values depend on: the default TEXTSIZE cuts (max) values, ROWCOUNT cuts results, and
  /// without NOCOUNT OFF there is no count to compare with.
  private static func session(_ limits: ServerLimits) -> SQLBatch {
    SQLBatch(
      "session",
      """
      SET TEXTSIZE 2147483647;
      SET ROWCOUNT 0;
      SET NOCOUNT OFF;
      SET LOCK_TIMEOUT \(limits.lockMilliseconds);
      """)
  }

  /// What the server's other users depend on, and indexed views and persisted columns.
  private static let manners = [
    SQLBatch("session, deadlocks", "SET DEADLOCK_PRIORITY LOW;"),
    SQLBatch("session, arithmetic", "SET ARITHABORT ON;"),
    SQLBatch(
      "session, ANSI",
      """
      SET QUOTED_IDENTIFIER ON;
      SET ANSI_NULLS ON;
      SET ANSI_PADDING ON;
      SET ANSI_WARNINGS ON;
      SET CONCAT_NULL_YIELDS_NULL ON;
      """),
  ]
}
