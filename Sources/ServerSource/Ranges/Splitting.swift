// When several connections may read one table.

/// Whether the ranges of a table can be read by several connections, and by which.
enum Splitting: Hashable, Sendable {
  /// What is read does not change: any connection sees the same rows, at any time. Or nobody asks for
  /// one state.
  case anyConnection
  /// The connections' transactions have begun at one state; any other connection sees another one.
  case shared
  /// Each connection sees a moment of its own. Ranges of one table would be of several moments: a row
  /// whose key changes in between could be in two of them, or in none.
  case never

  /// - Parameter isShared: Whether transactions of SNAPSHOT isolation were seen to begin at one state.
  init(_ mode: ReadMode, _ server: ServerFacts, isShared: Bool) {
    if server.isReadOnly {
      self = .anyConnection
      return
    }
    switch mode.isolation {
    case .readOnly: self = .anyConnection
    case .snapshot: self = isShared ? .shared : .never
    // Another connection would wait for the lock, or see what comes after it.
    case .serializable: self = .never
    // One statement sees one moment, and two see two.
    case .readCommittedVersions: self = .never
    // Even one connection sees rows of several moments; who asked for that is told so anyway.
    case .readCommitted: self = mode.recordsOtherCounts ? .anyConnection : .never
    }
  }
}
