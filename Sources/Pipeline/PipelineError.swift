import FoundationEssentials
import Glibc

/// What stopped a command, with the exit code it leads to.
public struct PipelineError: Error, Hashable, Sendable {
  public let status: ExitStatus
  /// What failed, where, and what was there instead.
  public let problem: String
  /// What to do about it.
  public let advice: String?

  public init(_ status: ExitStatus, _ problem: String, advice: String? = nil) {
    self.status = status
    self.problem = problem
    self.advice = advice
  }
}

extension PipelineError: CustomStringConvertible {
  public var description: String { advice.map { "\(problem); \($0)" } ?? problem }
}

extension PipelineError {
  /// Why the system did not do something with a file, in its own words.
  public static func reason(of error: any Error) -> String {
    let underlying = (error as? CocoaError)?.userInfo["NSUnderlyingError"] as? POSIXError
    guard let code = (error as? POSIXError)?.code ?? underlying?.code else { return "\(error)" }
    return String(cString: strerror(code.rawValue))
  }
}
