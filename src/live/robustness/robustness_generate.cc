#include "live/robustness/robustness_generate.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>

#include "engine/fields.h"
#include "live/robustness/robustness_rules.h"
#include "worlds/command/command_generate.h"

namespace resprobe::live {
namespace {

using Words = std::vector<std::string_view>;
using Pool = std::span<const std::string_view>;

// The keys of worlds/command/command_generate.cc by their type there, and keys for the types that
// the core does not have.
struct KeysOf {
  std::string_view group;  // of the server's commands
  std::array<std::string_view, 2> keys;
};
constexpr KeysOf kKeysOf[] = {
    {"string", {"s0", "s1"}},      {"bitmap", {"s0", "s1"}}, {"list", {"l0", "l1"}},
    {"hash", {"h0", "h1"}},        {"set", {"u0", "u1"}},    {"sorted-set", {"z0", "z1"}},
    {"hyperloglog", {"p0", "p1"}}, {"geo", {"g0", "g1"}},    {"stream", {"x0", "x1"}},
    {"generic", {"none", "s1"}},
};

// Calls that create a key of every type, in both encodings where there are two.
constexpr std::string_view kMake[] = {
    "SET s0 12",
    "APPEND s1 hello",
    "RPUSH l0 a 1 b",
    "HSET h0 f0 v f1 12 f2 1.5",
    "SADD u0 1 2 3",
    "SADD u1 a b",
    "ZADD z0 1 m0 2 m1 2.5 m2",
    "PFADD p0 a b c d e f g",
    "PFADD p1 x",
    "GEOADD g0 13.361389 38.115556 m0 15.087269 37.502669 m1 -122.27652 37.805186 m2",
    "GEOADD g1 180 85 m0 -180 -85 m1 0 0 m2",
    "XADD x0 1-1 f v",
    "XADD x0 1-2 f v g w",
    "XADD x0 5-0 f v",
    "XADD x1 * f v",
    "XGROUP CREATE x0 gr0 0",
    "XGROUP CREATE x0 gr1 $ MKSTREAM",
    "XGROUP CREATE x1 gr0 0-0",
    "XREADGROUP GROUP gr0 c0 COUNT 2 STREAMS x0 >",
    "XREADGROUP GROUP gr0 c1 STREAMS x0 >",
    "XDEL x0 1-2",
    "SETBIT s1 1000 1",
    "PEXPIRE s0 100000",
    "ACL SETUSER alice on >pw ~* +@all",
    "SCRIPT LOAD \"return 1\"",
};

constexpr std::string_view kRunWords = "return redis.call(unpack(ARGV))";
constexpr std::string_view kLibrary =
    "#!lua name=lib\nredis.register_function('f0', function(keys, args) return "
    "redis.call(unpack(args)) end)\nredis.register_function{function_name='f1', "
    "callback=function(keys, args) return {#keys, #args} end, flags={'no-writes'}}";

constexpr std::string_view kScripts[] = {
    kRunWords,
    kRunWords,
    kRunWords,
    "return redis.pcall(unpack(ARGV))",
    "redis.setresp(3); return redis.call(unpack(ARGV))",
    "return {KEYS[1], ARGV[1], 1.9, false, true, {ok='x'}, {err='E'}, {double=1e308}}",
    "return cjson.encode(cjson.decode(ARGV[1]))",
    "return cmsgpack.unpack(ARGV[1])",
    "return {cmsgpack.unpack_limit(ARGV[1], tonumber(ARGV[2]) or 1, tonumber(ARGV[3]) or 0)}",
    "return cmsgpack.pack({ARGV[1], {KEYS[1]}, 1e300, -1})",
    "return {struct.unpack(ARGV[1], ARGV[2])}",
    "return struct.pack(ARGV[1], ARGV[2], ARGV[3], 1, 2, 3)",
    "return {struct.size(ARGV[1])}",
    "return bit.tohex(tonumber(ARGV[1]) or 1, tonumber(ARGV[2]) or 8)",
    "return {bit.lshift(tonumber(ARGV[1]) or 1, 99), bit.bswap(tonumber(ARGV[1]) or 1)}",
    "return {unpack({1,2,3}, tonumber(ARGV[1]) or 1, tonumber(ARGV[2]) or 3)}",
    "return string.format(ARGV[1], ARGV[2], ARGV[3])",
    "return {string.find(ARGV[1], ARGV[2])}",
    "return {string.gsub(ARGV[1], ARGV[2], ARGV[3])}",
    "return string.sub(ARGV[1], tonumber(ARGV[2]) or 1, tonumber(ARGV[3]) or -1)",
    "return loadstring(ARGV[1])()",
    "return redis.sha1hex(ARGV[1])",
    "return redis.error_reply(ARGV[1])",
    "return redis.status_reply(ARGV[1])",
    "return redis.log(tonumber(ARGV[1]) or 1, ARGV[2])",
    "return redis.acl_check_cmd(unpack(ARGV))",
    "return redis.set_repl(tonumber(ARGV[1]) or 3)",
    "redis.replicate_commands(); redis.breakpoint(); return redis.debug(ARGV[1])",
    "return tostring(redis.call)",
    "#!lua flags=no-writes,allow-stale\nreturn redis.call(unpack(ARGV))",
    "#!lua name=x\nreturn 1",
    "return",
    "x = 1",
    "",
};

constexpr std::string_view kFunctions[] = {
    kLibrary,
    kLibrary,
    "#!lua name=lib2\nredis.register_function('f2', function(k, a) return a end)",
    "#!lua name=lib\nreturn 1",
    "#!lua name=\n",
    "#!x name=lib\n",
    "#!lua name=lib\nredis.call('PING')",
    "#!lua name=lib name=b\nredis.register_function('f0', 1)",
    "#!lua",
    "",
};

constexpr std::string_view kStreamIds[] = {
    "0",
    "0-0",
    "1-1",
    "1-2",
    "5-0",
    "0-1",
    "*",
    ">",
    "$",
    "-",
    "+",
    "(1-1",
    "(+",
    "(-",
    "5-*",
    "-1",
    "1-",
    "18446744073709551615-18446744073709551615",
    "1-1x",
    "18446744073709551615",
    "18446744073709551616-1",
    "(18446744073709551615-18446744073709551615",
    "9999999999999-0",
    "(0-0",
};

constexpr std::string_view kRules[] = {
    "on",
    "off",
    "nopass",
    "resetpass",
    "reset",
    "+@all",
    "-@all",
    "allkeys",
    "resetkeys",
    "~*",
    "~k*",
    "%R~*",
    "%W~x",
    "%RW~*",
    "%~*",
    "%R",
    "&*",
    "resetchannels",
    ">pw",
    "<pw",
    "+get",
    "-get",
    "+config|get",
    "-config|set",
    "+get|x",
    "+@read",
    "-@dangerous",
    "(+get ~x)",
    "(",
    ")",
    "()",
    "( )",
    "(~x",
    "(%R~x +get",
    "clearselectors",
    "sanitize-payload",
    "skip-sanitize-payload",
    "#",
    "!",
    "#e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "!e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "alldbs",
    "nocommands",
    "allcommands",
    "+",
    "-",
    "~",
    "&",
    "%",
    "|",
    "+|",
    "-acl|",
};

constexpr std::string_view kUsers[] = {"alice", "alice", "bob", "default", ""};
constexpr std::string_view kPasswords[] = {"pw", "pw", "wrong", ""};
constexpr std::string_view kGroups[] = {"gr0", "gr0", "gr1", "none", ""};
constexpr std::string_view kConsumers[] = {"c0", "c1", "c2", ""};
constexpr std::string_view kMemberWords[] = {"m0", "m1", "m2", "m3", "f0",
                                             "f1", "f2", "a",  "1",  ""};
constexpr std::string_view kPatterns[] = {"*",    "?*", "s?",     "[a-z]*", "[^a]0", "x*",
                                          "\\",   "[",  "[a",     "[]",     "**",    "*a*a*a*b",
                                          "max*", "",   "h[0-9]", "[\\",    "[z-a]"};
constexpr std::string_view kShas[] = {"e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
                                      "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB",
                                      "ffffffffffffffffffffffffffffffffffffffff", "x", ""};
constexpr std::string_view kSections[] = {"all",          "everything", "default", "server",
                                          "keyspace",     "errorstats", "modules", "commandstats",
                                          "latencystats", "none"};
constexpr std::string_view kEvents[] = {"command", "fast-command", "fork", "none", ""};
constexpr std::string_view kCategories[] = {"read", "write", "stream", "dangerous", "none", ""};
constexpr std::string_view kSettings[] = {"0",
                                          "1",
                                          "-1",
                                          "yes",
                                          "no",
                                          "100",
                                          "1mb",
                                          "",
                                          "1gb",
                                          "volatile-lru",
                                          "allkeys-lfu",
                                          "KEA",
                                          "debug",
                                          "3600 1",
                                          "normal 1 1 1",
                                          "everysec",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "99%"};
constexpr std::string_view kPayloads[] = {
    "",
    "x",
    std::string_view("\x00\x01"
                     "a"
                     "\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00",
                     13),
    std::string_view("\x15\xff\xff\xff\xff\x0a\x00\x00\x00\x00\x00\x00\x00\x00", 14),
    "HYLL",
};
// Values for strings, including the first bytes of a HyperLogLog, JSON and MessagePack.
constexpr std::string_view kValues[] = {
    "v",
    "12",
    "-1",
    "1.5",
    "HYLL",
    std::string_view("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff\x41", 19),
    std::string_view("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x3f\x00", 18),
    std::string_view("HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 16),
    "[[[[[[[[1]]]]]]]]",
    "{\"a\":[1,2,{\"b\":1e999}]}",
    std::string_view("\x93\x01\xc3\xdc\xff\xff", 6),
    std::string_view("\xdf\xff\xff\xff\xff", 5),
    "%d %s %5.3f",
    "%99d",
    ">I2i4s",
    "!16d",
    "bc99999999999",
};

bool Has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// Builds one case.
class CaseMaker {
 public:
  CaseMaker(uint64_t seed, const DocTable& table, std::span<const DocCommand* const> callable,
            Arena* arena)
      : gen_(seed, arena), table_(table) {
    // Each seed prefers some commands and omits others.
    for (const DocCommand* command : callable) {
      const uint32_t weight =
          gen_.Swarm(Hash(command->group)) * gen_.Swarm(Hash(command->full_name));
      total_ += weight;
      if (weight > 0) weights_.push_back({command, weight});
    }
    if (weights_.empty()) {
      for (const DocCommand* command : callable) weights_.push_back({command, 1});
      total_ = weights_.size();
    }
  }

  Gen& gen() { return gen_; }

  std::span<std::string_view> Make() {
    std::string_view line = rng().Pick(kMake);
    Words words;
    while (!line.empty()) {
      const bool quoted = line.front() == '"';
      if (quoted) line.remove_prefix(1);
      const size_t end = std::min(line.find(quoted ? '"' : ' '), line.size());
      words.push_back(line.substr(0, end));
      line.remove_prefix(std::min(line.size(), end + (quoted ? 2 : 1)));
    }
    return Keep(words);
  }

  // A call of a command that the core does not have.
  std::span<std::string_view> Call() {
    uint64_t left = rng().Below(total_);
    size_t at = 0;
    while (left >= weights_[at].weight) left -= weights_[at++].weight;
    return CallOf(*weights_[at].command);
  }

 private:
  struct Weighted {
    const DocCommand* command;
    uint32_t weight;
  };

  static uint64_t Hash(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
  }

  Rng& rng() { return gen_.rng(); }
  std::string_view Number(int64_t number) { return gen_.arena().Copy(std::to_string(number)); }

  std::span<std::string_view> Keep(const Words& words) {
    const std::span<std::string_view> kept = gen_.arena().Words(words.size());
    std::copy(words.begin(), words.end(), kept.begin());
    return kept;
  }

  std::span<std::string_view> CallOf(const DocCommand& command) {
    Words words;
    Request(command, &words);
    if (rng().OneIn(24)) {
      switch (rng().Below(4)) {
        case 0:
          words.resize(1 + rng().Below(words.size()));
          break;
        case 1:
          words.push_back(gen_.ShortText());
          break;
        case 2:
          words.push_back(rng().Pick(words));
          break;
        default:
          std::swap(words.back(), words[rng().Below(words.size())]);
          break;
      }
    }
    return Keep(words);
  }

  void Request(const DocCommand& command, Words* words) {
    command_ = &command;
    words_ = words;
    count_at_ = 0;
    runs_words_ = false;
    const size_t first = words->size();
    words->insert(words->end(), command.words.begin(), command.words.end());
    for (const DocArgument& argument : command.arguments) Add(argument);
    // A command without a grammar has an arity, and the positions of its keys.
    while (words->size() - first < command.least_words) {
      const size_t at = words->size() - first;
      const bool key =
          std::find(command.keys.begin(), command.keys.end(), at) != command.keys.end();
      words->push_back(key ? Key() : Any());
    }
    // The command runs its arguments as a command.
    if (runs_words_ && depth_ == 0) {
      ++depth_;
      const DocCommand& inner = rng().Pick(table_.commands);
      Request(inner, words);
      --depth_;
    }
  }

  void Add(const DocArgument& argument) {
    if (argument.optional && !rng().OneIn(argument.type == DocArgument::Type::kPureToken ? 4 : 2)) {
      return;
    }
    if (runs_words_ && argument.name == "arg") return;  // a complete call follows
    uint64_t times = 1;
    if (argument.multiple) times += rng().OneIn(40) ? rng().Below(200) : rng().Below(3);
    const size_t start = words_->size();
    for (uint64_t i = 0; i < times; ++i) {
      const bool token = !argument.token.empty() && argument.type != DocArgument::Type::kPureToken;
      if (token && (i == 0 || argument.multiple_token)) words_->push_back(argument.token);
      if (rng().OneIn(24)) {
        words_->push_back(Any());
      } else {
        Value(argument);
      }
    }
    if (argument.type == DocArgument::Type::kKey && argument.multiple && count_at_ > 0) {
      (*words_)[count_at_] = Number(static_cast<int64_t>(words_->size() - start));
      count_at_ = 0;
    }
  }

  void Value(const DocArgument& argument) {
    using Type = DocArgument::Type;
    switch (argument.type) {
      case Type::kKey:
        words_->push_back(Key());
        break;
      case Type::kString:
        String(argument.name);
        break;
      case Type::kPattern:
        words_->push_back(rng().Pick(kPatterns));
        break;
      case Type::kInteger:
        if (command_->counted_keys && Has(argument.name, "numkeys") && !rng().OneIn(10)) {
          count_at_ = words_->size();
          words_->push_back("0");
        } else {
          words_->push_back(Integer(argument.name));
        }
        break;
      case Type::kDouble:
        words_->push_back(rng().OneIn(3) ? gen_.EdgeNumberText()
                                         : Number(rng().Between(-180, 180)));
        break;
      case Type::kUnixTime:
        words_->push_back(rng().OneIn(2) ? gen_.EdgeNumberText() : Number(1'900'000'000'000));
        break;
      case Type::kPureToken:
        words_->push_back(argument.token);
        break;
      case Type::kOneOf:
        if (!argument.arguments.empty()) {
          const DocArgument& one = rng().Pick(argument.arguments);
          if (!one.token.empty() && one.type != Type::kPureToken) words_->push_back(one.token);
          Value(one);
        }
        break;
      case Type::kBlock:
        for (const DocArgument& one : argument.arguments) Add(one);
        break;
    }
  }

  std::string_view Key() {
    for (const KeysOf& keys : kKeysOf) {
      if (keys.group == command_->group && !rng().OneIn(5)) return rng().Pick(keys.keys);
    }
    return rng().Pick(rng().Pick(kKeysOf).keys);
  }

  std::string_view Integer(std::string_view name) {
    if (rng().OneIn(5)) return gen_.EdgeNumberText();
    if (Has(name, "client-id")) return Number(rng().Between(1, 4));
    // Numbers that make the server wait, or do work for each unit, are usually small.
    return rng().OneIn(3) ? Number(gen_.EdgeNumber()) : Number(rng().Between(0, 4));
  }

  std::string_view From(Pool pool) { return rng().OneIn(16) ? Any() : rng().Pick(pool); }

  void String(std::string_view name) {
    const auto add = [&](std::string_view word) { words_->push_back(word); };
    const std::string_view group = command_->group;
    if (Has(name, "function-code")) return add(From(kFunctions));
    if (name == "script") {
      const std::string_view script = From(kScripts);
      runs_words_ = Has(script, "unpack(ARGV)");
      return add(script);
    }
    if (name == "function") {
      runs_words_ = true;
      return add(rng().OneIn(8) ? "f1" : "f0");
    }
    if (Has(name, "library")) return add(rng().OneIn(4) ? "lib2" : "lib");
    if (Has(name, "sha1")) return add(From(kShas));
    if (Has(name, "user")) return add(From(kUsers));
    if (Has(name, "password")) return add(From(kPasswords));
    if (name == "rule") return add(From(kRules));
    if (Has(name, "categor")) return add(From(kCategories));
    if (name == "section") return add(From(kSections));
    if (name == "event") return add(From(kEvents));
    if (name == "parameter" && !table_.parameters.empty())
      return add(rng().Pick(table_.parameters));
    if (group == "server" && name == "value") return add(From(kSettings));
    if (Has(name, "serialized")) return add(From(kPayloads));
    if (name == "command" || name == "command-name") return Command();
    if (name == "arg") return add(rng().Pick(kValues));
    if (group == "stream") {
      if (Has(name, "group")) return add(From(kGroups));
      if (Has(name, "consumer")) return add(From(kConsumers));
      if (Has(name, "id") || name == "start" || name == "end" || name == "threshold") {
        return add(rng().OneIn(8) ? gen_.EdgeNumberText() : From(kStreamIds));
      }
      if (Has(name, "idle")) return add(Integer(name));
    }
    if (Has(name, "member") || Has(name, "field")) return add(From(kMemberWords));
    if (Has(name, "pattern")) return add(From(kPatterns));
    if (Has(name, "yes/no")) return add(rng().OneIn(2) ? "yes" : "no");
    add(rng().OneIn(3) ? Any() : rng().Pick(kValues));
  }

  // The name of a command, or a complete call of it where its arguments follow (COMMAND GETKEYS,
  // ACL DRYRUN).
  void Command() {
    const DocCommand& inner = rng().Pick(table_.commands);
    const bool whole = Has(command_->full_name, "getkeys") || Has(command_->full_name, "dryrun");
    if (!whole || depth_ > 0) {
      words_->push_back(rng().OneIn(2) ? std::string_view(inner.full_name) : inner.words.front());
      return;
    }
    const DocCommand* const outer = command_;
    ++depth_;
    Request(inner, words_);
    --depth_;
    command_ = outer;
  }

  // A value for any argument.
  std::string_view Any() {
    switch (rng().Below(12)) {
      case 0:
      case 1:
      case 2:
        return gen_.EdgeNumberText();
      case 3:
        return rng().Pick(rng().Pick(kKeysOf).keys);
      case 4:
        return rng().Pick(kStreamIds);
      case 5:
        return rng().Pick(kValues);
      case 6:
        return Long();
      default:
        return gen_.ShortText();
    }
  }

  // A very long text: up to 64 KB, rarely 1 MB.
  std::string_view Long() {
    const size_t size = rng().OneIn(64) ? size_t{1} << 20 : size_t{1} << rng().Between(7, 16);
    char* bytes = gen_.arena().Bytes(size);
    std::fill(bytes, bytes + size, rng().Pick(std::string_view("z1([{*%~-")));
    return {bytes, size};
  }

  Gen gen_;
  const DocTable& table_;
  std::vector<Weighted> weights_;
  uint64_t total_ = 0;
  // The request being built.
  const DocCommand* command_ = nullptr;
  Words* words_ = nullptr;
  size_t count_at_ = 0;      // index of the number of the keys that follow; 0: none
  bool runs_words_ = false;  // the command runs its arguments as a command
  int depth_ = 0;            // greater than 0 inside a nested request
};

}  // namespace

CallGenerator::CallGenerator(const DocTable* table, const CallOptions& options)
    : options_(options), table_(table) {
  for (const DocCommand& command : table->commands) {
    if (command.modelled) continue;
    if (!options.groups.empty() && std::find(options.groups.begin(), options.groups.end(),
                                             command.group) == options.groups.end()) {
      continue;
    }
    if (!options.dangerous && !WhyDenied(command.words, options.own).empty()) {
      ++denied_;
    } else {
      callable_.push_back(&command);
    }
  }
}

void CallGenerator::Generate(uint64_t seed, Arena* arena, Case<CommandWorld>* out) const {
  using World = CommandWorld;
  CaseMaker maker(seed, *table_, callable_, arena);
  Rng& rng = maker.gen().rng();
  out->config = {};
  VisitFields(out->config, maker.gen());
  out->config.clients.value = static_cast<uint8_t>(rng.Below(3));
  out->config.audit = rng.OneIn(8);
  if (options_.protocol == "2") out->config.protocol3.value = 0;
  if (options_.protocol == "3") out->config.protocol3.value = 0xff;
  out->ops.clear();
  const auto add = [&](std::span<const std::string_view> words) {
    World::Call call;
    call.client.value = static_cast<uint8_t>(rng.Below(out->config.clients.value + 1u));
    call.args.words = words;
    out->ops.emplace_back(call);
  };
  const uint64_t ops = options_.ops > 0 ? options_.ops : 4 + rng.Below(uint64_t{8} << rng.Below(5));
  for (uint64_t i = 0; i < ops; ++i) {
    const bool early = i < ops / 4;
    if (rng.OneIn(early ? 2 : 12)) {
      add(maker.Make());
    } else if (rng.OneIn(8)) {
      add(GenerateCommand(maker.gen()));
    } else if (rng.OneIn(200)) {
      World::Reconnect& op = out->ops.emplace_back().emplace<World::Reconnect>();
      op.client.value = static_cast<uint8_t>(rng.Below(4));
    } else {
      add(maker.Call());
    }
  }
}

}  // namespace resprobe::live
