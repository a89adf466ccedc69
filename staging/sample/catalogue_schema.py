"""The catalog of the sample: a music catalogue, its shop and its royalties as SQL Server knows them.

Tables are written in a short form, one line a column:

    AlbumID  int  identity(1,1) from 1000      -- a description, if any
    Notes    nvarchar(max)  null
    Total    decimal(18,2)  as ([Quantity]*[UnitPrice]) persisted
    IsActive bit  default ((1))

Columns are NOT NULL unless they say `null`. An identity's `from` is the first value that still has a
row: the earlier ones were deleted, so that new keys differ from the old ones. `document()` gives what a snapshot's schema.json holds.
"""

import re

COLLATION = {
    "name": "Latin1_General_CI_AS", "code_page": 1252,
    "case_sensitive": False, "accent_sensitive": True, "binary": False,
}
TEXT_TYPE = re.compile(r"n?(var)?char\(|n?text$")
COLUMN = re.compile(
    r"(?P<name>\S+)\s+(?P<type>\S+)"
    r"(?P<identity>\s+identity\((?P<seed>\d+),(?P<increment>\d+)\)(\s+from\s+(?P<first>\d+))?)?"
    r"(?P<null>\s+null)?"
    r"(\s+default\s+(?P<default>\(.*?\)))?"
    r"(\s+as\s+(?P<computed>\(.*?\))(?P<persisted>\s+persisted)?)?"
    r"(\s+--\s+(?P<comment>.*))?$")
REFERENCE = re.compile(
    r"(?P<columns>\S+) -> (?P<schema>\w+)\.(?P<table>[\w ]+)\((?P<parents>\S+)\)"
    r"( on delete (?P<action>cascade|set null))?$")

tables = []


class Table:
    """One table: its catalog entry and what the row generator needs to know of it."""

    def __init__(self, schema, name, columns, key, unique, references, checks, indexes, comment):
        self.schema, self.name, self.comment = schema, name, comment
        self.columns = [
            column(name, number, line) for number, line in enumerate(columns.strip().splitlines(), 1)]
        self.first_identity = next(
            (int(match["first"] or match["seed"])
             for match in map(COLUMN.match, map(str.strip, columns.strip().splitlines()))
             if match["identity"]), None)
        self.key = key.split(",") if key else []
        self.unique = [columns.split(",") for columns in unique]
        self.references = [REFERENCE.match(reference) for reference in references]
        assert all(self.references), f"{schema}.{name}: {references}"
        self.checks, self.indexes = checks, indexes

    @property
    def full_name(self):
        return f"{self.schema}.{self.name}"

    @property
    def identity(self):
        return next((c for c in self.columns if "identity" in c), None)

    @property
    def stored(self):
        return [c for c in self.columns if c.get("computed", {}).get("persisted", True)]

    @property
    def source_key(self):
        """The primary key, else the first unique constraint: what orders the rows."""
        return self.key or (self.unique[0] if self.unique else [])

    def describe(self, row_count, last_value):
        columns = [dict(c) for c in self.columns]
        for one in columns:
            if "identity" in one and last_value is not None:
                one["identity"] = dict(one["identity"], last_value=last_value)
        short = self.name.replace(" ", "")
        return compact({
            "name": {"schema": self.schema, "name": self.name},
            "columns": columns,
            "primary_key": self.key and key(f"PK_{short}", True, self.key) or None,
            "unique_constraints": [
                key(f"UQ_{short}_{'_'.join(one)}", False, one) for one in self.unique],
            "indexes": [index(short, *one) for one in self.indexes],
            "foreign_keys": [foreign_key(short, one) for one in self.references],
            "checks": [
                {"name": f"CK_{short}_{number}", "definition": text, "disabled": False}
                for number, text in enumerate(self.checks, 1)],
            "comment": self.comment,
            "rows": row_count,
        })


def compact(entry):
    """Optional members that are nil are left out of the JSON."""
    return {name: value for name, value in entry.items() if value is not None}


def column(table, number, line):
    match = COLUMN.match(line.strip())
    assert match, f"not a column: {line}"
    identity = match["identity"] and {
        "seed": int(match["seed"]), "increment": int(match["increment"])}
    return compact({
        "id": number,
        "name": match["name"],
        "type": match["type"],
        "nullable": bool(match["null"]),
        "identity": identity or None,
        "computed": match["computed"] and {
            "definition": match["computed"], "persisted": bool(match["persisted"])} or None,
        "default": match["default"] and {
            "name": f"DF_{table}_{match['name']}", "definition": match["default"]} or None,
        "collation": COLLATION if TEXT_TYPE.match(match["type"]) else None,
        "sparse": False,
        "column_set": False,
        "rowguid": False,
        "hidden": False,
        "comment": match["comment"],
    })


def key(name, is_clustered, columns):
    return {
        "name": name, "clustered": is_clustered,
        "columns": [{"name": one, "desc": False} for one in columns]}


def index(table, columns, is_unique=False, included=(), predicate=None):
    names = columns.split(",")
    return compact({
        "name": f"IX_{table}_{'_'.join(n.split()[0] for n in names)}",
        "kind": "nonclustered",
        "unique": is_unique,
        "columns": [{"name": n.split()[0], "desc": n.endswith(" desc")} for n in names],
        "included": list(included),
        "filter": predicate,
        "disabled": False,
    })


def foreign_key(table, reference):
    columns = reference["columns"].split(",")
    return {
        "name": f"FK_{table}_{'_'.join(columns)}",
        "columns": columns,
        "parent": {"schema": reference["schema"], "name": reference["table"]},
        "parent_columns": reference["parents"].split(","),
        "on_delete": (reference["action"] or "no action").upper(),
        "on_update": "NO ACTION",
        "disabled": False,
        "not_trusted": False,
    }


def table(name, columns, key="", unique=(), references=(), checks=(), indexes=(), comment=None):
    schema, bare = name.split(".")
    tables.append(
        Table(schema, bare, columns, key, unique, references, checks, indexes, comment))


# --- reference data ---------------------------------------------------------------------------

table("dbo.Currency", """
    CurrencyCode  char(3)
    Name          nvarchar(60)
    Symbol        nvarchar(8)  null
    MinorUnits    tinyint  default ((2))
""", key="CurrencyCode", comment="Currencies by ISO 4217 code")

table("dbo.Country", """
    CountryCode   nchar(2)
    Name          nvarchar(80)
    LocalName     nvarchar(80)  null
    CurrencyCode  char(3)  null
    VATRate       decimal(5,2)  default ((0))
""", key="CountryCode", references=["CurrencyCode -> dbo.Currency(CurrencyCode)"],
    comment="Countries by ISO 3166 code")

table("dbo.Language", """
    LanguageTag   varchar(12)
    EnglishName   nvarchar(60)
    NativeName    nvarchar(60)  null
    IsRightToLeft bit  default ((0))
""", key="LanguageTag")

table("dbo.CreditRole", """
    RoleID        tinyint
    Name          nvarchar(40)
""", key="RoleID", unique=["Name"])

table("dbo.Genre", """
    GenreID       smallint
    ParentGenreID smallint  null
    Name          nvarchar(60)
    Description   nvarchar(max)  null
""", key="GenreID", references=["ParentGenreID -> dbo.Genre(GenreID)"],
    comment="A tree of genres; roots have no parent")

table("dbo.Mood", """
    MoodID        tinyint
    Name          nvarchar(40)
    Valence       real  null
""", unique=["MoodID"], comment="Has a unique constraint and no primary key")

table("dbo.Instrument", """
    InstrumentID  int  identity(1,1) from 301
    Name          nvarchar(60)
    Family        varchar(20)  null
""", key="InstrumentID")

table("dbo.Tag", """
    TagID         uniqueidentifier  default (newid())
    Name          nvarchar(60)
    CreatedAt     datetime  default (getdate())
""", key="TagID")

# --- the catalogue: labels, artists, albums, tracks -------------------------------------------

table("dbo.Label", """
    LabelID           int  identity(1,1) from 1000
    Name              nvarchar(120)
    LabelCode         char(5)  null  -- LC code; SQL Server lets one label go without
    ParentLabelID     int  null
    CountryCode       nchar(2)  null
    FlagshipArtistID  int  null  -- closes a cycle with Artist.LabelID
    FoundedOn         date  null
    IsActive          bit  default ((1))
""", key="LabelID", unique=["LabelCode"], references=[
    "ParentLabelID -> dbo.Label(LabelID)", "CountryCode -> dbo.Country(CountryCode)",
    "FlagshipArtistID -> dbo.Artist(ArtistID)"],
    checks=["([FoundedOn]>='18770101')"], comment="Record labels and the labels that own them")

table("dbo.Artist", """
    ArtistID          int  identity(1,1) from 5003
    Name              nvarchar(160)
    SortName          nvarchar(160)  null
    LabelID           int  null
    MemberOfArtistID  int  null  -- the group that a soloist belongs to
    ManagerArtistID   int  null  -- artists who manage other artists
    CountryCode       nchar(2)  null
    FormedYear        smallint  null
    Biography         nvarchar(max)  null
    IsActive          bit  default ((1))
    ModifiedAt        datetime  default (getdate())
""", key="ArtistID", references=[
    "LabelID -> dbo.Label(LabelID)", "MemberOfArtistID -> dbo.Artist(ArtistID)",
    "ManagerArtistID -> dbo.Artist(ArtistID)", "CountryCode -> dbo.Country(CountryCode)"],
    checks=["([FormedYear] IS NULL OR [FormedYear]>=(1850) AND [FormedYear]<=(2100))",
            "([MemberOfArtistID]<>[ArtistID])"],
    indexes=[("SortName", False, ["Name"])], comment="Groups, soloists and orchestras")

table("dbo.Person", """
    PersonID      int  identity(1,3) from 20008
    GivenName     nvarchar(60)  null
    FamilyName    nvarchar(60)
    FullName      nvarchar(121)  null  as (concat([GivenName],N' ',[FamilyName]))
    BornOn        date  null
    IPINumber     char(11)  -- interested party number of rights societies
""", key="PersonID", unique=["IPINumber"], comment="People who are credited or paid")

table("dbo.ArtistMember", """
    ArtistID      int
    PersonID      int
    JoinedOn      date
    LeftOn        date  null
    RoleID        tinyint  null
""", key="ArtistID,PersonID,JoinedOn", references=[
    "ArtistID -> dbo.Artist(ArtistID) on delete cascade", "PersonID -> dbo.Person(PersonID)",
    "RoleID -> dbo.CreditRole(RoleID)"], checks=["([LeftOn] IS NULL OR [LeftOn]>=[JoinedOn])"])

table("dbo.Album", """
    AlbumID       int  identity(1,1) from 1000
    Title         nvarchar(200)
    ArtistID      int
    LabelID       int  null
    LeadTrackID   int  null  -- closes a cycle with Track.AlbumID
    ReleasedOn    date  null
    Notes         nvarchar(max)  null
    Metadata      xml  null
    RowVersion    rowversion
""", key="AlbumID", references=[
    "ArtistID -> dbo.Artist(ArtistID)", "LabelID -> dbo.Label(LabelID)",
    "LeadTrackID -> dbo.Track(TrackID)"], indexes=[("ArtistID,ReleasedOn desc",)])

table("dbo.Track", """
    TrackID       int  identity(1,1) from 100001
    AlbumID       int
    DiscNo        tinyint  default ((1))
    TrackNo       smallint
    Title         nvarchar(200)
    DurationMS    int  null
    ISRC          char(12)  null
    LoudnessLUFS  float  null
    LanguageTag   varchar(12)  null
    IsExplicit    bit  default ((0))
""", key="TrackID", unique=["AlbumID,DiscNo,TrackNo"], references=[
    "AlbumID -> dbo.Album(AlbumID)", "LanguageTag -> dbo.Language(LanguageTag)"],
    checks=["([DurationMS]>(0))", "([DiscNo]>=(1) AND [TrackNo]>=(1))"],
    indexes=[("ISRC", True, (), "([ISRC] IS NOT NULL)")])

table("dbo.Edition", """
    AlbumID       int
    EditionNo     smallint
    Format        varchar(12)
    Barcode       char(13)
    CountryCode   nchar(2)  null
    ListPrice     money
    WeightGrams   smallmoney  null
    PressedOn     date  null
""", key="AlbumID,EditionNo", unique=["Barcode"], references=[
    "AlbumID -> dbo.Album(AlbumID) on delete cascade",
    "CountryCode -> dbo.Country(CountryCode)"],
    checks=["([Format]='digital' OR [Format]='cassette' OR [Format]='CD' OR [Format]='vinyl')",
            "([ListPrice]>=(0))", "(patindex('%[^0-9]%',[Barcode])=(0))"],
    comment="What of an album can be bought; counted from 1 within the album")

table("dbo.EditionTrack", """
    AlbumID       int
    EditionNo     smallint
    TrackID       int
    Position      smallint
""", key="AlbumID,EditionNo,TrackID", references=[
    "AlbumID,EditionNo -> dbo.Edition(AlbumID,EditionNo)", "TrackID -> dbo.Track(TrackID)"])

table("dbo.Credit", """
    CreditID      bigint  identity(1,1) from 1000000007
    TrackID       int
    PersonID      int
    RoleID        tinyint
    Share         decimal(7,4)  null
""", key="CreditID", references=[
    "TrackID -> dbo.Track(TrackID)", "PersonID -> dbo.Person(PersonID)",
    "RoleID -> dbo.CreditRole(RoleID)"], indexes=[("PersonID,RoleID",)])

table("dbo.AlbumGenre", """
    AlbumID       int
    GenreID       smallint
    Order         tinyint
""", key="AlbumID,GenreID", references=[
    "AlbumID -> dbo.Album(AlbumID)", "GenreID -> dbo.Genre(GenreID)"])

table("dbo.TrackMood", """
    TrackID       int
    MoodID        tinyint
    Strength      real
""", key="TrackID,MoodID", references=[
    "TrackID -> dbo.Track(TrackID)", "MoodID -> dbo.Mood(MoodID)"])

table("dbo.TrackInstrument", """
    TrackID       int
    InstrumentID  int
    PersonID      int  null
""", key="TrackID,InstrumentID", references=[
    "TrackID -> dbo.Track(TrackID)", "InstrumentID -> dbo.Instrument(InstrumentID)",
    "PersonID -> dbo.Person(PersonID)"])

table("dbo.ArtistTag", """
    ArtistID      int
    TagID         uniqueidentifier
""", key="ArtistID,TagID", references=[
    "ArtistID -> dbo.Artist(ArtistID)", "TagID -> dbo.Tag(TagID)"])

table("dbo.TrackLyrics", """
    TrackID       int
    LanguageTag   varchar(12)
    Lyrics        nvarchar(max)
""", key="TrackID", references=[
    "TrackID -> dbo.Track(TrackID)", "LanguageTag -> dbo.Language(LanguageTag)"],
    comment="Shares its primary key with Track")

table("dbo.AlbumArtwork", """
    AlbumID       int
    MimeType      varchar(40)
    Picture       varbinary(max)
    Thumbnail     varbinary(256)  null
    Checksum      binary(16)  null
""", key="AlbumID", references=["AlbumID -> dbo.Album(AlbumID)"])

table("dbo.Studio", """
    StudioID      int  identity(1,2) from 41
    Name          nvarchar(80)
    CountryCode   nchar(2)  null
    Latitude      float  null
    Longitude     float  null
""", key="StudioID", references=["CountryCode -> dbo.Country(CountryCode)"])

table("dbo.RecordingSession", """
    SessionID     int  identity(1,1) from 8001
    StudioID      int
    ArtistID      int
    StartedAt     datetime2(7)
    EndedAt       datetime2(3)  null
    Notes         nvarchar(max)  null
""", key="SessionID", references=[
    "StudioID -> dbo.Studio(StudioID)", "ArtistID -> dbo.Artist(ArtistID)"],
    checks=["([EndedAt] IS NULL OR [EndedAt]>=[StartedAt])"])

table("dbo.SessionTrack", """
    SessionID     int
    TrackID       int
    TakeNo        smallint
    IsKeeper      bit  default ((0))
""", key="SessionID,TrackID,TakeNo", references=[
    "SessionID -> dbo.RecordingSession(SessionID)", "TrackID -> dbo.Track(TrackID)"])

table("dbo.ImportLog", """
    LoggedAt      datetime
    FileName      nvarchar(260)
    Message       nvarchar(400)  null
    RowsRead      int  null
""", comment="Has no key at all, and rows that are equal")

# --- the shop ---------------------------------------------------------------------------------

table("sales.SubscriptionPlan", """
    PlanCode      varchar(10)
    Name          nvarchar(40)
    Price         decimal(9,2)
    CurrencyCode  char(3)
    IsOffered     bit  default ((1))
""", key="PlanCode", references=["CurrencyCode -> dbo.Currency(CurrencyCode)"])

table("sales.Customer", """
    CustomerID           int  identity(1,1) from 7001
    Email                nvarchar(160)
    GivenName            nvarchar(60)  null
    FamilyName           nvarchar(60)
    CountryCode          nchar(2)  null
    ReferredByCustomerID int  null
    CreatedAt            datetimeoffset(7)  default (sysdatetimeoffset())
    Balance              money  default ((0))
    Remarks              nvarchar(400)  null
""", key="CustomerID", unique=["Email"], references=[
    "CountryCode -> dbo.Country(CountryCode)",
    "ReferredByCustomerID -> sales.Customer(CustomerID)"],
    checks=["([Email] like '%_@_%')"])

table("sales.Device", """
    DeviceID      uniqueidentifier  default (newid())
    CustomerID    int
    Kind          varchar(12)
    Name          nvarchar(80)  null
    LastSeenAt    datetime2(0)  null
""", key="DeviceID", references=[
    "CustomerID -> sales.Customer(CustomerID) on delete cascade"],
    checks=["([Kind] IN ('phone','tablet','desktop','speaker'))"])

table("sales.Subscription", """
    SubscriptionID int  identity(1,1) from 600
    CustomerID    int
    PlanCode      varchar(10)
    StartsOn      date
    EndsOn        date  null
    AutoRenew     bit  default ((1))
""", key="SubscriptionID", references=[
    "CustomerID -> sales.Customer(CustomerID)",
    "PlanCode -> sales.SubscriptionPlan(PlanCode)"],
    checks=["([EndsOn] IS NULL OR [EndsOn]>=[StartsOn])"])

table("sales.Playlist", """
    PlaylistID    int  identity(1,1) from 31
    CustomerID    int  null
    ForkedFromPlaylistID int  null
    Name          nvarchar(120)
    IsPublic      bit  default ((0))
    CreatedAt     smalldatetime  default (getdate())
""", key="PlaylistID", references=[
    "CustomerID -> sales.Customer(CustomerID) on delete set null",
    "ForkedFromPlaylistID -> sales.Playlist(PlaylistID)"])

table("sales.PlaylistTrack", """
    PlaylistID    int
    Position      int
    TrackID       int
    AddedAt       datetime  null
""", key="PlaylistID,Position", references=[
    "PlaylistID -> sales.Playlist(PlaylistID) on delete cascade",
    "TrackID -> dbo.Track(TrackID)"], checks=["([Position]>(0))"])

table("sales.Play", """
    PlayID        bigint  identity(1,1) from 5000000001
    CustomerID    int
    DeviceID      uniqueidentifier  null
    TrackID       int
    PlayedAt      datetime
    Seconds       smallint
    Volume        real  null
""", key="PlayID", references=[
    "CustomerID -> sales.Customer(CustomerID)", "DeviceID -> sales.Device(DeviceID)",
    "TrackID -> dbo.Track(TrackID)"], indexes=[("CustomerID,PlayedAt desc",)])

table("sales.Invoice", """
    InvoiceID     int  identity(1,2) from 90001
    InvoiceNo     bigint  default (NEXT VALUE FOR [sales].[InvoiceNumber])
    CustomerID    int
    IssuedAt      datetime2(3)  default (sysutcdatetime())
    CountryCode   nchar(2)  null
    Total         money
    Note          nvarchar(200)  null
""", key="InvoiceID", unique=["InvoiceNo"], references=[
    "CustomerID -> sales.Customer(CustomerID)", "CountryCode -> dbo.Country(CountryCode)"])

table("sales.InvoiceLine", """
    InvoiceID     int
    LineNo        smallint
    AlbumID       int  null
    EditionNo     smallint  null
    Quantity      smallint
    UnitPrice     decimal(9,2)
    LineTotal     decimal(18,2)  null  as ([Quantity]*[UnitPrice]) persisted
    Description   nvarchar(200)  default (N'')
""", key="InvoiceID,LineNo", references=[
    "InvoiceID -> sales.Invoice(InvoiceID) on delete cascade",
    "AlbumID,EditionNo -> dbo.Edition(AlbumID,EditionNo)"], checks=["([Quantity]<>(0))"])

table("sales.Payment", """
    PaymentID     uniqueidentifier  default (newsequentialid())
    InvoiceID     int
    PaidAt        datetimeoffset(3)
    Amount        money
    CurrencyCode  char(3)
    Method        varchar(10)
""", key="PaymentID", references=[
    "InvoiceID -> sales.Invoice(InvoiceID)", "CurrencyCode -> dbo.Currency(CurrencyCode)"])

table("sales.PaymentAllocation", """
    InvoiceID     int
    LineNo        smallint
    PaymentID     uniqueidentifier
    Amount        money
""", key="InvoiceID,LineNo,PaymentID", references=[
    "InvoiceID,LineNo -> sales.InvoiceLine(InvoiceID,LineNo)",
    "PaymentID -> sales.Payment(PaymentID)"])

table("sales.Review", """
    ReviewID      int  identity(5,5) from 15
    CustomerID    int
    AlbumID       int
    Stars         tinyint
    Body          nvarchar(max)  null
    WrittenAt     datetime2(7)
""", key="ReviewID", unique=["CustomerID,AlbumID"], references=[
    "CustomerID -> sales.Customer(CustomerID)", "AlbumID -> dbo.Album(AlbumID)"],
    checks=["([Stars]>=(1) AND [Stars]<=(5))"])

table("sales.StockMovement", """
    MovementID    int  identity(1,1)
    Barcode       char(13)  -- points at a unique constraint, not at a primary key
    Quantity      int
    MovedAt       datetime
""", key="MovementID", references=["Barcode -> dbo.Edition(Barcode)"])

table("sales.Gift Card", """
    CardCode      char(16)
    CustomerID    int  null
    Amount        smallmoney
    IssuedOn      date
    RedeemedInvoiceID int  null
""", key="CardCode", references=[
    "CustomerID -> sales.Customer(CustomerID)",
    "RedeemedInvoiceID -> sales.Invoice(InvoiceID)"])

table("sales.Coupon", """
    CouponID      int  identity(1,1)
    CustomerID    int
    Percentage    tinyint
    ExpiresOn     date  null
""", key="CouponID", references=["CustomerID -> sales.Customer(CustomerID)"],
    comment="Has no rows yet")

# --- royalties --------------------------------------------------------------------------------

table("royalty.Agreement", """
    AgreementID   int  identity(1,1) from 2501
    LabelID       int
    ArtistID      int  null
    SupersedesAgreementID int  null
    SignedOn      date
    Terms         xml  null
    Scan          varbinary(max)  null
""", key="AgreementID", references=[
    "LabelID -> dbo.Label(LabelID)", "ArtistID -> dbo.Artist(ArtistID)",
    "SupersedesAgreementID -> royalty.Agreement(AgreementID)"])

table("royalty.Share", """
    AgreementID   int
    PersonID      int
    Percentage    decimal(9,6)
""", key="AgreementID,PersonID", references=[
    "AgreementID -> royalty.Agreement(AgreementID)", "PersonID -> dbo.Person(PersonID)"],
    checks=["([Percentage]>(0) AND [Percentage]<=(100))"])

table("royalty.Statement", """
    StatementID   int  identity(1,1) from 70001
    AgreementID   int
    PeriodStart   date
    PeriodEnd     date
    CurrencyCode  char(3)
    IssuedAt      datetime  null
""", key="StatementID", unique=["AgreementID,PeriodStart"], references=[
    "AgreementID -> royalty.Agreement(AgreementID)",
    "CurrencyCode -> dbo.Currency(CurrencyCode)"], checks=["([PeriodEnd]>[PeriodStart])"])

table("royalty.StatementLine", """
    StatementID   int
    LineNo        int
    TrackID       int
    Units         int
    Amount        decimal(18,6)
    RateFactor    float  null
""", key="StatementID,LineNo", references=[
    "StatementID -> royalty.Statement(StatementID) on delete cascade",
    "TrackID -> dbo.Track(TrackID)"])

table("royalty.ExchangeRate", """
    CurrencyCode  char(3)
    RateDate      date
    Rate          decimal(18,8)
""", unique=["CurrencyCode,RateDate"], references=["CurrencyCode -> dbo.Currency(CurrencyCode)"])


# --- what is reported and not moved -----------------------------------------------------------

MODULES = [
    ("view", "dbo.Discography", None, """CREATE VIEW dbo.Discography AS
SELECT a.Name, b.Title, b.ReleasedOn, COUNT(*) AS Tracks
FROM dbo.Artist AS a
JOIN dbo.Album AS b ON b.ArtistID = a.ArtistID
JOIN dbo.Track AS t ON t.AlbumID = b.AlbumID
GROUP BY a.Name, b.Title, b.ReleasedOn;"""),
    ("function", "dbo.FormatDuration", None, """CREATE FUNCTION dbo.FormatDuration (@ms int)
RETURNS varchar(8) AS
BEGIN
  RETURN CONCAT(@ms / 60000, ':', RIGHT(CONCAT('0', @ms / 1000 % 60), 2));
END;"""),
    ("trigger", "dbo.Artist_Modified", "dbo.Artist", """CREATE TRIGGER dbo.Artist_Modified ON dbo.Artist
AFTER UPDATE AS
  UPDATE a SET ModifiedAt = GETDATE()
  FROM dbo.Artist AS a JOIN inserted AS i ON i.ArtistID = a.ArtistID;"""),
    ("procedure", "royalty.CloseQuarter", None, """CREATE PROCEDURE royalty.CloseQuarter @Until date AS
BEGIN
  SET NOCOUNT ON;
  UPDATE royalty.Statement SET IssuedAt = GETDATE()
  WHERE IssuedAt IS NULL AND PeriodEnd <= @Until;
END;"""),
]


def document(row_counts, last_values, next_invoice_number):
    """What schema.json holds, tables sorted by schema and name as bytes."""
    ordered = sorted(tables, key=lambda t: (t.schema.encode(), t.name.encode()))
    modules = sorted(MODULES, key=lambda m: m[1])
    return {
        "name": "Cadence",
        "server_version": "SQL Server 2019",
        "collation": COLLATION,
        "schemas": sorted({t.schema for t in tables}),
        "tables": [
            t.describe(row_counts[t.full_name], last_values.get(t.full_name)) for t in ordered],
        "sequences": [{
            "name": {"schema": "sales", "name": "InvoiceNumber"}, "type": "bigint",
            "start": 20190001, "increment": 1, "minimum": 1, "maximum": 2**63 - 1,
            "current": next_invoice_number - 1, "cycles": False}],
        "alias_types": [],
        "modules": [compact({
            "kind": kind, "name": object_name(name), "table": table and object_name(table),
            "definition": text}) for kind, name, table, text in modules],
        "notes": [],
    }


def object_name(text):
    schema, name = text.split(".")
    return {"schema": schema, "name": name}
