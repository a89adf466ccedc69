-- The last page of scripts/demo: numbers of the audit and of the final tables, each beside what it
-- must be. Ends psql with an error when one is not. Variables: tables, rows, foreign_keys (what the
-- snapshot holds) and is_proven (whether restage verify found no difference).

CREATE TEMPORARY TABLE final_table AS
SELECT
  format('%I.%I', m.target_schema, m.target_table) AS name,
  format('%I.%I', m.target_schema, m.target_table)::regclass AS id
FROM restage.table_map AS m;

CREATE TEMPORARY TABLE row_count (name text, rows bigint);
SELECT format('INSERT INTO row_count SELECT %L, count(*) FROM %s;', f.name, f.name)
FROM final_table AS f
ORDER BY f.name
\gexec

-- Orphans are looked for in the rows themselves, whatever the constraints promise.
CREATE TEMPORARY TABLE orphan_count (foreign_key text, rows bigint);
SELECT format(
  'INSERT INTO orphan_count SELECT %L, count(*) FROM %s AS c WHERE %s AND NOT EXISTS (SELECT FROM %s AS p WHERE %s);',
  k.conname,
  k.conrelid::regclass,
  string_agg(format('c.%I IS NOT NULL', child.attname), ' AND ' ORDER BY pair.position),
  k.confrelid::regclass,
  string_agg(format('p.%I = c.%I', parent.attname, child.attname), ' AND ' ORDER BY pair.position)
)
FROM pg_constraint AS k
JOIN final_table AS f
  ON f.id = k.conrelid
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS pair (child, parent, position)
JOIN pg_attribute AS child
  ON child.attrelid = k.conrelid
  AND child.attnum = pair.child
JOIN pg_attribute AS parent
  ON parent.attrelid = k.confrelid
  AND parent.attnum = pair.parent
WHERE k.contype = 'f'
GROUP BY k.oid, k.conname, k.conrelid, k.confrelid
ORDER BY k.conname, k.oid
\gexec

CREATE TEMPORARY TABLE result AS
WITH run AS (
  SELECT
    r.id,
    row_number() OVER (ORDER BY r.started_at) AS number
  FROM restage.run AS r
  WHERE r.status = 'succeeded'
),
counted AS (
  SELECT
    r.number,
    c.kind,
    sum(c.rows) AS rows
  FROM run AS r
  JOIN restage.row_count AS c
    ON c.run_id = r.id
  GROUP BY r.number, c.kind
),
audit AS (
  SELECT
    coalesce(sum(c.rows) FILTER (WHERE c.number = 1 AND c.kind = 'inserted'), 0) AS inserted_first,
    coalesce(sum(c.rows) FILTER (WHERE c.number = 1 AND c.kind = 'rejected'), 0) AS rejected_first,
    coalesce(sum(c.rows) FILTER (WHERE c.number > 1 AND c.kind IN ('inserted', 'updated')), 0) AS written_later
  FROM counted AS c
),
final AS (
  SELECT sum(c.rows) AS rows
  FROM row_count AS c
)
SELECT
  v.position,
  v.what,
  v.found,
  v.wanted
FROM audit AS a
CROSS JOIN final AS f
CROSS JOIN LATERAL (
  VALUES
    (1, 'tables migrated', (SELECT count(*) FROM final_table), :tables),
    (2, 'loads that succeeded', (SELECT count(*) FROM run), 3),
    (3, 'rows in the final tables', f.rows, :rows - a.rejected_first),
    (4, 'rows inserted by the first load', a.inserted_first, :rows - a.rejected_first),
    (5, 'rows written by the loads after it', a.written_later, 0),
    (6, 'duplicates after them', f.rows - a.inserted_first, 0),
    (7, 'foreign keys checked', (SELECT count(*) FROM orphan_count), :foreign_keys),
    (8, 'orphans', (SELECT coalesce(sum(o.rows), 0) FROM orphan_count AS o), 0),
    (9, 'tables with content differences', CASE WHEN :is_proven THEN 0 END, 0)
) AS v (position, what, found, wanted);

SELECT
  r.what,
  coalesce(r.found::text, 'some, see above') AS found,
  r.wanted AS "must be",
  CASE WHEN r.found = r.wanted THEN 'ok' ELSE 'WRONG' END AS verdict
FROM result AS r
ORDER BY r.position
\g (footer=off border=2)

DO $demo$
BEGIN
  IF EXISTS (SELECT FROM result AS r WHERE r.found IS DISTINCT FROM r.wanted) THEN
    RAISE EXCEPTION 'not all numbers are what they must be';
  END IF;
END
$demo$;
