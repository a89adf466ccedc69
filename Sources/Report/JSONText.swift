import FoundationEssentials

/// One JSON object for scripts: keys sorted, two blanks of indentation, a line feed at the end. The same
/// value gives the same bytes.
public func jsonText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
}
