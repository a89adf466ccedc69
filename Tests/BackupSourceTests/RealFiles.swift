// The readable backups and data files below ../shared/data.

import TestSupport
import Testing

@testable import BackupSource

struct RealFile: CustomTestStringConvertible, Sendable {
  /// Name of its truth, without ".json".
  var name: String
  var setNumber: Int?

  var testDescription: String { name }

  func open() throws -> BackupSource {
    let truth = try Truth.read(name)
    let paths = try truth.files.map { try SharedData.path($0) }
    let isDifferential = truth.files.count == 2 && truth.files[1].contains("_DIFF_")
    return try BackupSource(
      paths.joined(separator: isDifferential ? "+" : ","), setNumber: setNumber)
  }
}

enum RealFiles {
  static let plain = [
    "adventureworkslt-2012.mdf", "mvcmusicstore-2012.mdf", "northwind-2008.mdf", "pubs-2008.mdf",
    "backup-test-2017.bak", "chinookcache-2019.bak", "entrepot-2008r2.bak", "iti-2022.bak",
    "mvcmusicstore-2017.bak", "northwind-2005.bak", "northwind-2008.bak", "peepstat-2012.bak",
    "peepstat-2014.bak", "pubs-2012.bak", "school-2019.bak", "two-sets-2005.bak",
    "mvcmasr-2016-1of2+2of2.bak", "dbareports_FULL_20170518_041739.bak",
    "dbareports_FULL_20170518_041739+DIFF_20170518_041826.bak",
  ]
  static let compressed = [
    "northwind-2016-compressed.bak", "sharepoint-2014-compressed.bak",
    "tsqlv4-2016-compressed.bak", "tutorialdb-2016-compressed.bak",
  ]

  static let all =
    (plain + compressed).map { RealFile(name: $0) } + [
      RealFile(name: "two-sets-2005.bak.set1", setNumber: 1),
      RealFile(name: "two-sets-2005.bak.set2", setNumber: 2),
    ]
}
