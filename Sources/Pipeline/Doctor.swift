import Target

/// Looks at what a run needs and says what is missing.
public struct Doctor: Sendable {
  let target: String

  public init(target: String) {
    self.target = target
  }

  /// Checks the target: reachable, new enough, allowed to do what a load does, ICU there.
  public func findings() async -> [Finding] {
    do {
      return try await TargetConnection.using(target, applicationName: "restage doctor") {
        await findings(on: $0)
      }
    } catch {
      return [Finding(name: "target", problem: error)]
    }
  }

  private func findings(on connection: TargetConnection) async -> [Finding] {
    var findings: [Finding] = []
    let version = connection.serverVersion
    findings.append(
      version >= Limits.serverVersionMin
        ? Finding(name: "target", detail: "PostgreSQL \(version / 10_000).\(version % 10_000)")
        : Finding(
          name: "target",
          problem: PipelineError(
            .usage, "PostgreSQL \(version / 10_000) is too old",
            advice: "\(Limits.serverVersionMin / 10_000) or newer is needed")))
    for check in Self.checks {
      findings.append(await check.finding(on: connection))
    }
    return findings
  }

  private static let checks = [
    Check(
      name: "privileges",
      query: """
        SELECT has_database_privilege(current_database(), 'CREATE, TEMPORARY') AS good,
          current_user || ' in database ' || current_database() AS detail
        """,
      status: .notAllowed,
      problem: "the role may not create schemas in this database",
      advice: "GRANT CREATE ON DATABASE … TO the role"),
    Check(
      name: "encoding",
      query: """
        SELECT getdatabaseencoding() = 'UTF8' AS good, getdatabaseencoding() AS detail
        """,
      status: .usage,
      problem: "the database's encoding is not UTF8",
      advice: "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"),
    Check(
      name: "collations",
      query: """
        SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AS good,
          'ICU ' || coalesce(max(collversion), '') AS detail
        FROM pg_collation WHERE collprovider = 'i'
        """,
      status: .usage,
      problem: "the server was built without ICU",
      advice: "names that differ in case only would not be equal; use a server with ICU"),
    Check(
      name: "restage schema",
      query: """
        SELECT true AS good,
          CASE WHEN to_regprocedure('restage.run_id()') IS NULL
            THEN 'not installed; load installs it' ELSE 'installed' END AS detail
        """,
      status: .usage, problem: "", advice: ""),
  ]

  private struct Check: Sendable {
    let name: String
    let query: String
    let status: ExitStatus
    let problem: String
    let advice: String

    func finding(on connection: TargetConnection) async -> Finding {
      do {
        let result = try await connection.query(query)
        guard result.first("good") == "t" else {
          return Finding(name: name, problem: PipelineError(status, problem, advice: advice))
        }
        return Finding(name: name, detail: result.first("detail") ?? "")
      } catch {
        return Finding(name: name, problem: error)
      }
    }
  }
}

/// One line of what `doctor` found.
public struct Finding: Sendable {
  public let line: String
  /// Nil when all is well.
  public let status: ExitStatus?

  public init(name: String, detail: String) {
    line = "ok     \(name): \(detail)"
    status = nil
  }

  public init(name: String, problem: any Error) {
    line = "wrong  \(name): \(problem)"
    status = ExitStatus(for: problem)
  }

  /// Runs a check that answers with a detail or throws.
  public init(checking name: String, _ check: () throws -> String) {
    do {
      self.init(name: name, detail: try check())
    } catch {
      self.init(name: name, problem: error)
    }
  }
}
