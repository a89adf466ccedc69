// What a rehearsal makes outside of the transaction that it rolls back, because staging needs it, and removes
// at its end.

import Catalog
import Logging
import Statements
import Target

extension Load {
  /// Runs the plan's schemas, collations and sequences, stages, and merges; a rehearsal removes its stage
  /// tables and what it made of the others.
  ///
  /// Only the record of the rehearsal stays, in schema `restage`: what ran against a target is to be found there.
  func rehearsing<Outcome: Sendable>(
    _ tables: [StagedTable], on control: TargetConnection, _ work: () async throws -> Outcome
  ) async throws -> Outcome {
    guard options.isRehearsal else { return try await work() }
    let drops = try await missingFoundations(on: control)
    do {
      let outcome = try await work()
      await remove(tables, drops, on: control)
      return outcome
    } catch {
      await remove(tables, drops, on: control)
      throw error
    }
  }

  /// The statements that remove what `ddl/10_schemas.sql` of the plan is going to make.
  private func missingFoundations(on control: TargetConnection) async throws -> [String] {
    let database = plan.database
    let objects: [(kind: String, name: String, catalog: String, condition: String)] =
      database.sequences.map { named("SEQUENCE", $0.name, "pg_class", "relname", "relnamespace") }
      + database.collations.map {
        named("COLLATION", $0.name, "pg_collation", "collname", "collnamespace")
      }
      + database.schemas.filter { $0.name != "public" }.map {
        ("SCHEMA", $0.quoted, "pg_namespace", "o.nspname = \(SQLLiteral.quoted($0.name))")
      }
    guard !objects.isEmpty else { return [] }
    let questions = objects.enumerated().map { number, object in
      """
      SELECT \(number) AS number
      WHERE NOT EXISTS (SELECT FROM \(object.catalog) AS o WHERE \(object.condition))
      """
    }
    let found = try await control.query(
      questions.joined(separator: "\nUNION ALL\n") + "\nORDER BY number")
    return found.values(of: "number").compactMap { $0.flatMap { Int($0) } }.map {
      "DROP \(objects[$0].kind) IF EXISTS \(objects[$0].name)"
    }
  }

  private func named(
    _ kind: String, _ name: QualifiedIdentifier, _ catalog: String, _ column: String,
    _ schema: String
  ) -> (kind: String, name: String, catalog: String, condition: String) {
    (
      kind, name.quoted, catalog,
      """
      o.\(column) = \(SQLLiteral.quoted(name.name.name)) AND o.\(schema) IN \
      (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = \(SQLLiteral.quoted(name.schema.name)))
      """
    )
  }

  /// Also when the task is cancelled. What somebody else has begun to use since stays, and is named.
  private func remove(
    _ tables: [StagedTable], _ drops: [String], on control: TargetConnection
  ) async {
    let stages = tables.flatMap { Merge.stageTables(for: $0.index, of: plan.database) }
    let statements = stages.map { "DROP TABLE IF EXISTS \($0)" } + drops
    await Task.detached { [logger] in
      for statement in statements {
        do {
          try await control.execute(statement)
        } catch {
          logger.warning(
            "left by the rehearsal", metadata: ["sql": "\(statement)", "error": "\(error)"])
        }
      }
    }.value
  }
}
