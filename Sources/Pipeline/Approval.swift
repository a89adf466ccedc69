// What a DBA has signed off: SHA-256 sums, as sha256sum prints them.

import FoundationEssentials

/// A list of approved SQL files.
///
/// The file has the form that `sha256sum` prints and checks, so that no tool of ours is needed to write
/// it: `(cd PLAN && sha256sum ddl/*.sql merge/*/*.sql) > approved.lock`. Empty lines and lines that
/// begin with `#` are comments. What counts is the sum; paths are for people.
public struct Approval: Sendable {
  let file: String
  let sums: Set<String>

  /// Reads an approval file.
  ///
  /// - Throws: `notAllowed` when it cannot be read or has a line of another form: what cannot be
  ///   understood approves nothing.
  public init(reading file: String) throws(PipelineError) {
    let text: String
    do {
      text = try String(contentsOf: URL(filePath: file), encoding: .utf8)
    } catch {
      throw PipelineError(
        .notAllowed, "the approval file \(file) cannot be read: \(PipelineError.reason(of: error))",
        advice: "write it with sha256sum over the plan's SQL files")
    }
    self.file = file
    var sums: Set<String> = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    where !line.isEmpty && !line.hasPrefix("#") {
      let sum = line.prefix(64)
      let isSum = sum.count == 64 && sum.allSatisfy { $0.isHexDigit && !$0.isUppercase }
      guard isSum, line.dropFirst(64).hasPrefix("  ") || line.dropFirst(64).hasPrefix(" *") else {
        throw PipelineError(
          .notAllowed, "\(file), line \(index + 1) is not a line of sha256sum",
          advice: "write it with sha256sum over the plan's SQL files")
      }
      sums.insert(String(sum))
    }
    self.sums = sums
  }

  /// Refuses a plan with a file that is not approved; read-only proof queries need no approval, and
  /// neither do the files of a rollback until there is one.
  ///
  /// - Throws: `notAllowed`, naming the files.
  public func check(_ plan: Plan) throws(PipelineError) {
    try check(plan.files.filter { $0.phase < .proof })
  }

  func check(_ files: [PlanFile]) throws(PipelineError) {
    let missing = files.filter { !sums.contains($0.sha256) }
    guard let first = missing.first else { return }
    let isOne = missing.count == 1
    throw PipelineError(
      .notAllowed,
      """
      \(first.path)\(isOne ? "" : " and \(missing.count - 1) more") of the plan \(isOne ? "is" : "are") \
      not approved in \(file)
      """,
      advice: first.path.hasPrefix("undo/")
        ? "a rollback runs the plan's files below undo/: docs/rollback.md says how they are approved"
        : "`restage plan SNAPSHOT --diff OLD` shows what changed since an earlier plan")
  }
}
