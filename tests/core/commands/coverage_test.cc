// Every command of the table appears in a recording.

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "core/table/table.h"
#include "tests/core/commands/recorded_file.h"

namespace resprobe {
namespace {

struct Recorded {
  std::set<std::string_view> answered;  // full names of commands
  std::set<std::string_view> refused;
};

Recorded ReadAll() {
  Recorded recorded;
  for (const std::string& path : RecordedPaths()) {
    std::string text;
    std::string error;
    RecordedFile file;
    EXPECT_TRUE(ReadFile(path, &text)) << path;
    EXPECT_TRUE(file.Parse(path, text, &error)) << error;
    for (const RecordedCase& test_case : file.cases) {
      for (const RecordedStep& step : test_case.steps) {
        if (step.kind != RecordedStep::Kind::kRequest) continue;
        const Command* command = FindCommand(step.args[0]);
        if (command != nullptr && !command->subcommands.empty() && step.args.size() > 1) {
          command = FindSubcommand(*command, step.args[1]);
        }
        const std::string_view reply = step.ExpectedBytes(step.connection);
        if (command == nullptr || reply.empty() || reply.starts_with("+QUEUED")) continue;
        (reply[0] == '-' ? recorded.refused : recorded.answered).insert(command->full_name());
      }
    }
  }
  return recorded;
}

TEST(RecordingsTest, HoldASuccessOfEveryCommand) {
  const Recorded recorded = ReadAll();
  for (const Command& command : Commands()) {
    if (command.HasTrait(kNotCompared)) continue;
    if (command.subcommands.empty()) {
      EXPECT_TRUE(recorded.answered.contains(command.full_name())) << command.full_name();
    }
    for (const Command& subcommand : command.subcommands) {
      if (subcommand.full_name() == "config|rewrite") continue;  // there is no configuration file
      EXPECT_TRUE(recorded.answered.contains(subcommand.full_name())) << subcommand.full_name();
    }
  }
}

TEST(RecordingsTest, HoldAnErrorOfEveryCommandOnACollection) {
  const Recorded recorded = ReadAll();
  size_t seen = 0;
  for (const Command& command : Commands()) {
    const CommandGroup group = command.spec->group;
    if (group != CommandGroup::kList && group != CommandGroup::kHash &&
        group != CommandGroup::kSet && group != CommandGroup::kSortedSet) {
      continue;
    }
    ++seen;
    EXPECT_TRUE(recorded.refused.contains(command.full_name())) << command.full_name();
  }
  EXPECT_GE(seen, 82u);
}

}  // namespace
}  // namespace resprobe
