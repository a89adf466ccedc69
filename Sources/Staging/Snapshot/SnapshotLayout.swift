import Catalog
import FoundationEssentials
import SystemPackage

/// Where everything lies in a snapshot's folder.
struct SnapshotLayout: Sendable {
  let folder: FilePath

  static let manifestName = "manifest.json"
  static let schemaName = "schema.json"
  static let journalName = "journal.jsonl"

  var manifest: FilePath { folder.appending(Self.manifestName) }
  var schema: FilePath { folder.appending(Self.schemaName) }
  var journal: FilePath { folder.appending(Self.journalName) }
  var data: FilePath { folder.appending("data") }
  var rejects: FilePath { folder.appending("rejects") }

  func tableFolder(_ table: ObjectName) -> FilePath { data.appending(table.fileName) }

  /// - Parameter range: The rejects of one range, until all ranges of the table are finished.
  func rejectFile(_ table: ObjectName, range: Int? = nil) -> FilePath {
    // No file name of a table has the sign of equality.
    rejects.appending(table.fileName + (range.map { "=" + Self.digits($0, 4) } ?? "") + ".csv")
  }

  /// Whether a chunk file can have this name: digits and `.csv`.
  static func isChunkName(_ name: String) -> Bool {
    let stem = name.utf8.dropLast(4)
    return name.hasSuffix(".csv") && stem.count >= 6 && stem.allSatisfy(isDigit)
  }

  /// Whether a chunk of a range can have this name: `0002=000001.csv`.
  static func isRangeChunkName(_ name: String) -> Bool {
    let parts = name.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 2 && parts[0].utf8.count >= 4 && parts[0].utf8.allSatisfy(isDigit)
      && isChunkName(String(parts[1]))
  }

  static func rangePrefix(_ range: Int?) -> String { range.map { digits($0, 4) + "=" } ?? "" }

  static func digits(_ number: Int, _ count: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

/// JSON as the snapshot has it: sorted keys, so that the same values give the same bytes.
enum SnapshotJSON {
  static func encode(_ value: some Encodable, for path: FilePath) throws(StagingError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return [UInt8](try encoder.encode(value)) + [ASCII.lineFeed]
    } catch {
      throw StagingError(.badValue, file: path.string, problem: "no JSON can hold it: \(error)")
    }
  }

  /// - Throws: `.damaged` naming the place in the JSON.
  static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], of path: FilePath
  ) throws(StagingError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
      throw StagingError(
        .damaged, file: path.string, problem: problem(of: error),
        advice: "take the file from the original snapshot or export again")
    } catch {
      throw StagingError(.damaged, file: path.string, problem: "no JSON: \(error)")
    }
  }

  private static func problem(of error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context):
      "no \(key.stringValue) in \(place(context))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .dataCorrupted(let context):
      "\(place(context)): \(context.debugDescription)"
    @unknown default: "\(error)"
    }
  }

  private static func place(_ context: DecodingError.Context) -> String {
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? "the whole file" : path
  }
}
