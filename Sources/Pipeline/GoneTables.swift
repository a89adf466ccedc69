import Catalog
import Staging
import Target

/// Looks for tables that earlier loads brought and that the source no longer has: dropped, renamed, or
/// hidden from the login. No run stages them any more, so no run finds their rows vanished.
struct GoneTables {
  let snapshot: Snapshot
  let database: MappedDatabase
  let selection: TableSelection

  struct Table: Hashable {
    let source: ObjectName
    /// The final table.
    let target: ObjectName
  }

  /// - Returns: Sorted by their names in the source, without those that nobody asked for: the export
  ///   left them out, `--tables` does, or the mapping skips them.
  func find(on connection: TargetConnection) async throws -> [Table] {
    let isThere = try await connection.query("SELECT to_regclass('restage.table_map') AS found")
    guard isThere.first("found") != nil else { return [] }
    let known = Set(snapshot.database.tables.map(\.name) + snapshot.manifest.leftOut)
    let skipped = (database.skipped ?? []).map { TablePattern($0) }
    return try await Registration.all(on: connection)
      .filter { registered in
        registered.sourceName == database.sourceName && !known.contains(registered.source)
          && selection.matches(registered.source)
          && !skipped.contains { $0.matches(registered.source) }
      }
      .map { Table(source: $0.source, target: $0.target) }
      .sorted { $0.source < $1.source }
  }
}
