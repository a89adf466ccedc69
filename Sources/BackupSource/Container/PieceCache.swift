/// The pieces that were expanded last, up to a fixed number; the one used longest ago goes first.
final class PieceCache: Sendable {
  private struct State {
    var pieces: [Int: (bytes: [UInt8], lastUse: UInt64)] = [:]
    var clock: UInt64 = 0
  }

  private let capacity: Int
  private let state = Locked(State())

  init(capacity: Int) { self.capacity = max(1, capacity) }

  subscript(number: Int) -> [UInt8]? {
    get {
      state.withLock { state in
        state.clock += 1
        let now = state.clock
        state.pieces[number]?.lastUse = now
        return state.pieces[number]?.bytes
      }
    }
    set {
      guard let bytes = newValue else { return }
      state.withLock { state in
        state.clock += 1
        if state.pieces.count >= capacity, state.pieces[number] == nil {
          let oldest = state.pieces.min { $0.value.lastUse < $1.value.lastUse }
          if let oldest { state.pieces[oldest.key] = nil }
        }
        state.pieces[number] = (bytes, state.clock)
      }
    }
  }
}
