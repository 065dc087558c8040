#include "live/oracle/command_family.h"

#include <algorithm>
#include <vector>

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

// Of a command with its options.
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
// replies. What a command reads otherwise, in one word: a fault of it may show as another value, as
// none, or as one where there is none.
std::string KindFamily(std::string_view kind) {
  constexpr std::string_view kWhere = " where the core has ";
  const auto is_error = [](std::string_view label) { return label.starts_with("error"); };
  const size_t where = kind.find(kWhere);
  if (where != kind.npos && is_error(kind) && !is_error(kind.substr(where + kWhere.size()))) {
    return std::string(kind.substr(0, where));
  }
  const bool null = where != kind.npos && !is_error(kind) &&
                    !is_error(kind.substr(where + kWhere.size())) && kind.contains("null");
  const bool other = kind.starts_with("value of ") || kind == "number of elements" || null;
  return other ? "another value" : std::string(kind);
}

}  // namespace

std::string WithFamilies(std::string_view signature) {
  std::string_view rest = signature;
  for (const std::string_view place : {"state: ", "exec: "}) {
    if (rest.starts_with(place)) rest.remove_prefix(place.size());
  }
  const size_t end = rest.find(": ");
  std::string_view name = rest.substr(0, end);
  // A cause of any command.
  if (end == rest.npos || name.find('"') != name.npos || name == "no RESP") {
    return std::string(signature);
  }
  constexpr std::string_view kAfter = " after ";
  const std::string kind = ": " + KindFamily(rest.substr(end + 2));
  std::string text;
  if (const size_t after = name.find(kAfter); after != name.npos) {
    text = FamilyOf(name.substr(0, after)) + std::string(kAfter);
    name.remove_prefix(after + kAfter.size());
  }
  // Its stack says where, whatever the command.
  for (const std::string_view end_kind : {": server has ended: ", ": crash report: "}) {
    if (kind.starts_with(end_kind) && kind.find(": ", end_kind.size()) != kind.npos) {
      return "any" + std::string(kind);
    }
  }
  std::string family = FamilyOf(name);
  if (kind.substr(2) == kLeavesOtherExpiry &&
      std::ranges::find(kExpirySetters, family) != std::end(kExpirySetters)) {
    family = "any";
  }
  return text + family + std::string(kind);
}

}  // namespace resprobe::live
