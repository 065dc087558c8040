#include "core/table/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/writer.h"
#include "core/server/server.h"
#include "tests/core/commands/real_server.h"
#include "tests/core/commands/recorded_file.h"

namespace resprobe {
namespace {

TEST(TableTest, FindsEveryCommandInAnyCase) {
  ASSERT_GE(Commands().size(), 150u);
  for (const Command& command : Commands()) {
    std::string name(command.name());
    EXPECT_EQ(FindCommand(name), &command);
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(FindCommand(name), &command);
    name[0] = static_cast<char>(command.name()[0]);
    EXPECT_EQ(FindCommand(name), &command);
    for (const Command& sub : command.subcommands) {
      std::string upper(sub.name());
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      EXPECT_EQ(FindSubcommand(command, upper), &sub);
      EXPECT_EQ(sub.parent, &command);
      EXPECT_EQ(sub.full_name(), std::string(command.name()) + "|" + std::string(sub.name()));
    }
  }
}

TEST(TableTest, FindsNothingElse) {
  for (const Command& command : Commands()) {
    const std::string name(command.name());
    // Replace each byte with one that differs in a single bit: except for a change of case, nothing
    // may match.
    for (size_t i = 0; i < name.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string other = name;
        other[i] = static_cast<char>(other[i] ^ (1 << bit));
        const Command* found = FindCommand(other);
        if (bit == 5 && name[i] >= 'a' && name[i] <= 'z') {
          EXPECT_EQ(found, &command);
        } else {
          EXPECT_TRUE(found == nullptr || found->name() == other) << other;
        }
      }
    }
    for (const std::string& other : {name + "x", name + '\0', "x" + name, name.substr(1)}) {
      const Command* found = FindCommand(other);
      EXPECT_TRUE(found == nullptr || found->name() == other) << other;
    }
  }
  // '-' is not a letter: it has no other case.
  EXPECT_NE(FindSubcommand(*FindCommand("client"), "NO-EVICT"), nullptr);
  EXPECT_EQ(FindSubcommand(*FindCommand("client"), "no\revict"), nullptr);
  EXPECT_EQ(FindCommand(""), nullptr);
  EXPECT_EQ(FindCommand(std::string(100, 'a')), nullptr);
  EXPECT_EQ(FindCommand(std::string(100000, 'g')), nullptr);
}

// --- The table agrees with the server about each command.

// The texts in alphabetical order: the server's sets are unordered.
std::string Sorted(const resp::ReplyView& set) {
  std::vector<std::string> texts;
  for (const resp::ReplyView text : set) texts.emplace_back(text.text());
  std::sort(texts.begin(), texts.end());
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : ",") + text;
  return joined.empty() ? "-" : joined;
}

resp::ReplyView Field(const resp::ReplyView& map, std::string_view name) {
  bool is_key = true;
  bool found = false;
  for (const resp::ReplyView part : map) {
    if (!is_key && found) return part;
    found = is_key && part.text() == name;
    is_key = !is_key;
  }
  ADD_FAILURE() << "no field " << name;
  return map;
}

// "index(1)", "range(-1,1,0)", "unknown()".
std::string Search(const resp::ReplyView& spec, std::string_view what,
                   std::initializer_list<std::string_view> fields) {
  const resp::ReplyView search = Field(spec, what);
  const std::string type(Field(search, "type").text());
  std::string text = type + "(";
  for (const std::string_view field : fields) {
    if (type == "unknown") break;
    if (text.back() != '(') text += ',';
    text += std::to_string(Field(Field(search, "spec"), field).integer());
  }
  return text + ")";
}

// "RW,access,update:index(1):range(0,1,0)". The server's notes are omitted.
std::string KeySpecText(const resp::ReplyView& spec) {
  const bool counted = Field(Field(spec, "find_keys"), "type").text() == "keynum";
  return Sorted(Field(spec, "flags")) + ":" + Search(spec, "begin_search", {"index"}) + ":" +
         (counted ? Search(spec, "find_keys", {"keynumidx", "firstkey", "keystep"})
                  : Search(spec, "find_keys", {"lastkey", "keystep", "limit"}));
}

// One line of command_info.tsv, from the replies to COMMAND INFO name and COMMAND DOCS name in
// RESP3.
std::string Row(const resp::ReplyView& info, const resp::ReplyView& docs) {
  const resp::ReplyView entry = info[0];
  std::ostringstream row;
  row << entry[0].text() << '\t' << entry[1].integer() << '\t';
  bool first = true;
  for (const resp::ReplyView flag : entry[2]) {
    row << (first ? "" : ",") << flag.text();
    first = false;
  }
  if (first) row << '-';
  for (size_t i = 3; i < 6; ++i) row << '\t' << entry[i].integer();
  for (const std::string_view field : {"since", "group"}) {
    bool name = true;
    bool found = false;
    for (const resp::ReplyView part : docs[1]) {
      if (!name && found) row << '\t' << part.text();
      found = name && part.text() == field;
      name = !name;
    }
  }
  row << '\t' << Sorted(entry[6]) << '\t' << Sorted(entry[7]);
  std::string keys;
  for (const resp::ReplyView spec : entry[8]) {
    keys += (keys.empty() ? "" : " ") + KeySpecText(spec);
  }
  row << '\t' << (keys.empty() ? "-" : keys);
  return row.str();
}

constexpr Profile kProfiles[] = {Profile::kRedis70, Profile::kValkey80};

std::map<std::string, std::string> RecordedRows(Profile profile) {
  const char* root = std::getenv("RESPROBE_SOURCE_DIR");
  std::string text;
  EXPECT_TRUE(ReadFile(
      std::string(root == nullptr ? "." : root) + "/tests/core/commands/command_info" +
          (profile == Profile::kRedis70 ? std::string() : "." + std::string(ProfileName(profile))) +
          ".tsv",
      &text));
  std::map<std::string, std::string> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line[0] != '#') rows[line.substr(0, line.find('\t'))] = line;
  }
  return rows;
}

std::string Request(std::initializer_list<std::string_view> args) {
  std::string bytes;
  resp::AppendRequest(&bytes, std::vector<std::string_view>(args));
  return bytes;
}

std::vector<const Command*> AllCommands(Profile profile = Profile::kRedis70) {
  std::vector<const Command*> all;
  for (const Command& command : Commands(profile)) {
    all.push_back(&command);
    for (const Command& sub : command.subcommands) all.push_back(&sub);
  }
  return all;
}

TEST(TableTest, DeclaresCommandsAsTheServerDoes) {
  for (const Profile profile : kProfiles) {
    SCOPED_TRACE(ProfileName(profile));
    std::map<std::string, std::string> rows = RecordedRows(profile);
    ASSERT_GE(rows.size(), 240u);
    ServerConfig config;
    config.profile = profile;
    Server server(config);
    const uint64_t client = server.Connect();
    server.Receive(client, Request({"HELLO", "3"}));
    server.Output(client).clear();
    for (const Command* command : AllCommands(profile)) {
      const std::string name(command->full_name());
      server.Receive(client,
                     Request({"COMMAND", "INFO", name}) + Request({"COMMAND", "DOCS", name}));
      const std::string bytes = std::exchange(server.Output(client), {});
      resp::ReplyParser parser;
      resp::Reply info;
      resp::Reply docs;
      const auto first = parser.Parse(bytes);
      ASSERT_EQ(first.status, resp::ReplyParser::Status::kValue);
      parser.Take(&info);
      parser.Parse(std::string_view(bytes).substr(first.consumed));
      parser.Take(&docs);
      EXPECT_EQ(Row(info.root(), docs.root()), rows[name]);
    }
  }
}

void TheServerDeclaresThem(Profile profile, const char* variable) {
  const char* program = std::getenv(variable);
  if (program == nullptr || *program == '\0') GTEST_SKIP() << variable << " is not set";
  RealServer server;
  std::string error;
  ASSERT_TRUE(server.Start(program, &error)) << error;
  RecordedStep hello;
  hello.kind = RecordedStep::Kind::kProtocol;
  hello.number = 3;
  ASSERT_TRUE(server.Do(hello, &error)) << error;
  const auto ask = [&](std::string_view what, std::string_view name, resp::Reply* reply) {
    ASSERT_TRUE(server.Send(1, Request({"COMMAND", what, name}), &error)) << error;
    resp::ReplyParser parser;
    while (true) {
      const std::string byte = server.Receive(1, 1, 10'000).bytes;
      ASSERT_EQ(byte.size(), 1u);
      const auto status = parser.Parse(byte).status;
      ASSERT_NE(status, resp::ReplyParser::Status::kError);
      if (status == resp::ReplyParser::Status::kValue) return parser.Take(reply);
    }
  };
  std::map<std::string, std::string> rows = RecordedRows(profile);
  for (const Command* command : AllCommands(profile)) {
    resp::Reply info;
    resp::Reply docs;
    ask("INFO", command->full_name(), &info);
    ask("DOCS", command->full_name(), &docs);
    EXPECT_EQ(Row(info.root(), docs.root()), rows[std::string(command->full_name())]);
  }
}

TEST(TableTest, TheServerStillDeclaresThemSo) {
  TheServerDeclaresThem(Profile::kRedis70, "RESPROBE_REDIS_SERVER");
}

TEST(TableTest, ValkeyStillDeclaresThemSo) {
  TheServerDeclaresThem(Profile::kValkey80, "RESPROBE_VALKEY_SERVER");
}

// --- Keys.

std::string KeysOf(std::vector<std::string_view> args) {
  const Command* command = FindCommand(args[0]);
  if (!command->subcommands.empty()) command = FindSubcommand(*command, args[1]);
  std::vector<int> positions;
  if (!KeyPositions(*command, args, positions)) return "bad";
  std::string keys;
  for (const int i : positions) keys += std::string(args[static_cast<size_t>(i)]) + " ";
  return keys;
}

TEST(TableTest, KnowsWhereTheKeysAre) {
  EXPECT_EQ(KeysOf({"get", "k"}), "k ");
  EXPECT_EQ(KeysOf({"ping", "k"}), "");
  EXPECT_EQ(KeysOf({"del", "a", "b", "c"}), "a b c ");
  EXPECT_EQ(KeysOf({"mset", "a", "1", "b", "2"}), "a b ");
  EXPECT_EQ(KeysOf({"bitop", "and", "d", "a", "b"}), "d a b ");
  EXPECT_EQ(KeysOf({"object", "encoding", "k"}), "k ");
  EXPECT_EQ(KeysOf({"copy", "a", "b", "db", "1"}), "a b ");
  EXPECT_EQ(KeysOf({"zunionstore", "d", "2", "a", "b", "weights", "1", "2"}), "d a b ");
  EXPECT_EQ(KeysOf({"zunion", "1", "a", "withscores"}), "a ");
  EXPECT_EQ(KeysOf({"zunion", "3", "a", "b"}), "bad");
  EXPECT_EQ(KeysOf({"zunion", "0", "a"}), "bad");
  EXPECT_EQ(KeysOf({"zunion", "-1", "a"}), "bad");
  EXPECT_EQ(KeysOf({"zunion", "9223372036854775807", "a"}), "bad");
  EXPECT_EQ(KeysOf({"zunion", "x", "a"}), "bad");
}

// Programs parse the argument grammars: their brackets must be balanced.
TEST(TableTest, SyntaxIsWellFormed) {
  for (const Command* command : AllCommands()) {
    if (!command->subcommands.empty()) continue;
    std::string open;
    for (const char c : command->spec->syntax) {
      if (c == '[' || c == '<') open += c;
      if (c == ']' || c == '>') {
        ASSERT_FALSE(open.empty()) << command->full_name();
        EXPECT_EQ(open.back(), c == ']' ? '[' : '<') << command->full_name();
        open.pop_back();
      }
    }
    EXPECT_EQ(open, "") << command->full_name();
    EXPECT_FALSE(command->spec->summary.empty()) << command->full_name();
  }
}

}  // namespace
}  // namespace resprobe
