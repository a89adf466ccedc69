/// Why a T-SQL expression has no PostgreSQL counterpart here.
struct Untranslatable: Error {
  let reason: String

  init(_ reason: String) {
    self.reason = reason
  }
}
