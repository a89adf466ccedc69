// What a load says where the server's own words leave a person alone: a connection that is gone, a
// right that the role lacks, a trigger that refuses a row.

import Catalog
import Target

extension Load {
  /// The error with what happened and what to do, where the server does not say so.
  func withAdvice(_ error: any Error) async -> any Error {
    guard let refusal = error as? TargetError else { return error }
    switch refusal.code {
    case .connectionLost: return lost(refusal)
    case .privilege: return await lacking(refusal)
    case .sql: return Self.raised(refusal) ?? error
    default: return error
    }
  }

  /// The server ended the connection, or is gone.
  private func lost(_ error: TargetError) -> PipelineError {
    let cause =
      switch error.sqlstate {
      case "57P01": "the server was shut down, or an administrator ended the connection"
      case "57P02": "a process of the server crashed, and it ended all connections to recover"
      case "57P05", "25P03", "25P04": "the server ended the connection when its time was up"
      default: "the server crashed or was stopped, or the network to it broke"
      }
    let isByTable = (options.commit ?? plan.database.commit) == .table
    let whole =
      isByTable
      ? "each table has all rows of the run or none"
      : "the target holds all of the run or nothing of it"
    return PipelineError(
      .unavailable, "the load lost its connection: \(cause): \(error)",
      advice: """
        nothing is half-loaded, \(whole): when the server takes connections again, run the same \
        command again
        """)
  }

  /// A function of the target that is not restage's, as triggers call them, refused a row; nil for any other
  /// error.
  private static func raised(_ error: TargetError) -> PipelineError? {
    // PL/pgSQL function shop.refuse() line 3 at RAISE
    let functions = (error.context ?? "").split(separator: "\n").compactMap {
      $0.firstMatch(of: /^PL\/\w+ function (.+?)(?: line \d+ .*)?$/).map { String($0.1) }
    }
    guard
      let function = functions.first(where: {
        !$0.hasPrefix("restage.") && $0 != "inline_code_block"
      })
    else { return nil }
    return PipelineError(
      .differences, "\(error)",
      advice: """
        it comes from function \(function) of the target, which a trigger or the mapping calls: have it take the \
        row, or disable the trigger while rows are loaded
        """)
  }

  /// The role lacks a right: the statements that grant all that it lacks, not the first one alone.
  private func lacking(_ error: TargetError) async -> any Error {
    let lacking = try? await TargetConnection.using(target) {
      try await MissingRights(database: plan.database, connection: $0).find()
    }
    guard let lacking, !lacking.grants.isEmpty else {
      return PipelineError(
        .notAllowed, "\(error)",
        advice: "load as the role that owns the tables, or see Roles in docs/install.md")
    }
    return PipelineError(
      .notAllowed, "role \(lacking.role) lacks a right: \(error)",
      advice: "have the owner run: " + lacking.grants.joined(separator: " "))
  }
}
