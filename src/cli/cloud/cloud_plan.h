#ifndef RESPROBE_CLI_CLOUD_CLOUD_PLAN_H_
#define RESPROBE_CLI_CLOUD_CLOUD_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runner/files.h"
#include "runner/json.h"

namespace resprobe::cli {

// A part of a campaign that one machine does by itself.
struct CloudUnit {
  uint64_t number = 0;  // from 0
  uint64_t seed = 0;    // the first
  uint64_t seeds = 0;
  std::string harness;  // of fuzz; "" for other verbs
  // Of fuzz: the files of the corpus whose hash is `shard` modulo `shards`.
  uint64_t shard = 0;
  uint64_t shards = 1;
};

// A campaign in units of work. Every machine reads it from the same file, and calculates its unit
// from the unit's number. docs/cloud.md describes the file.
struct CloudPlan {
  std::string verb = "simulate";
  std::vector<std::string> harnesses;  // of fuzz, one at least; empty for other verbs
  std::vector<std::string> options;    // of the verb, without those that choose seeds or the time
  uint64_t seed = 1;                   // the first
  uint64_t seeds = 0;                  // of all units; of fuzz: runs of each harness
  double seconds = 0;                  // of each unit; 0: no limit, or the verb's default
  uint64_t units = 0;
  std::string corpus;   // of fuzz: a folder of tapes, which the units share out
  std::string created;  // UTC

  bool operator==(const CloudPlan&) const = default;
  // Whether it is the same work, whenever it was planned.
  bool SameWork(CloudPlan other) const;
  // Names the campaign in its results: twelve letters and digits.
  std::string Id() const;
};

Json ToJson(const CloudPlan& plan);
// Throws UserError that begins with the file's name.
CloudPlan ReadPlan(const fs::path& file);
// Throws UserError if the verb cannot run in units, or does not take the options.
void CheckPlan(const CloudPlan& plan);

// The unit with this number, below plan.units.
CloudUnit UnitOf(const CloudPlan& plan, uint64_t number);
// The words of the command line that does the unit's work, without the report's file.
std::vector<std::string> WordsOf(const CloudPlan& plan, const CloudUnit& unit);
// "0007".
std::string NameOf(const CloudUnit& unit);

// The fields of the verb's report that say how it ran: the names of its options, as in JSON.
std::vector<std::string> SettingsOf(const std::string& verb);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CLOUD_CLOUD_PLAN_H_
