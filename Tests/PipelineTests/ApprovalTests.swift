// Only SQL that was signed off is executed.

import Foundation
import TestSupport
import Testing

@Suite("Approved SQL", .enabled(if: SharedData.isThere, SharedData.skipped))
struct ApprovalTests {
  @Test("a plan runs when sha256sum lists every file, and not when one is missing or changed")
  func approval() throws {
    let folder = try TemporaryFolder()
    let snapshot = "\(folder.path)/snapshot"
    let plan = "\(folder.path)/plan"
    _ = try RestageTool.run(
      ["export", try SharedData.path("bak/iti-2022.bak"), "--into", snapshot, "--quiet"])
    _ = try RestageTool.run(["plan", snapshot, "--into", plan])
    let lock = "\(folder.path)/approved.lock"
    let summed = try Shell.run(
      "bash", ["-c", "cd '\(plan)' && sha256sum ddl/*.sql merge/*/*.sql > '\(lock)'"])
    #expect(summed.status == 0)
    let target = try TestPostgres()
    let load = ["load", snapshot, "--target", target.uri, "--quiet", "--require-approved", lock]
    let approved = try RestageTool.run(load + ["--plan", plan])
    #expect(approved.status == 0, "\(approved.errors)")

    let mapping = "\(folder.path)/restage.yaml"
    try "on_changed: report\n".write(toFile: mapping, atomically: true, encoding: .utf8)
    let other = try RestageTool.run(load + ["--mapping", mapping])
    #expect(other.status == 77, "\(other.errors)")
    #expect(other.errors.contains("40_insert.sql and "), "\(other.errors)")

    let difference = try RestageTool.run(
      ["plan", snapshot, "--mapping", mapping, "--into", "\(folder.path)/new", "--diff", plan])
    #expect(difference.status == 0, "\(difference.errors)")
    #expect(difference.output.contains("changed merge/"), "\(difference.output)")
    #expect(difference.output.contains("50_update.sql"))
    #expect(!difference.output.contains("30_allocate.sql"))

    try "approved by hand\n".write(toFile: lock, atomically: true, encoding: .utf8)
    let unreadable = try RestageTool.run(load + ["--plan", plan])
    #expect(unreadable.status == 77, "\(unreadable.errors)")
    #expect(unreadable.errors.contains("line 1"), "\(unreadable.errors)")
  }
}
