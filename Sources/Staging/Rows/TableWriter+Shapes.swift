// Columns whose shapes a mapping sends to PostGIS: a value is gathered whole, because its points stand
// before what says how to read them.

import Catalog

extension TableWriter {
  /// Whether the current column's bytes are shapes to be written as EWKB.
  var isShape: Bool { columnForm == .ewkb }

  mutating func beginShape() { shape.bytes.removeAll(keepingCapacity: true) }

  mutating func appendShape(_ bytes: UnsafeRawBufferPointer) {
    shape.bytes.append(contentsOf: bytes)
  }

  /// Writes the gathered value; nothing for the NULL of the type, which makes the cell NULL.
  mutating func endShape() {
    do throws(SpatialFault) {
      guard
        try shape.encoder.encode(shape.bytes, isGeography: columnType.base == .geography)
      else { return }
    } catch {
      switch error {
      case .fullGlobe: reject(.fullGlobe)
      case .malformed(let what):
        refuse(
          .badValue, "a shape that is not as [MS-SSCLRT] has it: \(what)",
          advice: "export the column as bytea, without a type for it in the mapping")
      }
      return
    }
    for byte in shape.encoder.output {
      rows.append(Self.digit(byte >> 4))
      rows.append(Self.digit(byte & 0x0F))
    }
  }

  /// PostGIS prints upper-case digits, unlike PostgreSQL itself.
  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
}

/// A shape on its way from the source's form to EWKB. The buffers are kept from row to row.
struct ShapeValue {
  var bytes: [UInt8] = []
  var encoder = EWKBEncoder()
}
