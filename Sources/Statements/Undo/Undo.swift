// Where the SQL of a rollback is written: `files` lists it in the order in which it runs.

public import Catalog

/// The generated SQL that takes back what one run did. A function of the mapping alone, like the
/// merge: a load stores it in the target, so that a rollback needs neither plan nor snapshot.
///
/// The merge goes through the tables in foreign-key order, step by step; this goes the same way back,
/// so that every constraint that held after each step of the merge holds again.
public enum Undo {
  /// The files in the order of execution, all of them in one transaction.
  ///
  /// - Parameter tables: Indexes of the tables that the run loaded; nil for all. The text of a file
  ///   does not depend on it.
  public static func files(for database: MappedDatabase, tables: Set<Int>? = nil) -> [UndoFile] {
    let names = database.tables.indices.reversed().filter { tables?.contains($0) ?? true }
      .map { TableNames(database: database, index: $0) }
    return UndoStep.allCases.flatMap { step in
      switch step {
      case .begin, .conflicts, .refuse, .account: [UndoFile(step, of: database)]
      case .find: names.map { $0.findFile() }
      case .restore: names.filter(\.isRestored).map { $0.restoreFile() }
      case .delete: names.map { $0.deleteFile() }
      case .forget: names.map { $0.forgetFile() }
      }
    }
  }
}

/// One numbered part of a rollback.
public enum UndoStep: Int, CaseIterable, Sendable {
  case begin = 10
  case find = 20
  case conflicts = 30
  case refuse = 35
  case restore = 50
  case delete = 60
  case forget = 70
  case account = 90

  public var name: String {
    switch self {
    case .begin: "begin"
    case .find: "find"
    case .conflicts: "conflicts"
    case .refuse: "refuse"
    case .restore: "restore"
    case .delete: "delete"
    case .forget: "forget"
    case .account: "account"
    }
  }

  /// As file names and audit rows write it: "60 delete", "60_delete.sql".
  public var operation: String { "\(rawValue) \(name)" }
  public var fileName: String { "\(rawValue)_\(name).sql" }
}

/// A generated file of a rollback: plain SQL that libpq and psql run alike, its header included.
public struct UndoFile: Hashable, Sendable {
  /// Below the plan's folder: `undo/003_dbo.Album/60_delete.sql`, `undo/90_account.sql`.
  public let path: String
  public let step: UndoStep
  /// Index into `MappedDatabase.tables`; nil for a file about no single table.
  public let table: Int?
  public let text: String

  /// SHA-256 of the whole text in hex: what `sha256sum` prints for the file.
  public var sha256: String { SQLFile.sha256(of: text) }
}

extension UndoFile {
  /// Puts the header over a body about one table.
  init(_ step: UndoStep, of table: TableNames, purpose: String, body: String) {
    let text = body + "\n"
    self.path = "undo/\(table.folder)/\(step.fileName)"
    self.step = step
    self.table = table.index
    self.text = """
      -- table:   \(comment: table.target)
      -- step:    \(step.operation)
      -- purpose: \(purpose)
      -- source:  \(comment: table.mapped.source.description)
      -- body:    sha256:\(SQLFile.sha256(of: text))
      \(Self.byHand)

      \(text)
      """
  }

  /// A file about the rollback as a whole.
  fileprivate init(_ step: UndoStep, of database: MappedDatabase) {
    let (purpose, body) = Self.body(of: step)
    let text = body + "\n"
    self.path = "undo/\(step.fileName)"
    self.step = step
    self.table = nil
    self.text = """
      -- step:    \(step.operation)
      -- purpose: \(purpose)
      -- source:  \(comment: database.sourceName)
      -- body:    sha256:\(SQLFile.sha256(of: text))
      \(Self.byHand)

      \(text)
      """
  }

  private static let byHand = """
    -- by hand: SELECT restage.begin_undo('<run>') first, then all files of undo/ in their order in one
    --          transaction; `restage rollback RUN --print` prints just that for psql
    """

  private static func body(of step: UndoStep) -> (purpose: String, body: String) {
    switch step {
    case .begin:
      (
        "make room for what is found; gone with the transaction",
        """
        SELECT restage.undone_run() AS run;

        -- Final rows that the run inserted (is_new) or updated, by their place.
        CREATE TEMPORARY TABLE restage_undo (
          relation oid NOT NULL,
          part oid NOT NULL,
          row_id tid NOT NULL,
          is_new boolean NOT NULL
        )
        ON COMMIT DROP;

        -- What keeps the run from being taken back.
        CREATE TEMPORARY TABLE restage_conflict (
          kind text NOT NULL,
          table_name text NOT NULL,
          other text,
          row_key text,
          rows bigint NOT NULL DEFAULT 1
        )
        ON COMMIT DROP;
        """
      )
    case .conflicts:
      (
        "find rows that refer to those of the run, and list all that is in the way",
        """
        ANALYZE pg_temp.restage_undo;

        \(Settings.withoutNestedLoops)

        SELECT restage.find_references() AS rows;

        \(Settings.withNestedLoops)

        SELECT
          c.kind,
          c.table_name,
          c.other,
          c.message,
          array_to_string(c.row_keys, E'\n') AS row_keys
        FROM restage.undo_conflicts() AS c;
        """
      )
    case .refuse:
      ("stop where something is in the way", "SELECT restage.refuse_undo();")
    case .find, .restore, .delete, .forget, .account:
      (
        "check what was deferred, and mark the run as rolled back",
        """
        SET CONSTRAINTS ALL IMMEDIATE;

        SELECT restage.close_undo();
        """
      )
    }
  }
}
