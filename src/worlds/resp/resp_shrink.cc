#include "worlds/resp/resp_shrink.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/shrink.h"
#include "worlds/resp/resp_slices.h"

namespace resprobe {
namespace {

using StillFails = std::function<bool(const Tape&)>;
constexpr size_t kNone = static_cast<size_t>(-1);

// A line "<type><count>\r\n" in front of a bulk or an aggregate.
struct Header {
  char type;
  size_t count;
  size_t end;  // offset after the CRLF
};

bool ReadHeader(std::string_view bytes, size_t at, Header* header) {
  constexpr std::string_view kTypes = "$=!;*~>%|";
  if (at >= bytes.size() || kTypes.find(bytes[at]) == kTypes.npos) return false;
  size_t i = at + 1;
  size_t count = 0;
  for (; i < bytes.size() && bytes[i] >= '0' && bytes[i] <= '9' && i - at < 9; ++i) {
    count = count * 10 + static_cast<size_t>(bytes[i] - '0');
  }
  if (i == at + 1 || bytes.substr(i, 2) != "\r\n") return false;
  *header = {bytes[at], count, i + 2};
  return true;
}

bool IsBulk(char type) { return type == '$' || type == '=' || type == '!' || type == ';'; }
// The number of values per unit of an aggregate's count.
size_t Width(char type) { return type == '%' || type == '|' ? 2 : 1; }

// The end offset of the value at `at`; kNone if it is incomplete or malformed.
size_t EndOf(std::string_view bytes, size_t at) {
  for (size_t pending = 1; pending > 0; --pending) {
    Header header;
    if (ReadHeader(bytes, at, &header)) {
      at = header.end;
      if (IsBulk(header.type)) {
        at += header.count + 2;
      } else {
        pending += header.count * Width(header.type);
        // An attribute is counted as part of the value that it annotates.
        if (header.type == '|') ++pending;
      }
    } else {
      const size_t line_end = bytes.find("\r\n", at);
      if (line_end == bytes.npos) return kNone;
      at = line_end + 2;
    }
    if (at > bytes.size()) return kNone;
  }
  return at;
}

// Concatenates `head`, a header that counts `units`, the units, and `tail`.
template <class Unit>
Tape Join(std::string_view head, char type, const std::vector<Unit>& units, std::string_view tail) {
  std::string bytes(head);
  bytes += type + std::to_string(units.size()) + "\r\n";
  for (const Unit& unit : units) bytes += unit;
  bytes += tail;
  return Tape(bytes.begin(), bytes.end());
}

template <class Unit>
bool DeleteUnits(Tape* tape, std::string_view head, char type, std::vector<Unit> units,
                 std::string_view tail, const StillFails& still_fails) {
  if (units.empty()) return false;
  const auto fails = [&](const std::vector<Unit>& candidate) {
    return still_fails(Join(head, type, candidate, tail));
  };
  // Try all at once first: DeleteRuns begins with halves.
  if (fails({})) {
    units.clear();
  } else if (!DeleteRuns(&units, fails)) {
    return false;
  }
  *tape = Join(head, type, units, tail);
  return true;
}

bool ShrinkAt(Tape* tape, size_t at, const StillFails& still_fails) {
  // Copy: the surrounding bytes must outlive changes of the tape.
  const std::string bytes(AsText(*tape));
  const std::string_view all = bytes;
  Header header;
  if (!ReadHeader(all, at, &header)) return false;
  const std::string_view head = all.substr(0, at);
  if (IsBulk(header.type)) {
    if (all.size() - header.end < header.count) return false;
    const std::string_view body = all.substr(header.end, header.count);
    return DeleteUnits(tape, head, header.type, std::vector<char>(body.begin(), body.end()),
                       all.substr(header.end + header.count), still_fails);
  }
  std::vector<std::string> units;
  size_t end = header.end;
  for (size_t i = 0; i < header.count; ++i) {
    const size_t start = end;
    for (size_t j = 0; j < Width(header.type); ++j) {
      end = EndOf(all, end);
      if (end == kNone) return false;
    }
    units.emplace_back(all.substr(start, end - start));
  }
  const std::string_view tail = all.substr(end);
  for (const std::string& unit : units) {
    std::string candidate(head);
    candidate.append(unit).append(tail);
    Tape hoisted(candidate.begin(), candidate.end());
    if (!still_fails(hoisted)) continue;
    *tape = std::move(hoisted);
    return true;
  }
  return DeleteUnits(tape, head, header.type, std::move(units), tail, still_fails);
}

// Deletes whole values of the stream.
bool DeleteValues(Tape* tape, const StillFails& still_fails) {
  const std::string bytes(AsText(*tape));
  std::vector<std::string> values;
  size_t at = 0;
  for (size_t end; at < bytes.size() && (end = EndOf(bytes, at)) != kNone; at = end) {
    values.push_back(bytes.substr(at, end - at));
  }
  if (at < bytes.size()) values.push_back(bytes.substr(at));
  const auto join = [](const std::vector<std::string>& parts) {
    Tape joined;
    for (const std::string& part : parts) joined.insert(joined.end(), part.begin(), part.end());
    return joined;
  };
  if (!DeleteRuns(&values, [&](const auto& parts) { return still_fails(join(parts)); })) {
    return false;
  }
  *tape = join(values);
  return true;
}

}  // namespace

bool ShrinkResp(Tape* tape, const StillFails& still_fails) {
  bool any = DeleteValues(tape, still_fails);
  for (size_t at = 0; at < tape->size(); ++at) {
    if (ShrinkAt(tape, at, still_fails)) any = true;
  }
  return any;
}

}  // namespace resprobe
