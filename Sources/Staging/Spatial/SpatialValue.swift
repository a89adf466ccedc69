/// What is wrong with the bytes of a geometry or geography.
enum SpatialFault: Error, Hashable {
  /// The whole globe, which well-known binary has no word for.
  case fullGlobe
  /// One clause on what is not as [MS-SSCLRT] has it.
  case malformed(String)
}

/// A geometry or geography as SQL Server stores it ([MS-SSCLRT] 2.1.1 and 2.1.2, format sheet 14.5):
/// all points first, then figures that cut them into runs, then shapes that group the figures.
///
/// The lists are reused from value to value.
struct SpatialValue {
  private(set) var srid: Int32 = 0
  private(set) var hasZ = false
  private(set) var hasM = false
  private(set) var pointCount = 0
  private(set) var figures: [Figure] = []
  private(set) var shapes: [Shape] = []
  /// Of composite curves: 0 line, 1 arc, 2 first line, 3 first arc.
  private(set) var segments: [UInt8] = []
  private(set) var version: UInt8 = 1
  /// Where x and y of the first point, the Zs and the Ms begin.
  private var (xyOffset, zOffset, mOffset) = (0, 0, 0)

  struct Figure: Hashable {
    /// In version 1: 0 interior ring, 1 stroke, 2 exterior ring; in version 2: 0 point, 1 line,
    /// 2 arc, 3 composite curve.
    var attribute: UInt8
    var firstPoint: Int
  }

  struct Shape: Hashable {
    /// -1 for the outermost.
    var parent: Int
    /// -1 for a shape without figures.
    var firstFigure: Int
    var type: ShapeType
  }

  enum ShapeType: UInt8 {
    case point = 1
    case lineString, polygon, multiPoint, multiLineString, multiPolygon, collection
    case circularString, compoundCurve, curvePolygon, fullGlobe
  }

  private enum Flag {
    static let hasZ: UInt8 = 0x01
    static let hasM: UInt8 = 0x02
    static let singlePoint: UInt8 = 0x08
    static let singleSegment: UInt8 = 0x10
  }

  /// Reads the lists of a value and checks that they fit together.
  ///
  /// - Returns: false for the NULL that the type itself has.
  mutating func read(_ bytes: [UInt8]) throws(SpatialFault) -> Bool {
    var input = Input(bytes: bytes)
    srid = Int32(truncatingIfNeeded: try input.integer(4))
    if srid == -1 { return false }
    version = UInt8(truncatingIfNeeded: try input.integer(1))
    guard version == 1 || version == 2 else { throw .malformed("version \(version)") }
    let flags = UInt8(truncatingIfNeeded: try input.integer(1))
    hasZ = flags & Flag.hasZ != 0
    hasM = flags & Flag.hasM != 0
    figures.removeAll(keepingCapacity: true)
    shapes.removeAll(keepingCapacity: true)
    segments.removeAll(keepingCapacity: true)
    if flags & (Flag.singlePoint | Flag.singleSegment) != 0 {
      let isPoint = flags & Flag.singlePoint != 0
      try readPoints(isPoint ? 1 : 2, from: &input)
      figures.append(Figure(attribute: 1, firstPoint: 0))
      shapes.append(Shape(parent: -1, firstFigure: 0, type: isPoint ? .point : .lineString))
    } else {
      try readPoints(try input.count(of: 16), from: &input)
      try readFigures(from: &input)
      try readShapes(from: &input)
      if version == 2, input.left > 0 {
        for _ in 0..<(try input.count(of: 1)) {
          segments.append(UInt8(truncatingIfNeeded: try input.integer(1)))
        }
      }
    }
    guard input.left == 0 else { throw .malformed("\(input.left) bytes behind its end") }
    return true
  }

  private mutating func readPoints(_ count: Int, from input: inout Input) throws(SpatialFault) {
    pointCount = count
    xyOffset = try input.skip(16 * count)
    zOffset = try input.skip(hasZ ? 8 * count : 0)
    mOffset = try input.skip(hasM ? 8 * count : 0)
  }

  private mutating func readFigures(from input: inout Input) throws(SpatialFault) {
    for _ in 0..<(try input.count(of: 5)) {
      let attribute = UInt8(truncatingIfNeeded: try input.integer(1))
      let first = try input.integer(4)
      guard first >= (figures.last?.firstPoint ?? 0), first <= pointCount else {
        throw .malformed("a figure that begins at point \(first) of \(pointCount)")
      }
      figures.append(Figure(attribute: attribute, firstPoint: first))
    }
  }

  private mutating func readShapes(from input: inout Input) throws(SpatialFault) {
    for number in 0..<(try input.count(of: 9)) {
      let parent = try input.integer(4)
      let first = try input.integer(4)
      let typeNumber = UInt8(truncatingIfNeeded: try input.integer(1))
      guard let type = ShapeType(rawValue: typeNumber) else {
        throw .malformed("a shape of type \(typeNumber)")
      }
      guard parent < number, (number == 0) == (parent == -1), parent >= -1, first >= -1,
        first < max(figures.count, 1)
      else { throw .malformed("a shape whose parent is \(parent), whose first figure \(first)") }
      if type == .fullGlobe { throw .fullGlobe }
      shapes.append(Shape(parent: parent, firstFigure: first, type: type))
    }
    guard !shapes.isEmpty else { throw .malformed("no shape") }
  }

  /// The points of a figure.
  func points(ofFigure figure: Int) -> Range<Int> {
    let end = figure + 1 < figures.count ? figures[figure + 1].firstPoint : pointCount
    return figures[figure].firstPoint..<end
  }

  /// Where a coordinate stands: 0 and 1 the two of the plane, 2 Z, 3 M.
  func offset(ofPoint point: Int, coordinate: Int) -> Int {
    switch coordinate {
    case 2: zOffset + 8 * point
    case 3: mOffset + 8 * point
    default: xyOffset + 16 * point + 8 * coordinate
    }
  }
}

/// A cursor over the bytes of one value.
private struct Input {
  let bytes: [UInt8]
  var offset = 0

  var left: Int { bytes.count - offset }

  /// A little-endian integer, signed from 4 bytes on.
  mutating func integer(_ byteCount: Int) throws(SpatialFault) -> Int {
    let start = try skip(byteCount)
    let number = (0..<byteCount).reversed().reduce(UInt32(0)) {
      $0 << 8 | UInt32(bytes[start + $1])
    }
    return byteCount == 4 ? Int(Int32(bitPattern: number)) : Int(number)
  }

  /// A count of things of a size, held against the bytes that are left.
  mutating func count(of byteCount: Int) throws(SpatialFault) -> Int {
    let count = try integer(4)
    guard count >= 0, count <= left / byteCount else {
      throw .malformed("a count of \(count) where \(left) bytes are left")
    }
    return count
  }

  /// - Returns: Where the skipped bytes begin.
  mutating func skip(_ byteCount: Int) throws(SpatialFault) -> Int {
    guard byteCount <= left else { throw .malformed("an end after \(bytes.count) bytes") }
    defer { offset += byteCount }
    return offset
  }
}
