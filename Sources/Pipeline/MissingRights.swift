// What a role may not do that a load needs, as the statements that let it.

import Catalog
import Target

/// The rights that a load needs on a target and that its role lacks.
///
/// Names are looked up in the catalog: to_regclass fails where a schema may not be used.
struct MissingRights {
  let database: MappedDatabase
  let connection: TargetConnection

  /// - Returns: The role, quoted, and the statements that give it what it lacks, in the order in which they
  ///   can be run.
  func find() async throws -> (role: String, grants: [String]) {
    let found = try await connection.query(
      """
      SELECT
        quote_ident(current_user) AS role,
        quote_ident(current_database()) AS database,
        has_database_privilege(current_database(), 'CREATE') AS creates,
        EXISTS (SELECT FROM pg_proc AS p WHERE p.pronamespace = n.oid AND p.proname = 'version') AS is_installed
      FROM (SELECT 1) AS one
      LEFT JOIN pg_namespace AS n ON n.nspname = 'restage'
      """)
    let role = found.first("role") ?? "current_user"
    let missing = try await missingTables()
    var grants: [String] = []
    // A schema is asked for with IF NOT EXISTS, which takes the right also where the schema is there.
    let makesSchemas =
      found.first("is_installed") != "t"
      || (!missing.isEmpty && database.schemas.contains { $0.name != "public" })
    if makesSchemas, found.first("creates") != "t" {
      grants.append("GRANT CREATE ON DATABASE \(found.first("database") ?? "")")
    }
    grants += try await onSchemas(makingTablesIn: Set(missing.map(\.schema.name)))
    grants += try await onRelations()
    var statements = grants.map { "\($0) TO \(role);" }
    if try await cannotDropStageTables() {
      statements.append("ALTER SCHEMA restage_stage OWNER TO \(role);")
    }
    return (role, statements)
  }

  /// Final tables and key maps that are to be made.
  private func missingTables() async throws -> [QualifiedIdentifier] {
    let planned = database.tables.flatMap { [$0.target, $0.keyMap] }
    let found = try await connection.query(
      """
      SELECT n.nspname, c.relname
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      JOIN \(Self.values(planned.map { [$0.schema.name, $0.name.name] })) AS w (schema_name, name)
        ON w.schema_name = n.nspname
        AND w.name = c.relname
      """)
    let there = Set(found.rows.map { $0.map { $0 ?? "" } })
    return planned.filter { !there.contains([$0.schema.name, $0.name.name]) }
  }

  private func onSchemas(makingTablesIn made: Set<String>) async throws -> [String] {
    let using = Set(
      ["restage", "restage_stage", "restage_keymap"] + database.schemas.map(\.name)
        + database.collations.map(\.name.schema.name))
    let creating = made.union(["restage_stage"])
    let wanted =
      using.sorted().map { [$0, "USAGE"] }
      + creating.sorted().map { [$0, "CREATE"] }
    let found = try await connection.query(
      """
      SELECT format('GRANT %s ON SCHEMA %I', string_agg(w.privilege, ', ' ORDER BY w.privilege DESC), n.nspname) AS statement
      FROM \(Self.values(wanted)) AS w (name, privilege)
      JOIN pg_namespace AS n ON n.nspname = w.name
      WHERE NOT has_schema_privilege(n.oid, w.privilege)
      GROUP BY n.nspname
      ORDER BY n.nspname
      """)
    return found.values(of: "statement").compactMap(\.self)
  }

  /// Tables that lack the same rights are in one statement.
  private func onRelations() async throws -> [String] {
    let written = ["SELECT", "INSERT", "UPDATE"]
    func rows(_ name: QualifiedIdentifier, _ privileges: [String]) -> [[String]] {
      privileges.map { [name.schema.name, name.name.name, $0] }
    }
    let tables = database.tables.flatMap { table in
      rows(table.target, written + (table.onVanished == .delete ? ["DELETE"] : []))
        + rows(table.keyMap, written + ["DELETE"])
        + table.columns.compactMap(\.identity).flatMap {
          rows($0.sequence, ["USAGE", "SELECT", "UPDATE"])
        }
    }
    let found = try await connection.query(
      """
      WITH wanted (schema_name, name, privilege) AS (
        SELECT w.schema_name, w.name, w.privilege
        FROM \(Self.values(tables)) AS w (schema_name, name, privilege)
        UNION ALL
        SELECT 'restage', c.relname, w.privilege
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS w (privilege)
        WHERE n.nspname = 'restage'
          AND c.relkind = 'r'
          AND CASE w.privilege
            WHEN 'UPDATE' THEN c.relname IN ('run', 'step', 'staged', 'row_count', 'table_map', 'settled')
            WHEN 'DELETE' THEN c.relname IN ('before_image', 'settled')
            ELSE true
          END
      ),
      lacking AS (
        SELECT
          n.nspname,
          c.relname,
          c.relkind = 'S' AS is_sequence,
          string_agg(w.privilege, ', ' ORDER BY array_position(ARRAY['USAGE', 'SELECT', 'INSERT', 'UPDATE', 'DELETE'], w.privilege)) AS privileges
        FROM wanted AS w
        JOIN pg_namespace AS n ON n.nspname = w.schema_name
        JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
        WHERE NOT CASE c.relkind
            WHEN 'S' THEN has_sequence_privilege(c.oid, w.privilege)
            ELSE has_table_privilege(c.oid, w.privilege)
          END
        GROUP BY n.nspname, c.relname, c.relkind
      )
      SELECT format(
        'GRANT %s ON %s %s',
        l.privileges,
        CASE WHEN l.is_sequence THEN 'SEQUENCE' ELSE 'TABLE' END,
        string_agg(format('%I.%I', l.nspname, l.relname), ', ' ORDER BY l.nspname, l.relname)
      ) AS statement
      FROM lacking AS l
      GROUP BY l.privileges, l.is_sequence
      ORDER BY l.is_sequence, min(l.nspname), min(l.relname)
      """)
    return found.values(of: "statement").compactMap(\.self)
  }

  /// Stage tables are made anew by each run, whoever made them before: their owner and that of their schema
  /// may.
  private func cannotDropStageTables() async throws -> Bool {
    let found = try await connection.query(
      """
      SELECT EXISTS (
        SELECT
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN \(Self.values(database.tables.map { [$0.stage.schema.name, $0.stage.name.name] })) AS w (schema_name, name)
          ON w.schema_name = n.nspname
          AND w.name = c.relname
        WHERE NOT pg_has_role(c.relowner, 'USAGE')
          AND NOT pg_has_role(n.nspowner, 'USAGE')
      ) AS cannot
      """)
    return found.first("cannot") == "t"
  }

  private static func values(_ rows: [[String]]) -> String {
    let lines = rows.map { "(" + $0.map(SQLLiteral.quoted).joined(separator: ", ") + ")" }
    return "(VALUES \(lines.joined(separator: ", ")))"
  }
}
