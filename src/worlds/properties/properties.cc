// The properties. Each begins with whatever the run has left at its keys, and says so where it
// needs an empty database.

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worlds/properties/property.h"

namespace resprobe {
namespace {

using Words = std::vector<std::string>;

const std::string kA(PropertyTrial::kA);
const std::string kB(PropertyTrial::kB);
const std::string kC(PropertyTrial::kC);

std::string Digits(int64_t number) { return std::to_string(number); }

int64_t NumberOf(const Answer& answer) {
  return answer.text.empty() ? 0 : std::strtoll(answer.text.c_str(), nullptr, 10);
}

// Expects a number.
bool ExpectNumber(PropertyTrial& t, const Answer& answer, int64_t number, const std::string& what) {
  return t.ExpectText(answer, Digits(number), what);
}

Words Sorted(Words words) {
  std::ranges::sort(words);
  return words;
}

Words Unique(Words words) {
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

// A planted fault: another command in the place of this one, with the same arguments.
template <const char* kFrom, const char* kTo>
void Instead(Words* words) {
  if (words->front() == kFrom) words->front() = kTo;
}
constexpr char kAppend[] = "APPEND";
constexpr char kBitCount[] = "BITCOUNT";
constexpr char kDecr[] = "DECR";
constexpr char kDiscard[] = "DISCARD";
constexpr char kExec[] = "EXEC";
constexpr char kIncr[] = "INCR";
constexpr char kLpop[] = "LPOP";
constexpr char kLpush[] = "LPUSH";
constexpr char kPexpireTime[] = "PEXPIRETIME";
constexpr char kPttl[] = "PTTL";
constexpr char kRpop[] = "RPOP";
constexpr char kRpush[] = "RPUSH";
constexpr char kSinter[] = "SINTER";
constexpr char kStrlen[] = "STRLEN";
constexpr char kSunion[] = "SUNION";
constexpr char kZrevrange[] = "ZREVRANGE";
constexpr char kZrange[] = "ZRANGE";

// A planted fault: the last argument of this command is lost, if it has more than `least` words.
template <const char* kName, size_t kLeast>
void LosesLast(Words* words) {
  if (words->front() == kName && words->size() > kLeast) words->pop_back();
}
constexpr char kHset[] = "HSET";
constexpr char kSadd[] = "SADD";

// A planted fault: this command is PING instead.
template <const char* kName>
void DoesNothing(Words* words) {
  if (words->front() == kName) *words = {"PING"};
}
constexpr char kGetdel[] = "GETDEL";
constexpr char kMset[] = "MSET";
constexpr char kPexpire[] = "PEXPIRE";
constexpr char kSetrange[] = "SETRANGE";
constexpr char kSrem[] = "SREM";
constexpr char kWatch[] = "WATCH";

// --- Strings.

void SetGetRoundtrip(PropertyTrial& t) {
  const std::string value = t.Value();
  t.Ask({"SET", kA, value});
  t.ExpectText(t.Ask({"GET", kA}), value, "what was set");
}

void LosesLongEnd(Words* words) {
  constexpr size_t kShort = 44;
  if (words->front() == "SET" && words->size() > 2 && (*words)[2].size() > kShort) {
    (*words)[2].pop_back();
  }
}

void IncrMonotonic(PropertyTrial& t) {
  t.Ask({"SET", kA, Digits(t.number())});
  int64_t last = t.number();
  for (size_t i = 0; i < t.size() + 1 && last < INT64_MAX; ++i) {
    const int64_t now = NumberOf(t.Ask({"INCR", kA}));
    if (!t.Expect(now > last, "INCR increases " + Digits(last), Digits(now))) return;
    last = now;
  }
}

void IncrDecrInverse(PropertyTrial& t) {
  const int64_t start = t.number() / 2;
  const int64_t step = t.rng().Between(-1'000'000'000, 1'000'000'000);
  t.Ask({"SET", kA, Digits(start)});
  t.Ask({"INCRBY", kA, Digits(step)});
  t.Ask({"DECRBY", kA, Digits(step)});
  t.Ask({"INCR", kA});
  ExpectNumber(t, t.Ask({"DECR", kA}), start, "what it was before");
}

void AppendConcatenates(PropertyTrial& t) {
  t.Clear();
  std::string all;
  for (const std::string& part : t.Values(t.size() + 1)) {
    all += part;
    const Answer size = t.Ask({"APPEND", kA, part});
    if (!ExpectNumber(t, size, static_cast<int64_t>(all.size()), "the length with the new part")) {
      return;
    }
  }
  // An empty part makes no key.
  if (all.empty()) return;
  t.ExpectText(t.Ask({"GET", kA}), all, "the parts, one behind the other");
}

void StrlenCountsBytes(PropertyTrial& t) {
  const std::string value = t.Value();
  t.Ask({"SET", kA, value});
  ExpectNumber(t, t.Ask({"STRLEN", kA}), static_cast<int64_t>(value.size()), "its bytes");
}

void GetrangeIsPart(PropertyTrial& t) {
  const std::string value = t.Value();
  const auto size = static_cast<int64_t>(value.size());
  t.Ask({"SET", kA, value});
  const int64_t start = t.rng().Between(-size - 2, size + 2);
  const int64_t end = t.rng().Between(-size - 2, size + 2);
  const int64_t first = start < 0 ? std::max<int64_t>(size + start, 0) : start;
  const int64_t last = std::min(end < 0 ? std::max<int64_t>(size + end, 0) : end, size - 1);
  // Of two ends before the start, which are cut to the first byte, the second must not be before
  // the first.
  const bool none = first > last || (start < 0 && end < 0 && start > end);
  const std::string part =
      none ? "" : value.substr(static_cast<size_t>(first), static_cast<size_t>(last - first + 1));
  t.ExpectText(t.Ask({"GETRANGE", kA, Digits(start), Digits(end)}), part, "that part");
}

void EndsEarly(Words* words) {
  if (words->front() == "GETRANGE" && words->back().front() != '-') {
    words->back() = Digits(std::strtoll(words->back().c_str(), nullptr, 10) + 1);
  }
}

void SetrangeOverwrites(PropertyTrial& t) {
  const std::string value = t.Value();
  const std::string part = t.Value();
  const size_t at = t.rng().Below(value.size() + 8);
  t.Clear();
  t.Ask({"SET", kA, value});
  t.Ask({"SETRANGE", kA, Digits(static_cast<int64_t>(at)), part});
  std::string wanted = value;
  if (!part.empty()) {
    wanted.resize(std::max(wanted.size(), at + part.size()), '\0');
    wanted.replace(at, part.size(), part);
  }
  t.ExpectText(t.Ask({"GET", kA}), wanted, "the value with the part at its place");
}

void BitcountCountsBits(PropertyTrial& t) {
  t.Clear();
  std::set<uint64_t> bits;
  for (size_t i = 0; i < t.size() + 1; ++i) {
    const uint64_t bit = t.rng().Below(300);
    bits.insert(bit);
    t.Ask({"SETBIT", kA, std::to_string(bit), "1"});
  }
  ExpectNumber(t, t.Ask({"BITCOUNT", kA}), static_cast<int64_t>(bits.size()), "the bits set");
  const uint64_t bit = t.rng().Below(310);
  ExpectNumber(t, t.Ask({"GETBIT", kA, std::to_string(bit)}), bits.contains(bit) ? 1 : 0,
               "bit " + std::to_string(bit));
}

void MsetSetsAll(PropertyTrial& t) {
  const Words values = t.Values(3);
  t.Ask({"MSET", kA, values[0], kB, values[1], kC, values[2]});
  t.ExpectList(t.Ask({"MGET", kA, kB, kC}), values, "the values of MSET");
}

void GetdelRemoves(PropertyTrial& t) {
  const std::string value = t.Value();
  t.Ask({"SET", kA, value});
  t.ExpectText(t.Ask({"GETDEL", kA}), value, "the value");
  ExpectNumber(t, t.Ask({"EXISTS", kA}), 0, "no key");
}

// --- Lists.

void ListOrderPreserved(PropertyTrial& t) {
  t.Clear();
  Words order;
  for (const std::string& value : t.Values(t.size() + 1)) {
    if (t.rng().OneIn(2)) {
      t.Ask({"RPUSH", kA, value});
      order.push_back(value);
    } else {
      t.Ask({"LPUSH", kA, value});
      order.insert(order.begin(), value);
    }
  }
  t.ExpectList(t.Ask({"LRANGE", kA, "0", "-1"}), order, "the order of the pushes");
}

void PopsUndoPushes(PropertyTrial& t) {
  t.Clear();
  const Words values = t.Values(t.size() + 1);
  t.Ask({"RPUSH", kA}, values);
  for (size_t i = values.size(); i > 0; --i) {
    if (!t.ExpectText(t.Ask({"RPOP", kA}), values[i - 1], "the last one pushed")) return;
  }
  ExpectNumber(t, t.Ask({"EXISTS", kA}), 0, "no key: the list is empty");
}

void LindexAgreesWithLrange(PropertyTrial& t) {
  t.Clear();
  const Words values = t.Values(t.size() + 1);
  t.Ask({"RPUSH", kA}, values);
  const size_t at = t.rng().Below(values.size());
  t.ExpectText(t.Ask({"LINDEX", kA, Digits(static_cast<int64_t>(at))}), values[at], "that element");
  t.ExpectText(t.Ask({"LINDEX", kA, Digits(-static_cast<int64_t>(values.size() - at))}), values[at],
               "the same from the end");
  t.ExpectList(t.Ask({"LRANGE", kA, Digits(static_cast<int64_t>(at)), "-1"}),
               Words(values.begin() + static_cast<ptrdiff_t>(at), values.end()), "the rest");
}

void BeginsLater(Words* words) {
  if (words->front() == "LINDEX" && words->back().front() == '-') {
    words->back() = Digits(std::strtoll(words->back().c_str(), nullptr, 10) - 1);
  }
}

void LlenCountsElements(PropertyTrial& t) {
  t.Clear();
  const Words values = t.Values(t.size() + 2);
  t.Ask({"RPUSH", kA}, values);
  ExpectNumber(t, t.Ask({"LLEN", kA}), static_cast<int64_t>(values.size()), "each push");
}

// --- Hashes.

void HashFieldsUnique(PropertyTrial& t) {
  t.Clear();
  std::map<std::string, std::string> fields;
  for (size_t i = 0; i < t.size() + 2; ++i) {
    const std::string field = t.Value();
    const std::string value = t.Value();
    const bool is_new = fields.insert_or_assign(field, value).second;
    ExpectNumber(t, t.Ask({"HSET", kA, field, value}), is_new ? 1 : 0, "1 for a new field");
  }
  const Answer all = t.Ask({"HGETALL", kA});
  if (!t.Expect(all.list.size() == 2 * fields.size(), "each field once",
                Digits(all.list.size() / 2)))
    return;
  for (size_t i = 0; i + 1 < all.list.size(); i += 2) {
    const auto at = fields.find(all.list[i]);
    const bool holds = at != fields.end() && at->second == all.list[i + 1];
    if (!t.Expect(holds, "the last value of each field", "another one, or another field")) return;
  }
}

void ManyFieldsAtOnce(PropertyTrial& t) {
  t.Clear();
  const Words names = t.Distinct(t.size() + 2);
  Words pairs;
  for (const std::string& name : names) {
    pairs.push_back(name);
    pairs.push_back(t.Value());
  }
  ExpectNumber(t, t.Ask({"HSET", kA}, pairs), static_cast<int64_t>(names.size()), "the new fields");
  Words values;
  for (size_t i = 1; i < pairs.size(); i += 2) values.push_back(pairs[i]);
  t.ExpectList(t.Ask({"HMGET", kA}, names), values, "the values, in the order of the fields");
}

void LosesLastPair(Words* words) {
  if (words->front() == "HSET" && words->size() > 5) words->resize(words->size() - 2);
}

void HincrbyAdds(PropertyTrial& t) {
  t.Clear();
  const std::string field = t.Value();
  int64_t sum = 0;
  for (size_t i = 0; i < t.size() + 1; ++i) {
    const int64_t step = t.rng().Between(-1000, 1000);
    sum += step;
    if (!ExpectNumber(t, t.Ask({"HINCRBY", kA, field, Digits(step)}), sum, "the sum")) return;
  }
  t.ExpectText(t.Ask({"HGET", kA, field}), Digits(sum), "the sum");
}

void AddsPositive(Words* words) {
  if (words->front() == "HINCRBY" && words->back().front() == '-') words->back().erase(0, 1);
}

// --- Sets.

void SetMembersUnique(PropertyTrial& t) {
  t.Clear();
  const Words values = t.Values(t.size() + 2);
  const Words unique = Unique(values);
  ExpectNumber(t, t.Ask({"SADD", kA}, values), static_cast<int64_t>(unique.size()),
               "the new members");
  ExpectNumber(t, t.Ask({"SADD", kA}, values), 0, "none that is new");
  ExpectNumber(t, t.Ask({"SCARD", kA}), static_cast<int64_t>(unique.size()), "each member once");
  t.ExpectList({.list = Sorted(t.Ask({"SMEMBERS", kA}).list)}, unique, "each member once");
}

void SremRemoves(PropertyTrial& t) {
  t.Clear();
  const Words values = t.Distinct(t.size() + 2);
  t.Ask({"SADD", kA}, values);
  const std::string gone = values[t.rng().Below(values.size())];
  t.Ask({"SREM", kA, gone});
  ExpectNumber(t, t.Ask({"SISMEMBER", kA, gone}), 0, "no member any more");
  ExpectNumber(t, t.Ask({"SCARD", kA}), static_cast<int64_t>(values.size()) - 1, "one less");
}

void SetAlgebra(PropertyTrial& t) {
  t.Clear();
  const Words a = Unique(t.Values(t.size() + 1));
  const Words b = Unique(t.Values(t.size() + 1));
  t.Ask({"SADD", kA}, a);
  t.Ask({"SADD", kB}, b);
  Words both;
  Words either;
  Words only;
  std::ranges::set_intersection(a, b, std::back_inserter(both));
  std::ranges::set_union(a, b, std::back_inserter(either));
  std::ranges::set_difference(a, b, std::back_inserter(only));
  t.ExpectList({.list = Sorted(t.Ask({"SINTER", kA, kB}).list)}, both, "what is in both");
  t.ExpectList({.list = Sorted(t.Ask({"SUNION", kA, kB}).list)}, either, "what is in one or both");
  t.ExpectList({.list = Sorted(t.Ask({"SDIFF", kA, kB}).list)}, only, "what is in the first only");
}

// --- Sorted sets.

using Scored = std::pair<int64_t, std::string>;

// Fills the sorted set; the members by score, then by bytes.
std::vector<Scored> FillZset(PropertyTrial& t) {
  t.Clear();
  std::vector<Scored> members;
  for (const std::string& member : t.Distinct(t.size() + 2)) {
    members.emplace_back(t.rng().Between(-3, 3), member);
    t.Ask({"ZADD", kA, Digits(members.back().first), member});
  }
  std::ranges::sort(members);
  return members;
}

void SortedSetOrdering(PropertyTrial& t) {
  const std::vector<Scored> members = FillZset(t);
  Words order;
  for (const Scored& one : members) order.push_back(one.second);
  t.ExpectList(t.Ask({"ZRANGE", kA, "0", "-1"}), order, "by score, then by bytes");
  std::ranges::reverse(order);
  t.ExpectList(t.Ask({"ZREVRANGE", kA, "0", "-1"}), order, "the reverse");
}

void RankAndScoreAgree(PropertyTrial& t) {
  const std::vector<Scored> members = FillZset(t);
  const size_t at = t.rng().Below(members.size());
  const auto& [score, member] = members[at];
  ExpectNumber(t, t.Ask({"ZSCORE", kA, member}), score, "its score");
  ExpectNumber(t, t.Ask({"ZRANK", kA, member}), static_cast<int64_t>(at), "its place");
  ExpectNumber(t, t.Ask({"ZREVRANK", kA, member}), static_cast<int64_t>(members.size() - 1 - at),
               "its place from the end");
}

void RankFromTheEnd(Words* words) {
  if (words->front() == "ZRANK") words->front() = "ZREVRANK";
}

void ZcountCountsScores(PropertyTrial& t) {
  const std::vector<Scored> members = FillZset(t);
  const int64_t low = t.rng().Between(-4, 4);
  const int64_t high = t.rng().Between(-4, 4);
  const bool open = t.rng().OneIn(2);
  Words found;
  for (const auto& [score, member] : members) {
    if ((open ? score > low : score >= low) && score <= high) found.push_back(member);
  }
  const std::string from = (open ? "(" : "") + Digits(low);
  ExpectNumber(t, t.Ask({"ZCOUNT", kA, from, Digits(high)}), static_cast<int64_t>(found.size()),
               "the members with these scores");
  t.ExpectList(t.Ask({"ZRANGEBYSCORE", kA, from, Digits(high)}), found, "the same members");
}

void ForgetsExclusive(Words* words) {
  if (words->front() == "ZCOUNT" && (*words)[2].front() == '(') (*words)[2].erase(0, 1);
}

// --- Times to live.

void ExpireRemovesKey(PropertyTrial& t) {
  const int64_t ms = t.rng().Between(1, 20);
  t.Ask({"SET", kA, t.Value()});
  t.Ask({"PEXPIRE", kA, Digits(ms)});
  t.Pass(ms + 1);
  ExpectNumber(t, t.Ask({"EXISTS", kA}), 0, "no key: its time is over");
  const Answer value = t.Ask({"GET", kA});
  t.Expect(value.null, "nil: its time is over", value.text);
}

void TtlMonotonicDecrease(PropertyTrial& t) {
  t.Ask({"SET", kA, t.Value()});
  t.Ask({"PEXPIRE", kA, "100000"});
  int64_t last = NumberOf(t.Ask({"PTTL", kA}));
  t.Expect(last > 0 && last <= 100'000, "1 to 100000 ms", Digits(last));
  for (int i = 0; i < 3; ++i) {
    constexpr int64_t kMs = 3;
    t.Pass(kMs);
    const int64_t now = NumberOf(t.Ask({"PTTL", kA}));
    // A clock of milliseconds may show one less.
    if (!t.Expect(now <= last - kMs + 1 && now > 0, Digits(last - kMs) + " ms at the most",
                  Digits(now)))
      return;
    last = now;
  }
}

void PersistRemovesTtl(PropertyTrial& t) {
  t.Ask({"SET", kA, t.Value()});
  t.Ask({"PEXPIRE", kA, "5"});
  // The time may be over before PERSIST comes.
  if (NumberOf(t.Ask({"PERSIST", kA})) == 0) return;
  ExpectNumber(t, t.Ask({"TTL", kA}), -1, "no time to live");
  t.Pass(10);
  ExpectNumber(t, t.Ask({"EXISTS", kA}), 1, "the key is still there");
}

void PersistsAnother(Words* words) {
  // It says that it was done, and does not do it.
  if (words->front() == "PERSIST") *words = {"EXISTS", kA};
}

void SetRemovesTtl(PropertyTrial& t) {
  t.Ask({"SET", kA, t.Value()});
  t.Ask({"PEXPIRE", kA, "100000"});
  t.Ask({"SET", kA, t.Value()});
  ExpectNumber(t, t.Ask({"TTL", kA}), -1, "no time to live: SET has removed it");
}

void SetKeepsTtl(Words* words) {
  if (words->front() == "SET" && words->size() == 3) words->emplace_back("KEEPTTL");
}

// --- Keys.

// Something of any type at the key; its type.
std::string FillAny(PropertyTrial& t, const std::string& key) {
  t.Ask({"DEL", key});
  const Words values = t.Distinct(t.size() + 1);
  switch (t.rng().Below(5)) {
    case 0:
      t.Ask({"SET", key, values.front()});
      return "string";
    case 1:
      t.Ask({"RPUSH", key}, values);
      return "list";
    case 2:
      t.Ask({"SADD", key}, values);
      return "set";
    case 3:
      for (const std::string& value : values) t.Ask({"HSET", key, value, t.Value()});
      return "hash";
    default:
      for (const std::string& value : values) {
        t.Ask({"ZADD", key, Digits(t.rng().Between(-9, 9)), value});
      }
      return "zset";
  }
}

// All that is at the key, in an order of its own if it has none.
Answer ReadAny(PropertyTrial& t, const std::string& key, const std::string& type) {
  if (type == "string") return t.Ask({"GET", key});
  if (type == "list") return t.Ask({"LRANGE", key, "0", "-1"});
  if (type == "zset") return t.Ask({"ZRANGE", key, "0", "-1", "WITHSCORES"});
  if (type == "set") return {.list = Sorted(t.Ask({"SMEMBERS", key}).list)};
  const Words all = t.Ask({"HGETALL", key}).list;
  Words pairs;
  for (size_t i = 0; i + 1 < all.size(); i += 2) pairs.push_back(all[i] + "\n" + all[i + 1]);
  return {.list = Sorted(pairs)};
}

void TypeFollowsValue(PropertyTrial& t) {
  const std::string type = FillAny(t, kA);
  t.ExpectText(t.Ask({"TYPE", kA}), type, "the type of what was written");
  t.Ask({"DEL", kA});
  t.ExpectText(t.Ask({"TYPE", kA}), "none", "no type without a key");
}

void DelIsUnlinkOfOthers(Words* words) {
  if (words->front() == "TYPE") words->back() = kB;
}

void RenameKeepsValue(PropertyTrial& t) {
  t.Clear();
  const std::string type = FillAny(t, kA);
  const Answer before = ReadAny(t, kA, type);
  t.Ask({"RENAME", kA, kB});
  const Answer after = ReadAny(t, kB, type);
  t.Expect(after == before, "the same value at the new name", "another one");
  ExpectNumber(t, t.Ask({"EXISTS", kA}), 0, "no key at the old name");
}

void CopiesInstead(Words* words) {
  if (words->front() == "RENAME") words->front() = "COPY";
}

void CopyIsIndependent(PropertyTrial& t) {
  t.Clear();
  const std::string type = FillAny(t, kA);
  const Answer before = ReadAny(t, kA, type);
  ExpectNumber(t, t.Ask({"COPY", kA, kB}), 1, "1: it was copied");
  t.Expect(ReadAny(t, kB, type) == before, "the same value in the copy", "another one");
  t.Ask({"DEL", kA});
  t.Expect(ReadAny(t, kB, type) == before, "the copy, once the original is deleted", "another one");
}

void CopiesNothing(Words* words) {
  // It says that it was done, and does not do it.
  if (words->front() == "COPY") *words = {"EXISTS", kA};
}

void DumpRestoreRoundtrip(PropertyTrial& t) {
  t.Clear();
  const std::string type = FillAny(t, kA);
  const Answer before = ReadAny(t, kA, type);
  const Answer dump = t.Ask({"DUMP", kA});
  t.Ask({"RESTORE", kB, "0", dump.text});
  t.Expect(ReadAny(t, kB, type) == before, "the same value, restored", "another one");
}

void RestoresWithTtl(Words* words) {
  if (words->front() == "RESTORE") *words = {"SETRANGE", kB, "0", "x"};
}

void ScanReturnsAll(PropertyTrial& t) {
  t.Clear();
  const Words members = t.Distinct(t.size() + 2);
  t.Ask({"SADD", kA}, members);
  std::set<std::string> seen;
  std::string cursor = "0";
  constexpr int kMostSteps = 1000;
  for (int i = 0; i < kMostSteps; ++i) {
    const Answer answer = t.Ask({"SSCAN", kA, cursor, "COUNT", "3"});
    if (t.over() || !t.Expect(!answer.list.empty(), "a cursor and members", "nothing")) return;
    cursor = answer.list.front();
    seen.insert(answer.list.begin() + 1, answer.list.end());
    if (cursor == "0") break;
  }
  t.ExpectText({.text = cursor}, "0", "the cursor comes back to the start");
  t.ExpectList({.list = Words(seen.begin(), seen.end())}, Sorted(members),
               "all that is there from start to end");
}

void ScansPattern(Words* words) {
  if (words->front() == "SSCAN") words->insert(words->end(), {"MATCH", "?*"});
}

void WrongTypeChangesNothing(PropertyTrial& t) {
  t.Clear();
  const std::string type = FillAny(t, kA);
  const Answer before = ReadAny(t, kA, type);
  const Words writes[] = {{"APPEND", kA, "x"},
                          {"RPUSH", kA, "x"},
                          {"SADD", kA, "x"},
                          {"HSET", kA, "x", "y"},
                          {"ZADD", kA, "1", "x"}};
  constexpr std::string_view kTypes[] = {"string", "list", "set", "hash", "zset"};
  for (size_t i = 0; i < std::size(writes); ++i) {
    if (kTypes[i] == type) continue;
    const Answer answer = t.AskAny(writes[i]);
    if (!t.Expect(answer.error, "an error from " + writes[i].front() + " of a " + type,
                  answer.text)) {
      return;
    }
  }
  t.Expect(ReadAny(t, kA, type) == before, "the value as it was", "another one");
}

void ReplacesType(Words* words) {
  if (words->front() == "APPEND") words->front() = "SET";
}

void SortOrders(PropertyTrial& t) {
  t.Clear();
  std::vector<int64_t> numbers;
  Words texts;
  for (size_t i = 0; i < t.size() + 2; ++i) {
    numbers.push_back(t.rng().Between(-100, 100));
    texts.push_back(Digits(numbers.back()));
  }
  t.Ask({"RPUSH", kA}, texts);
  std::ranges::sort(numbers);
  Words order;
  for (const int64_t number : numbers) order.push_back(Digits(number));
  t.ExpectList(t.Ask({"SORT", kA}), order, "by number");
  std::ranges::reverse(order);
  t.ExpectList(t.Ask({"SORT", kA, "DESC"}), order, "by number, descending");
}

void SortsTexts(Words* words) {
  if (words->front() == "SORT") words->emplace_back("ALPHA");
}

// --- Transactions.

void TransactionRunsInOrder(PropertyTrial& t) {
  t.Clear();
  t.Ask({"MULTI"});
  int64_t sum = 0;
  Words sums;
  for (size_t i = 0; i < t.size() + 1; ++i) {
    const int64_t step = t.rng().Between(-9, 9);
    sum += step;
    sums.push_back(Digits(sum));
    t.Ask({"INCRBY", kA, Digits(step)});
  }
  t.ExpectList(t.Ask({"EXEC"}), sums, "a reply to each, in order");
  t.ExpectText(t.Ask({"GET", kA}), Digits(sum), "the sum");
}

void DiscardChangesNothing(PropertyTrial& t) {
  const std::string value = t.Value();
  t.Ask({"SET", kA, value});
  t.Ask({"MULTI"});
  t.Ask({"SET", kA, value + "x"});
  t.Ask({"DISCARD"});
  t.ExpectText(t.Ask({"GET", kA}), value, "the value from before");
}

void WatchAborts(PropertyTrial& t) {
  t.Ask({"SET", kA, "before"});
  t.Ask({"WATCH", kA});
  t.Ask({"SET", kA, "changed"});
  t.Ask({"MULTI"});
  t.Ask({"SET", kA, "done"});
  const Answer exec = t.Ask({"EXEC"});
  t.Expect(exec.null, "nil: a watched key was changed", "the transaction was done");
  t.ExpectText(t.Ask({"GET", kA}), "changed", "the value from before");
}

// --- Crashes.

void CrashRecoveryConsistent(PropertyTrial& t) {
  t.Clear();
  const std::string type = FillAny(t, kA);
  t.Ask({"SET", kB, t.Value()});
  const Answer a = ReadAny(t, kA, type);
  const Answer b = t.Ask({"GET", kB});
  if (!t.Crash()) return;
  t.Expect(ReadAny(t, kA, type) == a, "the value from before the crash", "another one");
  t.Expect(t.Ask({"GET", kB}) == b, "the last write before the crash", "another value");
}

// In the order of kPropertyInfos.
constexpr Property kProperties[] = {
    {"set_get_roundtrip", SetGetRoundtrip, LosesLongEnd},
    {"incr_monotonic", IncrMonotonic, Instead<kIncr, kStrlen>},
    {"incr_decr_inverse", IncrDecrInverse, Instead<kDecr, kIncr>},
    {"append_concatenates", AppendConcatenates, DoesNothing<kAppend>},
    {"strlen_counts_bytes", StrlenCountsBytes, Instead<kStrlen, kBitCount>},
    {"getrange_is_part", GetrangeIsPart, EndsEarly},
    {"setrange_overwrites", SetrangeOverwrites, DoesNothing<kSetrange>},
    {"bitcount_counts_bits", BitcountCountsBits, Instead<kBitCount, kStrlen>},
    {"mset_sets_all", MsetSetsAll, DoesNothing<kMset>},
    {"getdel_removes", GetdelRemoves, DoesNothing<kGetdel>},
    {"list_order_preserved", ListOrderPreserved, Instead<kLpush, kRpush>},
    {"pops_undo_pushes", PopsUndoPushes, Instead<kRpop, kLpop>},
    {"lindex_agrees_with_lrange", LindexAgreesWithLrange, BeginsLater},
    {"llen_counts_elements", LlenCountsElements, LosesLast<kRpush, 3>},
    {"hash_fields_unique", HashFieldsUnique, DoesNothing<kHset>},
    {"many_fields_at_once", ManyFieldsAtOnce, LosesLastPair},
    {"hincrby_adds", HincrbyAdds, AddsPositive},
    {"set_members_unique", SetMembersUnique, LosesLast<kSadd, 3>},
    {"srem_removes", SremRemoves, DoesNothing<kSrem>},
    {"set_algebra", SetAlgebra, Instead<kSinter, kSunion>},
    {"sorted_set_ordering", SortedSetOrdering, Instead<kZrange, kZrevrange>},
    {"rank_and_score_agree", RankAndScoreAgree, RankFromTheEnd},
    {"zcount_counts_scores", ZcountCountsScores, ForgetsExclusive},
    {"expire_removes_key", ExpireRemovesKey, DoesNothing<kPexpire>},
    {"ttl_monotonic_decrease", TtlMonotonicDecrease, Instead<kPttl, kPexpireTime>},
    {"persist_removes_ttl", PersistRemovesTtl, PersistsAnother},
    {"set_removes_ttl", SetRemovesTtl, SetKeepsTtl},
    {"type_follows_value", TypeFollowsValue, DelIsUnlinkOfOthers},
    {"rename_keeps_value", RenameKeepsValue, CopiesInstead},
    {"copy_is_independent", CopyIsIndependent, CopiesNothing},
    {"dump_restore_roundtrip", DumpRestoreRoundtrip, RestoresWithTtl},
    {"scan_returns_all", ScanReturnsAll, ScansPattern},
    {"wrong_type_changes_nothing", WrongTypeChangesNothing, ReplacesType},
    {"sort_orders", SortOrders, SortsTexts},
    {"transaction_runs_in_order", TransactionRunsInOrder, Instead<kExec, kDiscard>},
    {"discard_changes_nothing", DiscardChangesNothing, Instead<kDiscard, kExec>},
    {"watch_aborts", WatchAborts, DoesNothing<kWatch>},
    {"crash_recovery_consistent", CrashRecoveryConsistent, nullptr},
};

constexpr bool NamesAgree() {
  for (size_t i = 0; i < std::size(kProperties); ++i) {
    if (kProperties[i].name != kPropertyInfos[i].name) return false;
  }
  return std::size(kProperties) == kPropertyCount;
}
static_assert(NamesAgree());

}  // namespace

std::span<const Property> Properties() { return kProperties; }

}  // namespace resprobe
