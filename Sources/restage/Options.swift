import ArgumentParser
import BackupSource
import FoundationEssentials
import Logging
import Pipeline
import ServerSource
import Staging
import Translation

/// How a command tells of its progress.
struct LogOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Progress on stderr as text or json.", valueName: "format"))
  var log: LogFormat = .text

  @Flag(name: .shortAndLong, help: "Report each file and step.")
  var verbose = false

  @Flag(name: .shortAndLong, help: "Report warnings and errors only.")
  var quiet = false

  enum LogFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

  var logger: Logger {
    let level: Logger.Level = verbose ? .debug : quiet ? .warning : .info
    let format: LogLines.Format = log == .json ? .json : .text
    return Logger(label: "restage") { _ in LogLines(format: format, level: level) }
  }
}

/// The source of `inspect`, `export`, `run` and `doctor`.
struct SourceOptions: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Backup set in the file, from 1; the newest full one.", valueName: "number"))
  var setNumber: Int?

  @Option(
    help: ArgumentHelp(
      "File with the password of a live source, mode 600; RESTAGE_SOURCE_PASSWORD.",
      valueName: "file"))
  var passwordFile: String?

  func open(
    _ specification: String, skipsDamaged: Bool = false, consistency: Consistency? = nil,
    valueByteCountMax: Int? = nil, engine: SourceEngine = .native, rateMax: Rate? = nil,
    jobs: Int = 1
  ) throws -> any Source {
    guard ServerAddress.isURI(specification) else {
      guard consistency == nil else {
        throw ValidationError("--consistency is for live servers, and the source is a file")
      }
      guard rateMax == nil else {
        throw ValidationError("--max-rate is for live servers, and the source is a file")
      }
      guard valueByteCountMax == nil else {
        throw ValidationError("--max-value is for live servers, and the source is a file")
      }
      guard engine == .native else {
        throw ValidationError("--engine freebcp is for live servers, and the source is a file")
      }
      return try BackupSource(specification, setNumber: setNumber, skipsDamaged: skipsDamaged)
    }
    guard !skipsDamaged else {
      throw ValidationError("--allow-damaged is for backup files, and the source is a live server")
    }
    var (address, password) = try server(specification)
    if let valueByteCountMax { address.limits.valueByteCountMax = valueByteCountMax }
    guard rateMax == nil || engine == .native else {
      throw ValidationError("--max-rate needs --engine native: freebcp takes what it gets")
    }
    address.limits.rateMax = rateMax
    // The connections of freebcp are its own.
    if engine == .native { address.limits.readerCount = jobs }
    let source = try ServerSource(address, password: password, consistency: consistency)
    return switch engine {
    case .native: source
    case .freebcp: try FreeBCPSource(source)
    }
  }

  /// A live server and the password for it.
  func server(_ uri: String) throws -> (ServerAddress, password: String) {
    guard setNumber == nil else {
      throw ValidationError("--set is for backup files, and the source is a live server")
    }
    let address = try ServerAddress(uri)
    if let passwordFile { return (address, try Password.read(file: passwordFile)) }
    return (address, ProcessInfo.processInfo.environment["RESTAGE_SOURCE_PASSWORD"] ?? "")
  }
}

/// What reads the rows of a live server.
enum SourceEngine: String, ExpressibleByArgument, CaseIterable { case native, freebcp }

/// Which tables, and how many at a time.
struct TableOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Tables as schema.table with *, separated by commas; all.", valueName: "patterns"))
  var tables: String?

  @Flag(help: "Widen --tables to the tables that their foreign keys lead to, and those of these.")
  var withParents = false

  @Option(
    help: ArgumentHelp(
      """
      Tables worked on at the same time, 1 to 64; 4, and where a load's target is on this machine no more \
      than it has cores.
      """, valueName: "number"))
  var jobs: Int?

  func validate() throws {
    if let jobs, !(1...Limits.jobCountMax).contains(jobs) {
      throw ValidationError("--jobs takes 1 to \(Limits.jobCountMax), not \(jobs)")
    }
    if withParents, tables == nil {
      throw ValidationError("--with-parents widens --tables, and all tables are selected")
    }
  }

  var selection: TableSelection { TableSelection(tables, hasParents: withParents) }
}

/// Where rows go.
struct TargetOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Target database as libpq takes it (URI or keywords); RESTAGE_TARGET_URI, then PG* variables.",
      valueName: "uri"))
  var target: String?

  /// An empty string lets libpq take everything from its environment.
  var uri: String { target ?? ProcessInfo.processInfo.environment["RESTAGE_TARGET_URI"] ?? "" }
}

/// The mapping file of `plan`, `load` and `run`.
struct MappingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Mapping file; every key is optional.", valueName: "file"))
  var mapping: String?

  func read() throws -> Mapping {
    guard let mapping else { return Mapping() }
    let text: String
    do {
      text = try String(contentsOf: URL(filePath: mapping), encoding: .utf8)
    } catch {
      throw PipelineError(
        .wrongMapping, "mapping file \(mapping) cannot be read: \(PipelineError.reason(of: error))")
    }
    return try Mapping(yaml: text, file: mapping)
  }
}

/// Where a load takes its SQL from.
struct PlanOptions: ParsableArguments {
  @Option(
    name: .customLong("plan"),
    help: ArgumentHelp(
      "Plan folder that `restage plan` wrote; without it the plan is made now.",
      valueName: "folder"))
  var folder: String?

  @OptionGroup var mapping: MappingOptions

  func validate() throws {
    if folder != nil, mapping.mapping != nil {
      throw ValidationError("--plan and --mapping exclude each other: a plan holds its mapping")
    }
  }

  /// The plan that `--plan` names, or one that is made now. That one stays in memory: other runs may
  /// read the same snapshot at the same time, with other mappings.
  func plan(for snapshot: Snapshot) throws -> Plan {
    guard let folder else { return try Plan(snapshot.database, mapping: try mapping.read()) }
    let plan = try Plan(reading: folder)
    try plan.check(against: snapshot)
    return plan
  }
}
