#include "live/robustness/robustness_rules.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "core/resp/writer.h"
#include "core/table/letter_case.h"

namespace resprobe::live {
namespace {

struct Denied {
  std::string_view command;  // "shutdown"; "config|set" is that subcommand only
  std::string_view
      argument;  // prefix of the first argument (of any argument, for parameters); empty: any
  std::string_view reason;
  bool private_too = true;  // applies also to a private server in its own folder
};

constexpr std::string_view kSilent = "it switches the connection to another protocol";
constexpr std::string_view kElsewhere = "it connects to other servers";
constexpr std::string_view kFiles = "it names files outside of the server's folder";
constexpr std::string_view kLocksOut = "it locks all clients out";
constexpr std::string_view kWrites = "it writes files where the server runs";

constexpr Denied kDenied[] = {
    {"shutdown", "", "it ends the server"},
    {"debug", "", "it can crash, stop or corrupt the server"},
    {"replicaof", "", kElsewhere},
    {"slaveof", "", kElsewhere},
    {"migrate", "", kElsewhere},
    {"cluster|meet", "", kElsewhere},
    {"failover", "", "it hands the server's role to another server"},
    {"cluster|failover", "", "it hands the server's role to another server"},
    {"cluster|replicate", "", "it hands the server's role to another server"},
    {"cluster|reset", "", "it makes the server forget its cluster"},
    {"sync", "", kSilent},
    {"psync", "", kSilent},
    {"replconf", "", kSilent},
    {"monitor", "", kSilent},
    {"script|debug", "", kSilent},
    {"module|load", "", "it runs code from a file"},
    {"module|loadex", "", "it runs code from a file"},
    {"pfselftest", "", "it takes seconds and no arguments"},
    {"acl|setuser", "default", kLocksOut},
    {"acl|deluser", "default", kLocksOut},
    {"config|set", "dir", kFiles},
    {"config|set", "dbfilename", kFiles},
    {"config|set", "appendfilename", kFiles},
    {"config|set", "appenddirname", kFiles},
    {"config|set", "aclfile", kFiles},
    {"config|set", "logfile", kFiles},
    {"config|set", "pidfile", kFiles},
    {"config|set", "tls-", kFiles},
    {"config|set", "bind", "it opens the server to the network"},
    {"config|set", "port", "it opens the server to the network"},
    {"config|set", "protected-mode", "it opens the server to the network"},
    {"config|set", "maxclients", kLocksOut},
    {"config|set", "requirepass", kLocksOut},
    {"config|set", "crash-", "it hides crashes"},
    {"config|set", "proto-max-bulk-len", "it raises the limit on strings"},
    {"config|set", "slaveof", kElsewhere},
    {"config|set", "replicaof", kElsewhere},
    {"config|rewrite", "", kWrites, false},
    {"save", "", kWrites, false},
    {"bgsave", "", kWrites, false},
    {"bgrewriteaof", "", kWrites, false},
    {"cluster|saveconfig", "", kWrites, false},
    {"acl|save", "", kWrites, false},
    {"config|set", "save", kWrites, false},
    {"config|set", "appendonly", kWrites, false},
};

struct Effects {
  std::string_view command;
  uint32_t effects;
};

constexpr Effects kEffects[] = {
    {"subscribe", kUncounted},
    {"psubscribe", kUncounted},
    {"ssubscribe", kUncounted},
    {"unsubscribe", kUncounted},
    {"punsubscribe", kUncounted},
    {"sunsubscribe", kUncounted},
    {"client|reply", kUncounted},
    {"monitor", kUncounted},
    {"sync", kUncounted},
    {"psync", kUncounted},
    {"replconf", kUncounted},
    {"shutdown", kUncounted | kMayClose},
    {"script|debug", kUncounted | kMayClose},
    {"quit", kMayClose},
    {"client|kill", kMayClose},
    {"acl|setuser", kMayClose},
    {"acl|deluser", kMayClose},
    {"acl|load", kMayClose | kLasting},
    {"config|set", kMayClose | kLasting},
    {"replicaof", kMayClose | kLasting},
    {"slaveof", kMayClose | kLasting},
    {"failover", kMayClose | kLasting},
    {"cluster|reset", kLasting},
    {"debug", kMayClose | kLasting | kUncounted},
    {"module|load", kLasting},
    {"module|loadex", kLasting},
    {"module|unload", kLasting},
    {"client|pause", kPauses},
    {"wait", kMayWait},
    {"waitaof", kMayWait},
};

struct Undo {
  std::string_view command;
  std::initializer_list<std::string_view> by;
};

const Undo kUndo[] = {
    {"eval", {"SCRIPT", "FLUSH"}},
    {"eval_ro", {"SCRIPT", "FLUSH"}},
    {"script|load", {"SCRIPT", "FLUSH"}},
    {"function|load", {"FUNCTION", "FLUSH"}},
    {"function|restore", {"FUNCTION", "FLUSH"}},
    {"client|pause", {"CLIENT", "UNPAUSE"}},
    {"acl|log", {"ACL", "LOG", "RESET"}},
};

// Commands that run scripts, which can call commands.
constexpr std::string_view kScriptCommands[] = {"eval",          "eval_ro",    "evalsha",
                                                "evalsha_ro",    "fcall",      "fcall_ro",
                                                "function|load", "script|load"};

// Names that a script may not contain. (Scripts cannot call most other denied commands.)
constexpr std::string_view kScriptDenied[] = {"migrate", "shutdown", "replicaof", "slaveof"};

constexpr int64_t kMostPauseMs = 5;

// The lower-case names of a request.
struct Named {
  explicit Named(std::span<const std::string> args)
      : name(args.empty() ? "" : LowerCase(args[0])),
        full_name(args.size() < 2 ? name : name + "|" + LowerCase(args[1])) {}
  // The number of words in `command` if the request calls it; otherwise 0.
  size_t Is(std::string_view command) const {
    if (command == name) return 1;
    return command.find('|') != command.npos && command == full_name ? 2 : 0;
  }
  std::string name;
  std::string full_name;
};

// A negative count asks for that many elements, even from a small collection. Scripts can do this,
// too.
bool AsksForTooMuch(std::span<const std::string> args) {
  constexpr std::string_view kPicks[] = {"srandmember", "hrandfield", "zrandmember"};
  constexpr int64_t kMost = -16384;
  for (size_t i = 0; i + 2 < args.size(); ++i) {
    const std::string& word = args[i + 2];
    int64_t count = 0;
    if (!word.starts_with('-')) continue;
    std::from_chars(word.data(), word.data() + word.size(), count);
    if (count >= kMost) continue;
    const std::string name = LowerCase(args[i]);
    if (std::find(std::begin(kPicks), std::end(kPicks), name) != std::end(kPicks)) return true;
  }
  return false;
}

}  // namespace

std::string_view WhyDenied(std::span<const std::string> args, bool own) {
  if (AsksForTooMuch(args)) return "it asks for more random elements than fit into memory";
  const Named named(args);
  for (const Denied& denied : kDenied) {
    const size_t words = named.Is(denied.command);
    if (words == 0 || (own && !denied.private_too)) continue;
    if (denied.argument.empty()) return denied.reason;
    // For users and parameters. CONFIG SET's values are checked as well, since its pairs are not
    // parsed.
    for (const std::string& word : args.subspan(std::min(words, args.size()))) {
      if (LowerCase(word).starts_with(denied.argument)) return denied.reason;
    }
  }
  if (std::any_of(std::begin(kScriptCommands), std::end(kScriptCommands),
                  [&](std::string_view script) { return named.Is(script) != 0; })) {
    for (const std::string& word : args.subspan(1)) {
      const std::string text = LowerCase(word);
      for (const std::string_view command : kScriptDenied) {
        if (text.find(command) != text.npos) return "a script that names a denied command";
      }
    }
  }
  return {};
}

uint32_t EffectsOf(std::span<const std::string> args) {
  const Named named(args);
  for (const Effects& effects : kEffects) {
    if (named.Is(effects.command) != 0) return effects.effects;
  }
  return 0;
}

std::string UndoOf(std::span<const std::string> args) {
  const Named named(args);
  std::vector<std::string_view> words;
  for (const Undo& undo : kUndo) {
    if (named.Is(undo.command) != 0) words = undo.by;
  }
  if (named.Is("acl|setuser") != 0 && args.size() > 2) words = {"ACL", "DELUSER", args[2]};
  std::string wire;
  if (!words.empty()) resp::AppendRequest(&wire, words);
  return wire;
}

bool BoundTimes(std::span<std::string> args) {
  const Named named(args);
  if (named.Is("client|pause") == 0 || args.size() < 3) return false;
  int64_t ms = 0;
  const char* const end = args[2].data() + args[2].size();
  const auto [stop, status] = std::from_chars(args[2].data(), end, ms);
  // The server refuses what is not a number, and a number that does not fit 64 bits.
  if (status != std::errc() || stop != end || ms <= kMostPauseMs) return false;
  args[2] = std::to_string(kMostPauseMs);
  return true;
}

std::string* ClientNumber(std::span<std::string> args) {
  const Named named(args);
  if (named.name != "client" || args.size() < 3) return nullptr;
  std::string* word = nullptr;
  if (named.Is("client|unblock") != 0) word = &args[2];
  for (size_t i = 2; i + 1 < args.size() && word == nullptr; ++i) {
    const std::string option = LowerCase(args[i]);
    if (option == "id" || option == "redirect") word = &args[i + 1];
  }
  constexpr std::string_view kNumbers = "1234";
  return word != nullptr && word->size() == 1 && kNumbers.find((*word)[0]) != kNumbers.npos
             ? word
             : nullptr;
}

}  // namespace resprobe::live
