/// What is wrong with a snapshot folder or with a value on its way into it, and what to do about it.
public struct StagingError: Error, Hashable, Sendable {
  /// What kind of trouble it is; a new code breaks no caller.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    private init(_ description: String) { self.description = description }

    /// A file or folder cannot be made, written or renamed: disk full, permissions (exit code 73).
    public static let cannotWrite = Code("cannot write")
    /// Another export holds the folder (exit code 75).
    public static let locked = Code("locked")
    /// The folder holds a finished snapshot, or files that are not ours (exit code 73).
    public static let occupied = Code("occupied")
    /// A file of a snapshot cannot be opened or read by the operating system.
    public static let unreadable = Code("unreadable")
    /// There is no folder, or nothing of a snapshot in it.
    public static let notASnapshot = Code("not a snapshot")
    /// An export that was not finished: there is no manifest.
    public static let unfinished = Code("unfinished")
    /// A snapshot written in a format that this version does not know.
    public static let unknownFormat = Code("unknown format")
    /// Size, hash or structure of a file is not what the manifest says, or a file is missing.
    public static let damaged = Code("damaged")
    /// A key or a record is larger than we hold in memory.
    public static let valueTooLarge = Code("value too large")
    /// A value is none of its type: a day that does not exist, 8-bit text in an unknown code page.
    public static let badValue = Code("bad value")
  }

  public let code: Code
  /// Path of the file or folder as it was given or made.
  public let file: String
  /// What was being written or read: "dbo.Orders, column ShipName, row 17".
  public let place: String?
  /// One clause: what was expected and what was there instead.
  public let problem: String
  /// One clause: what to give or do instead.
  public let advice: String?

  public init(
    _ code: Code, file: String, place: String? = nil, problem: String, advice: String? = nil
  ) {
    self.code = code
    self.file = file
    self.place = place
    self.problem = problem
    self.advice = advice
  }
}

extension StagingError: CustomStringConvertible {
  /// One line, safe to log: no cell values.
  public var description: String {
    var line = file
    if let place { line += ", \(place)" }
    line += ": \(problem)"
    if let advice { line += "; \(advice)" }
    return line
  }
}
