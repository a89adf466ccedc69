#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The shortest decimal digits that read back as the same number, as d.ddde±xx, by
 * std::to_chars (Ryu). Writes at most `capacity` bytes and returns how many, or 0 if they
 * do not fit (32 always suffice). No terminator. */
size_t restage_shortest_double(double value, char *buffer, size_t capacity);
size_t restage_shortest_float(float value, char *buffer, size_t capacity);

#ifdef __cplusplus
}
#endif
