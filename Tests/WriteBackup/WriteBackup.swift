// Writes what a snapshot holds as a SQL Server backup, for the demo and for trials. The backup is
// like those of SQL Server 2017, and no server has had a part in it.

import ArgumentParser
import BackupFixtures
import SnapshotFixtures
import Staging

@main
struct WriteBackup: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write-backup", abstract: "Write a snapshot as a SQL Server backup or data file")

  @Argument(help: "Folder of a finished snapshot.") var snapshot: String
  @Argument(help: "What to write: a .bak, or a data file where the name ends in .mdf.")
  var file: String
  @Flag(help: "Compress the backup.") var compressed = false
  @Option(help: "Compress the rows in their pages: none, row or page.")
  var compressRows = RowCompression.none

  enum RowCompression: String, ExpressibleByArgument, CaseIterable {
    case none, row, page

    var storage: FixtureStorage.Compression {
      switch self {
      case .none: .none
      case .row: .row
      case .page: .page
      }
    }
  }

  func run() throws {
    var database = try FixtureDatabase(Snapshot(opening: snapshot))
    for index in database.tables.indices {
      database.tables[index].storage.compression = compressRows.storage
    }
    if file.hasSuffix(".mdf") {
      try FixtureWriter(database).writeMDF(to: file)
    } else {
      try FixtureBackup(database, kind: compressed ? .compressed : .plain).write(to: file)
    }
    print(file)
  }
}
