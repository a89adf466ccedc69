// What meets with rows that the target has already: rows that vanished, rows that were there before,
// rows that somebody edited.

import Catalog

extension Situation {
  static let inTheTarget = [
    vanishedDeleted, vanishedCeiling, vanishedMarked, vanishedWholeRows, naturalKeys,
    naturalKeyPreserved, naturalKeyAmbiguous, naturalKeyRekeyed, editedOverwritten, editedKept,
    editedFails, expressions, changedRows,
  ]

  /// Children go before their parents, what is still referred to stays, and what returns is unseen.
  static let vanishedDeleted = Situation(
    name: "vanished-deleted",
    tables: [
      TestTable("Artist", [column("Id", "int"), column("Name", "varchar(20)", .null)])
        .surrogate("Id").onVanished(.delete),
      TestTable(
        "Album",
        [column("Id", "int"), column("ArtistId", "int"), column("SequelTo", "int", .null)]
      ).surrogate("Id").link("ArtistId", to: "Artist", "Id").link("SequelTo", to: "Album", "Id")
        .onVanished(.delete),
      TestTable("Credit", [column("AlbumId", "int"), column("ArtistId", "int")])
        .key("AlbumId", "ArtistId").link("AlbumId", to: "Album", "Id")
        .link("ArtistId", to: "Artist", "Id").onVanished(.delete),
    ],
    nights: [
      night(
        "album: 4 inserted; artist: 4 inserted; credit: 2 inserted",
        [
          "Artist": ["1,a", "2,b", "3,c", "4,d"],
          "Album": ["10,1,", "11,1,10", "12,1,11", "13,2,13"], "Credit": ["12,3", "13,2"],
        ]),
      // A chain of albums goes with its artist and its credit; an album of our own holds artist 4.
      night(
        "album: 3 deleted, 1 unchanged, 3 vanished; artist: 2 deleted, 1 unchanged, 3 vanished; credit: 1 deleted, 1 unchanged, 1 vanished",
        ["Artist": ["2,b"], "Album": ["13,2,13"], "Credit": ["13,2"]],
        after: """
          INSERT INTO public.album (artistid)
          SELECT target_key FROM restage_keymap.artist WHERE source_id = 4;
          """),
      // Nothing holds artist 4 any more; artist 1 is back, under a new key.
      night(
        "album: 1 inserted, 1 unchanged; artist: 1 deleted, 1 inserted, 1 unchanged; credit: 1 unchanged",
        ["Artist": ["1,a", "2,b"], "Album": ["10,1,", "13,2,13"], "Credit": ["13,2"]],
        after:
          "DELETE FROM public.album WHERE id NOT IN (SELECT target_key FROM restage_keymap.album);"
      ),
    ])

  /// More than the mapping allows stops the run, and so does an empty table whatever it allows.
  static let vanishedCeiling = Situation(
    name: "vanished-ceiling",
    tables: [
      TestTable("Half", [column("Id", "int")]).key("Id").onVanished(.delete, max: .percent("50")),
      TestTable("Two", [column("Id", "int")]).key("Id").onVanished(.delete, max: .rows(2)),
      TestTable("Small", [column("Id", "int")]).key("Id").onVanished(.mark, max: .percent("0.5")),
    ],
    nights: [
      night(
        "half: 4 inserted; small: 3 inserted; two: 4 inserted",
        ["Half": ["1", "2", "3", "4"], "Two": ["1", "2", "3", "4"], "Small": ["1", "2", "3"]]),
      night("RS010", ["Half": ["1"]]),
      night("RS010", ["Two": ["1"]]),
      night("RS010", ["Half": []]),
      night("RS010", ["Small": ["1"]]),
      night(
        "half: 2 deleted, 2 unchanged, 2 vanished; small: 2 unchanged, 1 vanished; two: 2 deleted, 2 unchanged, 2 vanished",
        ["Half": ["1", "4"], "Two": ["1", "2"], "Small": ["1", "2"]]),
    ])

  static let vanishedMarked = Situation(
    name: "vanished-marked",
    tables: [
      TestTable("Artist", [column("Id", "int"), column("Name", "varchar(20)", .null)])
        .surrogate("Id").onVanished(.mark, markColumn: "gone at"),
      TestTable("Line", [column("Text", "varchar(20)", .null)])
        .onVanished(.mark, markColumn: "gone_at"),
    ],
    nights: [
      // So many equal rows that PostgreSQL does not number them as they lie.
      night(
        "artist: 2 inserted; line: 16 inserted",
        ["Artist": ["1,a", "2,b"], "Line": lines(x: 8, y: 8)]),
      night(
        "artist: 1 marked, 1 unchanged, 1 vanished; line: 7 marked, 9 unchanged, 7 vanished",
        ["Artist": ["1,a"], "Line": lines(x: 3, y: 6)]),
      night(
        "artist: 1 unchanged; line: 2 marked, 7 unchanged, 2 vanished",
        ["Artist": ["1,a"], "Line": lines(x: 2, y: 5)]),
      night(
        "artist: 1 marked, 1 returned, 2 unchanged; line: 2 marked, 2 returned, 9 unchanged",
        ["Artist": ["1,a", "2,b"], "Line": lines(x: 3, y: 6)]),
    ])

  private static func lines(x: Int, y: Int) -> [String] {
    (1...max(x, y)).flatMap { ($0 <= x ? ["x"] : []) + ($0 <= y ? ["y"] : []) }
  }

  /// Without a key a changed row is one that vanished and one that is unseen.
  static let vanishedWholeRows = Situation(
    name: "vanished-whole-rows",
    tables: [
      TestTable("Host", [column("Id", "int")]).surrogate("Id"),
      TestTable("Log", [column("HostId", "int", .null), column("Line", "varchar(20)", .null)])
        .link("HostId", to: "Host", "Id").onVanished(.delete),
    ],
    nights: [
      night(
        "host: 1 inserted; log: 4 inserted",
        ["Host": ["1"], "Log": ["1,x", "1,x", "1,x", ",y"]]),
      night(
        "host: 1 unchanged; log: 2 deleted, 1 inserted, 2 unchanged, 2 vanished",
        ["Host": ["1"], "Log": ["1,x", "1,x", ",Y"]]),
      night(
        "host: 1 unchanged; log: 1 inserted, 3 unchanged",
        ["Host": ["1"], "Log": ["1,x", "1,x", "1,x", ",Y"]]),
    ])

  /// Rows that somebody else put into the target, recognised as SQL Server would: without regard to
  /// case and trailing blanks, NULL equal to NULL, and over parents' new keys.
  static let naturalKeys = Situation(
    name: "natural-keys",
    tables: [
      TestTable(
        "Genre",
        [
          column("Id", "int"), column("Name", "nvarchar(20)", .null, .ignoringCase),
          column("Note", "varchar(20)", .null),
        ]
      ).surrogate("Id").naturalKey("Name").onVanished(.delete),
      TestTable(
        "Track",
        [
          column("Id", "int"), column("GenreId", "int", .null), column("Title", "varchar(20)"),
          column("Seconds", "int", .null),
        ]
      ).surrogate("Id").link("GenreId", to: "Genre", "Id", policy: .reject)
        .naturalKey("GenreId", "Title"),
    ],
    nights: [
      night(
        "genre: 1 inserted, 2 matched; track: 3 inserted, 2 matched, 1 rejected",
        [
          "Genre": ["1,ROCK ,mine", "2,Jazz,x", "3,,none"],
          "Track": ["1,1,A,10", "2,2,A,20", "3,,A,30", "4,3,B,40", "5,1,B ,50", "6,9,A,60"],
        ],
        after: """
          INSERT INTO public.genre (id, name, note)
          VALUES (1000, 'rock', 'theirs'), (1001, NULL, 'theirs'), (1002, 'Folk', 'theirs');
          INSERT INTO public.track (id, genreid, title, seconds)
          VALUES (2000, 1000, 'A', 1), (2001, 1000, 'B', 2), (2002, 1002, 'A', 3);
          """),
      // A recognised row that changes in the source is written; one that vanishes is not deleted.
      night(
        "genre: 1 overwritten, 1 unchanged, 1 updated, 1 vanished; track: 1 overwritten, 4 unchanged, 1 updated",
        [
          "Genre": ["1,ROCK ,changed", "2,Jazz,x"],
          "Track": ["1,1,A,11", "2,2,A,20", "3,,A,30", "4,3,B,40", "5,1,B ,50"],
        ]),
      night(
        "genre: 1 returned, 2 unchanged, 1 updated; track: 5 unchanged",
        [
          "Genre": ["1,ROCK ,changed", "2,Jazz,y", "3,,none"],
          "Track": ["1,1,A,11", "2,2,A,20", "3,,A,30", "4,3,B,40", "5,1,B ,50"],
        ]),
      // The source's own rows must differ in it.
      night("RS011", ["Genre": ["1,a,", "2,A ,"]]),
    ])

  /// Where keys are kept a row can be recognised by its key alone.
  static let naturalKeyPreserved = Situation(
    name: "natural-key-preserved",
    tables: [
      TestTable(
        "Country", [column("Code", "char(2)", .ignoringCase), column("Name", "varchar(20)")]
      )
      .key("Code").naturalKey("Code"),
      TestTable("Pair", [column("A", "int"), column("B", "int"), column("C", "int", .null)])
        .key("A", "B").naturalKey("A", "B"),
    ],
    nights: [
      night(
        "country: 1 inserted, 1 matched; pair: 1 inserted, 1 matched",
        ["Country": ["CH,Schweiz", "FR,France"], "Pair": ["1,1,5", "1,2,"]],
        after: """
          INSERT INTO public.country VALUES ('ch', 'Switzerland'), ('IT', 'Italy');
          INSERT INTO public.pair VALUES (1, 1, 1), (2, 2, 2);
          """),
      night(
        "country: 1 overwritten, 1 unchanged, 1 updated; pair: 1 overwritten, 1 unchanged, 1 updated",
        ["Country": ["CH,Suisse", "FR,France"], "Pair": ["1,1,6", "1,2,"]]),
    ])

  static let naturalKeyAmbiguous = Situation(
    name: "natural-key-ambiguous",
    tables: [
      TestTable("Genre", [column("Id", "int"), column("Name", "varchar(20)", .null)])
        .surrogate("Id").naturalKey("Name")
    ],
    nights: [
      night(
        "RS011", ["Genre": ["1,Rock"]],
        after: "INSERT INTO public.genre (name) VALUES ('Rock'), ('Rock ');"),
      night("genre: 1 inserted", ["Genre": ["1,Jazz"]]),
    ])

  /// The source deletes rows and inserts them again under other keys: nothing changes in the target.
  static let naturalKeyRekeyed = Situation(
    name: "natural-key-rekeyed",
    tables: [
      TestTable(
        "Genre",
        [
          column("Id", "int"), column("Name", "nvarchar(20)", .null, .ignoringCase),
          column("Note", "varchar(20)", .null), column("ParentId", "int", .null),
        ]
      ).surrogate("Id").link("ParentId", to: "Genre", "Id").naturalKey("Name")
        .onConflict(.fail).onVanished(.report),
      TestTable(
        "Track",
        [
          column("Id", "int"), column("GenreId", "int", .null), column("Title", "varchar(20)"),
          column("OtherId", "int", .null),
        ]
      ).surrogate("Id").link("GenreId", to: "Genre", "Id").link("OtherId", to: "Genre", "Id")
        .naturalKey("GenreId", "Title").onConflict(.fail),
      TestTable(
        "Tag", [column("GenreId", "int"), column("No", "int"), column("Text", "varchar(9)")]
      )
      .key("GenreId", "No").link("GenreId", to: "Genre", "Id").onConflict(.fail),
      TestTable("Line", [column("GenreId", "smallint", .null), column("Text", "varchar(9)")])
        .link("GenreId", to: "Genre", "Id"),
    ],
    nights: [
      night(
        "genre: 2 inserted, 1 matched; line: 4 inserted; tag: 3 inserted; track: 3 inserted, 1 matched",
        [
          "Genre": ["1,Rock,x,", "2,Jazz,y,1", "3,Folk,mine,3"],
          "Track": ["1,1,A,1", "2,2,B,1", "3,3,C,", "4,3,D,2"],
          "Tag": ["1,1,a", "2,1,b", "3,1,c"], "Line": ["1,x", "1,x", "2,x", "3,y"],
        ],
        after: """
          INSERT INTO public.genre (id, name, note) VALUES (1000, 'FOLK ', 'theirs');
          INSERT INTO public.track (genreid, title, otherid) VALUES (1000, 'C', 1000);
          """),
      rekeyingNight(
        "genre: 3 unchanged; line: 4 unchanged; tag: 3 unchanged; track: 4 unchanged",
        [
          "Genre": ["11,Rock,x,", "2,Jazz,y,11", "13,Folk,mine,13"],
          "Track": ["1,11,A,11", "2,2,B,11", "3,13,C,", "4,13,D,2"],
          "Tag": ["11,1,a", "2,1,b", "13,1,c"], "Line": ["11,x", "11,x", "2,x", "13,y"],
        ]),
      // Parent and child in one night, and other columns with them.
      rekeyingNight(
        "genre: 2 unchanged, 1 updated; line: 4 unchanged; tag: 2 unchanged, 1 updated; track: 1 inserted, 3 unchanged, 1 updated",
        [
          "Genre": ["21,ROCK  ,changed,", "2,Jazz,y,21", "13,Folk,mine,13"],
          "Track": ["101,21,A,21", "2,2,B,2", "103,13,C,", "4,13,D,2", "5,21,E,"],
          "Tag": ["21,1,changed", "2,1,b", "13,1,c"], "Line": ["21,x", "21,x", "2,x", "13,y"],
        ]),
      // Gone for a night, and back under another key. Folk cannot go: its rows would have no parent.
      night(
        "genre: 2 unchanged, 1 vanished; line: 3 unchanged, 1 vanished; tag: 2 unchanged, 1 vanished; track: 3 unchanged, 1 updated, 1 vanished",
        [
          "Genre": ["21,ROCK  ,changed,", "13,Folk,mine,13"],
          "Track": ["101,21,A,21", "103,13,C,", "4,13,D,", "5,21,E,"],
          "Tag": ["21,1,changed", "13,1,c"], "Line": ["21,x", "21,x", "13,y"],
        ]),
      rekeyingNight(
        "genre: 1 returned, 3 unchanged; line: 1 returned, 4 unchanged; tag: 1 returned, 3 unchanged; track: 1 returned, 5 unchanged",
        [
          "Genre": ["21,ROCK  ,changed,", "22,Jazz,y,21", "13,Folk,mine,13"],
          "Track": ["101,21,A,21", "2,22,B,22", "103,13,C,", "4,13,D,", "5,21,E,"],
          "Tag": ["21,1,changed", "22,1,b", "13,1,c"], "Line": ["21,x", "21,x", "22,x", "13,y"],
        ]),
    ])

  /// Rows that the mapping leaves out, values that it makes, and a column of its own.
  static let expressions = Situation(
    name: "expressions",
    tables: [
      TestTable(
        "Track",
        [
          column("Id", "int"), column("Name", "varchar(20)", .null), column("Price", "int"),
          column("Kind", "char(1)"),
        ]
      ).surrogate("Id").filter("kind <> 'x' -- no drafts").expression("Name", "btrim(name)")
        .expression("Price", "price * 2").adding("summary", "text", "name || ':' || price")
        .adding("loaded at", "timestamptz", "now()").onVanished(.delete),
      TestTable("Line", [column("Text", "varchar(20)", .null), column("Size", "int", .null)])
        .filter("size > 0").expression("Text", "upper(text)").adding("day", "date", "current_date"),
    ],
    nights: [
      night(
        "line: 2 filtered, 2 inserted, 2 transformed; track: 1 filtered, 2 inserted, 2 transformed",
        ["Track": ["1, a ,5,a", "2,b,7,b", "3,c,9,x"], "Line": ["a,1", "a,1", "b,", "c,0"]],
        as: ["Track": ["1,a,10,a", "2,b,14,b"], "Line": ["A,1", "A,1"]]),
      // A blank more is no change, and a row that the condition leaves out now has vanished.
      night(
        "line: 1 filtered, 1 transformed, 1 unchanged, 1 vanished; track: 1 deleted, 1 filtered, 1 inserted, 2 transformed, 1 unchanged, 1 vanished",
        ["Track": ["1, a  ,5,a", "2,b,7,x", "3,c,9,c"], "Line": ["a,1", "b,"]],
        as: ["Track": ["1,a,10,a", "3,c,18,c"], "Line": ["A,1"]]),
    ])

  /// Tables of which snapshots may hold changed rows alone. By hand, and where a snapshot holds all rows,
  /// they are merged as any others; `record_watermark` says of a run that it is otherwise.
  static let changedRows = Situation(
    name: "changed-rows",
    tables: [
      TestTable("Kept", [column("Id", "int"), column("Version", "bigint", .null)])
        .surrogate("Id").changes(.rowversion(column: "Version")).onVanished(.delete),
      TestTable(
        "Tracked",
        [column("Day", "int"), column("No", "int"), column("Note", "varchar(20)", .null)]
      ).key("No", "Day").changes(.changeTracking).filter("note <> 'x'").onVanished(.delete),
    ],
    nights: [
      night(
        "kept: 2 inserted; tracked: 1 filtered, 2 inserted",
        ["Kept": ["1,", "2,"], "Tracked": ["31,1,a", "31,2,b", "31,3,x"]],
        as: ["Tracked": ["31,1,a", "31,2,b"]]),
      night(
        "kept: 1 deleted, 1 unchanged, 1 vanished; tracked: 1 deleted, 1 filtered, 1 unchanged, 1 vanished",
        ["Kept": ["2,"], "Tracked": ["31,1,a", "31,2,x"]],
        as: ["Tracked": ["31,1,a"]]),
    ])

  private static func edited(_ policy: ConflictPolicy) -> [TestTable] {
    [
      TestTable("Artist", [column("Id", "int"), column("Name", "varchar(20)", .null)])
        .surrogate("Id"),
      TestTable(
        "Album",
        [column("Id", "int"), column("ArtistId", "int", .null), column("Title", "varchar(20)")]
      ).surrogate("Id").link("ArtistId", to: "Artist", "Id", policy: .null).onConflict(policy),
    ]
  }

  private static let artists = ["1,a", "2,b"]
  private static let edit = "UPDATE public.album SET title = 'edited' WHERE title IN ('x', 'y');"

  static let editedOverwritten = Situation(
    name: "edited-overwritten", tables: edited(.overwrite),
    nights: [
      night(
        "album: 4 inserted, 1 nulled; artist: 2 inserted",
        ["Artist": artists, "Album": ["1,1,x", "2,2,y", "3,9,z", "4,1,w"]]),
      // Two rows are edited, one of them changes in the source too; the others change unedited.
      unprovenNight(
        "album: 1 overwritten, 1 unchanged, 3 updated; artist: 2 unchanged",
        ["Artist": artists, "Album": ["1,2,X", "2,2,y", "3,2,z", "4,1,W"]], after: edit),
    ])

  static let editedKept = Situation(
    name: "edited-kept", tables: edited(.keep),
    nights: [
      night(
        "album: 4 inserted, 1 nulled; artist: 2 inserted",
        ["Artist": artists, "Album": ["1,1,x", "2,2,y", "3,9,z", "4,1,w"]]),
      unprovenNight(
        "album: 1 kept, 1 unchanged, 2 updated; artist: 2 unchanged",
        ["Artist": artists, "Album": ["1,2,X", "2,2,y", "3,2,z", "4,1,W"]], after: edit),
      // Somebody wrote what the source has: the two agree, and the source is followed again.
      unprovenNight(
        "album: 3 unchanged, 1 updated; artist: 2 unchanged",
        ["Artist": artists, "Album": ["1,2,X", "2,2,y", "3,2,z", "4,1,W"]],
        after: """
          UPDATE public.album SET title = 'X', artistid = (
            SELECT target_key FROM restage_keymap.artist WHERE source_id = 2
          )
          WHERE id = (SELECT target_key FROM restage_keymap.album WHERE source_id = 1);
          """),
      unprovenNight(
        "album: 3 unchanged, 1 updated; artist: 2 unchanged",
        ["Artist": artists, "Album": ["1,1,Z", "2,2,y", "3,2,z", "4,1,W"]]),
    ])

  static let editedFails = Situation(
    name: "edited-fails", tables: edited(.fail),
    nights: [
      night(
        "album: 2 inserted; artist: 2 inserted", ["Artist": artists, "Album": ["1,1,x", "2,2,v"]]),
      night(
        "album: 1 unchanged, 1 updated; artist: 2 unchanged",
        ["Artist": artists, "Album": ["1,1,x", "2,1,V"]]),
      night("RS012", ["Artist": artists, "Album": ["1,1,X", "2,1,V"]], after: edit),
      night(
        "album: 1 unchanged, 1 updated; artist: 2 unchanged",
        ["Artist": artists, "Album": ["1,1,X", "2,1,V"]],
        after: "UPDATE public.album SET title = 'X' WHERE title = 'edited';"),
    ])
}
