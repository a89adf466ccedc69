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
