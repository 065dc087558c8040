#ifndef RESPROBE_REPORT_MERGE_H_
#define RESPROBE_REPORT_MERGE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "report/report.h"

namespace resprobe::report {

// Makes one report of the reports of several runs that have the same verb and the same options, and
// differ in their seeds. Needs the memory of one report, however many are added.
//
//   results    by name: the worst status; the note of the first run that has it
//   findings   by harness, server and signature: the first one, with the times of all
//   own        whole numbers and seconds are added; the largest number of edges, and of inputs
//              kept, stays; rates, and other numbers with fractions, are left out, since they do
//              not add; of settings, texts and lists all different values stay
//   plots      left out, unless there is one report
//
// A run that was vacuous is named in `own`; the whole is vacuous if every run was.
class Merger {
 public:
  // `settings`: the verb's own fields that say how it ran, and are no counts.
  explicit Merger(std::set<std::string> settings) : settings_(std::move(settings)) {}

  // `name`: of the run, for what is said of it alone.
  void Add(Report report, const std::string& name);
  // Without arguments. At least one report must have been added.
  Report Take();

 private:
  void AddOwn(const std::string& key, const Json& from, bool top, Json* to) const;

  std::set<std::string> settings_;
  Report whole_;
  std::map<std::string, size_t> results_;       // by name: index
  std::map<std::string, uint64_t> not_passed_;  // by name of the result: runs
  std::map<std::string, Finding> findings_;     // by harness, server and signature
  std::map<std::string, uint64_t> hosts_;       // runs
  std::map<std::string, uint64_t> versions_;    // runs
  std::map<std::string, std::string> vacuous_;  // by name of the run: why
  uint64_t runs_ = 0;
};

}  // namespace resprobe::report

#endif  // RESPROBE_REPORT_MERGE_H_
