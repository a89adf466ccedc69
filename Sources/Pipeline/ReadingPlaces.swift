import Staging

/// Bounds how many tables or ranges are read at the same time, keeps their order, and keeps the time.
///
/// Who has read its rows gives its place back before their files are durable, which takes a disk as long as
/// it likes: the source is not left idle meanwhile.
final class ReadingPlaces: Sendable {
  private let state: Locked<State>

  private struct State {
    var free: Int
    /// Who is let in next; nobody is before those that come in no order.
    var turn = 0
    var waiting: [(turn: Int, continuation: CheckedContinuation<Void, Never>)] = []
    var began: ContinuousClock.Instant?
    var ended: ContinuousClock.Instant?
    var rows = 0
    var bytes = 0
  }

  init(count: Int) { state = Locked(State(free: max(1, count))) }

  /// Waits for a place, also in a task that is cancelled meanwhile.
  ///
  /// - Parameter turn: From 0; nobody gets a place before those of lower turns have had theirs, so each must
  ///   be taken. nil is before all of them.
  func take(turn: Int? = nil) async -> ReadingPlace {
    await withCheckedContinuation { continuation in
      letIn { state in
        state.waiting.append((turn ?? Self.beforeAll, continuation))
        if state.began == nil { state.began = .now }
      }
    }
    return ReadingPlace(of: self)
  }

  fileprivate func giveBack() {
    letIn { state in
      state.ended = .now
      state.free += 1
    }
  }

  /// Changes the state, and lets in whoever can be then.
  private func letIn(after change: (inout State) -> Void) {
    let admitted = state.withLock { state in
      change(&state)
      var admitted: [CheckedContinuation<Void, Never>] = []
      while state.free > 0,
        let index = state.waiting.firstIndex(where: { $0.turn == Self.beforeAll })
          ?? state.waiting.firstIndex(where: { $0.turn == state.turn })
      {
        let next = state.waiting.remove(at: index)
        state.free -= 1
        if next.turn == state.turn { state.turn += 1 }
        admitted.append(next.continuation)
      }
      return admitted
    }
    for continuation in admitted { continuation.resume() }
  }

  private static let beforeAll = -1

  /// Counts what was read of a table or a range.
  func note(_ manifest: TableManifest) {
    state.withLock { state in
      state.rows += manifest.rows + manifest.refusedRows
      state.bytes += manifest.bytes
    }
  }

  /// Rows and bytes of CSV, and the time from before the first was asked for until after the last had come;
  /// nil where nothing was read.
  var sum: (rows: Int, bytes: Int, milliseconds: Int64)? {
    let (rows, bytes, began, ended) = state.withLock { ($0.rows, $0.bytes, $0.began, $0.ended) }
    guard let began, let ended else { return nil }
    return (rows, bytes, began.duration(to: ended).milliseconds)
  }
}

/// The place of a reader.
final class ReadingPlace: Sendable {
  private let places: ReadingPlaces
  private let isHeld = Locked(true)

  fileprivate init(of places: ReadingPlaces) { self.places = places }

  /// Whatever comes after the first time changes nothing.
  func giveBack() {
    let wasHeld = isHeld.withLock { isHeld in
      defer { isHeld = false }
      return isHeld
    }
    if wasHeld { places.giveBack() }
  }
}
