// SNAPSHOT isolation is of each transaction: several connections see several moments. They see one state
// all the same where nothing was committed between the beginning of the first and of the last of their
// transactions, and that can be asked for.

import Catalog
import Glibc

/// Lets several connections begin their transactions at one state.
struct SharedState {
  let address: ServerAddress
  let password: String
  let kind: ServerVersion.Kind

  /// - Parameters:
  ///   - count: Of the connections.
  ///   - idle: Connections to begin with: a new one costs a login, and with some servers much of what
  ///     they have to learn of the database first.
  ///   - table: One that they may read: a transaction's moment is that of its first look at rows.
  /// - Returns: The connections, each in its transaction; nil where others wrote in every attempt.
  /// - Throws: What the server says; `permission` or `sql` where it does not show its state.
  func begin(
    count: Int, with idle: [ServerConnection], lookingAt table: ObjectName
  ) throws(ServerError) -> [ServerConnection]? {
    let observer =
      kind == .babelfish ? nil : try ServerConnection.ready(address, password: password)
    if let observer, try LogEnd.read(observer) == nil {
      throw ServerError(
        .unknown, server: address.label,
        problem: "the server does not say where the log ends before which all commits are seen "
          + "(delayed durability, a synchronous replica, or a secondary replica)")
    }
    for attempt in 0..<ServerLimits.shareAttemptCountMax {
      var connections = attempt == 0 ? idle : []
      while connections.count < count {
        connections.append(try ServerConnection.ready(address, password: password))
      }
      let isShared =
        if let observer {
          try beginWithLog(connections, observer, table)
        } else {
          try beginWithSnapshots(connections)
        }
      if isShared { return connections }
    }
    return nil
  }

  /// Babelfish: what a transaction sees is a text of three parts, PostgreSQL's own snapshot.
  private func beginWithSnapshots(_ connections: [ServerConnection]) throws(ServerError) -> Bool {
    let states = try atOnce(connections) { connection throws(ServerError) in
      try connection.beginSnapshot()
      let batch = SQLBatch(
        "state seen",
        "SELECT CAST(pg_catalog.pg_current_snapshot() AS nvarchar(max)) AS state")
      return try connection.query(batch).first?.text("state") ?? ""
    }
    return Set(states).count == 1 && states.first?.isEmpty == false
  }

  /// SQL Server: whatever is committed in the database is a record of its log.
  private func beginWithLog(
    _ connections: [ServerConnection], _ observer: ServerConnection, _ table: ObjectName
  ) throws(ServerError) -> Bool {
    let before = try LogEnd.read(observer)
    // A transaction that is in the log may need an instant more until others see it.
    usleep(Self.settlingMicroseconds)
    for connection in connections {
      try connection.beginSnapshot()
      try connection.run(
        SQLBatch("state seen", "SELECT TOP (1) 1 AS seen FROM \(SQLText.quoted(table))"))
    }
    let after = try LogEnd.read(observer)
    return before != nil && after == before
  }

  private static let settlingMicroseconds: UInt32 = 100_000
}

/// Where the log of a database ends.
enum LogEnd {
  /// - Returns: nil where a commit need not be in the log before others see it; where it can be there long
  ///   before they do, because synchronous replicas are waited for; and on a secondary replica, which does
  ///   not say it: there rows follow the log at a distance.
  /// - Throws: `sql` where the server has no such view (before SQL Server 2016, and Azure SQL Database, which
  ///   does not tell whether it waits for replicas), `permission` without VIEW SERVER STATE.
  static func read(_ connection: ServerConnection) throws(ServerError) -> String? {
    let batch = SQLBatch(
      "log end",
      """
      SELECT
        CAST(l.log_end_lsn AS nvarchar(48)) AS log_end,
        d.delayed_durability AS delayed_durability,
        (
          SELECT COUNT(*)
          FROM sys.dm_hadr_database_replica_states AS r
          WHERE r.database_id = d.database_id AND r.is_local = 0 AND r.is_commit_participant = 1
        ) AS awaited_replicas
      FROM sys.databases AS d
      CROSS APPLY sys.dm_db_log_stats(d.database_id) AS l
      WHERE d.database_id = DB_ID()
      """)
    guard let record = try connection.query(batch).first,
      record.integer("delayed_durability") == 0, record.integer("awaited_replicas") == 0
    else { return nil }
    return record.text("log_end")
  }
}
