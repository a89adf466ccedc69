import ArgumentParser
import BackupSource
import Pipeline
import ServerSource
import Staging

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check source and target and say what to do")

  @Argument(help: ArgumentHelp("What would be read.", valueName: "source")) var source: String?
  @OptionGroup var sourceOptions: SourceOptions
  @OptionGroup var target: TargetOptions

  func run() async throws {
    var findings: [Finding] = []
    if let source, ServerAddress.isURI(source) {
      let (address, password) = try sourceOptions.server(source)
      for step in ServerCheck(address, password: password).steps {
        findings.append(Finding(checking: step.name, step.run))
      }
    } else if let source {
      findings.append(
        Finding(checking: "source") { try sourceOptions.open(source).identity.consistency })
    }
    findings += await Doctor(target: target.uri).findings()
    try Terminal.answer(findings.map(\.line).joined(separator: "\n"))
    if let worst = findings.compactMap(\.status).first { throw worst }
  }
}
