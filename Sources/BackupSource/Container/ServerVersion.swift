/// The version of the server that wrote a backup.
struct ServerVersion: Hashable, Sendable, CustomStringConvertible {
  let major: Int
  /// 50 for 2008 R2.
  let minor: Int
  let build: Int

  /// "13.0.4001".
  var number: String { "\(major).\(minor).\(build)" }

  /// "SQL Server 2016".
  var description: String {
    if major == 10 { return minor >= 50 ? "SQL Server 2008 R2" : "SQL Server 2008" }
    let years = [8: 2000, 9: 2005, 11: 2012, 12: 2014, 13: 2016, 14: 2017, 15: 2019, 16: 2022]
    if major == 17 { return "SQL Server 2025" }
    guard let year = years[major] else {
      return major < 8 ? "SQL Server before 2000" : "SQL Server version \(number)"
    }
    return "SQL Server \(year)"
  }
}

extension ServerVersion {
  /// Why a backup of SQL Server 2000 or older cannot be read.
  func refusal(of fileName: String) -> BackupError {
    BackupError(
      .refusedKind, file: fileName, problem: "is a backup of SQL Server 2000 or older",
      advice: "restore it on SQL Server 2005 to 2008 R2 and back it up from there")
  }
}

/// The version of a database's own catalog, section 8.1; a restore raises it to the server's.
struct DatabaseVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
  let number: Int

  /// The first whose catalog describes itself as this reader needs it.
  static let oldestReadable = DatabaseVersion(number: 611)
  static let newestKnown = DatabaseVersion(number: 998)

  static func < (left: DatabaseVersion, right: DatabaseVersion) -> Bool {
    left.number < right.number
  }

  /// The server that has this version: "SQL Server 2016".
  var description: String {
    switch number {
    case ..<Self.oldestReadable.number: "SQL Server 2000 or older"
    case ..<655: "SQL Server 2005"
    case ..<660: "SQL Server 2008"
    case ..<700: "SQL Server 2008 R2"
    case ..<770: "SQL Server 2012"
    case ..<800: "SQL Server 2014"
    case ..<868: "SQL Server 2016"
    case ..<895: "SQL Server 2017"
    case ..<940: "SQL Server 2019"
    case ..<970: "SQL Server 2022"
    case ...Self.newestKnown.number: "SQL Server 2025"
    default: "SQL Server newer than 2025"
    }
  }
}
