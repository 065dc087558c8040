#include "core/query/error.h"

#include <algorithm>

namespace resprobe::query {

std::string Error::ToString(std::string_view query) const {
  if (code == ErrorCode::kNone) return "no error";
  std::string out = "at byte " + std::to_string(offset) + ": expected " + expected;
  out.append(", found ").append(found);
  constexpr size_t kMostShown = 40;
  const std::string_view seen =
      offset <= query.size() ? query.substr(offset, std::min<size_t>(length, kMostShown)) : "";
  // Punctuation and keywords need no more than their name; for words and numbers, show the text if
  // it is printable.
  const bool prints = std::all_of(
      seen.begin(), seen.end(), [](char c) { return c >= ' ' && static_cast<uint8_t>(c) != 0x7f; });
  if (!seen.empty() && found[0] != '\'' && prints) {
    out.append(" `").append(seen).append(length > kMostShown ? "...`" : "`");
  }
  return out;
}

}  // namespace resprobe::query
