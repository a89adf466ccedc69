import Target

/// Looks at what a run needs and says what is missing.
public struct Doctor: Sendable {
  let target: String

  public init(target: String) {
    self.target = target
  }

  /// Checks the target: reachable, new enough, allowed to do what a load does, taking
  /// writes, UTF-8, ICU there.
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
    var findings = [Finding(checking: "target") { try TargetCheck.checkVersion(of: connection) }]
    let checks: [TargetCheck] = [.privileges, .writes, .encoding, .collations]
    for check in checks {
      do {
        findings.append(Finding(name: check.name, detail: try await check.run(on: connection)))
      } catch {
        findings.append(Finding(name: check.name, problem: error))
      }
    }
    return findings + [await installation(on: connection)]
  }

  private func installation(on connection: TargetConnection) async -> Finding {
    let name = "restage schema"
    do {
      guard let version = try await Installation.installedVersion(on: connection) else {
        return Finding(name: name, detail: "not installed; load installs it")
      }
      _ = try await Installation.isInstalled(on: connection)
      return Finding(name: name, detail: "installed, version \(version)")
    } catch {
      return Finding(name: name, problem: error)
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
