import Catalog

extension Evaluator {
  /// - Parameter name: In small letters.
  mutating func call(
    _ name: String, _ arguments: [Expression]
  ) throws(Untranslatable) -> Value {
    if arguments.isEmpty, let value = constantCall(name) { return value }
    switch (name, arguments.count) {
    case ("newsequentialid", 0):
      remark("new values are random: PostgreSQL does not make them in ascending order")
      return .computed("gen_random_uuid()", .uuid)
    case ("host_name", 0):
      remark("the client's address stands for its name, which PostgreSQL does not know")
      return .computed("host(inet_client_addr())", .text)
    case ("isnull", 2), ("coalesce", 1...): return try coalesced(arguments)
    case ("upper", 1), ("lower", 1), ("ltrim", 1), ("rtrim", 1), ("trim", 1):
      return try textCall(name, arguments[0])
    case ("left", 2), ("right", 2):
      guard case .number(let count) = try value(of: arguments[1]), let count = count.integer,
        count >= 0
      else { break }
      return .computed("\(name)(\(try textSQL(arguments[0])), \(count))", .text)
    case ("replace", 3):
      var parts: [String] = []
      for argument in arguments { parts.append(try textSQL(argument)) }
      return .computed("replace(\(parts.joined(separator: ", ")))", .text)
    case ("dateadd", 3): return try dateAdd(arguments)
    case ("datediff", 3): return try dateDiff(arguments)
    case ("datepart", 2): return try datePart(try Self.part(arguments[0]), of: arguments[1])
    case ("year", 1), ("month", 1), ("day", 1):
      return try datePart(Self.part(.name([name])), of: arguments[0])
    case ("switchoffset", 2):
      guard case .computed(let sql, .instant) = try value(of: arguments[0]) else { break }
      return .computed(sql, .instant)
    case ("rand", 0): return .computed("random()", .float)
    default: break
    }
    throw Untranslatable("\(name) is not translated")
  }

  private func constantCall(_ name: String) -> Value? {
    switch name {
    case "getdate", "current_timestamp", "sysdatetime": .computed(Clock.local, .timestamp)
    case "getutcdate", "sysutcdatetime": .computed(Clock.utc, .timestamp)
    case "sysdatetimeoffset": .computed(Clock.instant, .instant)
    case "newid": .computed("gen_random_uuid()", .uuid)
    case "suser_sname", "suser_name", "original_login", "system_user":
      .computed("session_user", .text)
    case "user_name", "current_user", "user", "session_user": .computed("current_user", .text)
    case "app_name": .computed("current_setting('application_name')", .text)
    case "db_name": .computed("current_database()", .text)
    case "pi": .computed("pi()", .float)
    default: nil
    }
  }

  private mutating func coalesced(_ arguments: [Expression]) throws(Untranslatable) -> Value {
    var parts: [String] = []
    var kind: Value.Kind?
    for argument in arguments {
      let value = try value(of: argument)
      if value == .null { continue }
      guard case .computed(let sql, let found) = value else {
        // A constant is never NULL: what stands behind it is never asked for.
        guard !parts.isEmpty else { return value }
        guard kind == .text, case .text(let text) = value else {
          throw Untranslatable("arguments of different kinds are not translated")
        }
        return .computed(
          "coalesce(\((parts + [SQLLiteral.quoted(text)]).joined(separator: ", ")))", .text)
      }
      guard kind == nil || kind == found else {
        throw Untranslatable("arguments of different kinds are not translated")
      }
      kind = found
      parts.append(sql)
    }
    guard let kind else { return .null }
    return .computed("coalesce(\(parts.joined(separator: ", ")))", kind)
  }
}

// MARK: - Text

extension Evaluator {
  private mutating func textCall(
    _ name: String, _ argument: Expression
  ) throws(Untranslatable) -> Value {
    .computed("\(name == "trim" ? "btrim" : name)(\(try textSQL(argument)))", .text)
  }

  /// An argument that SQL Server would turn into text by itself.
  private mutating func textSQL(_ argument: Expression) throws(Untranslatable) -> String {
    let text = try value(of: argument).converted(to: ColumnType(.nvarchar, isMax: true))
    guard let sql = text.sql else { throw Untranslatable("NULL among the arguments") }
    return sql
  }
}

// MARK: - Dates

extension Evaluator {
  /// The name by which PostgreSQL knows a date part; `unit` and `count` are for intervals.
  private struct DatePart {
    let name: String
    let unit: String
    var count: Int64 = 1
  }

  private static func part(_ expression: Expression) throws(Untranslatable) -> DatePart {
    guard case .name(let names) = expression, let name = names.last?.lowercased() else {
      throw Untranslatable("a date part is missing")
    }
    switch name {
    case "year", "yy", "yyyy": return DatePart(name: "year", unit: "years")
    case "quarter", "qq", "q": return DatePart(name: "quarter", unit: "months", count: 3)
    case "month", "mm", "m": return DatePart(name: "month", unit: "months")
    case "dayofyear", "dy", "y": return DatePart(name: "doy", unit: "days")
    case "day", "dd", "d": return DatePart(name: "day", unit: "days")
    case "week", "wk", "ww": return DatePart(name: "week", unit: "weeks")
    case "hour", "hh": return DatePart(name: "hour", unit: "hours")
    case "minute", "mi", "n": return DatePart(name: "minute", unit: "minutes")
    case "second", "ss", "s": return DatePart(name: "second", unit: "seconds")
    case "millisecond", "ms": return DatePart(name: "millisecond", unit: "milliseconds")
    default: throw Untranslatable("the date part \(name) is not translated")
    }
  }

  private mutating func dateAdd(_ arguments: [Expression]) throws(Untranslatable) -> Value {
    if let start = try startOfPart(arguments) { return start }
    let part = try Self.part(arguments[0])
    guard case .number(let number) = try value(of: arguments[1]), let count = number.wholeNumber
    else { throw Untranslatable("DATEADD of something that is no constant is not translated") }
    let (total, isOver) = count.multipliedReportingOverflow(by: part.count)
    guard !isOver else { throw Untranslatable("the number \(count) is too large") }
    let interval = "interval '\(total) \(part.unit)'"
    switch try time(arguments[2]) {
    case .computed(let sql, .timestamp):
      return .computed("(\(sql) + \(interval))", .timestamp)
    case .computed(let sql, .instant): return .computed("(\(sql) + \(interval))", .instant)
    case .computed(let sql, .date): return .computed("(\(sql) + \(interval))::date", .date)
    default: throw Untranslatable("DATEADD to something that is no date is not translated")
    }
  }

  /// `DATEADD(day, DATEDIFF(day, 0, x), 0)`: the start of x's day, and the same for other parts.
  /// Weeks are left alone: DATEDIFF counts them from Sundays.
  private mutating func startOfPart(_ arguments: [Expression]) throws(Untranslatable) -> Value? {
    guard case .call(let name, let inner) = arguments[1], inner.count == 3,
      name.count == 1, name[0].lowercased() == "datediff",
      inner[1] == arguments[2], isEpoch(inner[1])
    else { return nil }
    let part = try Self.part(arguments[0])
    guard try Self.part(inner[0]).name == part.name,
      ["year", "quarter", "month", "day", "hour", "minute"].contains(part.name),
      case .computed(let sql, let kind) = try time(inner[2]), kind == .timestamp || kind == .date
    else { return nil }
    return .computed("date_trunc('\(part.name)', \(sql))", .timestamp)
  }

  private mutating func isEpoch(_ expression: Expression) -> Bool {
    guard let value = try? value(of: expression),
      let moment = try? value.converted(to: ColumnType(.datetime))
    else { return false }
    return moment == Moment.epoch(plus: 0).map { .moment($0, .timestamp) }
  }

  /// Boundaries crossed between two times, for parts where PostgreSQL can count them plainly.
  private mutating func dateDiff(_ arguments: [Expression]) throws(Untranslatable) -> Value {
    let part = try Self.part(arguments[0])
    guard let from = try time(arguments[1]).sql, let to = try time(arguments[2]).sql else {
      throw Untranslatable("DATEDIFF of NULL is not translated")
    }
    switch part.name {
    case "day": return .computed("(\(to)::date - \(from)::date)", .integer)
    case "second":
      let seconds = [to, from].map { "date_trunc('second', \($0))" }.joined(separator: " - ")
      return .computed("extract(epoch FROM \(seconds))::integer", .integer)
    default: throw Untranslatable("DATEDIFF by \(part.name) is not translated")
    }
  }

  private mutating func datePart(
    _ part: DatePart, of argument: Expression
  ) throws(Untranslatable) -> Value {
    guard part.name != "week", part.name != "millisecond" else {
      throw Untranslatable("DATEPART by \(part.name) counts differently in PostgreSQL")
    }
    guard let sql = try time(argument).sql else { return .null }
    let extracted = "extract(\(part.name) FROM \(sql))"
    return .computed(
      (part.name == "second" ? "floor(\(extracted))" : extracted) + "::integer", .integer)
  }

  /// A date or time; constants become typed ones.
  private mutating func time(_ argument: Expression) throws(Untranslatable) -> Value {
    let found = try value(of: argument)
    switch found {
    case .computed: return found
    case .null: return .null
    default:
      let moment = try found.converted(to: ColumnType(.datetime))
      guard let sql = moment.sql else { return .null }
      return .computed("(\(sql))", .timestamp)
    }
  }
}
