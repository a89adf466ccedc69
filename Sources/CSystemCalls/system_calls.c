#define _GNU_SOURCE
#include "CSystemCalls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int restage_pipe(int ends[2])
{
  return pipe2(ends, O_CLOEXEC);
}

void restage_widen_pipe(int descriptor, int byteCount)
{
  (void) fcntl(descriptor, F_SETPIPE_SZ, byteCount);
}

int restage_memory_file(void)
{
  return memfd_create("restage", MFD_CLOEXEC);
}

int restage_add_close_from(void *actions, int first)
{
  return posix_spawn_file_actions_addclosefrom_np(actions, first); /* glibc 2.34 */
}

int restage_is_hung_up(int descriptor)
{
  struct pollfd line = {.fd = descriptor, .events = POLLRDHUP};
  return poll(&line, 1, 0) != 0
    && (line.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

long long restage_received_bytes(int descriptor)
{
  /* struct tcp_info of <linux/tcp.h>, which the C library's own header cuts short: the 17th of its
     64-bit words is tcpi_bytes_received (Linux 4.1). */
  unsigned long long info[32] = {0};
  socklen_t size = sizeof(info);
  if (getsockopt(descriptor, IPPROTO_TCP, 11 /* TCP_INFO */, info, &size) != 0
      || size < 17 * sizeof(info[0]))
    return -1;
  return (long long) info[16];
}
