// The situations themselves. Each is a golden case (what SQL is written) and a scenario (what it does).

import Catalog

extension Situation {
  static let all: [Situation] =
    keys + orphans + changes + cycles + names + inTheTarget + moves

  /// One for each kind of source key.
  static let keys = [
    identityKey, uuidKey, textKeyPreserved, compositeKey, junctionTable, sharedPrimaryKey, wholeRow,
    nullableCompositeForeignKey, badKeys, collationsDiffer, trailingBlanks, uniqueValuesMove,
    uniqueValuesFixed,
  ]
  static let orphans = [
    orphansFail, orphansRejected, orphansNulled, orphansOfWholeRows, orphansOfDisabledForeignKey,
  ]
  static let changes = [changesReported, changesIgnored, everyType]
  static let cycles = [
    selfReference, selfReferenceRejected, cycleOfTwo, cycleOfThree, cycleRejected,
  ]
  static let names = [hostileNames, reservedWords, longNames]

  static let identityKey = Situation(
    name: "identity-key",
    tables: [
      TestTable("Artist", [column("ArtistId", "int"), column("Name", "nvarchar(40)", .null)])
        .surrogate("ArtistId"),
      TestTable(
        "Album",
        [
          column("AlbumId", "int"), column("Title", "nvarchar(40)"), column("ArtistId", "int"),
          column("ReviewedBy", "int", .null, as: "reviewed_by"),
        ]
      ).surrogate("AlbumId").link("ArtistId", to: "Artist", "ArtistId")
        .link("ReviewedBy", to: "Artist", "ArtistId"),
    ],
    nights: [
      night(
        "album: 3 inserted; artist: 3 inserted",
        [
          "Artist": ["10,AC/DC", "20,Accept", "30,\"\""],
          "Album": ["7,Restless,20,", "8,\"Big, \"\"Ones\"\"\",10,30", "9,Loud,10,10"],
        ]),
      // One row each: unseen, changed, gone; a changed foreign key finds the new parent.
      night(
        "album: 1 inserted, 1 unchanged, 2 updated; artist: 1 inserted, 1 unchanged, 1 updated, 1 vanished",
        [
          "Artist": ["10,AC/DC", "20,ACCEPT", "5,Unseen"],
          "Album": ["7,Restless,5,20", "8,Big Ones,10,", "9,Loud,10,10", "4,Unseen,5,5"],
        ]),
      // The row that had vanished is back, and changed on its way.
      night(
        "album: 4 unchanged; artist: 1 returned, 3 unchanged, 1 updated",
        [
          "Artist": ["10,AC/DC", "20,ACCEPT", "5,Unseen", "30,Back"],
          "Album": ["7,Restless,5,20", "8,Big Ones,10,", "9,Loud,10,10", "4,Unseen,5,5"],
        ]),
      night(
        "album: 4 vanished; artist: 4 vanished",
        ["Artist": [], "Album": []]),
      night(
        "RS001",
        ["Artist": ["10,AC/DC"], "Album": ["7,Restless,99,20"]]),
    ])

  static let uuidKey = Situation(
    name: "uuid-key",
    tables: [
      TestTable("Device", [column("DeviceId", "uniqueidentifier"), column("Seen", "datetime2(7)")])
        .surrogate("DeviceId", .uuid),
      TestTable(
        "Reading",
        [
          column("ReadingId", "bigint"), column("DeviceId", "uniqueidentifier"),
          column("Value", "float", .null),
        ]
      ).surrogate("ReadingId").link("DeviceId", to: "Device", "DeviceId"),
    ],
    nights: [
      night(
        "device: 2 inserted; reading: 3 inserted",
        [
          "Device": [
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301,2020-02-29 23:59:59.999999",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3302,0001-01-01 00:00:00",
          ],
          "Reading": [
            "1,3f2504e0-4f89-11d3-9a0c-0305e82c3301,0.1",
            "2,3f2504e0-4f89-11d3-9a0c-0305e82c3301,-0",
            "9000000000,3f2504e0-4f89-11d3-9a0c-0305e82c3302,",
          ],
        ]),
      night(
        "device: 2 unchanged; reading: 2 unchanged, 1 updated",
        [
          "Device": [
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301,2020-02-29 23:59:59.999999",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3302,0001-01-01 00:00:00",
          ],
          "Reading": [
            "1,3f2504e0-4f89-11d3-9a0c-0305e82c3302,0.1",
            "2,3f2504e0-4f89-11d3-9a0c-0305e82c3301,-0",
            "9000000000,3f2504e0-4f89-11d3-9a0c-0305e82c3302,",
          ],
        ]),
    ])
}
