/// One numbered part of the merge, done for one table by one file.
///
/// A run does a step for all tables, in foreign-key order, before it begins the next step: keys exist
/// for every unseen row of every table before the first final row is inserted, so cycles and self
/// references find their values. Steps 50 and 60 go the other way: children are updated and deleted
/// before their parents.
public enum Step: Int, CaseIterable, Comparable, Sendable {
  case stage = 10
  case check = 15
  case match = 20
  case allocate = 30
  case orphans = 35
  case insert = 40
  case update = 50
  case vanished = 60
  case reset = 70
  case account = 90

  public var name: String {
    switch self {
    case .stage: "stage"
    case .check: "check"
    case .match: "match"
    case .allocate: "allocate"
    case .orphans: "orphans"
    case .insert: "insert"
    case .update: "update"
    case .vanished: "vanished"
    case .reset: "reset"
    case .account: "account"
    }
  }

  /// As file names and audit rows write it: "40 insert", "40_insert.sql".
  public var operation: String { "\(rawValue) \(name)" }
  public var fileName: String { "\(rawValue)_\(name).sql" }

  /// Whether the step goes through the tables in reverse foreign-key order.
  var isChildrenFirst: Bool { self == .update || self == .vanished }

  /// Whether the step belongs to the merge's transaction. Staging does not: it fills scratch tables
  /// over several connections beforehand.
  public var isMerge: Bool { self != .stage }

  public static func < (left: Step, right: Step) -> Bool { left.rawValue < right.rawValue }
}
