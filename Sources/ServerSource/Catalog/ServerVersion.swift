/// What kind of server it is and what it can do.
struct ServerVersion: Hashable, Sendable {
  /// 9 for SQL Server 2005 up to 17 for 2025; Azure says 12 and can do what the newest can.
  let major: Int
  let build: String
  let kind: Kind

  enum Kind: Hashable, Sendable {
    case server, azureDatabase, azureInstance, babelfish
  }

  /// - Returns: nil where the server does not say what it is.
  init?(_ record: ResultRecord) {
    guard let build = record.text("product_version"),
      let major = build.split(separator: ".").first.flatMap({ Int($0) })
    else { return nil }
    self.build = build
    if record.flag("babelfish") {
      kind = .babelfish
    } else {
      switch record.integer("engine_edition") {
      case 5: kind = .azureDatabase
      case 8: kind = .azureInstance
      default: kind = .server
      }
    }
    self.major = kind == .azureDatabase || kind == .azureInstance ? max(major, 16) : major
  }

  /// Whether a feature that came with a version of SQL Server can be asked for.
  func has(_ since: Int) -> Bool { major >= since }
}

extension ServerVersion: CustomStringConvertible {
  var description: String {
    switch kind {
    case .server: Self.name(major, build)
    case .azureDatabase: "Azure SQL Database"
    case .azureInstance: "Azure SQL Managed Instance"
    case .babelfish: "Babelfish, as \(Self.name(major, build))"
    }
  }

  private static func name(_ major: Int, _ build: String) -> String {
    let names = [
      9: "2005", 11: "2012", 12: "2014", 13: "2016", 14: "2017", 15: "2019", 16: "2022",
      17: "2025",
    ]
    if major == 10 { return build.hasPrefix("10.50") ? "SQL Server 2008 R2" : "SQL Server 2008" }
    return names[major].map { "SQL Server \($0)" } ?? "SQL Server \(build)"
  }
}
