#ifndef RESPROBE_CLI_ORACLE_ACCEPTED_H_
#define RESPROBE_CLI_ORACLE_ACCEPTED_H_

#include <set>
#include <string>
#include <vector>

#include "runner/project.h"

namespace resprobe::cli {

// A difference that the user accepts.
struct AcceptedDifference {
  std::string signature;
  std::string reason;
  std::string example;
  // The signatures under which it was met before it was minimized.
  std::set<std::string> met_as;
  size_t line = 0;   // in the file, from 1
  bool met = false;  // in this run
};

// A list of accepted differences, as --accept reads it and --write-accept writes it: a line each of
// signature, reason and example, with tabs between them; under it, indented and after "= ", the
// signatures that it is met as. Lines that start with # are comments.
class AcceptedDifferences {
 public:
  AcceptedDifferences() = default;
  // Throws UserError, with the line, if the file cannot be read or has another form.
  explicit AcceptedDifferences(const fs::path& file);

  std::vector<AcceptedDifference>& list() { return list_; }
  const std::vector<AcceptedDifference>& list() const { return list_; }
  // The one with this signature, or met as it; nullptr if there is none.
  AcceptedDifference* Find(const std::string& signature);
  // Adds one, or adds to the one that is there: `met_as` only.
  void Add(AcceptedDifference difference);
  // Writes all; throws UserError if that fails.
  void Write(const fs::path& file, const std::string& server) const;

 private:
  std::vector<AcceptedDifference> list_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ACCEPTED_H_
