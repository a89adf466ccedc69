// std::to_chars accepts a decimal that lies exactly midway to a neighbour when reading it back would
// round to the number (1e+23). PostgreSQL does not (src/common/d2s.c, `acceptBounds = false`) and
// prints 9.999999999999999e+22. Both agree everywhere else.

#include "CShortestFloat.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

namespace {

using Wide = unsigned __int128;

// digits x 10^exponent
struct Decimal {
  uint64_t digits = 0;
  int exponent = 0;
};

Decimal parse(const char *from, const char *to) {
  Decimal decimal;
  int fraction = 0;
  bool in_fraction = false;
  for (; from != to && *from != 'e'; ++from) {
    if (*from == '.') in_fraction = true;
    if (*from < '0' || *from > '9') continue;
    decimal.digits = decimal.digits * 10 + static_cast<uint64_t>(*from - '0');
    fraction += in_fraction;
  }
  if (from == to) return decimal;
  ++from;
  if (from != to && *from == '+') ++from;
  std::from_chars(from, to, decimal.exponent);
  decimal.exponent -= fraction;
  return decimal;
}

// Whether left x 2^left_exponent == right x 2^right_exponent, neither of left and right being 0.
bool equal(Wide left, int left_exponent, Wide right, int right_exponent) {
  for (; (left & 1) == 0; left >>= 1) ++left_exponent;
  for (; (right & 1) == 0; right >>= 1) ++right_exponent;
  return left == right && left_exponent == right_exponent;
}

// Whether the decimal is bound x 2^exponent, where bound has at most 56 bits.
bool equal(Decimal decimal, uint64_t bound, int exponent) {
  // 5^25 has 59 bits: a power as high divides neither side.
  if (std::abs(decimal.exponent) > 24) return false;
  Wide power = 1;
  for (int i = 0; i < std::abs(decimal.exponent); ++i) power *= 5;
  return decimal.exponent >= 0
             ? equal(decimal.digits * power, decimal.exponent, bound, exponent)
             : equal(decimal.digits, 0, bound * power, exponent - decimal.exponent);
}

template <typename Number>
bool is_midpoint(Number value, const char *from, const char *to) {
  constexpr int digits = std::numeric_limits<Number>::digits;
  int exponent;
  double fraction = std::frexp(static_cast<double>(std::fabs(value)), &exponent);
  auto mantissa = static_cast<uint64_t>(std::ldexp(fraction, digits));
  exponent -= digits;
  // A midpoint is an odd number x 2^(exponent - 1), or - 2 below a power of two: as a decimal it has
  // more fractional digits than are ever printed unless it is almost a whole number.
  if (exponent < -2) return false;
  bool is_power = mantissa == uint64_t{1} << (digits - 1);
  Decimal decimal = parse(from, to);
  if (decimal.digits == 0) return false;
  return equal(decimal, 4 * mantissa + 2, exponent - 2) ||
         equal(decimal, 4 * mantissa - (is_power ? 1 : 2), exponent - 2);
}

template <typename Number>
size_t shortest(Number value, char *buffer, size_t capacity) {
  char *end = buffer + capacity;
  auto printed = std::to_chars(buffer, end, value, std::chars_format::scientific);
  if (printed.ec != std::errc()) return 0;
  if (!is_midpoint(value, buffer, printed.ptr)) return static_cast<size_t>(printed.ptr - buffer);

  // One digit more than the midpoint has, and more until it reads back.
  for (int precision = 1; precision < std::numeric_limits<Number>::max_digits10; ++precision) {
    printed = std::to_chars(buffer, end, value, std::chars_format::scientific, precision);
    if (printed.ec != std::errc()) return 0;
    Number back = 0;
    std::from_chars(buffer, printed.ptr, back);
    if (back == value && !is_midpoint(value, buffer, printed.ptr)) break;
  }
  return static_cast<size_t>(printed.ptr - buffer);
}

}  // namespace

size_t restage_shortest_double(double value, char *buffer, size_t capacity) {
  return shortest(value, buffer, capacity);
}

size_t restage_shortest_float(float value, char *buffer, size_t capacity) {
  return shortest(value, buffer, capacity);
}
