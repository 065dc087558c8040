#ifndef RESPROBE_FINDINGS_CAMPAIGN_H_
#define RESPROBE_FINDINGS_CAMPAIGN_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "findings/case_runner.h"
#include "findings/finding_store.h"
#include "runner/output.h"
#include "runner/project.h"

// What every verb that looks for failures has in common: fuzz, oracle, oracle --unmodelled, the
// model check, invalidate, kill, io. What differs is the Search: where cases come from, and what
// runs them.
namespace resprobe::cli {

// The time of a run without that of what is no part of it; and when its next line is due.
class RunClock {
 public:
  RunClock();

  double Seconds() const;
  // True once every ten seconds.
  bool LineDue();
  // "12 s, 3,456 calls/s".
  std::string Rate(uint64_t count, const std::string& what) const;

  // The time of its life does not count.
  class Pause {
   public:
    explicit Pause(RunClock* clock);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    RunClock* clock_;
    double start_;
  };

 private:
  double start_;
  double next_line_;
  double paused_ = 0;
};

// A case that failed.
struct MetCase {
  std::string tape;
  uint64_t ops = 0;
  std::string from;  // "seed 17", a file
  std::string engine = "seeds";
  uint64_t seed = 0;    // of the engine
  CaseOutcome outcome;  // failed()
};

// Cases, and what runs them.
class Search {
 public:
  using Met = std::function<void(MetCase)>;

  virtual ~Search() = default;

  // Runs the next case, or lets an engine work for a moment; hands over each failure as it is
  // noticed. False once nothing is left to do. Throws UserError where it cannot go on.
  virtual bool Step(const Met& met) = 0;
  // Called once after the last step: notices what is still under way, and ends what runs.
  virtual void Drain(const Met& /*met*/) {}
  virtual CaseRunner& runner() = 0;

  // Makes a case small. The default runs it alone and lets the runner make it smaller.
  virtual SmallCase Reduce(const MetCase& met, const ShrinkLimits& limits);
  // Called with true before, and with false after work on a failure, which is no part of the run:
  // counts leave it out.
  virtual void Aside(bool /*begins*/) {}
  // Why a case that failed need not fail alone; a sentence for people.
  virtual std::string WhyNotAlone() const {
    return "alone, the case does not show it: it is kept as it was met";
  }

  // What a budget of requests is compared with.
  virtual uint64_t Requests() const { return 0; }
  // The progress line; `found` is "3 differences".
  virtual std::string Line(const std::string& found, const RunClock& clock) const = 0;
  // Lines at the end, before the findings; what the report has besides the findings.
  virtual std::string Summary() const { return ""; }
  virtual Json Report() const { return Json::object(); }
  // Why a run that found nothing proves nothing; "" if it does.
  virtual std::string WhyVacuous() const { return ""; }
};

struct CampaignOptions {
  std::string noun = "finding";  // of what is found; its plural ends in s
  std::string prefix;            // of the folders' names, with what separates it
  double seconds = 0;            // 0: no limit; what is aside does not count
  uint64_t requests = 0;         // 0: no limit
  bool stop_on_failure = false;
  ShrinkLimits shrink = {.candidates = 3000, .seconds = 120};
  std::FILE* out = stdout;
  // Instead of writing to `out`: what is said about a finding; and the progress, after every step.
  std::function<void(const std::string&)> say;
  std::function<void()> progress;
};

// A kind of failure in one campaign.
struct Found {
  Failure failure;
  fs::path folder;      // empty: it could not be written
  bool known = false;   // its folder was there before
  uint64_t met = 1;     // times, in this campaign
  std::string trouble;  // why the folder is empty
};

// Runs a search within its budget: files every kind of failure once, at once, then makes it small;
// says what it does, and at the end what was found. Ctrl-C ends it; all is kept.
class Campaign {
 public:
  // All must outlive the campaign.
  Campaign(const Project& project, Search* search, CampaignOptions options);

  // The steps, and no more; for who has several campaigns.
  void Loop();
  // The steps, the summary, the report, and the exit code.
  int Run(const OutputOptions& output);

  const std::map<std::string, Found>& found() const { return found_; }
  // "3 differences".
  std::string Count() const;
  Json FindingsJson() const;
  // The lines that end a run: each finding with its folder.
  std::string FindingsText() const;
  const RunClock& clock() const { return clock_; }
  // Why findings could not be written: "" if they could.
  const std::string& trouble() const { return trouble_; }

 private:
  void Take(MetCase met);
  void File(const MetCase& met);
  Found Begin(const MetCase& met, bool* done);
  void Reduce(const MetCase& met, Found* found, std::map<std::string, std::string>* files,
              std::string* text);
  void Say(const std::string& text) const;
  void PrintLine() const;
  std::string Describe(const Found& found, const std::string& text) const;
  bool StillFails(const StoredFailure& known);
  void CountAll();

  const Project& project_;
  Search* search_;
  CampaignOptions options_;
  FindingStore store_;
  RunClock clock_;
  std::map<std::string, Found> found_;       // by the signature as filed
  std::map<std::string, std::string> same_;  // the signature as met -> as filed
  std::string trouble_;
  bool counted_ = false;
};

// What to type to run a finding again.
std::string ReplayCommand(const Project& project, const fs::path& folder);

// "1 difference", "3 differences".
std::string Plural(size_t count, const std::string& noun);

}  // namespace resprobe::cli

#endif  // RESPROBE_FINDINGS_CAMPAIGN_H_
