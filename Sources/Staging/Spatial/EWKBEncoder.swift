/// Turns geometry and geography of SQL Server into the extended well-known binary that PostGIS prints:
/// little-endian, the SRID once at the outside, Z and M as flags of the type.
struct EWKBEncoder {
  private var value = SpatialValue()
  private(set) var output: [UInt8] = []
  /// Latitude comes first in a stored geography, longitude first in well-known binary.
  private var swapsAxes = false
  private var input: [UInt8] = []
  /// For each shape the figure at which the next shape that has one begins.
  private var figureEnds: [Int] = []
  private var childCounts: [Int] = []
  private var nextSegment = 0

  /// Deeper than anybody nests collections, and shallow enough for the stack.
  private static let depthMax = 64

  private enum Flag {
    static let z: UInt32 = 0x8000_0000
    static let m: UInt32 = 0x4000_0000
    static let srid: UInt32 = 0x2000_0000
  }

  /// - Returns: false for NULL; else `output` holds the value.
  mutating func encode(_ bytes: [UInt8], isGeography: Bool) throws(SpatialFault) -> Bool {
    output.removeAll(keepingCapacity: true)
    swapsAxes = isGeography
    input = bytes
    nextSegment = 0
    defer { input = [] }
    guard try value.read(bytes) else { return false }
    prepare()
    let end = try append(shape: 0, depth: 0)
    guard end == value.shapes.count else { throw .malformed("shapes that belong to none") }
    return true
  }

  private mutating func prepare() {
    let count = value.shapes.count
    figureEnds = [Int](repeating: value.figures.count, count: count)
    childCounts = [Int](repeating: 0, count: count)
    for shape in (0..<count).reversed() {
      let next = value.shapes[shape]
      if shape > 0 {
        childCounts[next.parent] += 1
        figureEnds[shape - 1] = next.firstFigure >= 0 ? next.firstFigure : figureEnds[shape]
      }
    }
  }

  private var dimensionFlags: UInt32 {
    (value.hasZ ? Flag.z : 0) | (value.hasM ? Flag.m : 0)
  }

  /// Shapes stand in the order of a walk that goes down first.
  ///
  /// - Returns: The shape behind this one and all that is in it.
  private mutating func append(shape: Int, depth: Int) throws(SpatialFault) -> Int {
    guard depth < Self.depthMax else { throw .malformed("collections in collections") }
    let type = value.shapes[shape].type
    let srid = depth == 0 && value.srid > 0 ? UInt32(value.srid) : nil
    append(type: UInt32(type.rawValue), srid: srid)
    switch type {
    case .point: try appendPoint(shape)
    case .lineString, .circularString: appendCurve(figure: try onlyFigure(of: shape))
    case .polygon: try appendRings(of: shape, areTyped: false)
    case .curvePolygon: try appendRings(of: shape, areTyped: true)
    case .compoundCurve:
      try appendCompound(figure: try onlyFigure(of: shape))
    case .multiPoint, .multiLineString, .multiPolygon, .collection:
      append(UInt32(childCounts[shape]))
      var next = shape + 1
      for _ in 0..<childCounts[shape] {
        guard next < value.shapes.count, value.shapes[next].parent == shape else {
          throw .malformed("shapes that do not follow their parent")
        }
        next = try append(shape: next, depth: depth + 1)
      }
      return next
    case .fullGlobe: throw .fullGlobe
    }
    guard childCounts[shape] == 0 else { throw .malformed("a shape inside one that holds none") }
    return shape + 1
  }

  private func figures(of shape: Int) throws(SpatialFault) -> Range<Int> {
    let first = value.shapes[shape].firstFigure
    guard first >= 0, first < value.figures.count else { return 0..<0 }
    guard first <= figureEnds[shape] else { throw .malformed("figures in no order") }
    return first..<figureEnds[shape]
  }

  /// Nil for an empty shape.
  private func onlyFigure(of shape: Int) throws(SpatialFault) -> Int? {
    let figures = try figures(of: shape)
    guard figures.count <= 1 else { throw .malformed("a line of \(figures.count) figures") }
    return figures.first
  }

  private mutating func appendPoint(_ shape: Int) throws(SpatialFault) {
    let points = try onlyFigure(of: shape).map { value.points(ofFigure: $0) } ?? 0..<0
    guard points.count <= 1 else { throw .malformed("a point of \(points.count) points") }
    if let point = points.first {
      append(point: point)
    } else {
      // PostGIS prints an empty point as coordinates that are no numbers.
      let count = 2 + (value.hasZ ? 1 : 0) + (value.hasM ? 1 : 0)
      for _ in 0..<count { append(UInt64(0x7FF8_0000_0000_0000)) }
    }
  }

  private mutating func appendCurve(figure: Int?) {
    append(points: figure.map { value.points(ofFigure: $0) } ?? 0..<0)
  }

  /// - Parameter areTyped: Rings of a curve polygon say what they are, those of a polygon do not.
  private mutating func appendRings(of shape: Int, areTyped: Bool) throws(SpatialFault) {
    let figures = try figures(of: shape)
    append(UInt32(figures.count))
    for figure in figures {
      guard areTyped else {
        appendCurve(figure: figure)
        continue
      }
      switch value.figures[figure].attribute {
      case 1:
        append(type: Kind.lineString, srid: nil)
        appendCurve(figure: figure)
      case 2:
        append(type: Kind.circularString, srid: nil)
        appendCurve(figure: figure)
      case 3:
        append(type: Kind.compoundCurve, srid: nil)
        try appendCompound(figure: figure)
      default:
        throw .malformed("a ring with attribute \(value.figures[figure].attribute)")
      }
    }
  }

  private enum Kind {
    static let lineString: UInt32 = 2
    static let circularString: UInt32 = 8
    static let compoundCurve: UInt32 = 9
  }

  /// Lines and arcs in one figure: each segment goes on from the last point, a "first" one begins a
  /// part that shares it.
  private mutating func appendCompound(figure: Int?) throws(SpatialFault) {
    guard let figure else { return append(UInt32(0)) }
    let points = value.points(ofFigure: figure)
    var parts: [(kind: UInt32, points: Range<Int>)] = []
    var last = points.lowerBound
    while last + 1 < points.upperBound {
      guard nextSegment < value.segments.count else {
        throw .malformed("a composite curve with too few segments")
      }
      let segment = value.segments[nextSegment]
      nextSegment += 1
      guard segment <= 3 else { throw .malformed("a segment of type \(segment)") }
      let isArc = segment & 1 == 1
      let end = last + (isArc ? 2 : 1)
      guard end < points.upperBound else { throw .malformed("an arc with too few points") }
      let kind = isArc ? Kind.circularString : Kind.lineString
      if segment < 2, let part = parts.last, part.kind == kind {
        parts[parts.count - 1].points = part.points.lowerBound..<end + 1
      } else {
        parts.append((kind, last..<end + 1))
      }
      last = end
    }
    append(UInt32(parts.count))
    for part in parts {
      append(type: part.kind, srid: nil)
      append(points: part.points)
    }
  }

  // MARK: - Bytes

  private mutating func append(type: UInt32, srid: UInt32?) {
    output.append(1)
    append(type | dimensionFlags | (srid == nil ? 0 : Flag.srid))
    if let srid { append(srid) }
  }

  private mutating func append(points: Range<Int>) {
    append(UInt32(points.count))
    for point in points { append(point: point) }
  }

  private mutating func append(point: Int) {
    append(coordinate: swapsAxes ? 1 : 0, of: point)
    append(coordinate: swapsAxes ? 0 : 1, of: point)
    if value.hasZ { append(coordinate: 2, of: point) }
    if value.hasM { append(coordinate: 3, of: point) }
  }

  private mutating func append(coordinate: Int, of point: Int) {
    let start = value.offset(ofPoint: point, coordinate: coordinate)
    output.append(contentsOf: input[start..<start + 8])
  }

  private mutating func append(_ number: some FixedWidthInteger) {
    for shift in stride(from: 0, to: number.bitWidth, by: 8) {
      output.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }
}
