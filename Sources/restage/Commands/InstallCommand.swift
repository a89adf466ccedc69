import ArgumentParser
import Pipeline
import Target

struct InstallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Install the database part into the target",
    discussion: """
      For servers where CREATE EXTENSION restage cannot be used. `load` does it by itself when the \
      schema is missing.
      """)

  @OptionGroup var target: TargetOptions
  @Flag(help: "Print the SQL instead of running it.") var print = false
  @OptionGroup var log: LogOptions

  func run() async throws {
    if print {
      try Terminal.answer(Installation.script)
      return
    }
    let connection = try await TargetConnection.open(target.uri)
    try await Installation(connection: connection, logger: log.logger).ensure()
    await connection.close()
    try Terminal.answer("schema restage is installed")
  }
}
