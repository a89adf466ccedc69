// Shapes as SQL Server stores them, put together by hand from [MS-SSCLRT], each with the text that
// PostGIS has for it.

/// The stored form of a geometry or geography.
package struct StoredShape: Sendable {
  package var srid: Int32 = 0
  package var version: UInt8 = 1
  /// What the flags say beside Z and M.
  package var flags: UInt8 = 0x04
  /// As stored: of a geography latitude first.
  package var points: [(Double, Double)] = []
  package var z: [Double] = []
  package var m: [Double] = []
  package var figures: [(attribute: UInt8, firstPoint: Int32)] = []
  package var shapes: [(parent: Int32, firstFigure: Int32, type: UInt8)] = []
  package var segments: [UInt8] = []

  package init(
    srid: Int32 = 0, version: UInt8 = 1, flags: UInt8 = 0x04, points: [(Double, Double)] = [],
    z: [Double] = [], m: [Double] = [], figures: [(attribute: UInt8, firstPoint: Int32)] = [],
    shapes: [(parent: Int32, firstFigure: Int32, type: UInt8)] = [], segments: [UInt8] = []
  ) {
    self.srid = srid
    self.version = version
    self.flags = flags
    self.points = points
    self.z = z
    self.m = m
    self.figures = figures
    self.shapes = shapes
    self.segments = segments
  }

  package var bytes: [UInt8] {
    var bytes = littleEndian(srid, bytes: 4)
    bytes += [version, flags | (z.isEmpty ? 0 : 1) | (m.isEmpty ? 0 : 2)]
    let isShort = flags & 0x18 != 0
    func count(_ number: Int) { bytes += littleEndian(number, bytes: 4) }
    func number(_ double: Double) { bytes += littleEndian(double.bitPattern, bytes: 8) }
    if !isShort { count(points.count) }
    for point in points {
      number(point.0)
      number(point.1)
    }
    z.forEach(number)
    m.forEach(number)
    if isShort { return bytes }
    count(figures.count)
    for figure in figures {
      bytes.append(figure.attribute)
      bytes += littleEndian(figure.firstPoint, bytes: 4)
    }
    count(shapes.count)
    for shape in shapes {
      bytes += littleEndian(shape.parent, bytes: 4) + littleEndian(shape.firstFigure, bytes: 4)
      bytes.append(shape.type)
    }
    if version == 2 {
      count(segments.count)
      bytes += segments
    }
    return bytes
  }

  /// Shapes of every kind with their EWKT, for geometry.
  package static let all: [(text: String, shape: StoredShape)] =
    [
      ("POINT(3 4)", StoredShape(flags: 0x0C, points: [(3, 4)])),
      (
        "SRID=4326;POINT(1 2 3 4)",
        StoredShape(srid: 4326, flags: 0x0C, points: [(1, 2)], z: [3], m: [4])
      ),
      ("POINTM(1 2 4)", StoredShape(flags: 0x0C, points: [(1, 2)], m: [4])),
      ("LINESTRING(0 0,1 1)", StoredShape(flags: 0x14, points: [(0, 0), (1, 1)])),
      (
        "LINESTRING(0 0 5,1 1 6)",
        StoredShape(flags: 0x14, points: [(0, 0), (1, 1)], z: [5, 6])
      ),
      (
        "LINESTRING(100 100,20 180,180 180)",
        StoredShape(
          points: [(100, 100), (20, 180), (180, 180)], figures: [(1, 0)], shapes: [(-1, 0, 2)])
      ),
      (
        "SRID=31467;POLYGON((0 0,9 0,9 9,0 0),(2 1,3 1,3 2,2 1))",
        StoredShape(
          srid: 31467,
          points: [(0, 0), (9, 0), (9, 9), (0, 0), (2, 1), (3, 1), (3, 2), (2, 1)],
          figures: [(2, 0), (0, 4)], shapes: [(-1, 0, 3)])
      ),
      (
        "MULTIPOINT(1 2,3 4)",
        StoredShape(
          points: [(1, 2), (3, 4)], figures: [(1, 0), (1, 1)],
          shapes: [(-1, 0, 4), (0, 0, 1), (0, 1, 1)])
      ),
      (
        "MULTILINESTRING((0 0,1 1),(2 2,3 3,4 2))",
        StoredShape(
          points: [(0, 0), (1, 1), (2, 2), (3, 3), (4, 2)], figures: [(1, 0), (1, 2)],
          shapes: [(-1, 0, 5), (0, 0, 2), (0, 1, 2)])
      ),
      (
        "MULTIPOLYGON(((0 0,9 0,9 9,0 0),(2 1,3 1,3 2,2 1)),((20 0,21 0,21 1,20 0)))",
        StoredShape(
          points: [
            (0, 0), (9, 0), (9, 9), (0, 0), (2, 1), (3, 1), (3, 2), (2, 1), (20, 0), (21, 0),
            (21, 1), (20, 0),
          ], figures: [(2, 0), (0, 4), (2, 8)], shapes: [(-1, 0, 6), (0, 0, 3), (0, 2, 3)])
      ),
      (
        "GEOMETRYCOLLECTION(POINT(1 2),GEOMETRYCOLLECTION(LINESTRING(0 0,1 1),POINT EMPTY),POINT(5 6))",
        StoredShape(
          points: [(1, 2), (0, 0), (1, 1), (5, 6)], figures: [(1, 0), (1, 1), (1, 3)],
          shapes: [(-1, 0, 7), (0, 0, 1), (0, 1, 7), (2, 1, 2), (2, -1, 1), (0, 2, 1)])
      ),
      (
        "CIRCULARSTRING(0 0,1 1,2 0)",
        StoredShape(
          version: 2, points: [(0, 0), (1, 1), (2, 0)], figures: [(2, 0)], shapes: [(-1, 0, 8)])
      ),
      (
        "COMPOUNDCURVE((0 0,1 0,1 1),CIRCULARSTRING(1 1,2 2,3 1,4 0,5 1),(5 1,6 1))",
        StoredShape(
          version: 2,
          points: [(0, 0), (1, 0), (1, 1), (2, 2), (3, 1), (4, 0), (5, 1), (6, 1)],
          figures: [(3, 0)], shapes: [(-1, 0, 9)], segments: [2, 0, 3, 1, 2])
      ),
      (
        "CURVEPOLYGON(CIRCULARSTRING(0 0,4 4,8 0,4 -4,0 0),(3 0,4 1,5 0,3 0))",
        StoredShape(
          version: 2,
          points: [(0, 0), (4, 4), (8, 0), (4, -4), (0, 0), (3, 0), (4, 1), (5, 0), (3, 0)],
          figures: [(2, 0), (1, 5)], shapes: [(-1, 0, 10)])
      ),
      (
        "CURVEPOLYGON(COMPOUNDCURVE(CIRCULARSTRING(0 0,4 4,8 0),(8 0,0 0)))",
        StoredShape(
          version: 2, points: [(0, 0), (4, 4), (8, 0), (0, 0)], figures: [(3, 0)],
          shapes: [(-1, 0, 10)], segments: [3, 2])
      ),
    ]
    + [
      "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON",
      "GEOMETRYCOLLECTION",
    ].enumerated().map {
      ("\($1) EMPTY", StoredShape(shapes: [(-1, -1, UInt8($0 + 1))]))
    }

  /// The whole globe, a geography alone.
  package static let fullGlobe = StoredShape(
    srid: 4326, version: 2, flags: 0x24, shapes: [(-1, -1, 11)])
}
