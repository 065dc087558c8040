// LCS: the longest common subsequence of two strings (redis 7.0 t_string.c).

#include <algorithm>

#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

struct Options {
  bool ranges = false;  // IDX
  bool length = false;
  bool with_lengths = false;
  int64_t least = 0;  // MINMATCHLEN
};

bool ParseOptions(CommandContext& c, Options* options) {
  for (size_t i = 3; i < c.argc(); ++i) {
    if (c.Is(i, "IDX")) {
      options->ranges = true;
    } else if (c.Is(i, "LEN")) {
      options->length = true;
    } else if (c.Is(i, "WITHMATCHLEN")) {
      options->with_lengths = true;
    } else if (c.Is(i, "MINMATCHLEN") && i + 1 < c.argc()) {
      if (!c.Int(++i, &options->least)) return false;
    } else {
      return c.SyntaxError();
    }
  }
  if (options->ranges && options->length) {
    return c.Error("ERR If you want both the length and indexes, please just use IDX.");
  }
  return true;
}

// The LCS length for all pairs of prefixes, row by row.
class Lengths {
 public:
  Lengths(std::vector<uint32_t>& cells, std::string_view a, std::string_view b)
      : cells_(cells), width_(b.size() + 1) {
    cells_.assign((a.size() + 1) * width_, 0);
    for (size_t i = 1; i <= a.size(); ++i) {
      for (size_t j = 1; j <= b.size(); ++j) {
        cells_[i * width_ + j] =
            a[i - 1] == b[j - 1] ? At(i - 1, j - 1) + 1 : std::max(At(i - 1, j), At(i, j - 1));
      }
    }
  }
  uint32_t At(size_t i, size_t j) const { return cells_[i * width_ + j]; }

 private:
  std::vector<uint32_t>& cells_;
  const size_t width_;
};

// A range that both strings have in common, with its position in each.
struct Range {
  size_t a;
  size_t b;
  size_t length;
};

// Walks back from the ends, as the server does: calls `match` for each common byte, and `range` for
// each common range, from the last one to the first.
template <class Match, class OnRange>
void Walk(const Lengths& lengths, std::string_view a, std::string_view b, Match match,
          OnRange range) {
  size_t i = a.size();
  size_t j = b.size();
  Range current{0, 0, 0};
  const auto flush = [&] {
    if (current.length > 0) range(current);
    current.length = 0;
  };
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      match(a[i - 1]);
      current = {i - 1, j - 1, current.length + 1};
      --i;
      --j;
    } else {
      if (lengths.At(i - 1, j) > lengths.At(i, j - 1)) {
        --i;
      } else {
        --j;
      }
      flush();
    }
  }
  flush();
}

void Lcs(CommandContext& c) {
  Object* object = c.keyspace.Find(c.db, c.args[1]);
  bool strings = object == nullptr || object->type() == ObjectType::kString;
  // The second lookup can move the first object, so copy its string.
  c.scratch.clear();
  if (object != nullptr && strings) c.scratch.assign(object->string());
  object = c.keyspace.Find(c.db, c.args[2]);
  strings &= object == nullptr || object->type() == ObjectType::kString;
  if (!strings) {
    c.Error("ERR The specified keys must contain string values");
    return;
  }
  const std::string_view a = c.scratch;
  const std::string_view b = object == nullptr ? std::string_view() : object->string();
  Options options;
  if (!ParseOptions(c, &options)) return;
  if ((a.size() + 1) * (b.size() + 1) * sizeof(uint32_t) >
      static_cast<uint64_t>(c.server.config().max_bulk)) {
    c.Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    return;
  }
  const Lengths lengths(c.more_scratch.lengths, a, b);
  const uint32_t length = lengths.At(a.size(), b.size());
  if (options.length) return c.reply.Integer(length);
  const auto ignore = [](const auto&) {};
  if (!options.ranges) {
    std::string& common = c.more_scratch.sort_texts;
    common.clear();
    Walk(lengths, a, b, [&](char byte) { common += byte; }, ignore);
    std::reverse(common.begin(), common.end());
    return c.reply.BulkString(common);
  }
  const auto wanted = [&](const Range& range) {
    return options.least <= 0 || range.length >= static_cast<uint64_t>(options.least);
  };
  size_t count = 0;
  Walk(lengths, a, b, ignore, [&](const Range& range) { count += wanted(range); });
  c.reply.MapHeader(2);
  c.reply.BulkString("matches");
  c.reply.ArrayHeader(count);
  Walk(lengths, a, b, ignore, [&](const Range& range) {
    if (!wanted(range)) return;
    c.reply.ArrayHeader(options.with_lengths ? 3 : 2);
    for (const size_t start : {range.a, range.b}) {
      c.reply.ArrayHeader(2);
      c.reply.Integer(static_cast<int64_t>(start));
      c.reply.Integer(static_cast<int64_t>(start + range.length - 1));
    }
    if (options.with_lengths) c.reply.Integer(static_cast<int64_t>(range.length));
  });
  c.reply.BulkString("len");
  c.reply.Integer(length);
}

constexpr CommandSpec kLcsCommands[] = {
    {.name = "lcs",
     .arity = -3,
     .flags = kReadonly,
     .keys = Keys(1, 2).Uses(kReads),
     .group = CommandGroup::kString,
     .since = "7.0.0",
     .summary = "What two strings have in common, in order",
     .syntax = "key key [LEN | IDX] [MINMATCHLEN count] [WITHMATCHLEN]",
     .reply = "bulk|int(0..)|map<bulk,int(0..)|array<tuple<tuple<int,int>,tuple<int,int>>|"
              "tuple<tuple<int,int>,tuple<int,int>,int>>>",
     .handler = Lcs},
};

}  // namespace

std::span<const CommandSpec> LcsCommands() { return kLcsCommands; }

}  // namespace resprobe
