#pragma once
#include <libpq-fe.h>

/* Character macros, which Swift does not import. */
static const int restage_diag_sqlstate = PG_DIAG_SQLSTATE;
static const int restage_diag_primary = PG_DIAG_MESSAGE_PRIMARY;
static const int restage_diag_detail = PG_DIAG_MESSAGE_DETAIL;
static const int restage_diag_hint = PG_DIAG_MESSAGE_HINT;
static const int restage_diag_context = PG_DIAG_CONTEXT;
static const int restage_diag_position = PG_DIAG_STATEMENT_POSITION;
static const int restage_diag_severity = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int restage_diag_constraint = PG_DIAG_CONSTRAINT_NAME;
