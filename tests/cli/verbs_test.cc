// The descriptions of all verbs of the program.

#include "cli/verbs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>

#include "cli/command_line/help.h"
#include "cli/command_line/parse.h"
#include "cli/oracle/live_runners.h"
#include "cli/server_options.h"
#include "live/server/target.h"
#include "runner/process.h"
#include "runner/project.h"

namespace resprobe::cli {
namespace {

// Calls for every verb that can be run by itself, with its names ("corpus check").
void ForEach(const Verb& verb, const std::string& path,
             const std::function<void(const Verb&, const std::string&)>& check) {
  if (verb.verbs.empty()) check(verb, path);
  for (const Verb& inner : verb.verbs) {
    ForEach(inner, path.empty() ? inner.name : path + " " + inner.name, check);
  }
}

// The words of a command line, as a shell has them: quoted in '…' or not.
std::vector<std::string> Words(const std::string& line) {
  std::vector<std::string> words;
  bool quoted = false;
  bool inside = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted;
      if (!inside) words.emplace_back();
      inside = true;
    } else if (c == ' ' && !quoted) {
      inside = false;
    } else {
      if (!inside) words.emplace_back();
      inside = true;
      words.back() += c;
    }
  }
  return words;
}

TEST(ServerCommandTest, AnyArgumentsAreReadBack) {
  const std::vector<std::string> arguments = {"--save", "", "900 1", "it's", "a\"b", "\\", "$x"};
  std::vector<std::string> wanted = {"redis-server", "--hz", "50"};
  wanted.insert(wanted.end(), arguments.begin(), arguments.end());
  std::string error;
  EXPECT_EQ(live::WordsOfCommand(runner::CommandLine("redis-server --hz 50", arguments), &error),
            wanted);
}

TEST(VerbsTest, EachCanBeRunOrIsOfTheScript) {
  ForEach(AllVerbs(), "", [](const Verb& verb, const std::string& path) {
    EXPECT_NE(static_cast<bool>(verb.run), verb.by_script) << path;
    EXPECT_LE(Columns(verb.summary), 60u) << path << ": a line of the list of verbs";
    EXPECT_FALSE(verb.summary.ends_with('.')) << path;
  });
}

TEST(VerbsTest, EachHasExamplesThatParse) {
  const Verb root = AllVerbs();
  ForEach(root, "", [&](const Verb& verb, const std::string& path) {
    EXPECT_FALSE(verb.examples.empty()) << path;
    for (const Example& example : verb.examples) {
      std::string line = example.arguments.substr(0, example.arguments.find(" | "));
      const Parsed parsed = Parse(root, Words(line));
      if (verb.name == "test") continue;  // the rest of its arguments is for ctest
      EXPECT_EQ(parsed.error, "") << line;
      EXPECT_EQ(parsed.path, path) << line;
    }
  });
}

TEST(VerbsTest, HelpFitsTheTerminal) {
  ForEach(AllVerbs(), "", [&](const Verb& verb, const std::string& path) {
    const std::string help = HelpText(verb, path, 80);
    size_t column = 0;
    std::string line;
    for (const char c : help) {
      if (c != '\n') {
        line += c;
        continue;
      }
      column = Columns(line);
      // Only what cannot be broken, a command line for example, may be longer.
      EXPECT_LE(column, 80u) << path << ": " << line;
      line.clear();
    }
  });
}

TEST(VerbsTest, EachOptionIsDescribed) {
  ForEach(AllVerbs(), "", [](const Verb& verb, const std::string& path) {
    std::set<std::string> names;
    for (const Option& option : verb.options) {
      EXPECT_TRUE(option.hidden || !option.help.empty()) << path << " " << option.name;
      EXPECT_TRUE(names.insert(option.name).second) << path << " " << option.name;
    }
  });
}

// The option of the verb; null if it has none of that name.
const Option* FindOption(const Verb& verb, const std::string& name) {
  for (const Option& option : verb.options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

const Verb& VerbOf(const Verb& root, const std::string& name) {
  for (const Verb& verb : root.verbs) {
    if (verb.name == name) return verb;
  }
  throw std::out_of_range(name);
}

TEST(VerbsTest, OptionsForTheServerAreTheSameEverywhere) {
  const std::set<std::string> start = {"--start", "--server-arg"};
  const std::set<std::string> running = {"--server", "--unix", "--allow-remote"};
  const std::set<std::string> hang = {"--hang"};
  const std::set<std::string> flush = {"--flush"};
  using Sets = std::vector<std::set<std::string>>;
  const std::map<std::string, Sets> verbs = {{"oracle", {start, running, hang, flush}},
                                             {"conformance", {start, running, hang, flush}},
                                             {"model-check", {start, running, hang, flush}},
                                             {"invalidate", {start, running, hang, flush}},
                                             {"kill", {start, running, hang, flush}},
                                             {"replay", {start, running, hang, flush}},
                                             {"minimize", {start, running, hang, flush}},
                                             {"properties", {start, running, hang, flush}},
                                             {"simulate", {start, running, hang, flush}},
                                             {"stress", {start, running, hang, flush}},
                                             {"soak", {start, running, hang, flush}},
                                             {"full", {start}},
                                             {"workers", {start, running, hang}},
                                             {"record", {start, running}},
                                             {"proxy", {start, running}},
                                             {"fuzz", {start}},
                                             {"crash", {start}},
                                             {"chaos", {start}},
                                             {"mutants", {start}},
                                             {"freeze", {start}}};
  const Verb root = AllVerbs();
  const Verb& oracle = VerbOf(root, "oracle");
  for (const Verb& verb : root.verbs) {
    std::set<std::string> wanted;
    if (const auto at = verbs.find(verb.name); at != verbs.end()) {
      for (const std::set<std::string>& names : at->second) {
        wanted.insert(names.begin(), names.end());
      }
    }
    for (const std::set<std::string>& names : Sets{start, running, hang, flush}) {
      for (const std::string& name : names) {
        const Option* const option = FindOption(verb, name);
        // The endpoint of `cmd` is no server.
        if (verb.name == "cmd" && name == "--allow-remote") continue;
        ASSERT_EQ(option != nullptr, wanted.contains(name)) << verb.name << " " << name;
        if (option == nullptr) continue;
        const Option& same = *FindOption(oracle, name);
        EXPECT_EQ(option->group, "Which server") << verb.name << " " << name;
        EXPECT_THAT(option->help, testing::StartsWith(same.help)) << verb.name << " " << name;
        if (verb.name == "invalidate" && name == "--flush") continue;  // see below
        EXPECT_EQ(option->value, same.value) << verb.name << " " << name;
        EXPECT_EQ(option->aliases, same.aliases) << verb.name << " " << name;
        EXPECT_EQ(option->completion, same.completion) << verb.name << " " << name;
      }
    }
  }
}

// The options of a verb of its own, read from `arguments`.
ServerOptions Read(std::vector<std::string> arguments) {
  ServerOptions options;
  Verb root("resprobe", "");
  options.AddTo(&root.verbs.emplace_back("verb", ""), {.sandbox = true});
  arguments.insert(arguments.begin(), "verb");
  const Parsed parsed = Parse(root, arguments);
  EXPECT_EQ(parsed.error, "");
  return options;
}

TEST(ServerOptionsTest, OldSpellings) {
  const ServerOptions options =
      Read({"--host", "localhost", "--port", "7000", "--overwrite", "--hang", "3"});
  EXPECT_TRUE(options.given());
  EXPECT_EQ(options.Target().server, "localhost:7000");
  EXPECT_TRUE(options.Target().flush);
  EXPECT_EQ(options.Target().hang_ms, 3000);
  EXPECT_EQ(Read({"--port", "7000"}).Target().server, "127.0.0.1:7000");
}

TEST(ServerOptionsTest, ARunSpecKeepsThem) {
  const std::vector<std::vector<std::string>> lines = {
      {"--start", "redis-server --save 60 1", "--server-arg=--maxmemory", "--server-arg=1"},
      {"--server", "127.0.0.1:7000", "--flush", "--allow-remote"},
      {"--unix", "/tmp/a socket", "--hang", "3"},
      {"--start", "valkey-server", "--sandbox"},
      {"--port", "7000"}};
  const auto expect_same = [](const ServerOptions& again, const ServerOptions& options) {
    EXPECT_TRUE(options.given());
    EXPECT_EQ(again.Target().server, options.Target().server);
    EXPECT_EQ(again.Target().start, options.Target().start);
    EXPECT_EQ(again.Target().unix_path, options.Target().unix_path);
    EXPECT_EQ(again.Target().arguments, options.Target().arguments);
    EXPECT_EQ(again.Target().flush, options.Target().flush);
    EXPECT_EQ(again.Target().allow_remote, options.Target().allow_remote);
    EXPECT_EQ(again.Target().sandbox, options.Target().sandbox);
    EXPECT_EQ(again.Target().hang_ms, options.Target().hang_ms);
  };
  for (const std::vector<std::string>& line : lines) {
    const ServerOptions options = Read(line);
    LiveOptions live;
    live.server = options;
    expect_same(ToLiveOptions(ToRunSpec(live, "oracle", "command_handler")).server, options);
    // A command line keeps them as well.
    expect_same(Read(options.Words()), options);
  }
}

TEST(ServerOptionsTest, TheTargetHasThem) {
  const live::TargetOptions running =
      Read({"--unix", "/tmp/a socket", "--hang", "3", "--flush", "--allow-remote"}).Target();
  EXPECT_EQ(running.unix_path, "/tmp/a socket");
  EXPECT_EQ(running.hang_ms, 3000);
  EXPECT_TRUE(running.flush);
  EXPECT_TRUE(running.allow_remote);
  const live::TargetOptions own = Read({"--start", "a --x 1", "--server-arg=--y"}).Target();
  EXPECT_EQ(own.start, "a --x 1");
  EXPECT_THAT(own.arguments, testing::ElementsAre("--y"));
  EXPECT_FALSE(own.flush);
  EXPECT_FALSE(own.allow_remote);
  runner::CatchInterrupts();
  EXPECT_FALSE(own.stop());
  raise(SIGINT);
  EXPECT_TRUE(own.stop());
  runner::ForgetInterrupts();
}

// What a verb's options say is wrong; "" if nothing is.
std::string Wrong(const std::string& line) { return Parse(AllVerbs(), Words(line)).error; }

TEST(ServerOptionsTest, OneServerOnly) {
  EXPECT_THAT(Wrong("oracle --start redis-server --server 127.0.0.1:1"),
              testing::HasSubstr("excludes"));
  EXPECT_THAT(Wrong("kill --unix a --server 127.0.0.1:1"), testing::HasSubstr("excludes"));
  EXPECT_THAT(Wrong("kill --unix a --port 1"), testing::HasSubstr("excludes"));
  EXPECT_THAT(Wrong("kill --start a --port 1"), testing::HasSubstr("excludes"));
  EXPECT_THAT(Wrong("kill --server 127.0.0.1:1 --port 1"), testing::HasSubstr("excludes"));
  EXPECT_THAT(Wrong("kill --host a"), testing::HasSubstr("--port"));
  EXPECT_THAT(Wrong("kill --server-arg=a --port 1"), testing::HasSubstr("--start"));
}

TEST(ServerOptionsTest, WrongValuesAreRefusedEverywhere) {
  for (const char* verb :
       {"oracle", "model-check", "replay x", "minimize x", "invalidate", "kill",
        "workers --listen 0", "record --listen 0 --output x", "proxy --listen 0", "conformance"}) {
    const std::string line = verb;
    const std::string name = line.substr(0, line.find(' '));
    EXPECT_EQ(Wrong(line + " --server localhost"),
              "--server: 'localhost' is not HOST:PORT, such as 127.0.0.1:6379: see ./resprobe " +
                  name + " --help");
    EXPECT_EQ(Wrong(line + " --start ''"),
              "--start: names no program: give redis-server, valkey-server or another: see "
              "./resprobe " +
                  name + " --help");
    EXPECT_THAT(Wrong(line + " --unix ''"), testing::StartsWith("--unix: names no socket"));
    EXPECT_THAT(Wrong(line + " --start a --unix b"), testing::HasSubstr("excludes")) << line;
  }
  for (const char* verb : {"fuzz", "freeze x"}) {
    EXPECT_THAT(Wrong(std::string(verb) + " --start ''"),
                testing::StartsWith("--start: names no program"));
  }
}

TEST(ServerOptionsTest, AServerIsRequired) {
  for (const char* verb : {"oracle", "model-check", "invalidate", "kill", "workers --listen 0",
                           "record --listen 0 --output x", "proxy --listen 0"}) {
    EXPECT_THAT(Wrong(verb), testing::StartsWith("name a server with --start redis-server, "
                                                 "--server HOST:PORT or --unix PATH: see "))
        << verb;
  }
  EXPECT_EQ(Wrong("kill --url http://127.0.0.1:1/cmd"), "");
  EXPECT_EQ(Wrong("invalidate --list-commands"), "");
  EXPECT_EQ(Wrong("oracle --port 7000"), "");
  EXPECT_EQ(Wrong("conformance"), "");
}

TEST(ServerOptionsTest, SeveralServers) {
  ServerOptions options;
  Verb root("resprobe", "");
  options.AddTo(&root.verbs.emplace_back("verb", ""), {.several = true});
  ASSERT_EQ(Parse(root, {"verb", "--start", "a --x 1", "b", "--server-arg=c", "--hang", "3"}).error,
            "");
  const std::vector<ServerOptions> each = options.Each();
  ASSERT_EQ(each.size(), 2u);
  EXPECT_THAT(each[0].Words(),
              testing::ElementsAre("--start", "a --x 1", "--server-arg=c", "--hang", "3"));
  EXPECT_THAT(each[1].Words(),
              testing::ElementsAre("--start", "b", "--server-arg=c", "--hang", "3"));
  EXPECT_EQ(each[0].Each().size(), 1u);
}

TEST(ServerOptionsTest, HelpNamesTheServersThatAreStartedWithoutAnOption) {
  ServerOptions options;
  Verb root("resprobe", "");
  options.AddTo(&root.verbs.emplace_back("verb", ""), {.usual = {"a", "b"}});
  EXPECT_EQ(FindOption(root.verbs.front(), "--start")->fallback, "a b");
}

TEST(ProxyTest, ToxiproxyHasNoUnixSockets) {
  EXPECT_THAT(Wrong("proxy --listen 0 --unix a --toxiproxy"), testing::HasSubstr("excludes"));
}

TEST(InvalidateTest, FlushWithANumberIsTheOldSpellingOfFlushes) {
  EXPECT_EQ(Wrong("invalidate --start redis-server --flush --workers 2"), "");
  EXPECT_EQ(Wrong("invalidate --start redis-server --flush 5"), "");
  EXPECT_THAT(Wrong("invalidate --start redis-server --flush 101"), testing::HasSubstr("'101'"));
}

TEST(InvalidateTest, ModelCheckIsAVerb) {
  EXPECT_EQ(Parse(AllVerbs(), Words("invalidate --model-check --start a --overwrite")).path,
            "model-check");
}

}  // namespace
}  // namespace resprobe::cli
