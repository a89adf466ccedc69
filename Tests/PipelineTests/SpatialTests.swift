// Shapes that a mapping sends to PostGIS: from the pages of a data file to the final table and its
// proof, held against PostGIS itself.

import BackupFixtures
import Catalog
import Foundation
import TestSupport
import Testing

@Suite("Shapes for PostGIS", .enabled(if: PostGIS.isThere, PostGIS.skipped))
struct SpatialTests {
  private static let mapping = """
    source: map
    tables:
      dbo.Shape: { columns: { Shape: { type: geometry } } }
      dbo.Place: { columns: { Spot: { type: "geography(Point,4326)" }, Area: { type: geography } } }

    """

  private func database(withGlobe: Bool = false) -> FixtureDatabase {
    let all = StoredShape.all
    var shapes = Table.fixture("Shape", key: "Id", [("Id", "int"), ("Shape", "geometry")])
    shapes.columns[0].identity = Identity(seed: 1, increment: 1, lastValue: nil)
    let shapeRows: [[FixtureValue]] =
      all.enumerated().map { [.integer(Int64($0 + 1)), .bytes($1.shape.bytes)] }
      + [[.integer(900), .null], [.integer(901), .bytes([0xFF, 0xFF, 0xFF, 0xFF, 1, 0])]]
    let spot = StoredShape(srid: 4326, flags: 0x0C, points: [(47.5, -122.25)])
    let area = StoredShape(
      srid: 4326, points: [(0, 0), (0, 9), (9, 9), (0, 0)], figures: [(2, 0)],
      shapes: [(-1, 0, 3)])
    let places = Table.fixture(
      "Place", key: "Id", [("Id", "int"), ("Spot", "geography"), ("Area", "geography")])
    var placeRows: [[FixtureValue]] = [
      [.integer(1), .bytes(spot.bytes), .bytes(area.bytes)], [.integer(2), .null, .null],
    ]
    if withGlobe {
      placeRows.append([.integer(3), .null, .bytes(StoredShape.fullGlobe.bytes)])
    }
    return FixtureDatabase(
      "Map", tables: [FixtureTable(places, rows: placeRows), FixtureTable(shapes, rows: shapeRows)])
  }

  private struct Case {
    let folder: TemporaryFolder
    let file: String
    let mapping: String
    var snapshot: String { "\(folder.path)/snapshot" }

    init(_ database: FixtureDatabase) throws {
      folder = try TemporaryFolder()
      file = "\(folder.path)/map.bak"
      try FixtureBackup(database).write(to: file)
      mapping = "\(folder.path)/restage.yaml"
      try SpatialTests.mapping.write(toFile: mapping, atomically: true, encoding: .utf8)
    }

    func export(_ options: String...) throws -> Shell.Outcome {
      try RestageTool.run(["export", file, "--into", snapshot, "--quiet"] + options)
    }
  }

  private func postGIS() throws -> TestPostgres {
    let target = try TestPostgres()
    try target.psql("CREATE EXTENSION postgis")
    return target
  }

  @Test("every kind of shape arrives as PostGIS writes it, and is proven")
  func everyShape() throws {
    let given = try Case(database())
    let exported = try given.export("--mapping", given.mapping)
    #expect(exported.status == 0, "\(exported.errors)")
    let target = try postGIS()
    let loaded = try target.load(given.snapshot, "--mapping", given.mapping)
    #expect(loaded.status == 0, "\(loaded.errors)")
    let texts = try target.psql(
      "SELECT coalesce(st_asewkt(shape), 'NULL') FROM public.shape ORDER BY id"
    ).split(separator: "\n").map(String.init)
    #expect(texts == StoredShape.all.map(\.text) + ["NULL", "NULL"])
    #expect(
      try target.psql("SELECT st_asewkt(spot), st_asewkt(area) FROM public.place WHERE id = 1")
        == "SRID=4326;POINT(-122.25 47.5)|SRID=4326;POLYGON((0 0,9 0,9 9,0 0))")
    #expect(
      try target.psql(
        """
        SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
        FROM pg_attribute
        WHERE attrelid = 'public.place'::regclass AND attname IN ('spot', 'area')
        """) == "geography(Point,4326), geography")
    for level in ["counts", "keys", "content"] {
      let proof = try target.verify(given.snapshot, "--mapping", given.mapping, "--level", level)
      #expect(proof.status == 0, "\(proof.output)\(proof.errors)")
    }
  }

  @Test("the proof sees one coordinate that was moved, a second night changes nothing")
  func secondNight() throws {
    let given = try Case(database())
    #expect(try given.export("--mapping", given.mapping).status == 0)
    let target = try postGIS()
    #expect(try target.load(given.snapshot, "--mapping", given.mapping).status == 0)
    let again = try target.load(given.snapshot, "--mapping", given.mapping)
    #expect(again.status == 0, "\(again.errors)")
    #expect(
      try target.psql(
        "SELECT coalesce(sum(rows_affected), 0) FROM restage.migration_audit WHERE operation = 'updated'"
      )
        == "0")
    try target.psql("UPDATE public.shape SET shape = 'POINT(3 5)' WHERE id = 1")
    let proof = try target.verify(given.snapshot, "--mapping", given.mapping)
    #expect(proof.status == 65, "\(proof.output)")
    #expect(proof.output.contains("Shape"), "\(proof.output)")
  }

  @Test("the whole globe is a reject that says what it is")
  func wholeGlobe() throws {
    let given = try Case(database(withGlobe: true))
    let exported = try given.export("--mapping", given.mapping)
    #expect(exported.status == 3, "\(exported.errors)")
    let rejects = try String(
      contentsOfFile: "\(given.snapshot)/rejects/dbo.Place.csv", encoding: .utf8)
    #expect(rejects.contains("FULLGLOBE"), "\(rejects)")
    #expect(rejects.contains("Area"), "\(rejects)")
  }

  @Test("bytea stays the default, and a snapshot of bytea is not loaded as shapes")
  func byDefault() throws {
    let given = try Case(database(withGlobe: true))
    #expect(try given.export().status == 0)
    let data = try FileManager.default.contentsOfDirectory(
      atPath: "\(given.snapshot)/data/dbo.Place")
    let lines = try String(
      contentsOfFile: "\(given.snapshot)/data/dbo.Place/\(data[0])", encoding: .utf8)
    #expect(lines.hasPrefix("1,\\xe6100000010c"), "\(lines)")
    let target = try postGIS()
    let loaded = try target.load(given.snapshot, "--mapping", given.mapping)
    #expect(loaded.status == 78, "\(loaded.errors)")
    #expect(loaded.errors.contains("export again with this mapping"), "\(loaded.errors)")
  }

  @Test("without PostGIS in the target the load says so")
  func withoutExtension() throws {
    let given = try Case(database())
    #expect(try given.export("--mapping", given.mapping).status == 0)
    let loaded = try TestPostgres().load(given.snapshot, "--mapping", given.mapping)
    #expect(loaded.status != 0)
    #expect(loaded.errors.contains("geometry") || loaded.errors.contains("geography"))
  }
}

/// The extension among the server's files.
private enum PostGIS {
  static let isThere =
    ProcessInfo.processInfo.environment["RESTAGE_REQUIRE_SHARED"] == "1"
    || ((try? Shell.run("pg_config", ["--sharedir"]))?.output
      .trimmingCharacters(in: .newlines)).map {
        FileManager.default.fileExists(atPath: $0 + "/extension/postgis.control")
      } ?? false

  static let skipped: Comment =
    "skipped: PostGIS is not installed; scripts/setup installs it"
}
