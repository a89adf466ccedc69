import Catalog
import SystemPackage

/// Why a row did not get into the chunks: PostgreSQL could not hold it, or the source could not read it.
indirect enum Rejection: Hashable, Sendable {
  case nul
  case unpairedSurrogate
  case undefinedBytes(codePage: Int)
  case unfinishedCharacter
  case rowTooLong(byteCountMax: Int)
  /// The source did not hand it over.
  case valueTooLarge(byteCountMax: Int)
  case fullGlobe
  case unreadable(String)
  /// The row is kept without what it was faulted for.
  case altered(Rejection, TextPolicy)

  /// One clause without the row's values.
  var reason: String {
    switch self {
    case .nul: "U+0000 in text, which PostgreSQL cannot store"
    case .unpairedSurrogate: "half of a surrogate pair in text, which is no character"
    case .undefinedBytes(let codePage): "bytes that are no character in code page \(codePage)"
    case .unfinishedCharacter: "text that ends in the middle of a character"
    case .rowTooLong(let byteCountMax):
      "more than \(byteCountMax) bytes as CSV, the longest line that PostgreSQL reads"
    case .valueTooLarge(let byteCountMax):
      "a value of more than \(byteCountMax) bytes, the largest that this export was to take"
    case .fullGlobe: "FULLGLOBE, the whole globe, which PostGIS has no shape for"
    case .unreadable(let problem): problem
    case .altered(let fault, .strip): "\(fault.reason): stripped, the row is kept"
    case .altered(let fault, _): "\(fault.reason): replaced by U+FFFD, the row is kept"
    }
  }
}

/// `rejects/<schema>.<table>.csv`: one line for each row that did not get into the chunks, or not as
/// it is in the source. The file is made with the first of them.
final class RejectFile {
  static let header = "reason,column,key,position\n"

  private let path: FilePath
  private var file: OutputFile?
  private(set) var rows = 0

  init(path: FilePath) {
    self.path = path
  }

  /// - Parameters:
  ///   - column: Nil where the row as a whole is at fault.
  ///   - key: JSON object of the key columns; nil for a table without a source key.
  ///   - position: 1 for the first row that the source gave, rejects counted; nil where the line
  ///     stands for an unknown number of rows.
  func append(
    _ rejection: Rejection, column: String?, key: String?, position: Int?
  ) throws(StagingError) {
    try note(rejection, column: column, key: key, position: position)
    rows += 1
  }

  /// Writes the line of a row that did get into the chunks; it is not counted.
  func note(
    _ rejection: Rejection, column: String?, key: String?, position: Int?
  ) throws(StagingError) {
    let file = try opened()
    let cells = [rejection.reason, column, key, position.map(String.init)]
    try file.write(Array((cells.map(Self.csvCell).joined(separator: ",") + "\n").utf8))
  }

  /// Completes the file, if there is one.
  func finish() throws(StagingError) {
    guard let file else { return }
    try file.finish()
    try Folder.sync(path.removingLastComponent())
  }

  private func opened() throws(StagingError) -> OutputFile {
    if let file { return file }
    let file = try OutputFile(path: path)
    try file.write(Array(Self.header.utf8))
    self.file = file
    return file
  }

  private static func csvCell(_ value: String?) -> String {
    guard let value else { return "" }
    let needsQuotes =
      value.isEmpty || value.utf8.contains { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }
    return needsQuotes ? "\"" + value.replacing("\"", with: "\"\"") + "\"" : value
  }
}
