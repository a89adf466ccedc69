#pragma once
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* Linux alone has it, under a name that is not imported. */
static inline void restage_widen_pipe(int descriptor, int byteCount)
{
  (void) fcntl(descriptor, 1031 /* F_SETPIPE_SZ */, byteCount);
}

/* Of glibc 2.34 and later, declared there for GNU sources only. */
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);

/* Whether the server has ended a connection that waits for nothing. */
static inline int restage_is_hung_up(DBPROCESS *process)
{
  const short readHangUp = 0x2000; /* POLLRDHUP, which is not imported either */
  struct pollfd line = {dbiordesc(process), readHangUp, 0};
  return poll(&line, 1, 0) != 0 && (line.revents & (readHangUp | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/* Bytes that have come from the server so far, as the system counts them; -1 where it does not. */
static inline long long restage_received_bytes(DBPROCESS *process)
{
  /* struct tcp_info of <linux/tcp.h>, which the C library's own header cuts short: the 17th of its
     64-bit words is tcpi_bytes_received (Linux 4.1). */
  unsigned long long info[32] = {0};
  socklen_t size = sizeof(info);
  if (getsockopt(dbiordesc(process), IPPROTO_TCP, 11 /* TCP_INFO */, info, &size) != 0
      || size < 17 * sizeof(info[0]))
    return -1;
  return (long long) info[16];
}

/* A pipe whose ends no program that is started gets: reading first. -1 where there is none to be had. The
   C library's own function is declared under _GNU_SOURCE alone, which would make fd_set another type
   than the one that is imported. */
static inline int restage_pipe(int ends[2])
{
  return (int) syscall(SYS_pipe2, ends, O_CLOEXEC);
}

/* A file in memory, without a name in any folder. The C library's own function is not in every
   version's headers under the name that is imported. */
static inline int restage_memory_file(void)
{
  return (int) syscall(SYS_memfd_create, "restage", 1u /* MFD_CLOEXEC */);
}
