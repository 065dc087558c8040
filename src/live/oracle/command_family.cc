#include "live/oracle/command_family.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "live/oracle/oracle_compare.h"
#include "live/oracle/oracle_verdict.h"

namespace resprobe::live {
namespace {

using Family = std::vector<std::string_view>;

// The first one stands for all. Those with a time are in kExpirySetters, if their data differ by
// it.
const std::vector<Family>& Families() {
  static const std::vector<Family> kFamilies = {
      {"incr", "decr", "incrby", "decrby"},
      {"set EX", "setex", "psetex"},
      {"set NX", "setnx"},
      {"getrange", "substr"},
      {"lpush", "rpush"},
      {"lpushx", "rpushx"},
      {"lpop", "rpop"},
      {"blpop", "brpop"},
      {"lmove", "rpoplpush"},
      {"blmove", "brpoplpush"},
      {"expire", "pexpire", "expireat", "pexpireat"},
      {"ttl", "pttl"},
      {"expiretime", "pexpiretime"},
      {"del", "unlink"},
      {"flushall", "flushdb"},
      {"hset", "hmset"},
      {"scan", "hscan", "sscan", "zscan"},
      {"sinter", "sunion", "sdiff"},
      {"sinterstore", "sunionstore", "sdiffstore"},
      {"zinter", "zunion", "zdiff"},
      {"zinterstore", "zunionstore", "zdiffstore"},
      {"zrank", "zrevrank"},
      {"zrange", "zrevrange"},
      {"zrangebyscore", "zrevrangebyscore"},
      {"zrangebylex", "zrevrangebylex"},
      {"zpopmin", "zpopmax"},
      {"bzpopmin", "bzpopmax"},
      {"subscribe", "psubscribe", "ssubscribe"},
      {"unsubscribe", "punsubscribe", "sunsubscribe"},
  };
  return kFamilies;
}

constexpr std::string_view kExpirySetters[] = {"set EX",    "expire",   "pexpire", "expireat",
                                               "pexpireat", "getex EX", "restore"};

// "set NX PXAT" -> "set EX": the unit and the condition have little to do with it.
std::string WithoutUnit(std::string_view name) {
  const size_t end = std::min(name.find(' '), name.size());
  for (size_t at = end; at < name.size();) {
    const size_t next = std::min(name.find(' ', at + 1), name.size());
    const std::string_view option = name.substr(at + 1, next - at - 1);
    if (option == "EX" || option == "PX" || option == "EXAT" || option == "PXAT") {
      return std::string(name.substr(0, end)) + " EX";
    }
    at = next;
  }
  return std::string(name);
}

// Of a command with its options: the same with the family's word.
std::string FamilyOf(std::string_view name) {
  std::string plain = WithoutUnit(name);
  for (const size_t size : {plain.size(), std::min(plain.find(' '), plain.size())}) {
    for (const Family& family : Families()) {
      if (std::ranges::find(family, plain.substr(0, size)) == family.end()) continue;
      return std::string(family.front()) + plain.substr(size);
    }
  }
  return plain;
}

// A command that is refused where the core accepts it is so for one reason, whatever the core
// replies. What a command reads or leaves otherwise, in one word: a fault of it may show as another
// value, as none, as one where there is none, and in what is read later.
std::string KindFamily(std::string_view kind) {
  constexpr std::string_view kWhere = " where the core has ";
  const auto is_error = [](std::string_view label) { return label.starts_with("error"); };
  const size_t where = kind.find(kWhere);
  if (where != kind.npos && is_error(kind) && !is_error(kind.substr(where + kWhere.size()))) {
    return std::string(kind.substr(0, where));
  }
  const bool null = where != kind.npos && !is_error(kind) &&
                    !is_error(kind.substr(where + kWhere.size())) && kind.contains("null");
  const bool other = kind.starts_with("value of ") || kind == "number of elements" ||
                     kind == kOrderOfElements || null || kind == kLeavesOtherData;
  return other ? "another value" : std::string(kind);
}

// A signature in its parts.
struct Parts {
  std::string reader;                // "get" of "get after set PX: …"
  std::string command;               // what is blamed; "any" if that does not matter
  std::vector<std::string> options;  // of the command, sorted
  std::string kind;
};

Parts PartsOf(std::string_view signature) {
  std::string_view rest = signature;
  for (const std::string_view place : {"state: ", "exec: "}) {
    if (rest.starts_with(place)) rest.remove_prefix(place.size());
  }
  const size_t end = rest.find(": ");
  std::string_view name = rest.substr(0, end);
  Parts parts;
  // A cause of any command.
  if (end == rest.npos || name.find('"') != name.npos || name == "no RESP") {
    parts.kind = signature;
    return parts;
  }
  parts.kind = KindFamily(rest.substr(end + 2));
  // Its stack says where, whatever the command.
  for (const std::string_view end_kind : {"server has ended: ", "crash report: "}) {
    if (!parts.kind.starts_with(end_kind)) continue;
    if (parts.kind.find(": ", end_kind.size()) == parts.kind.npos) continue;
    parts.command = "any";
    return parts;
  }
  constexpr std::string_view kAfter = " after ";
  if (const size_t after = name.find(kAfter); after != name.npos) {
    parts.reader = FamilyOf(name.substr(0, after));
    name.remove_prefix(after + kAfter.size());
  }
  const std::string family = FamilyOf(name);
  if (parts.kind == kLeavesOtherExpiry &&
      std::ranges::find(kExpirySetters, family) != std::end(kExpirySetters)) {
    parts.command = "any";
    return parts;
  }
  std::istringstream words(family);
  words >> parts.command;
  for (std::string option; words >> option;) parts.options.push_back(option);
  std::ranges::sort(parts.options);
  return parts;
}

}  // namespace

bool ProbablyOneCause(std::string_view one, std::string_view other) {
  const Parts a = PartsOf(one);
  const Parts b = PartsOf(other);
  if (a.reader != b.reader || a.command != b.command || a.kind != b.kind) return false;
  return std::ranges::includes(a.options, b.options) || std::ranges::includes(b.options, a.options);
}

}  // namespace resprobe::live
