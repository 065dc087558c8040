// The descriptions of all verbs of the program.

#include "cli/verbs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "cli/command_line/help.h"
#include "cli/command_line/parse.h"
#include "cli/server_options.h"

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

TEST(VerbsTest, WhatNamesAServerIsTheSameEverywhere) {
  const Verb root = AllVerbs();
  for (const char* name :
       {"oracle", "model-check", "invalidate", "kill", "workers", "replay", "minimize"}) {
    for (const Verb& verb : root.verbs) {
      if (verb.name != name) continue;
      std::set<std::string> options;
      for (const Option& option : verb.options) options.insert(option.name);
      for (const char* option :
           {"--start", "--server", "--unix", "--server-arg", "--allow-remote", "--hang"}) {
        EXPECT_TRUE(options.contains(option)) << name << " " << option;
      }
    }
  }
}

// The options of a verb of its own, read from `arguments`.
ServerOptions Read(std::vector<std::string> arguments) {
  ServerOptions options;
  Verb root("resprobe", "");
  options.AddTo(&root.verbs.emplace_back("verb", ""));
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

TEST(ServerOptionsTest, TypedIsReadAsTheSame) {
  const std::vector<std::vector<std::string>> lines = {
      {"--start", "redis-server --save 60 1", "--server-arg=--maxmemory", "--server-arg=1"},
      {"--server", "127.0.0.1:7000", "--flush", "--allow-remote"},
      {"--unix", "/tmp/a socket", "--hang", "3"},
      {"--port", "7000"}};
  for (const std::vector<std::string>& line : lines) {
    const ServerOptions options = Read(line);
    const std::string typed = options.Typed();
    const ServerOptions again = Read(Words(typed));
    EXPECT_EQ(again.Typed(), typed);
    EXPECT_EQ(again.Target().server, options.Target().server);
    EXPECT_EQ(again.Target().start, options.Target().start);
    EXPECT_EQ(again.Target().unix_path, options.Target().unix_path);
    EXPECT_EQ(again.Target().arguments, options.Target().arguments);
    EXPECT_EQ(again.Target().flush, options.Target().flush);
  }
}

// What a verb's options say is wrong; "" if nothing is.
std::string Wrong(const std::string& line) { return Parse(AllVerbs(), Words(line)).error; }

TEST(ServerOptionsTest, OneServerOnly) {
  EXPECT_THAT(Wrong("oracle --start redis-server --server 127.0.0.1:1"),
              testing::HasSubstr("excludes"));
  EXPECT_THAT(Wrong("kill --unix a --server 127.0.0.1:1"), testing::HasSubstr("excludes"));
  EXPECT_THAT(Wrong("kill --unix a --port 1"), testing::HasSubstr("excludes"));
  EXPECT_THAT(Wrong("kill --server-arg=a --port 1"), testing::HasSubstr("--start"));
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
