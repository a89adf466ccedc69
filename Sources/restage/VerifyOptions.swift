public import ArgumentParser
import Catalog
import Logging
import Pipeline
public import Report
import Staging

/// What `verify` and `run` share.
struct VerifyOptions: ParsableArguments {
  @Option(help: ArgumentHelp("counts, keys or content.", valueName: "level"))
  var level: Verification.Level = .content

  /// Proves the load of a snapshot and prints what was compared.
  func run(
    _ snapshot: Snapshot, plan: Plan, target: String, tables: TableOptions,
    logger: Logger
  ) async throws -> Verification {
    let names = Set(try tables.selection.select(from: snapshot, by: plan.database).names)
    var verifier = Verifier(snapshot: snapshot, database: plan.database, level: level)
    verifier.tables = plan.database.tables.indices.filter {
      names.contains(plan.database.tables[$0].source)
    }
    verifier.selection = tables.selection
    verifier.logger = logger
    let proof = try await verifier.run(
      target: target, connectionCount: tables.jobs ?? Limits.jobCountDefault)
    try Terminal.answer("\(proof)")
    return proof
  }
}

extension Verification.Level: ExpressibleByArgument {}
