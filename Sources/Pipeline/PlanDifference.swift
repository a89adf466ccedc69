/// What changed between two plans, file by file and line by line.
public struct PlanDifference: Sendable {
  /// One file that is not the same in both.
  public struct File: Sendable {
    public enum Change: String, Sendable { case added, removed, changed }

    public let path: String
    public let change: Change
    /// Lines with `+` or `-` before them, in the order of the newer file.
    public let lines: [String]
  }

  /// In the order of execution, removed files last.
  public let files: [File]

  public init(from old: Plan, to new: Plan) {
    let before = Dictionary(
      old.files.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    let kept = Set(new.files.map(\.path))
    let changed = new.files.compactMap { file -> File? in
      let now = new.texts[file.path] ?? ""
      guard let earlier = before[file.path] else {
        return File(path: file.path, change: .added, lines: Self.marked(now, with: "+"))
      }
      guard earlier.sha256 != file.sha256 else { return nil }
      return File(
        path: file.path, change: .changed,
        lines: Self.difference(from: old.texts[file.path] ?? "", to: now))
    }
    let removed = old.files.filter { !kept.contains($0.path) }.map { file in
      File(
        path: file.path, change: .removed,
        lines: Self.marked(old.texts[file.path] ?? "", with: "-"))
    }
    files = changed + removed
  }

  private static func marked(_ text: String, with mark: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { mark + $0 }
  }

  private static func difference(from old: String, to new: String) -> [String] {
    let before = old.split(separator: "\n", omittingEmptySubsequences: false)
    let now = new.split(separator: "\n", omittingEmptySubsequences: false)
    return now.difference(from: before)
      .sorted { ($0.offset, $0.isInsertion ? 1 : 0) < ($1.offset, $1.isInsertion ? 1 : 0) }
      .map { ($0.isInsertion ? "+" : "-") + $0.element }
  }
}

extension PlanDifference: CustomStringConvertible {
  public var description: String {
    guard !files.isEmpty else { return "no file changed\n" }
    return files.map { file in
      "\(file.change.rawValue) \(file.path)\n" + file.lines.map { "  \($0)\n" }.joined()
    }.joined()
  }
}

extension CollectionDifference.Change {
  fileprivate var offset: Int {
    switch self {
    case .insert(let offset, _, _), .remove(let offset, _, _): offset
    }
  }

  fileprivate var element: ChangeElement {
    switch self {
    case .insert(_, let element, _), .remove(_, let element, _): element
    }
  }

  fileprivate var isInsertion: Bool {
    if case .insert = self { true } else { false }
  }
}
