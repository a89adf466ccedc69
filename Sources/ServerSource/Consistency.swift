import Staging

/// How far the rows that a live server gives belong to one moment: `--consistency`.
public enum Consistency: String, Sendable, CaseIterable {
  /// Each connection reads in one transaction of SNAPSHOT isolation.
  case snapshot
  /// All connections read a database snapshot, which the server makes for this export.
  case databaseSnapshot = "database-snapshot"
  /// Each table is read under a shared lock of the whole table.
  case locked
  /// READ COMMITTED, whatever others write meanwhile.
  case none
}

/// What a mode comes to in one database: decided once, before anything is read.
struct ReadMode: Hashable, Sendable {
  let consistency: Consistency
  let isolation: Isolation
  private let wasAsked: Bool

  enum Isolation: String, Sendable {
    case snapshot = "SNAPSHOT"
    case serializable = "SERIALIZABLE"
    case readCommitted = "READ COMMITTED"
    /// With READ_COMMITTED_SNAPSHOT: each statement sees one moment.
    case readCommittedVersions = "READ COMMITTED with row versions"
    /// Nobody can write.
    case readOnly = "READ COMMITTED of a database that does not change"
  }

  /// - Parameter asked: nil for SNAPSHOT isolation where the database allows it, else none.
  /// - Throws: `unknown` for a mode that this server or database does not have.
  init(
    _ asked: Consistency?, _ facts: ServerFacts, _ address: ServerAddress
  ) throws(ServerError) {
    wasAsked = asked != nil
    consistency = asked ?? (facts.allowsSnapshot || facts.isReadOnly ? .snapshot : .none)
    switch consistency {
    case .snapshot: isolation = facts.allowsSnapshot ? .snapshot : .readOnly
    case .databaseSnapshot: isolation = .readOnly
    case .locked: isolation = .serializable
    case .none:
      isolation =
        facts.isReadOnly
        ? .readOnly : facts.readsCommittedVersions ? .readCommittedVersions : .readCommitted
    }
    if let refusal = Self.refusal(of: consistency, facts) {
      throw ServerError(
        .unknown, server: address.label, place: "--consistency \(consistency.rawValue)",
        problem: refusal.problem, advice: refusal.advice)
    }
  }

  private static func refusal(
    of consistency: Consistency, _ facts: ServerFacts
  ) -> (problem: String, advice: String)? {
    switch (consistency, facts.version.kind) {
    case (.snapshot, _) where !facts.allowsSnapshot && !facts.isReadOnly:
      (
        "database \(facts.database) does not allow SNAPSHOT isolation",
        "ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON, or another --consistency"
      )
    case (.databaseSnapshot, .azureDatabase), (.databaseSnapshot, .azureInstance),
      (.databaseSnapshot, .babelfish):
      ("\(facts.version) has no database snapshots", "use --consistency snapshot")
    case (.locked, .babelfish):
      (
        "\(facts.version) reads over TABLOCK and takes no shared lock",
        "use --consistency snapshot"
      )
    default: nil
    }
  }

  /// What follows the table's name in a query.
  var tableHint: String { consistency == .locked ? " WITH (TABLOCK, HOLDLOCK)" : "" }

  /// Whether a table's rows may be others than those that were counted just before; then the manifest
  /// says how many were counted. Who did not ask for such a read gets an error.
  var recordsOtherCounts: Bool { wasAsked && consistency == .none && isolation != .readOnly }

  /// Why rows that were not read may be in the table all the same. Row versions make a statement see
  /// one moment, which is less than what counting and reading are compared by.
  var uncertainty: String? {
    switch isolation {
    case .readCommitted:
      "READ COMMITTED: rows that others moved during the read may be missing or doubled"
    case .readCommittedVersions:
      "READ COMMITTED with row versions: count, rows and other tables are of different moments"
    case .snapshot, .serializable, .readOnly: nil
    }
  }

  /// Which locks the reading takes, in one sentence.
  var locks: String {
    switch (consistency, isolation) {
    case (_, .snapshot):
      "no locks on rows or pages; Sch-S on each table while it is read, as every query takes it"
    case (.databaseSnapshot, _):
      "none in the source; the server keeps a copy of every page that others change meanwhile"
    case (_, .serializable):
      "S on each table from its count to its last row: others read it, and wait to write it"
    case (_, .readOnly): "shared ones that nobody waits for: the database takes no writes"
    case (_, .readCommittedVersions): "none on rows or pages; Sch-S on each table while it is read"
    case (_, .readCommitted):
      "S on each row or page for as long as it is read, IS on the table: writers wait for moments"
    }
  }
}

extension ReadMode {
  /// What the manifest says in words.
  ///
  /// - Parameter moments: Milliseconds at which the connections' transactions began, ascending.
  func sentence(_ moments: [Int], _ snapshot: DatabaseSnapshot?) -> String {
    switch (consistency, isolation) {
    case (.databaseSnapshot, _):
      let made = snapshot.map { " \($0.name), made \($0.created) by the server's clock" } ?? ""
      return "live server, database snapshot\(made): all tables are of one moment"
    case (_, .readOnly): return "live server, the database is read-only"
    case (_, .serializable):
      return "live server, each table read under a shared lock: each is of the moment of its own"
    case (_, .readCommittedVersions):
      return "live server, READ COMMITTED with row versions: each table is of the moment of its own"
    case (_, .readCommitted):
      return "live server, READ COMMITTED: rows and tables are of different moments"
    case (_, .snapshot):
      guard let first = moments.first, let last = moments.last, moments.count > 1 else {
        return "live server, SNAPSHOT isolation: all tables are of one moment"
      }
      return "live server, SNAPSHOT isolation in \(moments.count) transactions that began within "
        + "\(last - first) ms: each table is of the moment of its own"
    }
  }

  func state(_ moments: [Int], _ snapshot: DatabaseSnapshot?) -> ReadState {
    let isOneMoment =
      consistency == .databaseSnapshot || isolation == .readOnly
      || (isolation == .snapshot && moments.count <= 1)
    return ReadState(
      mode: consistency.rawValue, isolation: isolation.rawValue, isOneMoment: isOneMoment,
      databaseSnapshot: snapshot?.name, databaseSnapshotCreated: snapshot?.created)
  }
}
