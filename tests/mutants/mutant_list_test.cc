// The lists of planted faults are read as mutant_list.h says, and what is wrong is named with its
// line.

#include "mutants/mutant_list.h"

#include <gmock/gmock.h>

namespace resprobe::mutants {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Mutant> mutants;
std::vector<std::string> errors;

void Read(std::string_view text) {
  mutants.clear();
  errors.clear();
  std::vector<ListError> found;
  ReadList(text, "list.txt", &mutants, &found);
  for (const ListError& error : found) errors.push_back(error.text);
}

constexpr std::string_view kEntry =
    "# A comment.\n"
    "mutant zset_gt_equal\n"
    "file   src/core/zset.cc\n"
    "harness command_oracle command_handler\n"
    "breaks ZADD GT lowers a score.\n"
    "in     if (gt && score <= old) return;\n"
    "from   score <= old\n"
    "to     score < old\n";

TEST(MutantList, AnEntryHasAllItsParts) {
  Read(kEntry);
  EXPECT_THAT(errors, ElementsAre());
  ASSERT_EQ(mutants.size(), 1u);
  const Mutant& mutant = mutants[0];
  EXPECT_EQ(mutant.name, "zset_gt_equal");
  EXPECT_EQ(mutant.file, "src/core/zset.cc");
  EXPECT_THAT(mutant.harnesses, ElementsAre("command_oracle", "command_handler"));
  EXPECT_EQ(mutant.breaks, "ZADD GT lowers a score.");
  EXPECT_EQ(mutant.in, "if (gt && score <= old) return;");
  EXPECT_EQ(mutant.from, "score <= old");
  EXPECT_EQ(mutant.to, "score < old");
  EXPECT_EQ(mutant.line, 2u);
  EXPECT_EQ(mutant.in_line, 6u);
  EXPECT_EQ(mutant.from_line, 7u);
  EXPECT_FALSE(mutant.is_statement());
}

TEST(MutantList, LinesOfOneKeyAreLinesOfOneText) {
  Read(
      "mutant two\nfile f\nharness h\nbreaks b\nin   a;\nin   b;\nfrom a;\nfrom b;\nto c;\n"
      "\n"
      "mutant gone\nfile f\nharness h\nbreaks b\nin x; if (y) z;\nfrom if (y) z;\n");
  EXPECT_THAT(errors, ElementsAre());
  ASSERT_EQ(mutants.size(), 2u);
  EXPECT_EQ(mutants[0].in, "a;\nb;");
  EXPECT_TRUE(mutants[0].is_statement());
  EXPECT_TRUE(mutants[1].is_statement());
  EXPECT_EQ(mutants[1].to, "");
}

TEST(MutantList, WhatIsMissingIsNamed) {
  Read("mutant a\nfile f\nharness h\nin x\nfrom x\nto y\n");
  EXPECT_THAT(errors, ElementsAre("list.txt:1: a has no line 'breaks'"));
  Read("\nmutant a\nfile f\nharness h\nbreaks b\nin x\nfrom x\n");
  EXPECT_THAT(errors, ElementsAre("list.txt:2: a has no line 'to'"));
}

TEST(MutantList, UnknownWordsAreRefused) {
  Read(std::string(kEntry) + "form score\n");
  EXPECT_THAT(errors, ElementsAre(HasSubstr("list.txt:9: 'form' is none of mutant")));
  Read("file f\n");
  EXPECT_THAT(errors, ElementsAre("list.txt:1: an entry begins with 'mutant NAME'"));
  Read("mutant Big\n");
  EXPECT_THAT(errors, ElementsAre(HasSubstr("list.txt:1: 'Big' is no name")));
}

}  // namespace
}  // namespace resprobe::mutants
