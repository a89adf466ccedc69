import Foundation
import TestSupport
import Testing

@testable import Pipeline

@Suite("Numbers of chunks")
struct ChunkNumberTests {
  private static let earlier = [
    EarlierChunk(number: 1, hash: "a"), EarlierChunk(number: 2, hash: "b"),
    EarlierChunk(number: 7, hash: "c"), EarlierChunk(number: 4, hash: "d"),
  ]

  @Test(
    "a chunk keeps its number, a changed one takes that of the chunk it was",
    arguments: [
      ("a b c d", "1! 2! 7! 4!"),  // nothing changed
      ("a x c d", "1! 2 7! 4!"),  // one changed
      ("a b x y c d", "1! 2! 8 9 7! 4!"),  // two more
      ("a x y d", "1! 2 7 4!"),  // two changed
      ("a d", "1! 4!"),  // two gone
      ("x a b c d", "8 1! 2! 7! 4!"),  // one more at the beginning
      ("a b c d x", "1! 2! 7! 4! 8"),  // and at the end
      ("x y", "1 2"),  // nothing is as it was
      ("d c b a", "4! 7! 2! 1!"),  // another order
      ("d x a", "4! 8 1!"), ("a a", "1! 2"), ("", ""),
    ])
  func numbers(hashes: String, expected: String) {
    let hashes = hashes.split(separator: " ").map(String.init)
    #expect(Self.text(ChunkNumber.assign(to: hashes, after: Self.earlier)) == expected)
  }

  @Test("without an earlier run chunks are numbered from 1")
  func first() {
    #expect(Self.text(ChunkNumber.assign(to: ["a", "b"], after: [])) == "1 2")
  }

  @Test("whatever happens, no number is given twice, and the same hash has the same number")
  func properties() {
    let seed = UInt64(Date().timeIntervalSince1970)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      let hashes = Int.random(in: 1...12, using: &random)
      func chunks() -> [String] {
        (0..<Int.random(in: 0...14, using: &random)).map { _ in
          "\(Int.random(in: 0..<hashes, using: &random))"
        }
      }
      let numbers = Array(1...30).shuffled(using: &random)
      let earlier = zip(numbers, chunks()).map { EarlierChunk(number: $0, hash: $1) }
      let now = chunks()
      let found = ChunkNumber.assign(to: now, after: earlier)

      #expect(found.count == now.count, "seed \(seed)")
      #expect(Set(found.map(\.number)).count == now.count, "seed \(seed): \(found)")
      for (hash, number) in zip(now, found) where number.isKnown {
        #expect(
          earlier.contains(EarlierChunk(number: number.number, hash: hash)), "seed \(seed)")
      }
      for hash in Set(now) {
        // As many as both have are known, however often a hash stands there.
        let both = min(now.count { $0 == hash }, earlier.count { $0.hash == hash })
        #expect(zip(now, found).count { $0 == hash && $1.isKnown } == both, "seed \(seed)")
      }
    }
  }

  private static func text(_ numbers: [ChunkNumber]) -> String {
    numbers.map { "\($0.number)\($0.isKnown ? "!" : "")" }.joined(separator: " ")
  }
}
