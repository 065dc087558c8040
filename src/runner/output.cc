#include "runner/output.h"

#include <cstdio>

#include "runner/files.h"
#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::runner {

void OutputOptions::Check() const {
  if (!file.empty() && !report()) {
    throw UserError("--output " + file + ": only a report goes to a file: add --format json, or " +
                    "another format that the verb has");
  }
  if (file.empty()) return;
  try {
    CheckWritable(file);  // report it before the work, not after it
  } catch (const UserError& error) {
    throw UserError(std::string("--output ") + error.what());
  }
}

void OutputOptions::Write(const Json& json) const { WriteText(json.dump(2) + "\n"); }

void OutputOptions::WriteText(const std::string& text) const {
  if (file.empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
  } else {
    WriteFile(file, text);
  }
}

}  // namespace resprobe::runner
