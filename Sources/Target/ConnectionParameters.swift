// What a connection is opened with and which settings every session gets, whatever the server's,
// the database's or the role's defaults are.

import Catalog
import Glibc

struct ConnectionParameters {
  var uri: String
  var applicationName: String

  /// Keywords and values for libpq in order of precedence, weakest first: the URI may override what
  /// stands before it.
  var keywords: [(String, String)] {
    let isTimed = getenv("PGCONNECT_TIMEOUT") != nil
    return (isTimed ? [] : [("connect_timeout", "\(Limits.connectSeconds)")])
      + [
        ("keepalives_idle", "30"),
        ("keepalives_interval", "10"),
        ("keepalives_count", "6"),
        // The same minute and a half where a network stops answering while rows are under way.
        ("tcp_user_timeout", "90000"),
        ("dbname", uri),
        ("client_encoding", "UTF8"),
        ("application_name", applicationName),
      ]
  }

  /// The text form of values is part of the CSV rule; the rest keeps a server's defaults from
  /// stopping, narrowing or redirecting a load.
  static let pinnedSettings: [(String, String)] = [
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("standard_conforming_strings", "on"),
    ("xmloption", "content"),
    ("transform_null_equals", "off"),
    // All generated SQL is schema-qualified; a function of the same name elsewhere is never called.
    ("search_path", "pg_catalog"),
    // A policy that hides rows makes the statement fail instead of moving fewer rows.
    ("row_security", "off"),
    ("default_transaction_isolation", "read committed"),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("transaction_timeout", "0"),
    ("lock_timeout", "\(Limits.lockMilliseconds)"),
  ]

  /// Sets the pinned settings, but for those that this server's version does not know. Where a server
  /// answers COMMIT before it has written it down, a run waits for that: a crash in the next moment would
  /// take back what was reported as done.
  static var pinningStatement: String {
    let rows = pinnedSettings.map {
      "  (\(SQLLiteral.quoted($0.0)), \(SQLLiteral.quoted($0.1)))"
    }
    return """
      SELECT pg_catalog.set_config(s.name, s.value, false)
      FROM (VALUES
      \(rows.joined(separator: ",\n"))
      ) AS s (name, value)
      WHERE EXISTS (
        SELECT
        FROM pg_catalog.pg_settings AS p
        WHERE pg_catalog.lower(p.name) = pg_catalog.lower(s.name)
      )
      UNION ALL
      SELECT pg_catalog.set_config('synchronous_commit', 'on', false)
      WHERE pg_catalog.current_setting('synchronous_commit') = 'off'
      """
  }
}

/// Bounds of a connection. Everything that waits or grows has its number here.
enum Limits {
  /// Per host; the URI's or the environment's connect_timeout goes before it.
  static let connectSeconds = 10
  /// How long a statement waits for a lock before it gives up: long enough for a short transaction of
  /// somebody else, short enough to be noticed.
  static let lockMilliseconds = 60_000
  /// Read from a file and handed to libpq in one piece; a COPY holds about twice this much.
  static let copyByteCount = 1 << 20
  /// Notices kept until they are taken; later ones are counted only.
  static let noticeCount = 1_000
}
