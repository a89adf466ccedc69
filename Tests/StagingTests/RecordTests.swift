import Foundation
import Staging
import Testing

@Suite("CSV records")
struct RecordTests {
  private func split(_ text: String, pieceLength: Int? = nil) throws -> [String] {
    let bytes = Array(text.utf8)
    var records = CSVRecords(of: "test.csv")
    var found: [String] = []
    for start in stride(from: 0, to: bytes.count, by: pieceLength ?? max(bytes.count, 1)) {
      let end = min(start + (pieceLength ?? bytes.count), bytes.count)
      try bytes[start..<end].withUnsafeBytes { piece in
        try records.append(piece) { found.append(String(decoding: $0, as: UTF8.self)) }
      }
    }
    try records.finish()
    return found
  }

  @Test("line ends inside quotes end no record, wherever the pieces end", arguments: 1...12)
  func pieces(length: Int) throws {
    let records = [
      "1,a", "", "2,\"b\nc\"", "\"\"", "3,\"\"\"\n\"\"\",x", ",,", "\"\n\n\n\"", "4,\"\"\"\"",
    ]
    let text = records.map { $0 + "\n" }.joined()
    #expect(try split(text, pieceLength: length) == records)
    #expect(try split(text) == records)
  }

  @Test("random records are found again")
  func randomRecords() throws {
    print("seed \(SeededGenerator.seed)")
    var generator = SeededGenerator(4)
    for _ in 0..<200 {
      let records = (0..<Int.random(in: 0..<20, using: &generator)).map { _ in
        let cells = (0..<3).map { _ in
          TypedValue.text(
            ValueKind.randomText(Int.random(in: 0..<60, using: &generator), &generator)
          ).slowCell
        }
        return cells.joined(separator: ",")
      }
      let text = records.map { $0 + "\n" }.joined()
      let length = Int.random(in: 1...100, using: &generator)
      #expect(try split(text, pieceLength: length) == records)
    }
  }

  @Test(
    "bytes that end in the middle of a record are damaged", arguments: ["1,a", "1,\"a\n", "\""])
  func cutOff(text: String) {
    let failure = #expect(throws: StagingError.self) { try split(text) }
    #expect(failure?.code == .damaged)
    #expect(failure?.file == "test.csv")
  }

  @Test("a record without an end is given up at the limit")
  func endless() {
    var limits = StagingLimits()
    limits.rowByteCountMax = 1000
    var records = CSVRecords(of: "test.csv", limits: limits)
    let piece = Array(repeating: UInt8(0x61), count: 600)
    var failures: [StagingError.Code] = []
    for _ in 0..<2 {
      do {
        try piece.withUnsafeBytes { try records.append($0) { _ in } }
      } catch {
        failures.append((error as? StagingError)?.code ?? .damaged)
      }
    }
    #expect(failures == [.valueTooLarge])
  }

  private func digest(_ records: [String]) -> ContentDigest {
    var digest = ContentDigest()
    for record in records { Array(record.utf8).withUnsafeBytes { digest.add($0) } }
    return digest
  }

  @Test("a digest knows rows, not their order")
  func digests() {
    let records = (0..<1000).map { "row \($0)" }
    let whole = digest(records)
    #expect(digest(records.shuffled()) == whole)
    var parts = digest(Array(records[..<300]))
    parts.add(digest(Array(records[300...])))
    #expect(parts == whole)
    #expect(whole.rows == 1000)
    #expect(whole.bytes == records.reduce(0) { $0 + $1.utf8.count })
    #expect(digest(records.dropLast() + ["row 998"]) != whole)
    #expect(digest(records + ["row 0"]) != whole)
    #expect(digest(["a", "a", "b"]).hexDigits != digest(["a", "b", "b"]).hexDigits)
  }
}
