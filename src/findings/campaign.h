#ifndef RESPROBE_FINDINGS_CAMPAIGN_H_
#define RESPROBE_FINDINGS_CAMPAIGN_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "findings/case_runner.h"
#include "findings/finding_store.h"
#include "findings/found_list.h"
#include "findings/run_clock.h"
#include "report/report.h"
#include "report/watch_page.h"
#include "runner/output.h"
#include "runner/project.h"

// The common part of all verbs that search for failures: fuzz, oracle, oracle --unmodelled, the
// model check, invalidate, kill, io. They differ in the Search: the source of cases, and what runs
// them.
namespace resprobe::findings {

// A case that failed.
struct MetCase {
  std::string tape;
  uint64_t ops = 0;
  std::string from;  // "seed 17", a file
  std::string engine = "seeds";
  uint64_t seed = 0;        // of the engine
  uint64_t executions = 0;  // of the search by then; 0: unknown
  CaseOutcome outcome;      // of its failing run
};

// A source of cases, and what runs them.
class Search {
 public:
  using Met = std::function<void(MetCase)>;

  virtual ~Search() = default;

  // Runs the next case, or lets an engine work for a moment; passes each failure to `met` when it
  // is detected. Returns false when nothing is left to do. Throws UserError if it cannot continue.
  virtual bool Step(const Met& met) = 0;
  // How often failures with these signatures, which `met` has got before, have been met without
  // another call of it, since the last question.
  virtual std::map<std::string, uint64_t> SteppedOver() { return {}; }
  // Called once after the last step: reports failures still pending, and stops what is running.
  virtual void Drain(const Met& /*met*/) {}
  virtual CaseRunner& runner() = 0;

  // Shrinks a case. The default runs it alone and lets the runner shrink it.
  virtual SmallCase Reduce(const MetCase& met, const ShrinkLimits& limits);
  // True if failures with these two signatures probably have one cause: the later one is a variant
  // of the earlier one's finding.
  virtual bool ProbablyOneCause(const std::string& one, const std::string& other) {
    return one == other;
  }
  // The part of a signature that holds without an examination of its case.
  virtual std::string RoughCause(const std::string& signature) { return signature; }
  // True if an accepted failure has this rough cause.
  virtual bool AcceptsRoughly(const std::string& /*rough_cause*/) { return false; }
  // True if failures with this signature are not to be filed: known, and accepted.
  virtual bool Accepts(const std::string& /*signature*/) { return false; }
  // True if a failure is no finding that its case does not show again, alone.
  virtual bool MustRecur(const CaseOutcome& /*outcome*/) const { return false; }
  // Called once before the first step: after `over` returns true, a step need not end what it has
  // begun.
  virtual void LimitTo(std::function<bool()> /*over*/) {}
  // Called with true before and with false after work on a failure, which the counts must exclude.
  virtual void Aside(bool /*begins*/) {}
  // A sentence that explains why a case that failed may not fail alone.
  virtual std::string WhyNotAlone() const {
    return "alone, the case does not show it: it is kept as it was met";
  }

  // The number of requests, for the budget.
  virtual uint64_t Requests() const { return 0; }
  // The progress line; `found` is "3 differences".
  virtual std::string Line(const std::string& found, const RunClock& clock) const = 0;
  // Lines at the end, before the findings; and the report's content besides the findings.
  virtual std::string Summary() const { return ""; }
  virtual Json Report() const { return Json::object(); }
  // Adds what a report has besides: results of the parts of the campaign, and plots.
  virtual void AddTo(report::Report* /*report*/) const {}
  // Why a run without findings proves nothing; "" if it does prove something.
  virtual std::string WhyVacuous() const { return ""; }
};

struct CampaignOptions {
  std::string verb;              // as the user typed it, such as "oracle --unmodelled"
  std::string noun = "finding";  // a finding's name; its plural ends in s
  std::string prefix;            // of the folders' names, including the separator
  double seconds = 0;            // 0: no limit; excludes work on failures, unless ends_in_time
  // Work on failures counts too, and ends with the run, or at most kLateSeconds after it.
  bool ends_in_time = false;
  static constexpr double kLateSeconds = 10;
  uint64_t requests = 0;  // 0: no limit
  bool stop_on_failure = false;
  bool file = true;  // false: failures are printed as they were met, neither filed nor shrunk
  // Whether the findings that earlier runs have filed of this harness run first: one that still
  // fails is a finding of this run, too, and one that does not is set aside.
  bool open_first = false;
  bool known_fails = true;  // whether a finding that an earlier run has filed fails the run
  ShrinkLimits shrink = {.candidates = 3000, .seconds = 120};
  // Of shrinking all findings together; 0: no limit. One finding gets half of what is left.
  double shrink_seconds = 0;
  std::FILE* out = stdout;
  // Receive, instead of `out`, the text about a finding; and a call after every step.
  std::function<void(const std::string&)> say;
  std::function<void()> progress;
};

// Runs a search within its budget: files every kind of failure once, immediately, and then shrinks
// it; begins with the findings that earlier runs did not make small; prints progress, and at the
// end the findings. Ctrl-C ends it and keeps everything.
class Campaign {
 public:
  // The arguments must outlive the campaign.
  Campaign(const runner::Project& project, Search* search, CampaignOptions options);

  // Only the steps, for a caller with several campaigns.
  void Loop();
  // The steps, the summary and the report, which `add` may complete before it is written; returns
  // the exit code.
  int Run(const runner::OutputOptions& output,
          const std::function<void(report::Report*)>& add = nullptr);
  // What the run has shown, once the steps are over; without what the exit code says of it.
  report::Report ToReport() const;

  const FoundList& list() const { return list_; }
  const RunClock& clock() const { return clock_; }
  // Why findings could not be written; "" if they could.
  const std::string& trouble() const { return trouble_; }

 private:
  void Take(const MetCase& met);
  void SayUnfinished() const;
  void RunOpen();
  void CountSteppedOver();
  void TryInPlace(const MetCase& met, Found* found);
  Failure AsMet(const MetCase& met);
  void AddText(Failure* failure);
  void PrintMet(const MetCase& met);
  void File(const MetCase& met);
  void Add(const std::string& signature, Found found);
  // If the failure, made small, is a variant of a finding: adds it to that one.
  bool AddVariant(const std::string& as_met, const Found& found, const std::string& text);
  // If it did not recur, and must: removes its folder.
  bool IsLone(const MetCase& met, const Found& found);
  Found Begin(const MetCase& met, std::optional<FindingStore::Claim>* claim, bool* done);
  void Reduce(const MetCase& met, Found* found, std::map<std::string, std::string>* files,
              std::string* text);
  ShrinkLimits LimitsFor(const std::string& signature) const;
  // Counts a failure that there was no time to examine as the one that it seems to be; false if it
  // seems to be a new one.
  bool CountUnexamined(const std::string& as_met, const Found& found);
  void Say(const std::string& text) const;
  void PrintLine() const;
  void ShowPage() const;
  std::string Describe(const Found& found, const std::string& text) const;
  bool StillFails(const StoredFailure& known);
  void CountAll();

  const runner::Project& project_;
  Search* search_;
  CampaignOptions options_;
  FindingStore store_;
  RunClock clock_;
  std::unique_ptr<report::WatchPage> page_;
  FoundList list_;
  std::map<std::string, std::string> same_;  // the signature as met -> as filed
  double met_seconds_ = 0;                   // when the last failure was met
  uint64_t met_executions_ = 0;
  double shrinking_seconds_ = 0;  // spent
  std::string trouble_;
  bool counted_ = false;
};

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_CAMPAIGN_H_
