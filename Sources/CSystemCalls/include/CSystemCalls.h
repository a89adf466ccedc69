#pragma once

/* Calls of Linux and glibc whose declarations Swift does not import. No header of the system is
 * included here: a struct that two modules define belongs, for Swift, to the one it met first, and a
 * file that imports the other alone does not compile. */

/* A pipe whose ends no program that is started gets: reading first. -1, with errno, where there is
 * none to be had. */
int restage_pipe(int ends[2]);

/* Lets a pipe hold so many bytes, if it may. */
void restage_widen_pipe(int descriptor, int byteCount);

/* A file in memory, without a name in any folder. -1, with errno, where there is none to be had. */
int restage_memory_file(void);

/* Has a program that posix_spawn starts with these actions (posix_spawn_file_actions_t) close every
 * file from `first` on. An error number or 0. */
int restage_add_close_from(void *actions, int first);

/* Whether the other end of an idle connection has hung up. */
int restage_is_hung_up(int descriptor);

/* Bytes that a TCP connection has brought so far, as the system counts them; -1 where it does not. */
long long restage_received_bytes(int descriptor);
