#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files that a SOURCE names: `A.bak`, `A.bak,B.bak` (stripes), `FULL.bak+DIFF.bak`,
/// `FILE.mdf,FILE.ndf`.
///
/// Commas and plus signs also stand in file names; what exists under its whole name wins.
struct SourceFiles: Hashable, Sendable {
  /// Members of the full backup, or data files.
  let base: [String]
  /// Members of the differential; empty where none is given.
  let differential: [String]

  init(_ specification: String) throws(BackupError) {
    try self.init(specification, exists: fileExists)
  }

  init(_ specification: String, exists: (String) -> Bool) throws(BackupError) {
    if exists(specification) {
      (base, differential) = ([specification], [])
      return
    }
    if let list = Self.list(specification, exists) {
      (base, differential) = (list, [])
      return
    }
    for split in specification.indices where specification[split] == "+" {
      let right = specification[specification.index(after: split)...]
      if let full = Self.list(String(specification[..<split]), exists),
        let differential = Self.list(String(right), exists)
      {
        (base, self.differential) = (full, differential)
        return
      }
    }
    throw Self.missing(specification, exists)
  }

  /// Cuts the text at commas so that every part exists, into as few parts as possible.
  private static func list(_ text: String, _ exists: (String) -> Bool) -> [String]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= partCountMax else { return nil }
    // lists[n]: the shortest list of existing files that the first n parts make.
    var lists: [[String]?] = [[]]
    for end in 1...parts.count {
      var best: [String]?
      for start in 0..<end {
        guard let list = lists[start], list.count + 1 < best?.count ?? .max else { continue }
        let name = parts[start..<end].joined(separator: ",")
        if !name.isEmpty, exists(name) { best = list + [name] }
      }
      lists.append(best)
    }
    return lists[parts.count]
  }

  private static func missing(_ text: String, _ exists: (String) -> Bool) -> BackupError {
    let parts = text.split { $0 == "," || $0 == "+" }.map(String.init)
    let name = parts.first { !exists($0) } ?? text
    return BackupError(
      .unreadable, file: lastComponent(of: name), problem: "there is no such file",
      advice: "check the path")
  }

  /// 64 members each for the full backup and the differential.
  private static let partCountMax = 256
}

private func fileExists(_ path: String) -> Bool {
  !path.utf8.contains(0) && access(path, F_OK) == 0
}

/// A path's last part, for messages; they never show folders.
func lastComponent(of path: String) -> String {
  let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) }
  return name ?? path
}
