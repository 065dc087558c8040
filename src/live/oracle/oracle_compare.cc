#include "live/oracle/oracle_compare.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>

#include "core/keyspace/hash.h"
#include "core/keyspace/keyspace.h"
#include "core/persistence/debug_digest.h"
#include "core/persistence/rdb.h"
#include "core/resp/writer.h"
#include "core/table/command.h"
#include "core/table/letter_case.h"

namespace resprobe::live {
namespace {

using resp::ReplyView;
using resp::Type;

std::vector<std::string> Elements(const ReplyView& value, bool pairs) {
  std::vector<std::string> elements;
  const bool two = pairs || value.type() == Type::kMap;
  bool second = false;
  for (const ReplyView element : value) {
    if (!second) elements.emplace_back();
    resp::AppendReply(&elements.back(), element);
    second = two && !second;
  }
  std::sort(elements.begin(), elements.end());
  return elements;
}

// The same types and sizes at all levels; texts may differ.
bool SameSkeleton(const ReplyView& a, const ReplyView& b) {
  if (a.type() != b.type() || a.null_kind() != b.null_kind() || a.size() != b.size()) return false;
  auto other = b.begin();
  for (const ReplyView child : a) {
    if (!SameSkeleton(child, *other)) return false;
    ++other;
  }
  return true;
}

void AppendLeaves(const ReplyView& value, std::vector<std::string_view>* leaves) {
  if (!value.is_aggregate()) {
    if (!value.is_null()) leaves->push_back(value.text());
    return;
  }
  for (const ReplyView child : value) AppendLeaves(child, leaves);
}

// True if the leaves are elements of the universe, each with its value if `step` is 2.
bool OfUniverse(const std::vector<std::string_view>& leaves, size_t step,
                const std::vector<std::string>& universe, size_t universe_step) {
  for (size_t i = 0; i < leaves.size(); i += step) {
    bool found = false;
    for (size_t j = 0; j < universe.size() && !found; j += universe_step) {
      found = universe[j] == leaves[i] &&
              (step == 1 || (i + 1 < leaves.size() && universe[j + 1] == leaves[i + 1]));
    }
    if (!found) return false;
  }
  return true;
}

bool Distinct(const std::vector<std::string_view>& leaves, size_t step) {
  std::vector<std::string_view> firsts;
  for (size_t i = 0; i < leaves.size(); i += step) firsts.push_back(leaves[i]);
  std::sort(firsts.begin(), firsts.end());
  return std::adjacent_find(firsts.begin(), firsts.end()) == firsts.end();
}

bool SamePick(const Asked& asked, const ReplyView& core, const ReplyView& server) {
  if (!SameSkeleton(core, server)) return false;
  std::vector<std::string_view> leaves;
  AppendLeaves(server, &leaves);
  const size_t step = asked.args.size() > 3 ? 2 : 1;
  const size_t universe_step = asked.command->HasTrait(kElementPairs) ? 2 : 1;
  if (asked.universe_known && !OfUniverse(leaves, step, asked.universe, universe_step)) {
    return false;
  }
  const bool repeats = asked.args.size() > 2 && asked.args[2].starts_with('-');
  return repeats || Distinct(leaves, step);
}

// The core took the server's choice: `core` is the number of elements that it had.
bool SamePop(const Asked& asked, const ReplyView& core, const ReplyView& server) {
  const bool many = asked.args.size() > 2;
  if (!asked.command->reply.Matches(server, asked.protocol)) return false;
  std::vector<std::string_view> leaves;
  AppendLeaves(server, &leaves);
  if (many != server.is_aggregate() || !Distinct(leaves, 1)) return false;
  if (core.integer() != static_cast<int64_t>(leaves.size())) return false;
  if (asked.population < 0) return true;
  const int64_t wanted = many ? std::strtoll(asked.args[2].c_str(), nullptr, 10) : 1;
  return core.integer() == std::min(wanted, asked.population);
}

bool SameScan(const Asked& asked, const ReplyView& core, const ReplyView& server) {
  if (core.type() != Type::kArray || server.type() != Type::kArray) return false;
  if (core.size() != 2 || server.size() != 2 || server[0].type() != Type::kBulkString ||
      server[1].type() != Type::kArray) {
    return false;
  }
  if (!asked.universe_known) return true;
  const size_t step = asked.command->HasTrait(kElementPairs) ? 2 : 1;
  std::vector<std::string_view> leaves;
  AppendLeaves(server[1], &leaves);
  if (leaves.size() % step != 0 || !OfUniverse(leaves, step, asked.universe, step)) return false;
  const std::string& cursor = asked.args[CursorPosition(*asked.command)];
  if (!asked.universe_complete || cursor != "0" || server[0].text() != "0") return true;
  std::vector<std::string> names(leaves.begin(), leaves.end());
  for (size_t i = 0; i < asked.universe.size(); i += step) {
    if (std::find(names.begin(), names.end(), asked.universe[i]) == names.end()) return false;
  }
  return true;
}

// The push that reports that the target of redirected invalidations has gone; its id is the
// server's own.
bool NamesLostTarget(const ReplyView& value) {
  return value.type() == Type::kPush && value.size() == 2 &&
         value[0].text() == "tracking-redir-broken" && value[1].type() == Type::kInteger;
}

// With `any_name`, the server may say what it is.
bool SameHello(const ReplyView& core, const ReplyView& server, bool any_name) {
  if (core.type() != server.type() || core.size() != server.size()) return false;
  auto theirs = server.begin();
  bool is_value = false;
  bool masked = false;
  for (const ReplyView ours : core) {
    if (!(is_value && masked) && !Identical(ours, *theirs)) return false;
    if (!is_value) {
      const std::string_view name = ours.text();
      masked = name == "id" || name == "version" || name == "modules" || name == "redirect" ||
               (any_name && name == "server");
    }
    is_value = !is_value;
    ++theirs;
  }
  return true;
}

// True if the replies are the same but for the kinds of null in them; then `kinds` says which the
// first are: "null array where the core has null".
bool SameButNulls(const ReplyView& core, const ReplyView& server, std::string* kinds) {
  if (core.is_null() || server.is_null()) {
    if (core.null_kind() != server.null_kind() && kinds->empty()) {
      *kinds = KindOfMismatch(core, server);
    }
    return core.is_null() && server.is_null();
  }
  if (core.type() != server.type() || core.size() != server.size()) return false;
  if (!core.is_aggregate()) return Identical(core, server);
  auto theirs = server.begin();
  for (const ReplyView ours : core) {
    if (!SameButNulls(ours, *theirs, kinds)) return false;
    ++theirs;
  }
  return true;
}

std::string_view Code(std::string_view error) { return error.substr(0, error.find(' ')); }

// An error without what it takes from the request: its quoted words, those of its words that name
// the command, and an argument at its end ("Unsupported option %s").
std::string Template(std::string_view error, const Asked& asked) {
  std::string text;
  for (size_t at = 0; at < error.size();) {
    const char c = error[at];
    const size_t end =
        c == '\'' || c == '`' || c == '"' ? error.find(c == '`' ? '\'' : c, at + 1) : error.npos;
    if (end != error.npos) {
      if (!text.ends_with("'?' ")) {
        text += "'?'";
      } else {
        text.pop_back();  // several quoted words count as one
      }
      at = end + 1;
    } else {
      text += c;
      ++at;
    }
  }
  if (asked.args.empty()) return text;
  for (const std::string& word : asked.args) {
    if (!text.ends_with(" " + word)) continue;
    text.replace(text.size() - word.size(), word.size(), "?");
    break;
  }
  for (const std::string& name :
       {asked.args[0], LowerCase(asked.args[0]), UpperCase(asked.args[0])}) {
    const auto letter = [&](size_t at) {
      return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0;
    };
    // As a word: not in EXECABORT.
    for (size_t at = 0; !name.empty() && (at = text.find(name, at)) != text.npos;) {
      if ((at > 0 && letter(at - 1)) || letter(at + name.size())) {
        at += name.size();
      } else {
        text.replace(at, name.size(), "?");
      }
    }
  }
  return text;
}

// SORT BY a pattern without "*" does not sort: a set's elements come in the server's own order, and
// under LIMIT any of them. The same holds for elements whose weights ALPHA finds equal.
bool SameSort(const Asked& asked, const ReplyView& core, const ReplyView& server) {
  bool unsorted = false;
  bool by = false;
  bool alpha = false;
  bool limited = false;
  for (size_t i = 2; i < asked.args.size(); ++i) {
    limited |= CommandContext::IsWord(asked.args[i], "LIMIT");
    if (CommandContext::IsWord(asked.args[i], "BY") && i + 1 < asked.args.size()) {
      by = true;
      unsorted = asked.args[++i].find('*') == std::string::npos;
    }
    alpha |= CommandContext::IsWord(asked.args[i], "ALPHA");
  }
  if (!unsorted && !(by && alpha)) return false;
  return limited ? SameSkeleton(core, server) : SameInAnyOrder(core, server, false);
}

// Payloads of the same type and version whose values are equal.
bool SameDump(const ReplyView& core, const ReplyView& server) {
  if (core.type() != Type::kBulkString || server.type() != Type::kBulkString || core.is_null() ||
      server.is_null()) {
    return false;
  }
  const std::string_view a = core.text();
  const std::string_view b = server.text();
  constexpr Profile kNewest = Profile::kValkey80;  // it reads the payloads of all
  constexpr size_t kFooter = 10;
  if (a.size() != b.size() || a.size() <= kFooter || a[0] != b[0] ||
      a.substr(a.size() - kFooter, 2) != b.substr(b.size() - kFooter, 2) ||
      !DumpPayloadFits(b, kNewest)) {
    return false;
  }
  Keyspace values(1);
  const RdbReadOptions options = {.profile = kNewest, .deep = true};
  if (!ReadDumpPayload(a, options, 0, "core", &values).ok() ||
      !ReadDumpPayload(b, options, 0, "server", &values).ok()) {
    return false;
  }
  return DigestOf(*values.Peek(0, "core"), kNewest) == DigestOf(*values.Peek(0, "server"), kNewest);
}

// The fields of DEBUG OBJECT that do not depend on the process.
bool SameObject(const ReplyView& core, const ReplyView& server) {
  const auto fields = [](std::string_view text) {
    std::vector<std::string_view> found;
    for (const std::string_view name : {" refcount:", " encoding:", " serializedlength:"}) {
      const size_t at = text.find(name);
      if (at == std::string_view::npos) return std::vector<std::string_view>();
      found.push_back(text.substr(at, text.find(' ', at + 1) - at));
    }
    return found;
  };
  const std::vector<std::string_view> ours = fields(core.text());
  return core.type() == Type::kSimpleString && server.type() == Type::kSimpleString &&
         !ours.empty() && ours == fields(server.text());
}

}  // namespace

std::string Label(const ReplyView& value) {
  if (value.is_error()) {
    const std::string_view text = value.text();
    return "error " + std::string(text.substr(0, text.find(' ')));
  }
  if (value.is_null()) {
    return value.null_kind() == resp::NullKind::kArray ? "null array" : "null";
  }
  return std::string(resp::TypeName(value.type()));
}

std::string_view FreedomName(Freedom freedom) {
  constexpr std::string_view kNames[kFreedoms] = {
      "none",        "order of elements", "order of pairs", "time", "masked", "hello",
      "random pick", "random pop",        "unsorted",       "scan", "dump",   "fields of an object",
  };
  return kNames[static_cast<size_t>(freedom)];
}

size_t CursorPosition(const Command& command) {
  return command.spec->keys.kind == KeySpec::Kind::kNone ? 1 : 2;
}

std::string WrittenPush(const ReplyView& push) {
  std::string text;
  resp::AppendReply(&text, NamesLostTarget(push) ? push[0] : push);
  return text;
}

bool Comparer::SamePush(const ReplyView& core, const ReplyView& server) {
  if (WrittenPush(core) != WrittenPush(server)) return false;
  counts_->freedoms[static_cast<size_t>(Freedom::kMasked)] += NamesLostTarget(core);
  return true;
}

bool Identical(const ReplyView& a, const ReplyView& b) {
  std::string x;
  std::string y;
  resp::AppendReply(&x, a);
  resp::AppendReply(&y, b);
  return x == y;
}

bool SameInAnyOrder(const ReplyView& a, const ReplyView& b, bool pairs) {
  return a.type() == b.type() && a.is_aggregate() && a.size() == b.size() &&
         Elements(a, pairs) == Elements(b, pairs);
}

std::string KindOfMismatch(const ReplyView& core, const ReplyView& server) {
  const std::string ours = Label(core);
  const std::string theirs = Label(server);
  if (ours != theirs) return theirs + " where the core has " + ours;
  if (core.is_error()) return "error text";
  if (core.is_aggregate() && core.size() != server.size()) return "number of elements";
  if (SameInAnyOrder(core, server, /*pairs=*/false)) return std::string(kOrderOfElements);
  if (core.is_null()) {
    return core.null_kind() == resp::NullKind::kResp3 ? "null of RESP2 where the core speaks RESP3"
                                                      : "null of RESP3 where the core speaks RESP2";
  }
  return "value of " + ours;
}

void Comparer::set_unknown_command(const std::string& error, std::string_view name) {
  Asked asked;
  asked.args = {std::string(name)};
  unknown_ = Template(error, asked);
}

void Comparer::NoteShape(const Asked& asked, const ReplyView& core, const ReplyView& server) {
  uint64_t hash = HashBytes(asked.command == nullptr ? "" : asked.command->full_name());
  for (const ReplyView* reply : {&core, &server}) {
    const uint64_t size = reply->is_aggregate() ? std::min<uint64_t>(reply->size(), 3) : 0;
    hash = (hash * 4 + size) * 0x9e3779b97f4a7c15 ^ HashBytes(Label(*reply));
  }
  shapes_[hash % shapes_.size()] = 1;
}

bool Comparer::Same(const Asked& asked, const ReplyView& core, const ReplyView& server,
                    Mismatch* mismatch) {
  if (!shapes_.empty()) NoteShape(asked, core, server);
  a_.clear();
  b_.clear();
  resp::AppendReply(&a_, core);
  resp::AppendReply(&b_, server);
  if (a_ == b_ && !asked.popped) return true;
  if (asked.command != nullptr && !asked.queued.empty() && core.type() == Type::kArray &&
      server.type() == Type::kArray && core.size() == asked.queued.size() &&
      server.size() == asked.queued.size()) {
    return SameExec(asked, core, server, mismatch);
  }
  const Freedom freedom =
      asked.command == nullptr ? Freedom::kNone : asked.command->traits().freedom;
  if (freedom != Freedom::kNone && core.is_error() == server.is_error() &&
      Allowed(asked, freedom, core, server)) {
    ++counts_->freedoms[static_cast<size_t>(freedom)];
    return true;
  }
  const auto simple_or_bulk = [](const ReplyView& reply) {
    return reply.type() == Type::kSimpleString ||
           (reply.type() == Type::kBulkString && !reply.is_null());
  };
  if (groups_errors_ && simple_or_bulk(core) && simple_or_bulk(server) &&
      core.text() == server.text()) {
    mismatch->only_form = true;
    mismatch->cause = Label(server) + " where the core has " + Label(core) + ", with the same text";
  }
  // Lists instead of sets, and so on.
  if (groups_errors_ && core.is_aggregate() && server.is_aggregate() &&
      core.type() != server.type() && Elements(core, false) == Elements(server, false)) {
    mismatch->only_form = true;
    mismatch->cause =
        Label(server) + " where the core has " + Label(core) + ", with the same elements";
  }
  if (std::string kinds; groups_errors_ && SameButNulls(core, server, &kinds)) {
    mismatch->only_form = true;
    mismatch->cause = kinds;
  }
  mismatch->is_error = core.is_error() || server.is_error();
  if (!unknown_.empty() && server.is_error() && !core.is_error() &&
      Template(server.text(), asked).starts_with(unknown_)) {
    mismatch->cause = "error \"" + unknown_ + "\" for a command that it has";
  }
  if (core.is_error() && server.is_error()) {
    mismatch->only_form = true;
    if (only_error_codes_ && Code(core.text()) == Code(server.text())) {
      ++counts_->other_error_texts;
      return true;
    }
    if (groups_errors_) {
      mismatch->cause = "error \"" + Template(server.text(), asked) + "\" where the core has \"" +
                        Template(core.text(), asked) + "\"";
    }
  }
  mismatch->command =
      asked.command == nullptr ? "unknown command" : std::string(asked.command->full_name());
  mismatch->kind = asked.popped ? "choice of elements" : KindOfMismatch(core, server);
  if (groups_errors_ && freedom == Freedom::kTime && mismatch->kind == "value of integer" &&
      core.integer() == -2) {
    mismatch->kind = kNotMinusTwo;
  }
  return false;
}

bool Comparer::SameExec(const Asked& asked, const ReplyView& core, const ReplyView& server,
                        Mismatch* mismatch) {
  auto theirs = server.begin();
  size_t i = 0;
  for (const ReplyView ours : core) {
    const Asked& queued = asked.queued[i++];
    // Here the arguments of the transaction also hold a reference to the string.
    const ReplyView other = *theirs;
    const bool counts_references = queued.command != nullptr &&
                                   queued.command->HasTrait(kCountsReferences) &&
                                   ours.type() == Type::kInteger && other.type() == Type::kInteger;
    if (counts_references) {
      counts_->freedoms[static_cast<size_t>(Freedom::kMasked)] += ours.integer() != other.integer();
    } else if (!Same(queued, ours, other, mismatch)) {
      mismatch->command = "exec: " + mismatch->command;
      return false;
    }
    ++theirs;
  }
  return true;
}

int64_t SteadyMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The core's clock stands still during a case. So the server's TTL may be lower by the time since
// then, or its point in time later.
bool Comparer::SameTime(const Asked& asked, const ReplyView& core, const ReplyView& server) const {
  if (core.type() != Type::kInteger || server.type() != Type::kInteger) return false;
  if (core.integer() < 0 || server.integer() < 0) return core.integer() == server.integer();
  if (exact_time_) return core.integer() == server.integer();
  const int64_t passed = SteadyMs() - asked.began_ms;
  const int64_t most = passed + clock_uncertainty_ms_ + kTimeToleranceMs;
  // The core rounds to the nearest second.
  constexpr int64_t kRounded = 500;
  const int64_t apart = std::abs(core.integer() - server.integer());
  return asked.command->HasTrait(kMilliseconds) ? apart <= most : apart <= (most + kRounded) / 1000;
}

bool Comparer::Allowed(const Asked& asked, Freedom freedom, const ReplyView& core,
                       const ReplyView& server) {
  if (core.is_error()) return false;  // a refusal is the same on every server
  switch (freedom) {
    case Freedom::kNone:
      return false;
    case Freedom::kOrder:
      return SameInAnyOrder(core, server, false);
    case Freedom::kPairs:
      return SameInAnyOrder(core, server, true);
    case Freedom::kTime:
      return SameTime(asked, core, server);
    case Freedom::kMasked:
      return core.type() == server.type();
    case Freedom::kHello:
      return SameHello(core, server, groups_errors_);
    case Freedom::kPick:
      return SamePick(asked, core, server);
    case Freedom::kPop:
      return asked.popped && SamePop(asked, core, server);
    case Freedom::kSort:
      return SameSort(asked, core, server);
    case Freedom::kScan:
      return SameScan(asked, core, server);
    case Freedom::kDump:
      return SameDump(core, server);
    case Freedom::kObject:
      return SameObject(core, server);
  }
  return false;
}

}  // namespace resprobe::live
