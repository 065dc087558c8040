#include "engine/generate.h"

#include <charconv>
#include <limits>

namespace resprobe {

int64_t Gen::EdgeNumber() {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  switch (rng_.Below(8)) {
    case 0:
      return rng_.Between(-3, 3);
    case 1:
      return rng_.Between(0, 20);
    case 2:
      return rng_.Between(-20, 0);
    case 3:
      return rng_.Between(0, 2000);
    case 4: {
      const auto power = static_cast<int64_t>(uint64_t{1} << rng_.Below(63));
      return (rng_.OneIn(2) ? power : -power) + rng_.Between(-1, 1);
    }
    case 5:
      return rng_.OneIn(2) ? kMax - rng_.Between(0, 1) : kMin + rng_.Between(0, 1);
    default:
      return rng_.Between(1, 5);
  }
}

std::string_view Gen::EdgeNumberText() {
  static constexpr std::string_view kOdd[] = {
      "1.5",
      "-0",
      "01",
      "+1",
      "0x10",
      "1e3",
      "inf",
      "-inf",
      "nan",
      " 1",
      "1 ",
      "",
      "3.0",
      "-1.0",
      "1e400",
      "9223372036854775808",
      "0.1",
      "1e-7",
      "-1e308",
      ".5",
      "5.",
      "(1",
      "[a",
      "-",
      "+",
      "(inf",
      "3.1000000000000001",
  };
  if (rng_.OneIn(4)) return rng_.Pick(kOdd);
  char digits[24];
  const auto [end, status] = std::to_chars(digits, digits + sizeof(digits), EdgeNumber());
  return arena_->Copy({digits, static_cast<size_t>(end - digits)});
}

std::string_view Gen::ShortText() {
  static constexpr std::string_view kCommon[] = {
      "a",
      "b",
      "c",
      "",
      "abc",
      "hello world",
      "x",
      "1",
      "0",
      "-1",
      "10",
      "\r\n",
      std::string_view("\0\xff", 2),
      "0123456789abcdef0123456789abcdef0123456789abcdef",
  };
  if (!rng_.OneIn(8)) return rng_.Pick(kCommon);
  const size_t size = rng_.Below(uint64_t{1} << rng_.Below(8));
  char* bytes = arena_->Bytes(size);
  const bool one_byte = rng_.OneIn(2);
  for (size_t i = 0; i < size; ++i) bytes[i] = one_byte ? 'z' : static_cast<char>(rng_.Next());
  return {bytes, size};
}

}  // namespace resprobe
