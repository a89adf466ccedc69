#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The digits that PostgreSQL prints with extra_float_digits 1, as d.ddde±xx: the shortest decimal
 * that lies strictly between the midpoints to the neighbouring numbers and, of those, the closest.
 * Writes at most `capacity` bytes and returns how many, or 0 if they do not fit (32 always
 * suffice). `value` is finite. No terminator. */
size_t restage_shortest_double(double value, char *buffer, size_t capacity);
size_t restage_shortest_float(float value, char *buffer, size_t capacity);

#ifdef __cplusplus
}
#endif
