// What a server, a disk and applications do to a run, each brought about for real. What dies at random
// moments is in KillTests.

import Catalog
import Foundation
import TestSupport
import Testing

@Suite("Faults of a run")
struct FaultTests {
  private let source: SmallSource

  init() throws { source = try SmallSource() }

  /// Both rows of both tables change from one night to the next.
  private func snapshot(_ value: Int) throws -> String {
    try source.snapshot(
      "\(value)", of: "small", SmallTable("dbo", "A", [[1, value], [2, value]]),
      SmallTable("dbo", "B", [[1, value], [2, value]]))
  }

  private static let untilLoadWaits = """
    DO $$ BEGIN
      FOR i IN 1..600 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN EXISTS (
          SELECT FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'restage' AND wait_event_type = 'Lock'
        );
        PERFORM pg_sleep(0.05);
      END LOOP;
    END $$;
    """

  /// The load, which updates B before A, rests in between until the application waits for B.
  private static let restingTrigger = """
    CREATE FUNCTION public.rest() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('application_name') = 'restage' THEN
        FOR i IN 1..600 LOOP
          PERFORM pg_stat_clear_snapshot();
          EXIT WHEN EXISTS (
            SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'app' AND wait_event_type = 'Lock'
          );
          PERFORM pg_sleep(0.05);
        END LOOP;
      END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER rest AFTER UPDATE ON public.b FOR EACH STATEMENT EXECUTE FUNCTION public.rest();
    """

  private static let untilLoadRests = untilLoadWaits.replacingOccurrences(
    of: "wait_event_type = 'Lock'", with: "wait_event = 'PgSleep'")

  @Test(
    "75: in a deadlock it is the load that gives way, whoever came last",
    arguments: [true, false])
  func deadlock(applicationIsLast: Bool) throws {
    let target = try TestPostgres()
    let first = try target.load(try snapshot(1))
    #expect(first.status == 0, "\(first.errors)")
    if !applicationIsLast { try target.psql(Self.restingTrigger) }
    let script = """
      psql -X -q -v ON_ERROR_STOP=1 -d "$URI" <<'SQL' &
      SET application_name = 'app';
      BEGIN;
      UPDATE public.a SET v = v;
      \(applicationIsLast ? Self.untilLoadWaits : Self.untilLoadRests)
      UPDATE public.b SET v = v;
      COMMIT;
      SQL
      application=$!
      until [[ $(psql -X -A -t -d "$URI" -c "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'app' AND wait_event = 'PgSleep'") == 1 ]]; do sleep 0.1; done
      "$TOOL" load "$SNAPSHOT" --target "$URI" --quiet
      echo "load $?"
      wait "$application"
      echo "application $?"
      """
    let ran = try Shell.run(
      "bash", ["-c", script],
      environment: ["URI": target.uri, "TOOL": RestageTool.path, "SNAPSHOT": try snapshot(2)])
    #expect(ran.output.contains("load 75\napplication 0\n"), "\(ran.output)\(ran.errors)")
    #expect(ran.errors.contains("(deadlock), and the run gave way"), "\(ran.errors)")
    #expect(
      try target.psql("SELECT status FROM restage.run ORDER BY started_at DESC LIMIT 1") == "failed"
    )
    try target.psql("DROP TRIGGER IF EXISTS rest ON public.b")
    #expect(try target.load("\(source.folder.path)/2").status == 0)
    #expect(
      try target.psql("SELECT v FROM public.a UNION ALL SELECT v FROM public.b") == "2\n2\n2\n2")
  }

  @Test(
    "69: the server goes away under a load: what happened, that nothing is half-loaded, what to do",
    arguments: ["terminate", "fast", "immediate"])
  func lostServer(way: String) throws {
    let server = try ThrowawayServer()
    let target = try server.makeDatabase()
    #expect(try target.load(try snapshot(1)).status == 0)
    let before = try target.psql("SELECT a::text FROM public.a AS a ORDER BY 1")
    try target.psql(
      """
      CREATE FUNCTION public.rest() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
      CREATE TRIGGER rest AFTER UPDATE ON public.a FOR EACH STATEMENT EXECUTE FUNCTION public.rest();
      """)
    let resting = """
      FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'restage' AND wait_event = 'PgSleep'
      """
    let ending =
      way == "terminate"
      ? #"psql -X -q -d "$URI" -c "SELECT pg_terminate_backend(pid) \#(resting)" >/dev/null"#
      : server.restartCommand(way)
    let ran = try Shell.run(
      "bash",
      [
        "-c",
        """
        "$TOOL" load "$SNAPSHOT" --target "$URI" --quiet &
        loader=$!
        until [[ $(psql -X -A -t -d "$URI" -c "SELECT count(*) \(resting)") == 1 ]]; do sleep 0.1; done
        \(ending)
        wait "$loader"
        """,
      ],
      environment: ["URI": target.uri, "TOOL": RestageTool.path, "SNAPSHOT": try snapshot(2)])
    try server.waitUntilReady()
    #expect(ran.status == 69, "\(ran.output)\(ran.errors)")
    let cause =
      way == "immediate"
      ? "the server crashed or was stopped" : "the server was shut down, or an administrator"
    for words in [cause, "nothing is half-loaded", "run the same command again"] {
      #expect(ran.errors.contains(words), "\(ran.errors)")
    }
    #expect(try target.psql("SELECT a::text FROM public.a AS a ORDER BY 1") == before)
    try target.psql("DROP TRIGGER rest ON public.a")
    #expect(try target.load("\(source.folder.path)/2").status == 0)
    #expect(
      try target.psql("SELECT v FROM public.a UNION ALL SELECT v FROM public.b") == "2\n2\n2\n2")
    let states = try target.psql("SELECT status FROM restage.run ORDER BY started_at")
    #expect(
      states == "succeeded\n\(way == "terminate" ? "failed" : "interrupted")\nsucceeded",
      "\(states)")
  }

  @Test(
    "130: SIGINT and SIGTERM end a run that waits, and leave nothing", arguments: ["INT", "TERM"])
  func signals(signal: String) throws {
    let target = try TestPostgres()
    #expect(try target.load(try snapshot(1)).status == 0)
    let before = try target.psql("SELECT a::text FROM public.a AS a ORDER BY 1")
    let script = """
      psql -X -q -d "$URI" <<'SQL' &
      SET application_name = 'app';
      BEGIN;
      LOCK TABLE public.b;
      \(Self.untilLoadWaits)
      SELECT pg_sleep(1.5);
      COMMIT;
      SQL
      application=$!
      until [[ $(psql -X -A -t -d "$URI" -c "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'app' AND wait_event = 'PgSleep'") == 1 ]]; do sleep 0.1; done
      python3 - "$TOOL" "$SNAPSHOT" "$URI" \(signal) <<'PYTHON'
      import signal, subprocess, sys, time
      tool, snapshot, uri, name = sys.argv[1:]
      load = subprocess.Popen([tool, "load", snapshot, "--target", uri, "--quiet"])
      waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'restage' AND wait_event_type = 'Lock'"
      for _ in range(600):
        if subprocess.run(["psql", "-X", "-A", "-t", "-d", uri, "-c", waiting], capture_output=True, text=True).stdout.strip() == "1":
          break
        time.sleep(0.05)
      load.send_signal(getattr(signal, "SIG" + name))
      print("load", load.wait())
      PYTHON
      psql -X -A -t -d "$URI" -c "SELECT 'left ' || count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'restage'"
      wait "$application"
      """
    let ran = try Shell.run(
      "bash", ["-c", script],
      environment: ["URI": target.uri, "TOOL": RestageTool.path, "SNAPSHOT": try snapshot(2)])
    #expect(ran.output.contains("load 130\nleft 0\n"), "\(ran.output)\(ran.errors)")
    #expect(try target.psql("SELECT a::text FROM public.a AS a ORDER BY 1") == before)
    #expect(
      try target.psql("SELECT count(*) FROM restage.run WHERE status = 'running'") == "0")
    #expect(try target.load("\(source.folder.path)/2").status == 0)
    #expect(
      try target.psql("SELECT v FROM public.a UNION ALL SELECT v FROM public.b") == "2\n2\n2\n2")
  }
}

/// Disks of a few megabytes, mounted where only the test sees them.
@Suite("Full disks", .enabled(if: SharedData.isThere, SharedData.skipped))
struct FullDiskTests {
  static let mayMount = (try? Shell.run("unshare", ["--mount", "true"]).status) == 0

  private func export(_ folder: TemporaryFolder) throws -> String {
    let snapshot = "\(folder.path)/snapshot"
    let ran = try RestageTool.run(
      ["export", try SharedData.path("bak/northwind-2005.bak"), "--into", snapshot, "--quiet"])
    #expect(ran.status == 0, "\(ran.errors)")
    return snapshot
  }

  @Test(
    "73: the server's disk is full; with more room the next run finishes, nothing doubled",
    .enabled(if: mayMount, "skipped: this user may not mount"))
  func server() throws {
    let folder = try TemporaryFolder()
    let script = """
      set -e
      mkdir "$DIR"
      trap '"$SERVER" stop "$DIR/pg" || true; umount "$DIR/tiny" || true; rm -rf "$DIR"' EXIT
      URI=$("$SERVER" start "$DIR/pg")
      mkdir "$DIR/tiny"
      mount -t tmpfs -o size=100m,mode=0777 tmpfs "$DIR/tiny"
      mkdir "$DIR/tiny/space"
      chown --reference="$DIR/pg/data" "$DIR/tiny/space"
      psql -X -q -d "$URI" -c "CREATE TABLESPACE tiny LOCATION '$DIR/tiny/space'"
      psql -X -q -d "$URI" -c "CREATE DATABASE shop TABLESPACE tiny"
      shop=${URI/\\/postgres?/\\/shop?}
      # Makes the server write its cache of the catalog, without which it takes no connection (69).
      psql -X -q -d "$shop" -c ''
      used=$(du --summarize --block-size=1K "$DIR/tiny" | cut --fields=1)
      for room in {100..30000..1500}; do
        mount -o "remount,size=$((used + room))k" "$DIR/tiny"
        status=0
        "$TOOL" load "$SNAPSHOT" --target "$shop" --quiet >/dev/null || status=$?
        echo "load $status"
        [[ $status -ne 0 ]] || break
      done
      "$TOOL" verify "$SNAPSHOT" --target "$shop" >/dev/null; echo "verify $?"
      "$TOOL" load "$SNAPSHOT" --target "$shop" --quiet
      psql -X -A -t -d "$shop" -c "SELECT 'orders ' || count(*) FROM public.orders"
      """
    let ran = try Shell.run(
      "unshare", ["--mount", "bash", "-c", script],
      environment: [
        "DIR": "/tmp/restage-disk-\(getpid())", "TOOL": RestageTool.path,
        "SNAPSHOT": try export(folder),
        "SERVER": SharedData.packageFolder + "/scripts/private-postgres",
      ])
    let endings = ran.output.split(separator: "\n").filter { $0.hasPrefix("load ") }
    #expect(endings.count > 2 && endings.last == "load 0", "\(ran.output)\(ran.errors)")
    #expect(endings.dropLast().allSatisfy { $0 == "load 73" }, "\(ran.output)\(ran.errors)")
    #expect(ran.errors.contains("No space left on device"), "\(ran.errors)")
    #expect(ran.output.contains("verify 0\n"), "\(ran.output)\(ran.errors)")
    #expect(ran.output.hasSuffix("orders 830\n"), "\(ran.output)\(ran.errors)")
  }

  @Test(
    "73: the disk of the snapshot is full; with more room the next export finishes",
    .enabled(if: mayMount, "skipped: this user may not mount"))
  func snapshot() throws {
    let folder = try TemporaryFolder()
    let script = """
      mount -t tmpfs -o size=200k tmpfs "$DIR"
      "$TOOL" export "$SOURCE" --into "$DIR/snapshot" --quiet; echo "export $?"
      ls "$DIR/snapshot/manifest.json"
      mount -o remount,size=100m "$DIR"
      "$TOOL" export "$SOURCE" --into "$DIR/snapshot" --quiet; echo "export $?"
      diff --recursive --brief --exclude manifest.json "$DIR/snapshot" "$WHOLE" && echo same
      """
    let whole = try export(folder)
    let tiny = try TemporaryFolder()
    let ran = try Shell.run(
      "unshare", ["--mount", "bash", "-c", script],
      environment: [
        "DIR": tiny.path, "TOOL": RestageTool.path, "WHOLE": whole,
        "SOURCE": try SharedData.path("bak/northwind-2005.bak"),
      ])
    #expect(
      ran.output == "export 73\n\(tiny.path)/snapshot\nexport 0\nsame\n",
      "\(ran.output)\(ran.errors)")
    #expect(ran.errors.contains("No space left on device"), "\(ran.errors)")
  }

  @Test("73: a file may not grow any further")
  func fileSize() throws {
    let folder = try TemporaryFolder()
    let ran = try Shell.run(
      "bash",
      [
        "-c",
        """
        trap '' XFSZ
        ulimit -f 40
        "$TOOL" export "$SOURCE" --into "$DIR/snapshot" --quiet
        """,
      ],
      environment: [
        "DIR": folder.path, "TOOL": RestageTool.path,
        "SOURCE": try SharedData.path("bak/northwind-2005.bak"),
      ])
    #expect(ran.status == 73, "\(ran.output)\(ran.errors)")
    #expect(ran.errors.contains("File too large"), "\(ran.errors)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/snapshot/manifest.json"))
  }
}
