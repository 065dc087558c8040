#ifndef RESPROBE_CLI_MUTANTS_MUTANT_RESULTS_H_
#define RESPROBE_CLI_MUTANTS_MUTANT_RESULTS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "mutants/mutant_list.h"
#include "runner/files.h"

// What was measured of planted faults: one line of JSON for each trial in a file, which the next
// run reads, so that it goes on from there.
namespace resprobe::cli {

// Where the cases of a trial come from.
//
//   committed  libFuzzer, from the seeds of the repository
//   none       libFuzzer, from nothing
//   seeds      no engine: generated cases, one after the other
//   bytes      no engine: random bytes of the same lengths
inline constexpr const char* kCaseSources[] = {"committed", "none", "seeds", "bytes"};

// One trial: one fault, one harness, one source of cases.
struct Trial {
  std::string mutant;
  std::string harness;
  std::string source;
  std::string without;  // ablations, separated by commas
  double seconds = 0;   // its limit
  uint64_t number = 0;
  // What was on trial: of the fault's entry, of the binary.
  std::string fault;
  std::string build;

  auto operator<=>(const Trial&) const = default;
};

struct TrialResult {
  // How often the fault's place was executed, and in which execution first; whether it made a
  // difference there, and in which execution first. Executions count from 1; 0: never, or in none
  // that is counted.
  uint64_t reached = 0;
  uint64_t first_reached = 0;
  bool triggered = false;
  uint64_t first_triggered = 0;
  std::string signature;  // of the failure; "" if it was not detected
  uint64_t executions = 0;
  double seconds = 0;
  // Of the shrunk case; 0 if none was made.
  uint64_t ops = 0;
  uint64_t bytes = 0;

  bool detected() const { return !signature.empty(); }
};

// Of an entry, so that a result is not taken for that of a changed one.
std::string FaultId(const mutants::Mutant& mutant);

// The results in a file. Several threads may add.
class ResultStore {
 public:
  // Reads the file, if it exists; `fresh`: forgets it. A last line that a kill has cut off is
  // dropped. Throws UserError.
  ResultStore(fs::path file, bool fresh);

  // Null if there is none.
  const TrialResult* Find(const Trial& trial) const;
  // Appends to the file. Throws UserError.
  void Add(const Trial& trial, const TrialResult& result);
  // All results whose fault is still what it was, by trial.
  const std::map<Trial, TrialResult>& all() const { return results_; }

  // True if a build of a harness was seen to run these seeds as the harness itself does; `key` is
  // of the build and the seeds.
  bool IsSound(const std::string& key) const { return sound_.contains(key); }
  void AddSound(const std::string& key, const std::string& harness);

 private:
  void Append(const std::string& line);

  fs::path file_;
  mutable std::mutex mutex_;
  std::map<Trial, TrialResult> results_;
  std::map<std::string, std::string> sound_;  // by key
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_MUTANTS_MUTANT_RESULTS_H_
