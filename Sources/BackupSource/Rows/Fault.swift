/// What is wrong inside a record or a value. It knows no place: the loop that reads the record adds
/// page, slot, table and column and throws a `BackupError`.
struct Fault: Error {
  var code: BackupError.Code
  var problem: String
  var advice: String?

  init(_ code: BackupError.Code, _ problem: String, advice: String? = nil) {
    self.code = code
    self.problem = problem
    self.advice = advice
  }

  static func damaged(_ problem: String) -> Fault { Fault(.damaged, problem) }

  static func unknown(_ problem: String, advice: String? = nil) -> Fault {
    Fault(.unknown, problem, advice: advice)
  }

  func at(_ place: String, file: String) -> BackupError {
    BackupError(code, file: file, place: place, problem: problem, advice: advice)
  }
}

extension BackupError {
  /// The same error, said to lie inside a larger place.
  func within(_ outer: String) -> BackupError {
    BackupError(
      code, file: file, offset: offset, place: place.map { "\(outer) → \($0)" } ?? outer,
      problem: problem, advice: advice)
  }
}

extension PageReading {
  /// An error about one record of a page.
  func damaged(_ page: PageID, slot: Int, _ problem: String) -> BackupError {
    BackupError(.damaged, file: fileName, place: place(page, slot: slot), problem: problem)
  }

  func place(_ page: PageID, slot: Int? = nil) -> String {
    slot.map { "page \(page), slot \($0)" } ?? "page \(page)"
  }
}
