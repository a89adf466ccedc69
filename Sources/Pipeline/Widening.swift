// `--with-parents`: a selection grows by what its foreign keys lead to.

public import Catalog
import Logging
public import Staging
import Translation

/// A table that nobody asked for, and why it comes along.
public struct Widening: Hashable, Sendable, CustomStringConvertible {
  public let table: ObjectName
  /// A selected table, or one that came along itself.
  public let child: ObjectName
  /// "foreign key fk_order_customer", or "column customer_id" where the mapping alone knows of it.
  public let reference: String

  public var description: String { "\(table): \(reference) of \(child) leads to it" }

  var metadata: Logger.Metadata {
    ["table": "\(table)", "because": "\(reference) of \(child) leads to it"]
  }
}

extension TableSelection {
  /// The tables of a snapshot that are selected, and which of them came along.
  ///
  /// - Throws: `usage` for a pattern that matches nothing, and for a parent that the snapshot does not
  ///   hold.
  public func select(
    from snapshot: Snapshot, by database: MappedDatabase
  ) throws -> (names: [ObjectName], widened: [Widening]) {
    let names = try select(from: snapshot.manifest.tables.map(\.table))
    let widened = hasParents ? database.parents(of: names) : []
    for parent in widened {
      let manifest = snapshot.manifest.table(named: parent.table)
      guard manifest == nil || manifest?.refusal != nil else { continue }
      throw PipelineError(
        .usage,
        "\(parent.reference) of \(parent.child) leads to \(parent.table), whose rows are not in the "
          + "snapshot\(manifest?.refusal.map { ": \($0)" } ?? "")",
        advice: "export with --with-parents too; or leave it out here, and on_orphan decides")
    }
    return (names + widened.map(\.table), widened)
  }

  /// The tables of a source that are selected, and which of them came along.
  ///
  /// - Parameter mapping: Tables that it skips do not come along; references that it declares count.
  /// - Throws: `usage` for a pattern that matches nothing; `MappingError` where parents are asked for
  ///   and the mapping does not fit the source.
  func select(
    from database: Database, by mapping: Mapping
  ) throws -> (names: [ObjectName], widened: [Widening]) {
    let names = try select(from: database.tables.map(\.name))
    let widened = hasParents ? try Translator.map(database, by: mapping).parents(of: names) : []
    return (names + widened.map(\.table), widened)
  }
}

extension MappedDatabase {
  /// The tables that foreign keys of the named ones lead to, over any number of steps, without the
  /// named ones themselves; each once, the nearest first.
  func parents(of names: [ObjectName]) -> [Widening] {
    var seen = Set(names)
    var queue = tables.indices.filter { seen.contains(tables[$0].source) }[...]
    var found: [Widening] = []
    while let index = queue.popFirst() {
      for (parent, reference) in references(of: tables[index])
      where seen.insert(tables[parent].source).inserted {
        found.append(
          Widening(
            table: tables[parent].source, child: tables[index].source, reference: reference))
        queue.append(parent)
      }
    }
    return found
  }

  private func references(of table: MappedTable) -> [(parent: Int, reference: String)] {
    table.foreignKeys.map { ($0.parent, "foreign key \($0.name.name)") }
      + table.columns.compactMap { column in
        column.keyTable.map { ($0, "column \(column.name.name)") }
      }
  }
}
