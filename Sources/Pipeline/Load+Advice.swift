// What a load says where the server's own words leave a person alone: a connection that is gone.

import Catalog
import Target

extension Load {
  /// The error with what happened and what to do, where the server does not say so.
  func withAdvice(_ error: any Error) async -> any Error {
    guard let refusal = error as? TargetError else { return error }
    switch refusal.code {
    case .connectionLost: return lost(refusal)
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
}
