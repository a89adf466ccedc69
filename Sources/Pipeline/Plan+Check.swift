import Catalog
public import Staging
import Translation

extension Plan {
  /// Holds a plan that was read from disk to the snapshot it is to load.
  ///
  /// - Throws: `drifted`, naming the first table or column of the plan that the snapshot does not
  ///   have as planned.
  public func check(against snapshot: Snapshot) throws(PipelineError) {
    let planned = database.databaseName
    let exported = Translator.databaseName(of: snapshot.database)
    guard planned == exported else {
      throw Self.drift("the plan is for database '\(planned)', the snapshot of '\(exported)'")
    }
    let found = Dictionary(
      snapshot.database.tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for table in database.tables {
      guard let source = found[table.source] else {
        throw Self.drift("\(table.source) is in the plan, not in the snapshot")
      }
      let planned = table.columns.map { "\($0.sourceName) \($0.sourceType)" }
      let exported = source.storedColumns.map { "\($0.name) \($0.type)" }
      for (before, now) in zip(planned, exported) where before != now {
        throw Self.drift("\(table.source): planned column \(before), the snapshot has \(now)")
      }
      guard planned.count == exported.count else {
        throw Self.drift(
          "\(table.source): planned \(planned.count) columns, the snapshot has \(exported.count)")
      }
    }
  }

  private static func drift(_ problem: String) -> PipelineError {
    PipelineError(.drifted, problem, advice: "plan again and review what changed")
  }
}
