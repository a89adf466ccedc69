#include "CShortestFloat.h"

#include <charconv>

template <typename Number>
static size_t shortest(Number value, char *buffer, size_t capacity) {
  auto result = std::to_chars(buffer, buffer + capacity, value, std::chars_format::scientific);
  return result.ec == std::errc() ? static_cast<size_t>(result.ptr - buffer) : 0;
}

size_t restage_shortest_double(double value, char *buffer, size_t capacity) {
  return shortest(value, buffer, capacity);
}

size_t restage_shortest_float(float value, char *buffer, size_t capacity) {
  return shortest(value, buffer, capacity);
}
