// removed/<schema>.<table>/: keys of rows that the source deleted since an earlier snapshot, in chunks
// like those of rows.

public import Catalog
import SystemPackage

extension SnapshotLayout {
  static let removedName = "removed"

  func removedFolder(_ table: ObjectName) -> FilePath {
    folder.appending(Self.removedName).appending(table.fileName)
  }
}

extension SnapshotWriter {
  /// Makes the writer for the source keys of rows that are gone. Its table has the key's columns alone,
  /// in the order of their numbers.
  ///
  /// - Throws: `.cannotWrite`.
  public func makeRemovedWriter(for table: Table) throws(StagingError) -> TableWriter {
    let folder = layout.removedFolder(table.name)
    try Folder.make(folder.removingLastComponent())
    try Folder.make(folder)
    // A key that PostgreSQL cannot hold was never loaded. The file is called as chunks are, so that what
    // an unfinished export leaves is known for its own.
    return TableWriter(
      table: table.ofKeyColumns, folder: folder, rejects: folder.appending("000000.csv"),
      limits: limits)
  }

  func discardRemoved(of table: Table) throws(StagingError) {
    let folder = layout.removedFolder(table.name)
    guard try Folder.kind(of: folder) != nil else { return }
    for name in try Folder.names(in: folder) { try Folder.removeFile(folder.appending(name)) }
  }
}

extension Table {
  fileprivate var ofKeyColumns: Table {
    let names = sourceKeyColumns ?? []
    return Table(
      name: name, columns: storedColumns.filter { names.contains($0.name) }, primaryKey: primaryKey)
  }
}
