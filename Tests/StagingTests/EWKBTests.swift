import BackupFixtures
import Testing

@testable import Staging

@Suite("Shapes as EWKB")
struct EWKBTests {
  private func hex(_ bytes: [UInt8], isGeography: Bool = false) throws -> String? {
    var encoder = EWKBEncoder()
    guard try encoder.encode(bytes, isGeography: isGeography) else { return nil }
    return encoder.output.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
      .joined()
  }

  @Test("a point, by hand: little-endian, type 1, SRID flag, x, y")
  func point() throws {
    let shape = StoredShape(flags: 0x0C, points: [(3, 4)])
    #expect(
      try hex(shape.bytes) == "0101000000" + "0000000000000840" + "0000000000001040")
    var placed = shape
    placed.srid = 4326
    #expect(
      try hex(placed.bytes)
        == "0101000020" + "E6100000" + "0000000000000840" + "0000000000001040")
  }

  @Test("a geography of a real server has its latitude first")
  func geography() throws {
    // AdventureWorks, Person.Address 1: POINT (-122.164644615406 47.7869921906598).
    let stored: [UInt8] = [
      0xE6, 0x10, 0, 0, 1, 0x0C, 0xAE, 0x8B, 0xFC, 0x28, 0xBC, 0xE4, 0x47, 0x40, 0x67, 0xA8, 0x91,
      0x89, 0x89, 0x8A, 0x5E, 0xC0,
    ]
    #expect(
      try hex(stored, isGeography: true)
        == "0101000020E6100000" + "67A89189898A5EC0" + "AE8BFC28BCE44740")
  }

  @Test("the NULL of the type is NULL, the whole globe is refused by name")
  func withoutWords() throws {
    #expect(try hex([0xFF, 0xFF, 0xFF, 0xFF, 1, 0]) == nil)
    #expect(throws: SpatialFault.fullGlobe) {
      try hex(StoredShape.fullGlobe.bytes, isGeography: true)
    }
  }

  @Test(
    "cut off anywhere, or with a byte too many, is an error", arguments: StoredShape.all.indices)
  func truncated(index: Int) throws {
    let bytes = StoredShape.all[index].shape.bytes
    #expect(throws: SpatialFault.self) { try hex(bytes + [0]) }
    for count in bytes.indices {
      // Version 2 without its list of segments is taken as one without curves.
      let mayLack = StoredShape.all[index].shape.version == 2 && count >= bytes.count - 12
      if mayLack { continue }
      #expect(throws: SpatialFault.self, "\(count) bytes") { try hex(Array(bytes[..<count])) }
    }
  }

  @Test("any byte changed is an error or another shape, never a trap")
  func changed() throws {
    for (text, shape) in StoredShape.all {
      let bytes = shape.bytes
      for index in bytes.indices {
        for value in [0, 1, 3, 7, 11, 0x7F, 0x80, 0xFF] as [UInt8] {
          var changed = bytes
          changed[index] = value
          _ = try? hex(changed)
        }
      }
      #expect(try hex(bytes) != nil, "\(text)")
    }
  }

  @Test("collections in collections end at a depth")
  func nested() throws {
    let count = 5000
    let shape = StoredShape(
      shapes: (0..<count).map { (parent: Int32($0 - 1), firstFigure: -1, type: 7) })
    #expect(throws: SpatialFault.self) { try hex(shape.bytes) }
  }
}
