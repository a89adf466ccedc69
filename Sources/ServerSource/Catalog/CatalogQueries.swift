// The questions that are asked of a server, one for each group of views. Names of views and columns are
// written exactly as the documentation has them: in a database with a case-sensitive collation any other
// spelling is an error. Types are joined by sys.types, never compared with numbers: Babelfish has others.
//
// Babelfish learns on each connection to read SQL, clause by clause, and needs longer for each that it has
// not met there than for the answer. It is asked for its views as they are, without JOIN and WHERE; what
// these would do is done here.

/// SQL texts that read the catalog of one version of server.
struct CatalogQueries {
  let version: ServerVersion

  /// Whether views are asked for as they are.
  var arePlain: Bool { version.kind == .babelfish }

  /// Asked before the version is known.
  static let server = SQLBatch(
    "server",
    """
    SELECT
      CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS product_version,
      CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition,
      CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine_edition,
      CAST(SERVERPROPERTY('Babelfish') AS int) AS babelfish,
      CAST(DB_NAME() AS nvarchar(128)) AS database_name,
      CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128)) AS collation_name,
      CAST(COLLATIONPROPERTY(
        CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128)), 'CodePage'
      ) AS int) AS code_page
    """)

  /// Of all databases, as a WHERE takes Babelfish longer than they; `own_id` says which it is. Asked before
  /// the version is known, too.
  static let databases = SQLBatch(
    "database",
    """
    SELECT
      [database_id],
      DB_ID() AS own_id,
      CAST([snapshot_isolation_state] AS int) AS snapshot_state,
      CAST([is_read_committed_snapshot_on] AS int) AS read_committed_snapshot,
      CAST([is_read_only] AS int) AS is_read_only
    FROM [sys].[databases]
    """)

  static let permissions = SQLBatch(
    "permissions",
    """
    SELECT
      HAS_PERMS_BY_NAME(NULL, 'DATABASE', 'VIEW DEFINITION') AS view_definition,
      HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'SELECT') AS select_all,
      CAST(SUSER_SNAME() AS nvarchar(128)) AS login_name,
      CAST(USER_NAME() AS nvarchar(128)) AS user_name
    """)

  /// How many rows those views have in which many databases have none. A server that has to learn a
  /// question first takes less time for this one than for the questions that need not be asked.
  var fillings: SQLBatch {
    let views = CatalogView.allCases.filter { $0 != .sequences || version.has(11) }
    return SQLBatch(
      "fillings",
      views.map { view in
        "SELECT N'\(view.rawValue)' AS view_name, COUNT(*) AS row_count FROM sys.\(view.rawValue)"
      }.joined(separator: "\nUNION ALL\n"))
  }

  func filling(of view: CatalogView) -> SQLBatch {
    let name = view.rawValue
    return SQLBatch("filling of \(name)", "SELECT COUNT(*) AS row_count FROM [sys].[\(name)]")
  }

  var unmask: SQLBatch {
    SQLBatch(
      "permission to unmask",
      "SELECT HAS_PERMS_BY_NAME(NULL, 'DATABASE', 'UNMASK') AS unmask")
  }

  var tables: SQLBatch {
    ofOneView(
      "tables",
      """
      SELECT
        t.object_id,
        \(orPlain("SCHEMA_NAME(t.schema_id)", "s.name")) AS schema_name,
        t.name AS table_name,
        CAST(t.is_ms_shipped AS int) AS is_ms_shipped,
        \(since(13, "t.temporal_type", as: "temporal_type")),
        \(since(13, "t.history_table_id", as: "history_table_id")),
        \(since(13, "t.is_external", as: "is_external")),
        \(since(14, "t.is_node", as: "is_node")),
        \(since(14, "t.is_edge", as: "is_edge"))
      FROM sys.tables AS t\(orPlain("", """

        JOIN sys.schemas AS s ON s.schema_id = t.schema_id
        WHERE t.is_ms_shipped = 0
        """))
      """)
  }

  var tablePermissions: SQLBatch {
    SQLBatch(
      "permissions on tables",
      """
      SELECT
        t.object_id,
        HAS_PERMS_BY_NAME(
          QUOTENAME(s.name) + N'.' + QUOTENAME(t.name), 'OBJECT', 'SELECT'
        ) AS can_select
      FROM sys.tables AS t
      JOIN sys.schemas AS s ON s.schema_id = t.schema_id
      WHERE t.is_ms_shipped = 0
      """)
  }

  var securityPolicies: SQLBatch {
    SQLBatch(
      "security policies",
      """
      SELECT p.target_object_id AS object_id
      FROM sys.security_predicates AS p
      JOIN sys.security_policies AS o ON o.object_id = p.object_id
      WHERE o.is_enabled = 1 AND p.predicate_type_desc = 'FILTER'
      """)
  }

  var memoryOptimizedTables: SQLBatch {
    SQLBatch(
      "memory-optimized tables",
      "SELECT t.object_id FROM sys.tables AS t WHERE t.is_memory_optimized = 1")
  }

  var rowCounts: SQLBatch {
    ofOneView(
      "row counts",
      orPlain(
        "SELECT p.object_id, p.index_id, p.rows AS row_count FROM sys.partitions AS p",
        """
        SELECT p.object_id, SUM(p.rows) AS row_count
        FROM sys.partitions AS p
        JOIN sys.tables AS t ON t.object_id = p.object_id
        WHERE p.index_id IN (0, 1) AND t.is_ms_shipped = 0
        GROUP BY p.object_id
        """))
  }

  /// A type of the user's own is listed to those alone who have some permission on it. A column of a type
  /// that is not seen is a column all the same.
  var columns: SQLBatch {
    ofOneView(
      "columns",
      """
      SELECT
        c.object_id,
        c.column_id,
        c.name AS column_name,
        \(typeColumns),
        CAST(c.max_length AS int) AS max_length,
        CAST(c.precision AS int) AS type_precision,
        CAST(c.scale AS int) AS type_scale,
        CAST(c.is_nullable AS int) AS is_nullable,
        c.collation_name,
        CAST(COLLATIONPROPERTY(c.collation_name, 'CodePage') AS int) AS code_page,
        CAST(c.is_rowguidcol AS int) AS is_rowguid,
        CAST(c.is_identity AS int) AS is_identity,
        CAST(c.is_computed AS int) AS is_computed,
        CAST(c.is_filestream AS int) AS is_filestream,
        CAST(c.is_sparse AS int) AS is_sparse,
        CAST(c.is_column_set AS int) AS is_column_set,
        c.default_object_id,
        c.rule_object_id,
        \(since(13, "CAST(c.is_hidden AS int)", as: "is_hidden")),
        \(since(13, "CAST(c.generated_always_type AS int)", as: "generated_always")),
        \(since(13, "CAST(c.is_masked AS int)", as: "is_masked")),
        \(since(13, "CAST(c.encryption_type AS int)", as: "encryption_type"))
      FROM sys.columns AS c\(orPlain("", """

        JOIN sys.tables AS t ON t.object_id = c.object_id
        LEFT JOIN sys.types AS y ON y.user_type_id = c.user_type_id
        LEFT JOIN sys.schemas AS ys ON ys.schema_id = y.schema_id
        LEFT JOIN sys.types AS b
          ON b.user_type_id = COALESCE(y.system_type_id, c.system_type_id)
        WHERE t.is_ms_shipped = 0
        """))
      ORDER BY c.object_id, c.column_id
      """)
  }

  /// What is asked of a column's type, or its numbers.
  private var typeColumns: String {
    let columns =
      arePlain
      ? ["c.user_type_id", "c.system_type_id"]
      : [
        "y.name AS type_name", "ys.name AS type_schema",
        "CAST(y.is_user_defined AS int) AS is_user_defined",
        "CAST(y.is_assembly_type AS int) AS is_assembly_type", "b.name AS base_name",
        "y.rule_object_id AS type_rule_object_id",
      ]
    return columns.joined(separator: ",\n  ")
  }

  var identities: SQLBatch {
    SQLBatch(
      "identities",
      """
      SELECT
        i.object_id,
        i.column_id,
        CAST(i.seed_value AS nvarchar(60)) AS seed_value,
        CAST(i.increment_value AS nvarchar(60)) AS increment_value,
        CAST(i.last_value AS nvarchar(60)) AS last_value,
        CAST(IDENT_SEED(QUOTENAME(s.name) + N'.' + QUOTENAME(t.name)) AS nvarchar(60)) AS seed,
        CAST(IDENT_INCR(QUOTENAME(s.name) + N'.' + QUOTENAME(t.name)) AS nvarchar(60)) AS increment,
        CAST(IDENT_CURRENT(QUOTENAME(s.name) + N'.' + QUOTENAME(t.name)) AS nvarchar(60)) AS latest
      FROM sys.identity_columns AS i
      JOIN sys.tables AS t ON t.object_id = i.object_id
      JOIN sys.schemas AS s ON s.schema_id = t.schema_id
      WHERE t.is_ms_shipped = 0
      """)
  }

  /// - Parameter withText: Babelfish fails to print some expressions, and then the whole query fails.
  func computedColumns(withText: Bool) -> SQLBatch {
    SQLBatch(
      withText ? "computed columns" : "computed columns without their text",
      """
      SELECT
        c.object_id,
        c.column_id,
        \(withText ? "c.definition" : "CAST(NULL AS nvarchar(max)) AS definition"),
        CAST(c.is_persisted AS int) AS is_persisted
      FROM sys.computed_columns AS c\(ofTables("c.object_id"))
      """)
  }

  var defaults: SQLBatch {
    ofOneView(
      "defaults",
      """
      SELECT
        d.parent_object_id AS object_id,
        d.parent_column_id AS column_id,
        d.name AS constraint_name,
        d.definition
      FROM sys.default_constraints AS d\(ofTables("d.parent_object_id"))
      """)
  }

  /// Objects of CREATE DEFAULT and CREATE RULE that are bound to columns or to their types.
  var boundObjects: SQLBatch {
    SQLBatch(
      "bound defaults and rules",
      """
      SELECT
        c.object_id,
        c.column_id,
        RTRIM(o.type) AS object_type,
        s.name AS schema_name,
        o.name AS object_name,
        m.definition
      FROM sys.columns AS c
      JOIN sys.tables AS t ON t.object_id = c.object_id
      LEFT JOIN sys.types AS y ON y.user_type_id = c.user_type_id
      JOIN sys.objects AS o
        ON o.object_id = c.default_object_id
        OR o.object_id = c.rule_object_id
        OR (o.object_id = y.rule_object_id AND c.rule_object_id = 0)
      JOIN sys.schemas AS s ON s.schema_id = o.schema_id
      LEFT JOIN sys.sql_modules AS m ON m.object_id = o.object_id
      WHERE t.is_ms_shipped = 0 AND o.parent_object_id = 0
      """)
  }

  var indexes: SQLBatch {
    ofOneView(
      "indexes",
      """
      SELECT
        i.object_id,
        i.index_id,
        i.name AS index_name,
        CAST(i.type AS int) AS index_type,
        CAST(i.is_unique AS int) AS is_unique,
        CAST(i.is_primary_key AS int) AS is_primary_key,
        CAST(i.is_unique_constraint AS int) AS is_unique_constraint,
        CAST(i.is_disabled AS int) AS is_disabled,
        CAST(i.fill_factor AS int) AS fill_factor,
        CAST(i.has_filter AS int) AS has_filter,
        i.filter_definition
      FROM sys.indexes AS i\(ofTables("i.object_id", " AND i.type > 0 AND i.is_hypothetical = 0"))
      """)
  }

  var indexColumns: SQLBatch {
    ofOneView(
      "index columns",
      """
      SELECT
        k.object_id,
        k.index_id,
        k.index_column_id,
        k.column_id,
        CAST(k.key_ordinal AS int) AS key_ordinal,
        CAST(k.is_descending_key AS int) AS is_descending,
        CAST(k.is_included_column AS int) AS is_included
      FROM sys.index_columns AS k\(ofTables("k.object_id"))
      """)
  }

  var foreignKeys: SQLBatch {
    ofOneView(
      "foreign keys",
      """
      SELECT
        f.object_id AS constraint_id,
        f.parent_object_id AS object_id,
        f.referenced_object_id,
        f.name AS constraint_name,
        CAST(f.delete_referential_action AS int) AS delete_action,
        CAST(f.update_referential_action AS int) AS update_action,
        CAST(f.is_disabled AS int) AS is_disabled,
        CAST(f.is_not_trusted AS int) AS is_not_trusted
      FROM sys.foreign_keys AS f\(ofTables("f.parent_object_id"))
      """)
  }

  var foreignKeyColumns: SQLBatch {
    ofOneView(
      "foreign key columns",
      """
      SELECT
        k.constraint_object_id AS constraint_id,
        k.constraint_column_id,
        k.parent_column_id,
        k.referenced_column_id
      FROM sys.foreign_key_columns AS k
      """)
  }

  var checks: SQLBatch {
    ofOneView(
      "checks",
      """
      SELECT
        c.parent_object_id AS object_id,
        c.name AS constraint_name,
        c.definition,
        CAST(c.is_disabled AS int) AS is_disabled
      FROM sys.check_constraints AS c\(ofTables("c.parent_object_id"))
      """)
  }

  var comments: SQLBatch {
    SQLBatch(
      "comments",
      """
      SELECT
        p.major_id AS object_id,
        p.minor_id AS column_id,
        CAST(p.value AS nvarchar(max)) AS comment
      FROM sys.extended_properties AS p
      WHERE p.class = 1 AND p.name = N'MS_Description'
      """)
  }

  /// All but the comments of tables and columns.
  var extendedProperties: SQLBatch {
    SQLBatch(
      "extended properties",
      """
      SELECT
        CAST(p.class AS int) AS class,
        p.major_id,
        p.minor_id,
        p.name AS property_name,
        \(Self.baseName("p.value")),
        \(Self.plainText("p.value")),
        RTRIM(o.type) AS object_type,
        COALESCE(s.name, ys.name, ss.name) AS schema_name,
        COALESCE(o.name, y.name) AS object_name,
        c.name AS column_name,
        i.name AS index_name
      FROM sys.extended_properties AS p
      LEFT JOIN sys.objects AS o ON p.class IN (1, 2, 7) AND o.object_id = p.major_id
      LEFT JOIN sys.schemas AS s ON s.schema_id = o.schema_id
      LEFT JOIN sys.columns AS c
        ON p.class = 1 AND c.object_id = p.major_id AND c.column_id = p.minor_id
      LEFT JOIN sys.indexes AS i
        ON p.class = 7 AND i.object_id = p.major_id AND i.index_id = p.minor_id
      LEFT JOIN sys.schemas AS ss ON p.class = 3 AND ss.schema_id = p.major_id
      LEFT JOIN sys.types AS y ON p.class = 6 AND y.user_type_id = p.major_id
      LEFT JOIN sys.schemas AS ys ON ys.schema_id = y.schema_id
      """)
  }

  var partitionFunctions: SQLBatch {
    SQLBatch(
      "partition functions",
      """
      SELECT
        f.function_id,
        f.name AS function_name,
        CAST(f.boundary_value_on_right AS int) AS is_right,
        b.name AS base_name,
        CAST(p.max_length AS int) AS max_length,
        CAST(p.precision AS int) AS type_precision,
        CAST(p.scale AS int) AS type_scale
      FROM sys.partition_functions AS f
      JOIN sys.partition_parameters AS p ON p.function_id = f.function_id AND p.parameter_id = 1
      LEFT JOIN sys.types AS b ON b.user_type_id = p.system_type_id
      """)
  }

  var partitionBoundaries: SQLBatch {
    SQLBatch(
      "partition boundaries",
      """
      SELECT
        v.function_id,
        v.boundary_id,
        \(Self.baseName("v.value")),
        \(Self.plainText("v.value"))
      FROM sys.partition_range_values AS v
      """)
  }

  var partitionSchemes: SQLBatch {
    SQLBatch(
      "partition schemes",
      """
      SELECT
        s.name AS scheme_name,
        f.name AS function_name,
        d.destination_id,
        g.name AS filegroup_name
      FROM sys.partition_schemes AS s
      JOIN sys.partition_functions AS f ON f.function_id = s.function_id
      JOIN sys.destination_data_spaces AS d ON d.partition_scheme_id = s.data_space_id
      JOIN sys.data_spaces AS g ON g.data_space_id = d.data_space_id
      """)
  }

  /// Heaps (index 0) among them.
  var partitionedIndexes: SQLBatch {
    SQLBatch(
      "partitioned indexes",
      """
      SELECT
        i.object_id,
        i.index_id,
        s.name AS scheme_name,
        k.column_id
      FROM sys.indexes AS i
      JOIN sys.tables AS t ON t.object_id = i.object_id
      JOIN sys.partition_schemes AS s ON s.data_space_id = i.data_space_id
      JOIN sys.index_columns AS k
        ON k.object_id = i.object_id AND k.index_id = i.index_id AND k.partition_ordinal = 1
      WHERE t.is_ms_shipped = 0
      """)
  }

  private static func baseName(_ value: String) -> String {
    "CAST(SQL_VARIANT_PROPERTY(\(value), 'BaseType') AS nvarchar(128)) AS base_name"
  }

  /// A sql_variant for people to read. Those of the types listed would else be printed as the server's
  /// language has them, or rounded.
  private static func plainText(_ value: String) -> String {
    let styled = [
      ("datetime", "datetime", 121), ("smalldatetime", "datetime2(0)", 121), ("money", "money", 2),
      ("smallmoney", "money", 2), ("float", "float", 2), ("real", "real", 2),
      ("binary", "varbinary(8000)", 1), ("varbinary", "varbinary(8000)", 1),
    ]
    let cases = styled.map { type, cast, style in
      "    WHEN N'\(type)' THEN CONVERT(nvarchar(4000), CAST(\(value) AS \(cast)), \(style))"
    }
    return """
      CASE CAST(SQL_VARIANT_PROPERTY(\(value), 'BaseType') AS nvarchar(128))
      \(cases.joined(separator: "\n"))
          ELSE CAST(\(value) AS nvarchar(4000))
        END AS value_text
      """
  }

  var sequences: SQLBatch {
    SQLBatch(
      "sequences",
      """
      SELECT
        s.name AS schema_name,
        q.name AS sequence_name,
        b.name AS base_name,
        CAST(q.start_value AS nvarchar(60)) AS start_value,
        CAST(q.increment AS nvarchar(60)) AS increment,
        CAST(q.minimum_value AS nvarchar(60)) AS minimum_value,
        CAST(q.maximum_value AS nvarchar(60)) AS maximum_value,
        CAST(q.current_value AS nvarchar(60)) AS current_value,
        CAST(q.is_cycling AS int) AS is_cycling
      FROM sys.sequences AS q
      JOIN sys.schemas AS s ON s.schema_id = q.schema_id
      LEFT JOIN sys.types AS b ON b.user_type_id = q.system_type_id
      WHERE q.is_ms_shipped = 0
      """)
  }

  var aliasTypes: SQLBatch {
    SQLBatch(
      "alias types",
      """
      SELECT
        s.name AS schema_name,
        y.name AS type_name,
        b.name AS base_name,
        CAST(y.max_length AS int) AS max_length,
        CAST(y.precision AS int) AS type_precision,
        CAST(y.scale AS int) AS type_scale,
        CAST(y.is_nullable AS int) AS is_nullable,
        CAST(y.is_table_type AS int) AS is_table_type
      FROM sys.types AS y
      JOIN sys.schemas AS s ON s.schema_id = y.schema_id
      LEFT JOIN sys.types AS b ON b.user_type_id = y.system_type_id
      WHERE y.is_user_defined = 1 AND y.is_assembly_type = 0
      """)
  }

  /// Types with their ids, for what is not joined with them.
  var plainTypes: SQLBatch {
    ofOneView(
      "types",
      """
      SELECT
        y.user_type_id,
        y.system_type_id,
        SCHEMA_NAME(y.schema_id) AS schema_name,
        y.name AS type_name,
        CAST(y.max_length AS int) AS max_length,
        CAST(y.precision AS int) AS type_precision,
        CAST(y.scale AS int) AS type_scale,
        CAST(y.is_nullable AS int) AS is_nullable,
        CAST(y.is_user_defined AS int) AS is_user_defined,
        CAST(y.is_assembly_type AS int) AS is_assembly_type,
        CAST(y.is_table_type AS int) AS is_table_type,
        y.rule_object_id
      FROM sys.types AS y
      """)
  }

  /// Objects of every kind, and the texts of modules.
  var plainObjects: SQLBatch {
    ofOneView(
      "objects",
      """
      SELECT
        o.object_id AS module_id,
        o.type AS object_type,
        SCHEMA_NAME(o.schema_id) AS schema_name,
        o.name AS object_name,
        o.parent_object_id AS object_id,
        CAST(o.is_ms_shipped AS int) AS is_ms_shipped
      FROM sys.objects AS o
      """)
  }

  var plainModules: SQLBatch {
    ofOneView("modules", "SELECT m.object_id AS module_id, m.definition FROM sys.sql_modules AS m")
  }

  /// Types of objects that are modules.
  static let moduleTypes: Set<String> = [
    "V", "P", "PC", "X", "FN", "IF", "TF", "FS", "FT", "AF", "TR", "TA",
  ]

  var modules: SQLBatch {
    SQLBatch(
      "modules",
      """
      SELECT
        RTRIM(o.type) AS object_type,
        s.name AS schema_name,
        o.name AS object_name,
        o.parent_object_id AS object_id,
        m.definition
      FROM sys.objects AS o
      JOIN sys.schemas AS s ON s.schema_id = o.schema_id
      LEFT JOIN sys.sql_modules AS m ON m.object_id = o.object_id
      WHERE o.is_ms_shipped = 0
        AND o.type IN (\(Self.moduleTypes.sorted().map { "'\($0)'" }.joined(separator: ", ")))
      """)
  }

  var synonyms: SQLBatch {
    SQLBatch(
      "synonyms",
      """
      SELECT s.name AS schema_name, y.name AS object_name, y.base_object_name AS definition
      FROM sys.synonyms AS y
      JOIN sys.schemas AS s ON s.schema_id = y.schema_id
      WHERE y.is_ms_shipped = 0
      """)
  }

  /// A question of one view, in which no column's name needs another before it. Each new place where one
  /// has one costs Babelfish 10 to 80 ms on every connection, and so does each where a name may be a keyword:
  /// all stand in brackets, as those of users' tables do.
  private func ofOneView(_ name: String, _ text: String) -> SQLBatch {
    guard arePlain else { return SQLBatch(name, text) }
    return SQLBatch(
      name,
      text.replacing(/([\s(])[a-z]\.([a-z_]+)/) { "\($0.1)[\($0.2)]" }
        .replacing(/FROM sys\.([a-z_]+) AS [a-z]/) { "FROM [sys].[\($0.1)]" })
  }

  private func orPlain(_ plain: String, _ full: String) -> String { arePlain ? plain : full }

  /// Leaves out what does not belong to a user's table.
  ///
  /// - Parameter column: With the table's number.
  private func ofTables(_ column: String, _ more: String = "") -> String {
    orPlain(
      "",
      """

      JOIN sys.tables AS t ON t.object_id = \(column)
      WHERE t.is_ms_shipped = 0\(more)
      """)
  }

  /// A column of a later version, or what it says where there is none.
  private func since(_ major: Int, _ expression: String, as name: String) -> String {
    "\(version.has(major) ? expression : "0") AS \(name)"
  }
}

/// A view that may have no rows.
enum CatalogView: String, CaseIterable {
  case extendedProperties = "extended_properties"
  case identities = "identity_columns"
  case computedColumns = "computed_columns"
  case defaults = "default_constraints"
  case foreignKeys = "foreign_keys"
  case checks = "check_constraints"
  case partitionFunctions = "partition_functions"
  case synonyms, sequences
}
