import Catalog
import Glibc
import Staging

/// A database snapshot that the server makes for one export: what all its connections read, and what
/// it drops at the end.
///
/// Its session holds an application lock of the snapshot's name for as long as the export lives. The
/// lock goes with the session, however that ends: a snapshot of our name without its lock is one that
/// a killed export has left behind.
final class DatabaseSnapshot: Sendable {
  let name: String

  private let address: ServerAddress
  private let database: String
  private let password: String
  private let state: Locked<State>

  private struct State {
    /// Nil once the snapshot is dropped.
    var keeper: ServerConnection?
    var created = "at an unknown time"
  }

  /// Connects and takes the lock; nothing is made yet.
  init(
    of database: String, _ address: ServerAddress, password: String
  ) throws(ServerError) {
    self.database = database
    self.address = address
    self.password = password
    name = SnapshotName.make(of: database)
    let keeper = try ServerConnection.ready(address, password: password)
    guard try keeper.lockSnapshot(name) else {
      throw ServerError(
        .conflict, server: address.label, place: name, problem: "another session has its lock")
    }
    state = Locked(State(keeper: keeper))
  }

  /// One that is there already, whose lock the keeper holds.
  private init(
    _ left: (name: String, created: String), of database: String, _ address: ServerAddress,
    password: String, keeper: ServerConnection
  ) {
    self.database = database
    self.address = address
    self.password = password
    name = left.name
    state = Locked(State(keeper: keeper, created: left.created))
  }

  /// What an export that goes on with it knows it by.
  var stateWords: String { Self.stateWords((name, created)) }

  private static func stateWords(_ left: (name: String, created: String)) -> String {
    "database snapshot \(left.name) of \(left.created)"
  }

  /// When it was made, by the server's clock.
  var created: String { state.withLock { $0.created } }

  /// Makes the snapshot. Whatever comes of it, `drop` leaves nothing behind.
  ///
  /// - Throws: `permission` that names the privilege, `unknown` for an edition that has none, and what
  ///   the server says otherwise.
  func create() throws(ServerError) {
    guard let keeper = state.withLock({ $0.keeper }) else { return }
    let files = try keeper.dataFiles()
    guard !files.isEmpty else {
      throw ServerError(
        .permission, server: address.label, place: name,
        problem: "the login does not see the database's files",
        advice: "GRANT VIEW DEFINITION to its user")
    }
    do throws(ServerError) {
      try keeper.run(Self.creation(of: name, from: database, files))
    } catch {
      throw Self.explained(error)
    }
    let made = try keeper.query(
      SQLBatch(
        "database snapshot made",
        """
        SELECT CONVERT(nvarchar(30), d.create_date, 126) AS created
        FROM sys.databases AS d
        WHERE d.name = \(SQLText.literal(name))
        """)
    ).first?.text("created")
    if let made { state.withLock { $0.created = made } }
  }

  /// Drops the snapshot; does nothing the second time.
  ///
  /// The server may need a moment to notice that our own connections to it are gone.
  ///
  /// - Throws: What the server says, with the statement that a person has to run instead.
  func drop() throws(ServerError) {
    guard var connection = state.withLock({ $0.keeper }) else { return }
    state.withLock { $0.keeper = nil }
    var attempt = 1
    while true {
      do throws(ServerError) {
        if !connection.recover() { connection = try .ready(address, password: password) }
        return try connection.run(Self.removal(of: name))
      } catch {
        guard attempt < Self.dropAttemptCountMax else {
          throw ServerError(
            error.code, server: address.label, place: "database snapshot \(name)",
            problem: "it could not be dropped: \(error.problem)",
            advice: "DROP DATABASE \(SQLText.quoted(name));", number: error.number)
        }
        attempt += 1
        usleep(Self.dropPauseMicroseconds)
      }
    }
  }

  private static let dropAttemptCountMax = 20
  private static let dropPauseMicroseconds: UInt32 = 250_000
}

// MARK: - What was left behind

extension DatabaseSnapshot {
  /// The snapshot of an unfinished export, unless it is gone or somebody holds its lock.
  ///
  /// - Parameter words: Of that export on the state that it reads.
  static func taken(
    from words: String, database: String, _ address: ServerAddress, password: String
  ) throws(ServerError) -> DatabaseSnapshot? {
    guard words.contains("database snapshot ") else { return nil }
    let keeper = try ServerConnection.ready(address, password: password)
    for left in try keeper.snapshotsLeft()
    where SnapshotName.isOurs(left.name, of: database) && words.contains(stateWords(left)) {
      guard try keeper.lockSnapshot(left.name) else { return nil }
      return DatabaseSnapshot(left, of: database, address, password: password, keeper: keeper)
    }
    return nil
  }

  /// Drops snapshots of this database that killed exports have left behind.
  ///
  /// Only one whose name is of our form, and whose lock nobody holds, is dropped; and the server itself
  /// drops none that somebody reads.
  ///
  /// - Returns: A sentence on each that was found, those of living exports left out.
  static func dropAbandoned(
    _ address: ServerAddress, database: String, password: String
  ) throws(ServerError) -> [String] {
    let connection = try ServerConnection.ready(address, password: password)
    var findings: [String] = []
    for left in try connection.snapshotsLeft() {
      let name = left.name
      let label = stateWords(left)
      let statement = "DROP DATABASE \(SQLText.quoted(name));"
      guard SnapshotName.isOurs(name, of: database) else {
        findings.append("\(label) is not quite of our name and stays; to drop it: \(statement)")
        continue
      }
      guard try connection.lockSnapshot(name) else { continue }
      do throws(ServerError) {
        try connection.run(removal(of: name))
        findings.append("\(label) was left behind by a killed export and is dropped")
      } catch {
        guard connection.recover() else { throw error }
        findings.append(
          "\(label) was left behind by a killed export and could not be dropped "
            + "(\(error.problem)); to drop it: \(statement)")
      }
      try connection.unlockSnapshot(name)
    }
    return findings
  }
}

/// `restage_Shop_20260131T040000Z_0123456789abcdef`
enum SnapshotName {
  private static let prefix = "restage_"
  private static let stampByteCount = 16
  private static let digitCount = 16

  /// A name that no other export makes: the time for a person, the number against collisions.
  static func make(of database: String) -> String {
    var time = Glibc.time(nil)
    var parts = tm()
    gmtime_r(&time, &parts)
    func digits(_ number: Int32, _ count: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
    let stamp =
      digits(parts.tm_year + 1900, 4) + digits(parts.tm_mon + 1, 2) + digits(parts.tm_mday, 2)
      + "T" + digits(parts.tm_hour, 2) + digits(parts.tm_min, 2) + digits(parts.tm_sec, 2) + "Z"
    return start(of: database) + stamp + "_" + randomDigits()
  }

  static func isOurs(_ name: String, of database: String) -> Bool {
    let start = start(of: database)
    guard name.hasPrefix(start) else { return false }
    let rest = Array(name.utf8.dropFirst(start.utf8.count))
    guard rest.count == stampByteCount + 1 + digitCount, rest[8] == UInt8(ascii: "T"),
      rest[stampByteCount - 1] == UInt8(ascii: "Z"), rest[stampByteCount] == UInt8(ascii: "_")
    else { return false }
    let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
    return rest[..<8].allSatisfy(isDigit) && rest[9..<(stampByteCount - 1)].allSatisfy(isDigit)
      && rest[(stampByteCount + 1)...].allSatisfy { isDigit($0) || (0x61...0x66).contains($0) }
  }

  /// As much of the database's name as a login's field leaves room for.
  private static func start(of database: String) -> String {
    let room =
      ServerAddress.fieldByteCountMax - prefix.utf8.count - stampByteCount - digitCount - 2
    var kept = ""
    for character in database {
      guard kept.utf8.count + character.utf8.count <= room else { break }
      kept.append(character)
    }
    return prefix + kept + "_"
  }

  /// The end of a name, which is also what the files are called: a database's name may hold what no
  /// file's name may.
  static func fileStem(of name: String) -> String { prefix + name.suffix(digitCount) }

  private static func randomDigits() -> String {
    let text = String(UInt64.random(in: 0 ... .max), radix: 16)
    return String(repeating: "0", count: digitCount - text.utf8.count) + text
  }
}

// MARK: - Statements

/// A file of the source's rows; FILESTREAM and the log have no part in a snapshot.
struct DataFile: Hashable {
  let logicalName: String
  let path: String
}

extension DatabaseSnapshot {
  static func creation(
    of name: String, from database: String, _ files: [DataFile]
  ) -> SQLBatch {
    let stem = SnapshotName.fileStem(of: name)
    let list = files.enumerated().map { number, file in
      let path = "\(folder(of: file.path))\(stem)_\(number + 1).ss"
      return "  (NAME = \(SQLText.literal(file.logicalName)), FILENAME = \(SQLText.literal(path)))"
    }
    return SQLBatch(
      "database snapshot",
      """
      CREATE DATABASE \(SQLText.quoted(name)) ON
      \(list.joined(separator: ",\n"))
      AS SNAPSHOT OF \(SQLText.quoted(database));
      """)
  }

  /// Only ever drops a snapshot: a database of the same name stays.
  fileprivate static func removal(of name: String) -> SQLBatch {
    SQLBatch(
      "database snapshot dropped",
      """
      IF EXISTS (
        SELECT 1
        FROM sys.databases AS d
        WHERE d.name = \(SQLText.literal(name))
          AND d.source_database_id IS NOT NULL
      )
        DROP DATABASE \(SQLText.quoted(name));
      """)
  }

  /// The folder with its last separator, of Windows or of Linux.
  private static func folder(of path: String) -> Substring {
    guard let last = path.lastIndex(where: { $0 == "\\" || $0 == "/" }) else { return "" }
    return path[...last]
  }

  fileprivate static func explained(_ error: ServerError) -> ServerError {
    let place = "database snapshot"
    switch error.number {
    case 262:
      return ServerError(
        .permission, server: error.server, place: place, problem: error.problem,
        advice: "GRANT CREATE ANY DATABASE to the login, or use --consistency snapshot or locked",
        number: error.number)
    case 1844:
      return ServerError(
        .unknown, server: error.server, place: place, problem: error.problem,
        advice: "this edition has no database snapshots; use --consistency snapshot or locked",
        number: error.number)
    default: return error.at(place)
    }
  }
}

extension ServerConnection {
  /// Snapshots of the database whose names begin as ours do.
  fileprivate func snapshotsLeft() throws(ServerError) -> [(name: String, created: String)] {
    try query(
      SQLBatch(
        "database snapshots left behind",
        """
        SELECT d.name AS snapshot_name, CONVERT(nvarchar(30), d.create_date, 126) AS created
        FROM sys.databases AS d
        WHERE d.source_database_id = DB_ID()
          AND d.name LIKE N'restage[_]%'
        ORDER BY d.name
        """)
    ).compactMap { record in
      record.text("snapshot_name").map { ($0, record.text("created") ?? "an unknown time") }
    }
  }

  /// Takes the application lock of a snapshot without waiting, for as long as the session lives.
  fileprivate func lockSnapshot(_ name: String) throws(ServerError) -> Bool {
    let record = try query(
      SQLBatch(
        "database snapshot lock",
        """
        DECLARE @result int;
        EXEC @result = sp_getapplock
          @Resource = \(SQLText.literal(name)),
          @LockMode = N'Exclusive',
          @LockOwner = N'Session',
          @LockTimeout = 0;
        SELECT @result AS lock_result;
        """)
    ).first
    return (record?.integer("lock_result") ?? -1) >= 0
  }

  fileprivate func unlockSnapshot(_ name: String) throws(ServerError) {
    try run(
      SQLBatch(
        "database snapshot unlock",
        """
        EXEC sp_releaseapplock @Resource = \(SQLText.literal(name)), @LockOwner = N'Session';
        """))
  }

  fileprivate func dataFiles() throws(ServerError) -> [DataFile] {
    try query(
      SQLBatch(
        "database files",
        """
        SELECT f.name AS logical_name, f.physical_name AS physical_name
        FROM sys.database_files AS f
        WHERE f.type = 0
        ORDER BY f.file_id
        """)
    ).compactMap { record in
      guard let name = record.text("logical_name"), let path = record.text("physical_name") else {
        return nil
      }
      return DataFile(logicalName: name, path: path)
    }
  }
}
