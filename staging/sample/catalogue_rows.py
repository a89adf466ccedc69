"""The rows of the sample, the same on every machine: a music catalogue, its shop, its royalties.

Values are None, str, int, bool, float, bytes, date or datetime. Decimal and money values are whole
numbers of their smallest unit: money 12.50 is 125000.
"""

import datetime
import uuid
from xml.sax.saxutils import escape

import catalogue_schema
from sample_words import (
    ARTIST_NAMES, AWKWARD, COUNTRIES, CURRENCIES, FAMILY_NAMES, GENRES, GIVEN_NAMES, INSTRUMENTS,
    LABEL_NAMES, LANGUAGES, LYRICS, MOODS, REVIEWS, ROLES, STUDIOS, TITLE_ENDS, TITLE_STARTS)

NIGHT = datetime.datetime(2024, 3, 31, 22, 15, 0)     # when the sample's first night begins


class Generator:
    """SplitMix64 written out, since the methods of random.Random differ between Python versions."""

    MASK = 2**64 - 1

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & self.MASK
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & self.MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & self.MASK
        return z ^ (z >> 31)

    def below(self, count):
        return self.next() % count

    def between(self, low, high):
        return low + self.next() % (high - low + 1)

    def chance(self, percent):
        return self.next() % 100 < percent

    def pick(self, values):
        return values[self.next() % len(values)]

    def some(self, values, count):
        """Up to `count` different values, in the order of `values`."""
        chosen = {self.below(len(values)) for _ in range(count)}
        return [values[i] for i in sorted(chosen)]

    def day(self, first_year, last_year):
        return datetime.date(first_year, 1, 1) + datetime.timedelta(
            days=self.below((last_year - first_year + 1) * 365))

    def moment(self, first_year, last_year, step_microseconds=1):
        seconds, micro = self.below(86400), self.below(1000000)
        return datetime.datetime.combine(
            self.day(first_year, last_year), datetime.time()) + datetime.timedelta(
            seconds=seconds, microseconds=micro // step_microseconds * step_microseconds)

    def datetime_moment(self, first_year, last_year):
        """As SQL Server's datetime holds it: 1/300 s, printed as .000, .003 or .007."""
        moment = self.moment(first_year, last_year, 10000)
        return moment + datetime.timedelta(milliseconds=self.pick((0, 3, 7)))

    def uuid(self):
        return uuid.UUID(int=(self.next() << 64 | self.next()), version=4)

    def bytes(self, count):
        return b"".join(
            self.next().to_bytes(8, "little") for _ in range(count // 8 + 1))[:count]


class Rows:
    """All rows so far, by table; hands out identity and rowversion values as SQL Server would."""

    def __init__(self):
        self.tables = {t.full_name: [] for t in catalogue_schema.tables}
        self.last_values = {}
        self._identities = {
            t.full_name: (t.identity["name"], t.identity["identity"]["increment"], t.first_identity)
            for t in catalogue_schema.tables if t.identity}
        self._row_version = 2000
        self.next_invoice_number = 20190001

    def add(self, table, **values):
        """Adds a row and returns its identity value, if the table has one."""
        handed_out = None
        if table in self._identities:
            handed_out = self.next_identity(table)
            values[self._identities[table][0]] = self.last_values[table] = handed_out
        self.tables[table].append(values)
        return handed_out

    def next_identity(self, table):
        _, increment, first = self._identities[table]
        return self.last_values.get(table, first - increment) + increment

    def skip_identities(self, table, count):
        """Leaves a gap, as rolled back inserts do."""
        self.last_values[table] += count * self._identities[table][1]

    def row_version(self):
        self._row_version += 1
        return self._row_version.to_bytes(8, "big")

    def values(self, table, column):
        return [row[column] for row in self.tables[table]]


def build(extra=0, changed=0):
    """All rows of the sample, with `extra` more rows in five tables and `changed` other values."""
    rows = Rows()
    random = Generator(0x5EED)
    for part in (reference_data, labels_and_artists, albums_and_tracks, sessions, imports,
                 customers, listening, invoices, royalties):
        part(rows, random)
    change(rows, changed)
    add_extra(rows, Generator(0xE817A), extra)
    return rows


# --- reference data ---------------------------------------------------------------------------


def reference_data(rows, random):
    for code, name, symbol, units in CURRENCIES:
        rows.add("dbo.Currency", CurrencyCode=code, Name=name, Symbol=symbol, MinorUnits=units)
    for code, name, local, currency, rate in COUNTRIES:
        rows.add("dbo.Country", CountryCode=code, Name=name, LocalName=local,
                 CurrencyCode=currency, VATRate=rate)
    for tag, english, native, leftward in LANGUAGES:
        rows.add("dbo.Language", LanguageTag=tag, EnglishName=english, NativeName=native,
                 IsRightToLeft=leftward)
    for number, name in enumerate(ROLES):
        rows.add("dbo.CreditRole", RoleID=11 + number, Name=name)
    for number, (parent, name) in enumerate(GENRES):
        rows.add("dbo.Genre", GenreID=100 + 10 * number,
                 ParentGenreID=None if parent is None else 100 + 10 * parent, Name=name,
                 Description=random.pick(AWKWARD) if random.chance(40) else None)
    for number, name in enumerate(MOODS):
        rows.add("dbo.Mood", MoodID=7 + 3 * number, Name=name,
                 Valence=None if number == 3 else (number * 8 - 40) / 64)
    for name, family in INSTRUMENTS:
        rows.add("dbo.Instrument", Name=name, Family=family)
    for number in range(90):
        rows.add("dbo.Tag", TagID=random.uuid(), Name=f"{random.pick(TITLE_ENDS)} #{number}",
                 CreatedAt=random.datetime_moment(2012, 2023))
    for number, (name, country) in enumerate(STUDIOS):
        rows.add("dbo.Studio", Name=name, CountryCode=country,
                 Latitude=None if number % 7 == 6 else random.between(-60, 70) + number / 3,
                 Longitude=None if number % 7 == 6 else random.between(-180, 170) + number / 7)


# --- the catalogue ----------------------------------------------------------------------------


def labels_and_artists(rows, random):
    countries = rows.values("dbo.Country", "CountryCode")
    labels = []
    for number, name in enumerate(LABEL_NAMES):
        labels.append(rows.add(
            "dbo.Label", Name=name, LabelCode=None if number == 5 else f"{10000 + 37 * number:05d}",
            ParentLabelID=random.pick(labels) if labels and random.chance(45) else None,
            CountryCode=random.pick(countries) if random.chance(90) else None,
            FlagshipArtistID=None, FoundedOn=random.day(1900, 2015) if random.chance(85) else None,
            IsActive=random.chance(80)))
        if number % 9 == 8:
            rows.skip_identities("dbo.Label", 4)
    artists = []
    for number in range(640):
        name = ARTIST_NAMES[number] if number < len(ARTIST_NAMES) else artist_name(random)
        artists.append(rows.add(
            "dbo.Artist", Name=name, SortName=None if random.chance(20) else sort_name(name),
            LabelID=random.pick(labels) if random.chance(85) else None,
            MemberOfArtistID=random.pick(artists) if artists and random.chance(20) else None,
            ManagerArtistID=random.pick(artists) if artists and random.chance(10) else None,
            CountryCode=random.pick(countries) if random.chance(90) else None,
            FormedYear=random.between(1950, 2022) if random.chance(80) else None,
            Biography=biography(random), IsActive=random.chance(70),
            ModifiedAt=random.datetime_moment(2015, 2023)))
    for row in rows.tables["dbo.Label"]:
        signed = [a["ArtistID"] for a in rows.tables["dbo.Artist"] if a["LabelID"] == row["LabelID"]]
        row["FlagshipArtistID"] = random.pick(signed) if signed else None
    for number in range(900):
        rows.add("dbo.Person", GivenName=random.pick(GIVEN_NAMES) if random.chance(95) else None,
                 FamilyName=random.pick(FAMILY_NAMES),
                 BornOn=random.day(1930, 2004) if random.chance(75) else None,
                 IPINumber=f"{10_000_000_000 + 7919 * number:011d}")
    people = rows.values("dbo.Person", "PersonID")
    roles = rows.values("dbo.CreditRole", "RoleID")
    for artist in artists:
        for person in random.some(people, random.between(1, 3)):
            joined = random.day(1950, 2015)
            rows.add("dbo.ArtistMember", ArtistID=artist, PersonID=person, JoinedOn=joined,
                     LeftOn=joined + datetime.timedelta(days=random.below(4000))
                     if random.chance(30) else None,
                     RoleID=random.pick(roles) if random.chance(80) else None)
        for tag in random.some(rows.values("dbo.Tag", "TagID"), random.below(4)):
            rows.add("dbo.ArtistTag", ArtistID=artist, TagID=tag)


def albums_and_tracks(rows, random):
    artists = [(a["ArtistID"], a["LabelID"]) for a in rows.tables["dbo.Artist"]]
    genres = rows.values("dbo.Genre", "GenreID")
    barcodes = iter(range(4_000_000_000_017, 5_000_000_000_000, 13))
    for number in range(1250):
        artist, label = random.pick(artists)
        released = random.day(1960, 2023)
        album = add_album(rows, random, artist, label, released)
        if number % 50 == 49:
            rows.skip_identities("dbo.Album", 1)
        for order, genre in enumerate(random.some(genres, random.between(1, 3)), 1):
            rows.add("dbo.AlbumGenre", AlbumID=album, GenreID=genre, Order=order)
        discs = 2 if random.chance(10) else 1
        tracks = [
            add_track(rows, random, album, disc, track)
            for disc in range(1, discs + 1) for track in range(1, random.between(3, 9) + 1)]
        if random.chance(90):
            rows.tables["dbo.Album"][-1]["LeadTrackID"] = random.pick(tracks)
        add_editions(rows, random, album, tracks, released, barcodes)
        if random.chance(20):
            add_artwork(rows, random, album)
        for track in tracks:
            describe_track(rows, random, track)


def add_album(rows, random, artist, label, released):
    title = f"{random.pick(TITLE_STARTS)} {random.pick(TITLE_ENDS)}"
    return rows.add(
        "dbo.Album", Title=title, ArtistID=artist, LabelID=label, LeadTrackID=None,
        ReleasedOn=released if random.chance(95) else None,
        Notes=random.pick(AWKWARD) if random.chance(25) else None,
        Metadata=album_xml(random, released) if random.chance(30) else None,
        RowVersion=rows.row_version())


def add_track(rows, random, album, disc, number):
    title = f"{random.pick(TITLE_STARTS)} {random.pick(TITLE_ENDS)}"
    if random.chance(3):
        title = random.pick(AWKWARD)
    return rows.add(
        "dbo.Track", AlbumID=album, DiscNo=disc, TrackNo=number, Title=title[:200],
        DurationMS=random.between(45_000, 900_000) if random.chance(97) else None,
        ISRC=f"QZ{random.below(10):1d}AB{rows.next_identity('dbo.Track'):07d}"
        if random.chance(90) else None,
        LoudnessLUFS=-random.between(500, 2300) / 100 if random.chance(80) else None,
        LanguageTag=random.pick(LANGUAGES)[0] if random.chance(70) else None,
        IsExplicit=random.chance(10))


def add_editions(rows, random, album, tracks, released, barcodes):
    countries = rows.values("dbo.Country", "CountryCode")
    for number in range(1, random.between(1, 3) + 1):
        rows.add("dbo.Edition", AlbumID=album, EditionNo=number,
                 Format=random.pick(("vinyl", "CD", "digital", "cassette")),
                 Barcode=f"{next(barcodes):013d}",
                 CountryCode=random.pick(countries) if random.chance(85) else None,
                 ListPrice=random.between(499, 5999) * 100,
                 WeightGrams=random.between(300_000, 4_000_000) if random.chance(60) else None,
                 PressedOn=released if random.chance(50) else None)
        if number == 1:
            for position, track in enumerate(tracks, 1):
                rows.add("dbo.EditionTrack", AlbumID=album, EditionNo=number, TrackID=track,
                         Position=position)


def add_artwork(rows, random, album):
    picture = b"" if random.chance(3) else random.bytes(random.between(40, 400))
    rows.add("dbo.AlbumArtwork", AlbumID=album, MimeType="image/png", Picture=picture,
             Thumbnail=picture[:32] if random.chance(50) else None,
             Checksum=random.bytes(16) if random.chance(80) else None)


def describe_track(rows, random, track):
    people = rows.values("dbo.Person", "PersonID")
    roles = rows.values("dbo.CreditRole", "RoleID")
    instruments = rows.values("dbo.Instrument", "InstrumentID")
    for person in random.some(people, random.between(1, 2)):
        rows.add("dbo.Credit", TrackID=track, PersonID=person, RoleID=random.pick(roles),
                 Share=random.between(0, 1_000_000) if random.chance(70) else None)
    for mood in random.some(rows.values("dbo.Mood", "MoodID"), random.below(3)):
        rows.add("dbo.TrackMood", TrackID=track, MoodID=mood, Strength=random.below(129) / 128)
    for instrument in random.some(instruments, random.below(3)):
        rows.add("dbo.TrackInstrument", TrackID=track, InstrumentID=instrument,
                 PersonID=random.pick(people) if random.chance(50) else None)
    if random.chance(15):
        language, text = random.pick(LYRICS)
        rows.add("dbo.TrackLyrics", TrackID=track, LanguageTag=language,
                 Lyrics=text * random.between(1, 4))


def sessions(rows, random):
    studios = rows.values("dbo.Studio", "StudioID")
    artists = rows.values("dbo.Artist", "ArtistID")
    tracks = rows.values("dbo.Track", "TrackID")
    for _ in range(500):
        started = random.moment(1995, 2023)
        session = rows.add(
            "dbo.RecordingSession", StudioID=random.pick(studios), ArtistID=random.pick(artists),
            StartedAt=started,
            EndedAt=(started + datetime.timedelta(hours=random.between(1, 12))).replace(
                microsecond=0) + datetime.timedelta(milliseconds=random.between(1, 999))
            if random.chance(90) else None,
            Notes=random.pick(AWKWARD) if random.chance(30) else None)
        for track in random.some(tracks, 4):
            for take in range(1, random.between(1, 2) + 1):
                rows.add("dbo.SessionTrack", SessionID=session, TrackID=track, TakeNo=take,
                         IsKeeper=random.chance(30))


def imports(rows, random):
    for _ in range(700):
        line = dict(
            LoggedAt=random.datetime_moment(2019, 2023),
            FileName=f"\\\\nas\\import\\{random.pick(TITLE_ENDS)}.csv",
            Message=random.pick(AWKWARD) if random.chance(60) else None,
            RowsRead=random.below(5000) if random.chance(80) else None)
        for _ in range(3 if random.chance(20) else 1):
            rows.add("dbo.ImportLog", **line)


# --- the shop ---------------------------------------------------------------------------------


def customers(rows, random):
    for code, name, price, currency in (
            ("FREE", "Free", 0, "EUR"), ("SOLO", "Solo", 999, "EUR"), ("DUO", "Für zwei", 1499, "EUR"),
            ("FAMILY", "Familie, bis zu 6", 1799, "EUR"), ("JP", "ソロ", 98000, "JPY")):
        rows.add("sales.SubscriptionPlan", PlanCode=code, Name=name, Price=price,
                 CurrencyCode=currency, IsOffered=code != "DUO")
    for _ in range(1600):
        add_customer(rows, random)
    for customer in rows.values("sales.Customer", "CustomerID"):
        for _ in range(random.below(3)):
            add_device(rows, random, customer)
        if random.chance(70):
            starts = random.day(2019, 2023)
            rows.add("sales.Subscription", CustomerID=customer,
                     PlanCode=random.pick(("FREE", "SOLO", "DUO", "FAMILY", "JP")), StartsOn=starts,
                     EndsOn=starts + datetime.timedelta(days=random.below(900))
                     if random.chance(40) else None, AutoRenew=random.chance(60))


def add_customer(rows, random):
    number = rows.next_identity("sales.Customer")
    earlier = rows.values("sales.Customer", "CustomerID") if random.chance(20) else []
    return rows.add(
        "sales.Customer", Email=f"{random.pick(('mail', 'post', 'info', 'музыка'))}{number}@example.org",
        GivenName=random.pick(GIVEN_NAMES) if random.chance(90) else None,
        FamilyName=random.pick(FAMILY_NAMES),
        CountryCode=random.pick(COUNTRIES)[0] if random.chance(95) else None,
        ReferredByCustomerID=random.pick(earlier) if earlier else None,
        CreatedAt=random.moment(2018, 2023), Balance=random.between(-200_000, 900_000),
        Remarks=random.pick(AWKWARD) if random.chance(15) else None)


def add_device(rows, random, customer):
    device = random.uuid()
    rows.add("sales.Device", DeviceID=device, CustomerID=customer,
             Kind=random.pick(("phone", "tablet", "desktop", "speaker")),
             Name=random.pick(AWKWARD)[:80] if random.chance(30) else None,
             LastSeenAt=random.moment(2022, 2023, 1_000_000) if random.chance(80) else None)
    return device


def listening(rows, random):
    customer_ids = rows.values("sales.Customer", "CustomerID")
    tracks = rows.values("dbo.Track", "TrackID")
    playlists = []
    for _ in range(800):
        playlist = rows.add(
            "sales.Playlist", CustomerID=random.pick(customer_ids) if random.chance(95) else None,
            ForkedFromPlaylistID=random.pick(playlists) if playlists and random.chance(25) else None,
            Name=f"{random.pick(TITLE_STARTS)} 🎧" if random.chance(20) else random.pick(TITLE_ENDS),
            IsPublic=random.chance(40),
            CreatedAt=random.moment(2018, 2023, 1_000_000).replace(second=0))
        playlists.append(playlist)
        for position in range(1, random.between(2, 16)):
            rows.add("sales.PlaylistTrack", PlaylistID=playlist, Position=position,
                     TrackID=random.pick(tracks),
                     AddedAt=random.datetime_moment(2019, 2023) if random.chance(70) else None)
    devices = [(d["DeviceID"], d["CustomerID"]) for d in rows.tables["sales.Device"]]
    for _ in range(14_000):
        add_play(rows, random, tracks, devices)
    for number in range(150):
        card = f"GIFT-{number:04d}-{random.below(900000) + 100000:06d}"
        rows.add("sales.Gift Card", CardCode=card,
                 CustomerID=random.pick(customer_ids) if random.chance(60) else None,
                 Amount=random.pick((100_000, 250_000, 500_000)), IssuedOn=random.day(2020, 2023),
                 RedeemedInvoiceID=None)


def add_play(rows, random, tracks, devices):
    device, customer = random.pick(devices)
    rows.add("sales.Play", CustomerID=customer, DeviceID=device if random.chance(90) else None,
             TrackID=random.pick(tracks), PlayedAt=random.datetime_moment(2023, 2023),
             Seconds=random.between(1, 900),
             Volume=random.below(65) / 64 if random.chance(50) else None)


def invoices(rows, random):
    editions = [(e["AlbumID"], e["EditionNo"], e["ListPrice"]) for e in rows.tables["dbo.Edition"]]
    customer_ids = rows.values("sales.Customer", "CustomerID")
    for _ in range(2200):
        add_invoice(rows, random, random.pick(customer_ids), editions)
    invoice_ids = rows.values("sales.Invoice", "InvoiceID")
    for card in rows.tables["sales.Gift Card"]:
        card["RedeemedInvoiceID"] = random.pick(invoice_ids) if random.chance(40) else None
    barcodes = rows.values("dbo.Edition", "Barcode")
    for _ in range(2500):
        rows.add("sales.StockMovement", Barcode=random.pick(barcodes),
                 Quantity=random.between(-20, 200), MovedAt=random.datetime_moment(2021, 2023))
    albums = rows.values("dbo.Album", "AlbumID")
    reviewed = set()
    for _ in range(2200):
        review = (random.pick(customer_ids), random.pick(albums))
        if review in reviewed:
            continue
        reviewed.add(review)
        rows.add("sales.Review", CustomerID=review[0], AlbumID=review[1], Stars=random.between(1, 5),
                 Body=random.pick(REVIEWS + AWKWARD) if random.chance(80) else None,
                 WrittenAt=random.moment(2019, 2023))


def add_invoice(rows, random, customer, editions):
    lines = [(random.pick(editions), random.between(1, 3)) for _ in range(random.between(1, 4))]
    total = sum(price * quantity for (_, _, price), quantity in lines)
    issued = random.moment(2019, 2023, 1000)
    invoice = rows.add(
        "sales.Invoice", InvoiceNo=rows.next_invoice_number, CustomerID=customer, IssuedAt=issued,
        CountryCode=random.pick(COUNTRIES)[0] if random.chance(95) else None, Total=total,
        Note=random.pick(AWKWARD)[:200] if random.chance(10) else None)
    rows.next_invoice_number += 1
    payment = random.uuid() if random.chance(85) else None
    if payment:
        rows.add("sales.Payment", PaymentID=payment, InvoiceID=invoice,
                 PaidAt=issued + datetime.timedelta(days=random.below(30)), Amount=total,
                 CurrencyCode="EUR", Method=random.pick(("card", "sepa", "paypal", "cash")))
    for number, ((album, edition, price), quantity) in enumerate(lines, 1):
        bought = random.chance(95)
        rows.add("sales.InvoiceLine", InvoiceID=invoice, LineNo=number,
                 AlbumID=album if bought else None, EditionNo=edition if bought else None,
                 Quantity=quantity, UnitPrice=price // 100, LineTotal=quantity * (price // 100),
                 Description="" if bought else "Versand, Porto & \"Verpackung\"")
        if payment:
            rows.add("sales.PaymentAllocation", InvoiceID=invoice, LineNo=number,
                     PaymentID=payment, Amount=quantity * price)


# --- royalties --------------------------------------------------------------------------------


def royalties(rows, random):
    people = rows.values("dbo.Person", "PersonID")
    labels = rows.values("dbo.Label", "LabelID")
    artists = rows.values("dbo.Artist", "ArtistID")
    tracks = rows.values("dbo.Track", "TrackID")
    agreements = []
    for number in range(300):
        signed = random.day(1990, 2020)
        agreement = rows.add(
            "royalty.Agreement", LabelID=random.pick(labels),
            ArtistID=random.pick(artists) if random.chance(90) else None,
            SupersedesAgreementID=random.pick(agreements) if agreements and random.chance(25) else None,
            SignedOn=signed, Terms=terms_xml(random) if random.chance(60) else None,
            Scan=random.bytes(random.between(1, 300)) if random.chance(20) else None)
        agreements.append(agreement)
        for person in random.some(people, 3):
            rows.add("royalty.Share", AgreementID=agreement, PersonID=person,
                     Percentage=random.between(1, 33_000_000))
        for quarter in range(random.below(6)):
            add_statement(rows, random, agreement, number, quarter, tracks)
    for code, *_ in CURRENCIES:
        for month in range(1, 61):
            day = datetime.date(2019 + (month - 1) // 12, (month - 1) % 12 + 1, 1)
            rows.add("royalty.ExchangeRate", CurrencyCode=code, RateDate=day,
                     Rate=random.between(1_000, 99_999_999_999))


def add_statement(rows, random, agreement, number, quarter, tracks):
    start = datetime.date(2021 + quarter // 4, quarter % 4 * 3 + 1, 1)
    statement = rows.add(
        "royalty.Statement", AgreementID=agreement, PeriodStart=start,
        PeriodEnd=start + datetime.timedelta(days=89), CurrencyCode=random.pick(CURRENCIES)[0],
        IssuedAt=random.datetime_moment(2022, 2023) if random.chance(90) else None)
    for line in range(1, random.between(2, 14)):
        rows.add("royalty.StatementLine", StatementID=statement, LineNo=line,
                 TrackID=random.pick(tracks), Units=random.below(100_000),
                 Amount=random.between(-5_000_000, 900_000_000),
                 RateFactor=random.between(1, 2**40) / 2**30 if random.chance(50) else None)


# --- the second night -------------------------------------------------------------------------


def change(rows, count):
    """Other values in `count` rows each of sales.Customer (Balance) and dbo.Track (Title)."""
    for row in rows.tables["sales.Customer"][:count]:
        row["Balance"] += 12_3400
    for row in rows.tables["dbo.Track"][:count]:
        row["Title"] = f"{row['Title'][:180]} (remastered)"


def add_extra(rows, random, count):
    """`count` more rows each of dbo.Album, dbo.Track, sales.Customer, sales.Device, sales.Play.

    Only rows that no earlier row refers to, so that all rows of the first night stay as they were.
    """
    artists = [(a["ArtistID"], a["LabelID"]) for a in rows.tables["dbo.Artist"]]
    for _ in range(count):
        album = add_album(rows, random, *random.pick(artists), random.day(2023, 2023))
        track = add_track(rows, random, album, 1, 1)
        rows.tables["dbo.Album"][-1]["LeadTrackID"] = track
        customer = add_customer(rows, random)
        device = add_device(rows, random, customer)
        add_play(rows, random, [track], [(device, customer)])


# --- texts ------------------------------------------------------------------------------------


def artist_name(random):
    name = f"{random.pick(GIVEN_NAMES)} {random.pick(FAMILY_NAMES)}"
    return f"The {random.pick(TITLE_ENDS)}" if random.chance(30) else name


def sort_name(name):
    return name[4:] + ", The" if name.startswith("The ") else name


def biography(random):
    """Paragraphs; never a line that is `\\.` alone, at which psql before 18 ends a COPY."""
    if random.chance(40):
        return None
    paragraphs = [text for text in REVIEWS + AWKWARD if text != "\\."]
    return "\r\n\r\n".join(random.pick(paragraphs) for _ in range(random.between(1, 5)))


def album_xml(random, released):
    mix = random.pick(("stereo", "mono", "Dolby Atmos"))
    return (f'<album released="{released.isoformat()}"><mix>{mix}</mix>'
            f"<note>{escape(random.pick(TITLE_ENDS))} &amp; “{random.pick(GIVEN_NAMES)}”</note>"
            f"<takes>{random.below(20)}</takes><remaster/></album>")


def terms_xml(random):
    return f'<terms years="{random.between(1, 20)}"><advance currency="EUR">{random.below(90000)}</advance></terms>'
