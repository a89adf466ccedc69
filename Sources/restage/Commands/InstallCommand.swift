import ArgumentParser
import Pipeline
import Target

struct InstallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Install or upgrade the database part of a target",
    discussion: """
      For servers where CREATE EXTENSION restage cannot be used. `load` does it by itself when the \
      schema is missing or of an earlier version and the role owns it. --roles needs a role that \
      may create roles, and can be applied again.
      """)

  @OptionGroup var target: TargetOptions
  @Flag(help: "Make restage_owner, restage_loader and restage_auditor, with their grants.")
  var roles = false
  @Flag(help: "Print the SQL instead of running it.") var print = false
  @OptionGroup var log: LogOptions

  func run() async throws {
    if print {
      try Terminal.answer(Installation.script)
      if roles { try Terminal.answer(Installation.rolesScript) }
      return
    }
    let connection = try await TargetConnection.open(target.uri)
    let installation = Installation(connection: connection, logger: log.logger)
    let outcome = try await installation.ensure()
    if roles { try await installation.makeRoles() }
    await connection.close()
    try Terminal.answer(Self.words(for: outcome) + (roles ? ", and its roles" : ""))
  }

  private static func words(for outcome: Installation.Outcome) -> String {
    switch outcome {
    case .current, .installed: "schema restage is installed"
    case .upgraded(let from): "schema restage was version \(from) and is upgraded"
    }
  }
}
