// Who may do what in a target whose roles were made by `restage install --roles`.

import Foundation
import TestSupport
import Testing

@Suite("Owner, loader, auditor", .enabled(if: SharedData.isThere, SharedData.skipped))
struct RoleTests {
  @Test("a loader loads into tables of the owner and alters none; an auditor reads and writes none")
  func roles() throws {
    let folder = try TemporaryFolder()
    let target = try TestPostgres()
    for name in ["peepstat-2012", "peepstat-2014", "tsqlv4-2016-compressed"] {
      let exported = try RestageTool.run(
        [
          "export", try SharedData.path("bak/\(name).bak"), "--into", "\(folder.path)/\(name)",
          "--quiet",
        ])
      #expect(exported.status == 0, "\(exported.errors)")
    }

    // Not a superuser: it owns the database and may make roles. Twice, which changes nothing.
    let administrator = try login("administrator", "CREATEROLE", on: target)
    try target.psql(
      """
      DO $$ BEGIN EXECUTE format(
        'ALTER DATABASE %I OWNER TO administrator_\(getpid())', current_database()); END $$;
      """)
    for _ in 1...2 {
      let installed = try RestageTool.run(["install", "--roles", "--target", administrator])
      #expect(installed.status == 0, "\(installed.errors)")
    }

    let owner = try login("owner", "IN ROLE restage_owner", on: target)
    try target.psql("ALTER ROLE owner_\(getpid()) SET role = restage_owner")
    try load("peepstat-2012", in: folder, into: owner)
    try load("tsqlv4-2016-compressed", in: folder, into: owner)
    let strangers = try target.psql(
      """
      SELECT tablename FROM pg_tables
      WHERE schemaname IN ('restage', 'restage_keymap', 'public', 'hr', 'sales', 'production')
        AND tableowner <> 'restage_owner'
      """)
    #expect(strangers == "")

    let loader = try login("loader", "IN ROLE restage_loader", on: target)
    try load("tsqlv4-2016-compressed", in: folder, into: loader)
    let loaded = try load("peepstat-2014", in: folder, into: loader)
    #expect(loaded.contains("2"), "\(loaded)")
    let verified = try RestageTool.run(
      ["verify", "\(folder.path)/peepstat-2014", "--target", loader])
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    let table = try target.psql(
      "SELECT format('%I.%I', target_schema, target_table) FROM restage.table_map LIMIT 1")
    let keyMap = try target.psql("SELECT key_map_table FROM restage.table_map LIMIT 1")
    for statement in [
      "DROP TABLE \(table)", "ALTER TABLE \(table) ADD COLUMN x integer", "TRUNCATE \(table)",
      "DROP TABLE \(keyMap)", "ALTER TABLE \(keyMap) ADD COLUMN x integer",
      "DROP TABLE restage.run CASCADE", "DELETE FROM restage.step", "DELETE FROM restage.reject",
      "DROP FUNCTION restage.version()", "CREATE TABLE public.mine (a integer)",
      "ALTER TABLE \(table) DISABLE TRIGGER ALL", "UPDATE restage.reject SET message = ''",
      "UPDATE restage.displaced SET action = 'kept'", "UPDATE restage.chunk SET rows = 0",
      "UPDATE restage.sql_text SET body = ''", "UPDATE restage.undo_file SET path = ''",
      "UPDATE restage.source SET database_name = ''",
      "UPDATE restage.before_image SET row_values = NULL",
    ] {
      try expectDenied(statement, as: loader)
    }
    let back = try RestageTool.run(["rollback", "last", "--target", loader])
    #expect(back.status == 0, "\(back.output)\(back.errors)")

    let auditor = try login("auditor", "IN ROLE restage_auditor", on: target)
    let status = try RestageTool.run(["status", "last", "--target", auditor])
    #expect(status.status == 0 && status.output.contains("60 delete"), "\(status.errors)")
    for relation in [table, keyMap, "restage.run", "restage.migration_audit", "restage.reject"] {
      let read = try psql("SELECT count(*) FROM \(relation)", as: auditor)
      #expect(read.status == 0, "\(read.errors)")
      try expectDenied("DELETE FROM \(relation)", as: auditor)
    }
    try expectDenied("SELECT restage.begin_run('x')", as: auditor)
    let refused = try RestageTool.run(
      ["load", "\(folder.path)/peepstat-2014", "--target", auditor, "--quiet"])
    #expect(refused.status == 77, "\(refused.errors)")
  }

  // MARK: - Helpers

  /// Makes a role of this test process and returns the URI by which it connects.
  private func login(_ name: String, _ options: String, on target: TestPostgres) throws -> String {
    try target.psql("CREATE ROLE \(name)_\(getpid()) LOGIN \(options)")
    return target.uri.replacingOccurrences(of: "restage@", with: "\(name)_\(getpid())@")
  }

  @discardableResult
  private func load(_ name: String, in folder: TemporaryFolder, into uri: String) throws -> String {
    let ran = try RestageTool.run(["load", "\(folder.path)/\(name)", "--target", uri, "--quiet"])
    #expect(ran.status == 0, "\(name): \(ran.output)\(ran.errors)")
    return ran.output
  }

  private func psql(_ statement: String, as uri: String) throws -> Shell.Outcome {
    try Shell.run("psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", uri, "-c", statement])
  }

  private func expectDenied(_ statement: String, as uri: String) throws {
    let ran = try psql(statement, as: uri)
    #expect(ran.status != 0, "\(statement) was allowed")
    #expect(
      ran.errors.contains("permission denied") || ran.errors.contains("must be owner"),
      "\(statement): \(ran.errors)")
  }
}
