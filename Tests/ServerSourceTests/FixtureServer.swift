// How these tests reach a server of the fixtures, and write answers for it.

import BackupFixtures
import Catalog
import TDSFixtures

@testable import ServerSource

extension TDSServer {
  /// The address of a login that the fixtures let in.
  func address(_ database: String, options: String = "") throws -> ServerAddress {
    let name = database.utf8.map { byte -> String in
      let hex = String(byte, radix: 16)
      return hex.count == 1 ? "%0\(hex)" : "%\(hex)"
    }.joined()
    return try ServerAddress("mssql://sa@127.0.0.1:\(port)/\(name)?encrypt=off\(options)")
  }

  static let password = "Pässword1"
}

extension ResultSet {
  /// - Parameter columns: Names, followed by `:n` for nvarchar(4000), `:m` for nvarchar(max), `:b` for
  ///   bigint; others are int.
  static func of(_ columns: [String], _ rows: [[FixtureValue]]) -> ResultSet {
    ResultSet(
      columns.map { column in
        let parts = column.split(separator: ":")
        let types: [Substring: String] = [
          "n": "nvarchar(4000)", "m": "nvarchar(max)", "b": "bigint",
        ]
        return ResultColumn(
          String(parts[0]), parts.dropFirst().first.flatMap { types[$0] } ?? "int")
      }, rows: rows)
  }
}
