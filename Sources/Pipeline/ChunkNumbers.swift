// Which chunk of a snapshot is which chunk of the run before: a chunk keeps its number for as long as
// it can, so that key map rows need not be written because a chunk moved.

/// A chunk as an earlier run knew it.
struct EarlierChunk: Hashable, Sendable {
  /// What key maps call it.
  let number: Int
  let hash: String
}

/// What key maps call a chunk of the snapshot.
struct ChunkNumber: Hashable, Sendable {
  let number: Int
  /// Whether the earlier run had the very same chunk.
  let isKnown: Bool

  /// Numbers the chunks of a table: a hash that the earlier run had keeps its number. What is new
  /// between two such chunks takes the numbers that became free between them, which are those of
  /// chunks that changed; the rest get numbers that nobody had.
  ///
  /// - Parameters:
  ///   - hashes: Of the snapshot's chunks, in their order.
  ///   - earlier: In the order of the earlier snapshot, each number once.
  /// - Returns: A number for each hash, none of them twice.
  static func assign(to hashes: [String], after earlier: [EarlierChunk]) -> [ChunkNumber] {
    let places = matches(of: hashes, in: earlier)
    var isTaken = [Bool](repeating: false, count: earlier.count)
    for case let place? in places { isTaken[place] = true }
    let ends = placesBehind(places, otherwise: earlier.count)
    var unused = (earlier.map(\.number).max() ?? 0) + 1
    var next = 0
    var numbers: [ChunkNumber] = []
    for (index, place) in places.enumerated() {
      if let place {
        numbers.append(ChunkNumber(number: earlier[place].number, isKnown: true))
        next = place + 1
        continue
      }
      if let free = (next..<max(next, ends[index])).first(where: { !isTaken[$0] }) {
        isTaken[free] = true
        next = free + 1
        numbers.append(ChunkNumber(number: earlier[free].number, isKnown: false))
      } else {
        numbers.append(ChunkNumber(number: unused, isKnown: false))
        unused += 1
      }
    }
    return numbers
  }

  /// For each hash the place of an earlier chunk with it, no place twice.
  private static func matches(of hashes: [String], in earlier: [EarlierChunk]) -> [Int?] {
    var places: [String: [Int]] = [:]
    // The last first, so that the first is taken from the end.
    for (place, chunk) in earlier.enumerated().reversed() {
      places[chunk.hash, default: []].append(place)
    }
    return hashes.map { places[$0]?.popLast() }
  }

  /// For each chunk the place of the next one that the earlier run had.
  private static func placesBehind(_ places: [Int?], otherwise end: Int) -> [Int] {
    var ends = places.map { $0 ?? end }
    for index in ends.indices.dropLast().reversed() where places[index] == nil {
      ends[index] = ends[index + 1]
    }
    return ends
  }
}
