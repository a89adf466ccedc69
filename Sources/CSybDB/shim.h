#pragma once
#include <sybfront.h>
#include <sybdb.h>

/* Function macros, which Swift does not import. */
static inline RETCODE restage_set_user(LOGINREC *login, const char *text)
{
  return DBSETLUSER(login, text);
}

static inline RETCODE restage_set_password(LOGINREC *login, const char *text)
{
  return DBSETLPWD(login, text);
}

static inline RETCODE restage_set_application(LOGINREC *login, const char *text)
{
  return DBSETLAPP(login, text);
}

static inline RETCODE restage_set_charset(LOGINREC *login, const char *text)
{
  return DBSETLCHARSET(login, text);
}

static inline RETCODE restage_set_database(LOGINREC *login, const char *text)
{
  return dbsetlname(login, text, DBSETDBNAME);
}

static inline RETCODE restage_set_packet_size(LOGINREC *login, long size)
{
  return DBSETLPACKET(login, size);
}

static inline RETCODE restage_set_read_only(LOGINREC *login, int isReadOnly)
{
  return DBSETLREADONLY(login, isReadOnly);
}

static inline RETCODE restage_set_version(LOGINREC *login, unsigned char version)
{
  return dbsetlversion(login, version);
}

static inline DBPROCESS *restage_open(LOGINREC *login, const char *server)
{
  return dbopen(login, server);
}

/* The type of a column as the server said it, before db-lib makes its own of it; -1 for none. */
static inline int restage_server_type(DBPROCESS *process, int column)
{
  DBCOL2 info = {0};
  info.SizeOfStruct = sizeof(info);
  if (dbtablecolinfo(process, column, (DBCOL *) &info) != SUCCEED)
    return -1;
  return info.ServerType;
}
