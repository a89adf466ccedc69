// A role that lacks rights is told the statements that give it what it lacks; they are run here as they stand.

import Foundation
import TestSupport
import Testing

@Suite("77: a role that lacks rights is told what to grant")
struct MissingRightTests {
  private let source: SmallSource
  private let target: TestPostgres
  private let role: String
  private let loader: String

  init() throws {
    source = try SmallSource()
    target = try TestPostgres()
    role = "weak \(UUID().uuidString.prefix(8))"
    try target.psql("CREATE ROLE \"\(role)\" LOGIN")
    loader = target.uri.replacingOccurrences(
      of: "restage@", with: role.replacingOccurrences(of: " ", with: "%20") + "@")
  }

  private func snapshot(_ value: Int, schema: String = "dbo") throws -> String {
    try source.snapshot(
      UUID().uuidString, of: "s", SmallTable(schema, "T", [[1, value], [2, 12]]),
      SmallTable(schema, "U", [[1, 1]]))
  }

  private func load(_ snapshot: String, _ options: [String] = []) throws -> Shell.Outcome {
    try RestageTool.run(["load", snapshot, "--target", loader, "--quiet"] + options)
  }

  /// Runs what the message of a refused load says, once, and loads again.
  private func expect(
    _ statement: String, letsLoad snapshot: String, _ options: [String] = [],
    at line: SourceLocation = #_sourceLocation
  ) throws {
    let refused = try load(snapshot, options)
    #expect(refused.status == 77, "\(refused.output)\(refused.errors)", sourceLocation: line)
    #expect(refused.errors.contains(statement), "\(refused.errors)", sourceLocation: line)
    let advised = refused.errors.matches(of: /(GRANT|ALTER) [^;]*;/).map { String($0.output.0) }
    #expect(!advised.isEmpty, "\(refused.errors)", sourceLocation: line)
    for advice in advised { try target.psql(advice) }
    let loaded = try load(snapshot, options)
    #expect(loaded.status == 0, "\(advised): \(loaded.errors)", sourceLocation: line)
  }

  @Test("nothing is there, and it may make no schema")
  func emptyDatabase() throws {
    try expect("GRANT CREATE ON DATABASE ", letsLoad: try snapshot(1))
    #expect(try target.psql("SELECT count(*) FROM public.t") == "2")
  }

  @Test("a first load of several schemas, schema restage is there")
  func firstLoad() throws {
    #expect(try RestageTool.run(["install", "--target", target.uri]).status == 0)
    try expect("GRANT CREATE ON DATABASE ", letsLoad: try snapshot(1, schema: "shop"))
  }

  @Test("schema public takes no tables of it")
  func publicSchema() throws {
    #expect(try RestageTool.run(["install", "--target", target.uri]).status == 0)
    try expect("GRANT CREATE ON SCHEMA public TO \"\(role)\";", letsLoad: try snapshot(1))
  }

  @Test(
    "one right is taken from a role that could load",
    arguments: [
      (
        "REVOKE USAGE, CREATE ON SCHEMA restage_stage",
        "GRANT USAGE, CREATE ON SCHEMA restage_stage TO "
      ),
      ("REVOKE USAGE ON SCHEMA restage", "GRANT USAGE ON SCHEMA restage TO "),
      ("REVOKE INSERT, UPDATE ON restage.step", "GRANT INSERT, UPDATE ON TABLE restage.step TO "),
      ("REVOKE DELETE ON restage.settled", "GRANT DELETE ON TABLE restage.settled TO "),
      ("REVOKE USAGE ON SCHEMA restage_keymap", "GRANT USAGE ON SCHEMA restage_keymap TO "),
      (
        "REVOKE UPDATE ON restage_keymap.s_public_t",
        "GRANT UPDATE ON TABLE restage_keymap.s_public_t TO "
      ),
      (
        "REVOKE ALL ON public.t, public.u",
        "GRANT SELECT, INSERT, UPDATE ON TABLE public.t, public.u TO "
      ),
      ("REVOKE UPDATE ON public.t", "GRANT UPDATE ON TABLE public.t TO "),
      ("REVOKE ALL ON SEQUENCE public.t_id_seq", "ON SEQUENCE public.t_id_seq TO "),
    ])
  func oneRight(revoked: String, granted: String) throws {
    #expect(try target.load(try snapshot(1)).status == 0)
    let quoted = "\"\(role)\""
    try target.psql(
      """
      GRANT USAGE ON SCHEMA public, restage, restage_keymap TO \(quoted);
      GRANT USAGE, CREATE ON SCHEMA restage_stage TO \(quoted);
      DROP TABLE restage_stage.s_public_t, restage_stage.s_public_u;
      GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA restage TO \(quoted);
      GRANT DELETE ON restage.before_image, restage.settled TO \(quoted);
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA restage_keymap TO \(quoted);
      GRANT SELECT, INSERT, UPDATE ON public.t, public.u TO \(quoted);
      GRANT USAGE, SELECT, UPDATE ON SEQUENCE public.t_id_seq, public.u_id_seq TO \(quoted);
      \(revoked) FROM \(quoted);
      """)
    // A changed row, and a new one, which takes a key.
    let next = try source.snapshot(
      "next", of: "s", SmallTable("dbo", "T", [[1, 9], [2, 12], [3, 3]]),
      SmallTable("dbo", "U", [[1, 1]]))
    try expect(granted, letsLoad: next)
    #expect(try target.psql("SELECT string_agg(v::text, ' ' ORDER BY v) FROM public.t") == "3 9 12")
  }

  @Test("stage tables are somebody else's")
  func stageTables() throws {
    #expect(try target.load(try snapshot(1)).status == 0)
    try expect("ALTER SCHEMA restage_stage OWNER TO \"\(role)\";", letsLoad: try snapshot(2))
  }
}
