#include "findings/finding_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "runner/user_error.h"
#include "tests/findings/example_failure.h"

namespace resprobe::findings {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FindingStoreTest : public testing::Test {
 protected:
  runner::TempFolder temp_;
  runner::Project project_ = ProjectIn(temp_.path());
  FindingStore store_{project_};
  Failure failure_ = [] {
    Failure failure = ExampleFailure();
    failure.input.original = "as it was met";
    return failure;
  }();
};

TEST_F(FindingStoreTest, WhatIsWrittenIsFoundBySignature) {
  const fs::path folder = store_.Begin("oracle-", failure_, {{"server.log", "bug"}});
  EXPECT_EQ(folder.filename(), "oracle-get-another-reply");
  const auto found = store_.Find("command_handler", "oracle-", "get: another reply");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->folder, folder);
  EXPECT_EQ(found->failure, failure_);
  EXPECT_EQ(runner::ReadFile(folder / "server.log"), "bug");
  EXPECT_FALSE(store_.Find("command_handler", "oracle-", "get: other"));
  EXPECT_FALSE(store_.Find("command_handler", "", "get: another reply"));
}

TEST_F(FindingStoreTest, SignaturesWithOneNameHaveFoldersOfTheirOwn) {
  const fs::path first = store_.Begin("", failure_, {});
  Failure other = failure_;
  other.what.signature = "get: another, reply";
  const fs::path second = store_.Begin("", other, {});
  EXPECT_NE(first, second);
  EXPECT_EQ(store_.Find("command_handler", "", other.what.signature)->folder, second);
  EXPECT_EQ(store_.Find("command_handler", "", failure_.what.signature)->folder, first);
}

TEST_F(FindingStoreTest, ListsAllInOrderAndNamesWhatCannotBeRead) {
  std::vector<std::string> broken;
  EXPECT_THAT(store_.List(&broken), IsEmpty());
  store_.Begin("b-", failure_, {});
  store_.Begin("a-", failure_, {});
  runner::MakeFolder(store_.root() / "x");
  runner::WriteFile(store_.root() / "x" / "report.json", "{");
  const std::vector<StoredFailure> all = store_.List(&broken);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_LT(all[0].folder, all[1].folder);
  ASSERT_THAT(broken, SizeIs(1));
  EXPECT_THAT(broken[0], HasSubstr("x/report.json: is damaged: it is not JSON"));
}

TEST_F(FindingStoreTest, ADamagedReportIsNamed) {
  const fs::path folder = store_.Begin("", failure_, {});
  const std::string whole = runner::ReadFile(folder / "report.json");
  const auto error_of = [](const std::function<void()>& call) -> std::string {
    try {
      call();
    } catch (const runner::UserError& error) {
      return error.what();
    }
    return "no error";
  };
  for (const auto& [report, what] : std::vector<std::pair<std::string, std::string>>{
           {"", "it is empty"},
           {whole.substr(0, whole.size() / 2), "it is not JSON"},
           {R"({"signature": "get: x", "harness": 7})", "it names no harness"}}) {
    runner::WriteFile(folder / "report.json", report);
    const std::string wanted = (folder / "report.json").string() + ": is damaged: " + what + ": ";
    EXPECT_THAT(error_of([&] { ReadFinding(folder); }), HasSubstr(wanted));
    EXPECT_THAT(error_of([&] { FindingOfCase(folder / "case"); }), HasSubstr(wanted));
  }
  // The report of something else is not a damaged one.
  runner::WriteFile(folder / "report.json", R"({"findings": [], "seconds": 1})");
  EXPECT_FALSE(IsFinding(folder));
  EXPECT_FALSE(FindingOfCase(folder / "case"));
}

TEST_F(FindingStoreTest, CountsAndStatesAreKept) {
  const fs::path folder = store_.Begin("", failure_, {});
  RunSpec run = failure_.run;
  run.server.start = "valkey-server";
  store_.Count(folder, 4, run);
  store_.SetState(folder, "gone");
  const Failure failure = ReadFinding(folder).failure;
  EXPECT_EQ(failure.met, failure_.met + 4);
  EXPECT_EQ(failure.run.server.start, "valkey-server");
  EXPECT_GT(failure.last_seen, failure_.last_seen);
  EXPECT_EQ(failure.state, "gone");
  EXPECT_GE(failure.checked, failure.last_seen);
  EXPECT_EQ(failure.input.original, failure_.input.original);
}

TEST_F(FindingStoreTest, WhatWasMendedIsSetAsideAndKept) {
  for (const char* name : {"get-another-reply-mended", "get-another-reply-mended-2"}) {
    const fs::path folder = store_.Begin("", failure_, {});
    store_.SetAside(folder);
    EXPECT_FALSE(IsFinding(folder));
    EXPECT_EQ(ReadFinding(folder.parent_path() / name).failure.state, "gone");
  }
}

TEST_F(FindingStoreTest, AReportAloneHasTheCase) {
  const fs::path folder = store_.Begin("", failure_, {});
  fs::rename(folder / "report.json", temp_.path() / "alone.json");
  const StoredFailure stored = ReadFinding(temp_.path() / "alone.json");
  EXPECT_EQ(stored.failure.input.tape, failure_.input.tape);
  EXPECT_EQ(runner::ReadFile(CaseFileOf(stored, temp_.path())), failure_.input.text);
}

TEST_F(FindingStoreTest, ARunThatWasKilledBeforeItsReportLeavesRoomForTheNext) {
  const fs::path folder = store_.Begin("", failure_, {});
  fs::remove(folder / "report.json");
  EXPECT_FALSE(store_.Find("command_handler", "", failure_.what.signature));
  EXPECT_EQ(store_.Begin("", failure_, {}), folder);
}

TEST_F(FindingStoreTest, ManyRunsAtOnceLoseNoCount) {
  const fs::path folder = store_.Begin("", failure_, {});
  std::vector<std::jthread> runs;
  for (int i = 0; i < 8; ++i) {
    runs.emplace_back([&] {
      FindingStore own(project_);
      for (int j = 0; j < 5; ++j) own.Count(folder, 1, failure_.run);
    });
  }
  runs.clear();
  EXPECT_EQ(ReadFinding(folder).failure.met, failure_.met + 40);
}

TEST_F(FindingStoreTest, AFolderThatCannotBeWrittenIsNamed) {
  runner::WriteFile(temp_.path() / "work", "no folder");
  try {
    store_.Begin("", failure_, {});
    ADD_FAILURE();
  } catch (const runner::UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("work/findings"));
  }
}

}  // namespace
}  // namespace resprobe::findings
