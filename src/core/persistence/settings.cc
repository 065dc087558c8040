#include "core/persistence/settings.h"

#include <algorithm>
#include <utility>

#include "core/keyspace/integers.h"

namespace resprobe {
namespace {

struct FsyncName {
  AppendFsync policy;
  std::string_view name;
};
constexpr FsyncName kFsyncNames[] = {{AppendFsync::kEverySecond, "everysec"},
                                     {AppendFsync::kAlways, "always"},
                                     {AppendFsync::kNo, "no"}};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

}  // namespace

bool ParseSavePoints(std::string_view text, std::vector<SavePoint>* points) {
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < text.size();) {
    const size_t end = std::min(text.find(' ', i), text.size());
    int64_t number;
    if (end > i) {
      if (!ParseInt64(text.substr(i, end - i), &number)) return false;
      numbers.push_back(number);
    }
    i = end + 1;
  }
  if (numbers.size() % 2 != 0) return false;
  std::vector<SavePoint> parsed;
  for (size_t i = 0; i < numbers.size(); i += 2) {
    if (numbers[i] < 1 || numbers[i + 1] < 0) return false;
    parsed.push_back({.seconds = numbers[i], .changes = numbers[i + 1]});
  }
  *points = std::move(parsed);
  return true;
}

std::string_view AppendFsyncName(AppendFsync policy) {
  for (const FsyncName& known : kFsyncNames) {
    if (known.policy == policy) return known.name;
  }
  return {};
}

bool ParseAppendFsync(std::string_view text, AppendFsync* policy) {
  for (const FsyncName& known : kFsyncNames) {
    if (!std::ranges::equal(text, known.name, {}, Lower)) continue;
    *policy = known.policy;
    return true;
  }
  return false;
}

}  // namespace resprobe
