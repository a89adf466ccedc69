/// What an opened source is, apart from its rows.
struct BackupFacts: Hashable, Sendable {
  enum Kind: String, Sendable {
    case backup = "bak"
    case dataFile = "mdf"
  }

  var kind: Kind
  /// Nil for data files: their name is on the boot page.
  var databaseName: String?
  /// "SQL Server 2016": what wrote the backup. Nil for data files.
  var serverVersion: String?
  /// "13.0.4001".
  var serverBuild: String?
  /// The database's own version; nil for data files.
  var internalVersion: Int?
  var isCompressed = false
  /// Windows locale of the database's default collation.
  var localeID: Int?
  /// "2017-05-18T04:17:39", the server's local time.
  var finishedAt: String?
  /// Transaction log in the backup, which is not replayed.
  var logByteCount = 0
  /// Types of blocks that are not read.
  var otherBlocks: [String] = []
  /// The set that was opened, from 1.
  var setNumber: Int?
  /// Every set in the file.
  var sets: [SetFacts] = []
  /// File names without their folders.
  var files: [String] = []
  /// One sentence each.
  var warnings: [String] = []

  struct SetFacts: Hashable, Sendable {
    var number: Int
    /// "full", "differential", "transaction log", …
    var type: String
    var databaseName: String
    var finishedAt: String?
  }
}

extension BackupFacts {
  init(of set: BackupSet, in backup: BackupMembers) {
    let configuration = set.configuration
    kind = .backup
    databaseName = configuration.databaseName
    serverVersion = configuration.server.description
    serverBuild = configuration.server.number
    internalVersion = configuration.internalVersion
    isCompressed = backup.isCompressed
    localeID = configuration.localeID
    finishedAt = configuration.finishedAt?.description
    setNumber = set.number
    sets = backup.tapes[0].sets.map {
      SetFacts(
        number: $0.number, type: $0.type.description,
        databaseName: $0.configuration.databaseName,
        finishedAt: $0.configuration.finishedAt?.description)
    }
    files = backup.streams.map(\.fileName)
  }
}
