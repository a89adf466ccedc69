import Catalog
import Report
import Testing

@Suite struct ReportTests {
  @Test("columns are aligned by what a terminal shows")
  func alignment() {
    var table = AlignedTable([.text("table"), .number("rows")])
    table.add(["宽表", "1,000"])
    table.add(["e\u{301}te\u{301}", "1"])
    table.add(["🎵 x", "20"])
    table.add(["a\nb\u{1B}[31m"])
    table.setFooter(["3 tables", "1,021"])
    #expect(
      table.description == """
        table            rows
        --------------  -----
        宽表            1,000
        e\u{301}te\u{301}                 1
        🎵 x               20
        a\\nb\\u{1b}[31m
        --------------  -----
        3 tables        1,021

        """)
  }

  @Test(
    "display width",
    arguments: [
      ("", 0), ("abc", 3), ("ÑandÚ", 5), ("宽", 2), ("한글", 4), ("ｶﾅ", 2), ("Ａ", 2), ("e\u{301}", 1),
      ("🎵", 2), ("👩‍👩‍👧", 2), ("❤️", 2), ("©", 1), ("\u{200B}", 0), ("𠀀", 2), ("→", 1), ("…", 1),
    ])
  func displayWidth(text: String, width: Int) {
    #expect(text.displayWidth == width)
  }

  @Test(
    "whole numbers are grouped in threes",
    arguments: [
      (0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567"),
      (Int.min, "-9,223,372,036,854,775,808"),
    ])
  func grouping(number: Int, text: String) {
    #expect(number.grouped == text)
  }

  @Test("inspect shows tables with their keys, and what stays behind")
  func inspection() throws {
    let inspection = Inspection(of: music)
    #expect(
      inspection.description == """
        Music, SQL Server 2016, Latin1_General_CI_AS
        3 tables, 1,350 rows

        table        rows  columns  source key   foreign keys to
        ----------  -----  -------  -----------  ---------------
        dbo.Album     347        2  AlbumID      dbo.Artist
        dbo.Artist      ?        1  (whole row)
        dbo.Log     1,003        1  (whole row)

        Not moved:

        what     name          why
        -------  ------------  --------------------------------
        table    dbo.Log       memory-optimized
        2 views  dbo.V, dbo.W  code is reported, not translated

        To know:

        - The backup is from 2017.

        """)
  }

  @Test("JSON is the same every time and says the same as the table")
  func json() throws {
    let text = try jsonText(Inspection(of: music))
    #expect(try jsonText(Inspection(of: music)) == text)
    #expect(
      text.hasPrefix("{\n  \"collation\" : \"Latin1_General_CI_AS\",\n  \"database\" : \"Music\""))
    #expect(text.contains("\"source_key\" : [\n        \"AlbumID\"\n      ]"))
    #expect(text.hasSuffix("}\n"))
  }

  @Test("a run's account is summed up; columns without a number other than 0 are left out")
  func runSummary() {
    let artist = RunSummary.TableLine(
      table: "public.artist", staged: 1_275, inserted: 1_000, updated: 5, unchanged: 270)
    let album = RunSummary.TableLine(
      table: "public.album", staged: 10, inserted: 8, rejected: 2, nulled: 1)
    #expect(artist.isAccounted && album.isAccounted)
    #expect(!RunSummary.TableLine(table: "t", staged: 1).isAccounted)
    let summary = RunSummary(
      runID: "r1", source: "music", status: "succeeded", seconds: 185, tables: [artist, album])
    #expect(
      summary.description == """
        run r1 of music: succeeded in 3 min 05 s

        table          staged  inserted  updated  unchanged  rejected  no parent  vanished
        -------------  ------  --------  -------  ---------  --------  ---------  --------
        public.artist   1,275     1,000        5        270         0          0         0
        public.album       10         8        0          0         2          1         0
        -------------  ------  --------  -------  ---------  --------  ---------  --------
        2 tables        1,285     1,008        5        270         2          1         0

        """)
  }

  @Test("the proof says what differs and by which key")
  func verification() {
    var track = Verification.TableLine(
      table: "public.track", source: "dbo.Track", snapshotRows: 3_503, targetRows: 3_502,
      missing: 2, extra: 1, differing: 1, knownKeys: 3_503, presentKeys: 3_502,
      orphans: [.init(foreignKey: "track_album_fk", rows: 4)])
    track.examples = [
      .init(kind: .missing, key: [.init(column: "track_id", value: "4071")]),
      .init(
        kind: .differing,
        key: [.init(column: "code", value: "a b"), .init(column: "n", value: nil)],
        columns: ["name", "bytes"]),
    ]
    let genre = Verification.TableLine(
      table: "public.genre", source: "dbo.Genre", snapshotRows: 25, targetRows: 24, rejectedRows: 1,
      exportRejects: 3, otherRows: 2_000)
    let proof = Verification(level: .content, tables: [genre, track])
    #expect(!proof.isEqual)
    #expect(
      proof.description == """
        table         snapshot  target  rejected  missing  extra  differing  orphans  not ours
        ------------  --------  ------  --------  -------  -----  ---------  -------  --------  ---------
        public.genre        25      24         1        0      0          0        0     2,000  equal
        public.track     3,503   3,502         0        2      1          1        4         0  DIFFERENT

        public.track, from dbo.Track:
          3,502 of 3,503 keys in the key map have their row
          4 rows have no parent by track_album_fk
          missing track_id=4071
          differing code='a b' n=NULL: name, bytes
          and 2 more rows

        2,000 rows of these tables are not from this source
        not in the snapshot: 3 refused rows; its rejects/ lists them
        1 of 2 tables differ (level content)

        """)
    #expect(
      Verification(level: .counts, tables: [genre]).description.hasSuffix(
        "\nequal but for 4 refused rows, not in the target: 1 tables, 25 rows (level counts)\n"
      ))
    #expect(Verification(level: .counts, tables: [genre]).refusals == Refusals(rows: 4))
    #expect(Verification.Level.counts < .keys && Verification.Level.keys < .content)
  }

  private let music = Database(
    name: "Music", serverVersion: "SQL Server 2016",
    collation: Collation(
      name: "Latin1_General_CI_AS", codePage: 1252, isCaseSensitive: false,
      isAccentSensitive: true, isBinary: false),
    schemas: ["dbo"],
    tables: [
      Table(
        name: ObjectName("dbo", "Album"),
        columns: [
          Column(id: 1, name: "AlbumID", type: ColumnType(.int), isNullable: false),
          Column(id: 2, name: "ArtistID", type: ColumnType(.int), isNullable: true),
        ],
        primaryKey: Key(name: nil, isClustered: true, columns: [KeyColumn("AlbumID")]),
        foreignKeys: [
          ForeignKey(
            name: nil, columns: ["ArtistID"], parent: ObjectName("dbo", "Artist"),
            parentColumns: ["ArtistID"])
        ], rowCount: 347),
      Table(
        name: ObjectName("dbo", "Artist"),
        columns: [Column(id: 1, name: "Name", type: ColumnType(.int), isNullable: true)]),
      Table(
        name: ObjectName("dbo", "Log"),
        columns: [Column(id: 1, name: "Text", type: ColumnType(.xml), isNullable: true)],
        rowCount: 1_003, refusal: "memory-optimized"),
    ],
    modules: [
      Module(kind: .view, name: ObjectName("dbo", "V")),
      Module(kind: .view, name: ObjectName("dbo", "W")),
    ],
    notes: ["The backup is from 2017."])
}
