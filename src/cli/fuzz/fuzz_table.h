#ifndef RESPROBE_CLI_FUZZ_FUZZ_TABLE_H_
#define RESPROBE_CLI_FUZZ_FUZZ_TABLE_H_

#include <cstddef>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/fuzz/fuzz_job.h"
#include "cli/fuzz/pair_coverage.h"
#include "findings/campaign.h"
#include "report/report.h"

namespace resprobe::cli {

// One harness of a run of `fuzz`.
struct FuzzRow {
  std::string harness;
  std::string state;  // "waiting", "running", "interrupted", "done", "skipped", "stopped", "failed"
  std::string note;
  Progress progress;
  std::map<std::string, findings::Found> findings;  // by signature
  std::vector<report::Finding> report = {};
  // For a report: what its harness checks (name and statement), and what its inputs reach.
  std::vector<std::pair<std::string, std::string>> invariants = {};
  Reached reached = {};
  std::vector<Progress> history = {};  // thinned
  size_t history_every = 1;            // of so many, one is kept
  size_t history_seen = 0;
};

// Adds where it is now to its history.
void AddToHistory(FuzzRow* row);

// The header and a line for each row, none longer than `width` columns: where there is no room for
// all columns, the less important ones are left out. At most `height` lines, at least three: those
// around the row that runs. `seconds` is the time of each harness.
std::vector<std::string> FuzzTableLines(const std::vector<FuzzRow>& rows, double seconds,
                                        size_t width, size_t height);

// Shows the rows: on a terminal a table that is redrawn, otherwise (and if $TERM is "dumb" or
// missing) an occasional line.
class FuzzTable {
 public:
  // `rows` must outlive it.
  FuzzTable(const std::vector<FuzzRow>* rows, double seconds, std::FILE* out);

  void Begin();
  void Update(const FuzzRow& row);
  void Done(const FuzzRow& row);
  // Prints text above the table.
  void Say(const std::string& text);

 private:
  void Erase();
  void Draw();
  void PrintLine(const FuzzRow& row);

  const std::vector<FuzzRow>* rows_;
  double seconds_;
  std::FILE* out_;
  bool live_;
  size_t drawn_ = 0;
  double next_line_;
  double next_drawing_ = 0;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_FUZZ_FUZZ_TABLE_H_
