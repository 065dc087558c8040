#ifndef RESPROBE_CLI_SEEDS_SEED_BANK_H_
#define RESPROBE_CLI_SEEDS_SEED_BANK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "findings/failure.h"
#include "runner/files.h"

namespace resprobe::cli {

// A seed that has failed once.
struct BankedSeed {
  uint64_t seed = 0;
  std::string verb = "simulate";
  // Words of the command line, without those that choose seeds (--seed, --seeds).
  std::vector<std::string> options;
  std::string description;

  bool SameRun(const BankedSeed& other) const {
    return seed == other.seed && verb == other.verb && options == other.options;
  }
  // "simulate --seed 7 --seeds 1 --start valkey-server".
  std::vector<std::string> Arguments() const;
};

// The bank is a text file that a person can edit, a line for each seed:
//
//   SEED VERB DESCRIPTION
//   SEED VERB --OPTION… -- DESCRIPTION
//
// Options are quoted as for a shell. Lines that begin with # are comments, and stay where they are.
class SeedBank {
 public:
  // A file that is not there is an empty bank. Throws UserError that names the file and the line.
  explicit SeedBank(fs::path file);

  const std::vector<BankedSeed>& seeds() const { return seeds_; }
  const fs::path& file() const { return file_; }
  // Throws UserError if it is there already.
  void Add(const BankedSeed& seed);
  // Removes the entries with this seed, of this verb ("": of any). Returns how many there were.
  size_t Remove(uint64_t seed, const std::string& verb);
  void Save() const;

  static std::string LineOf(const BankedSeed& seed);

 private:
  fs::path file_;
  std::vector<std::string> lines_;
  std::vector<size_t> line_of_;  // for each seed
  std::vector<BankedSeed> seeds_;
};

// The seed of a failure, with all options of the run that found it. Throws UserError if the verb
// cannot run one seed alone.
BankedSeed SeedOf(const findings::Failure& failure);
// Throws UserError if the verb does not take these options and a seed.
void CheckRun(const BankedSeed& seed);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_SEEDS_SEED_BANK_H_
