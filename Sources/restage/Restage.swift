import ArgumentParser
import Glibc
import Pipeline

/// The command line of restage: one file for each command below `Commands/`.
@main
struct Restage: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restage",
    abstract: "Move SQL Server databases into PostgreSQL, again and again until cut-over",
    discussion: """
      SOURCE is FILE.bak, several stripes as A.bak,B.bak, a full backup with its differential as \
      FULL.bak+DIFF.bak, FILE.mdf[,FILE.ndf], or a live server as \
      mssql://USER@HOST[:PORT]/DATABASE[?encrypt=require&ca=FILE]. SNAPSHOT is a folder that \
      `export` made.
      Exit codes: 0 done, 3 done with rejects, 64 usage, 65 differences, 66 source unreadable, \
      69 server out of reach, 70 internal error, 73 cannot write, 75 locked or out of time, \
      76 schema drifted, 77 not allowed, 78 wrong mapping.
      """,
    version: Version.number,
    subcommands: [
      InspectCommand.self, ExportCommand.self, PlanCommand.self, LoadCommand.self,
      VerifyCommand.self, RunCommand.self, StatusCommand.self, RollbackCommand.self,
      InstallCommand.self, DoctorCommand.self,
    ])

  static func main() async {
    // A reader of stdout that goes away (head, less) must not kill a load half-way.
    signal(SIGPIPE, SIG_IGN)
    Terminal.occupyClosedStreams()
    let interrupt = InterruptHandler()
    let status = await interrupt.run { await end(of: CommandLine.arguments.dropFirst()) }
    Glibc.exit(status)
  }

  /// Parses and runs one command line; returns its exit code.
  private static func end(of arguments: some Sequence<String>) async -> Int32 {
    do {
      var command = try parseAsRoot(Array(arguments))
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return ExitStatus.done.rawValue
    } catch let status as ExitStatus {
      return status.rawValue
    } catch  where isParserMessage(error) {
      let message = fullMessage(for: error)
      let code = exitCode(for: error).rawValue
      guard code == 0 else {
        report(message)
        return code
      }
      do {
        try Terminal.answer(message)
        return code
      } catch {
        return end(with: error)
      }
    } catch {
      return end(with: error)
    }
  }

  private static func end(with error: any Error) -> Int32 {
    report("restage: \(error)")
    return ExitStatus(for: error).rawValue
  }

  /// Whether the error is ArgumentParser's own: help, version, or a wrong command line.
  private static func isParserMessage(_ error: any Error) -> Bool {
    String(reflecting: type(of: error)).hasPrefix("ArgumentParser.")
  }

  private static func report(_ message: String) {
    guard !message.isEmpty else { return }
    Terminal.write(message.hasSuffix("\n") ? message : message + "\n", to: STDERR_FILENO)
  }
}

/// Thrown by a command to end with a status that is no error: rejects, differences.
extension ExitStatus: Error {}
