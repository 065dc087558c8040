// aof with a loader that has the fault that $RESPROBE_BUG names; the first one if it is not set.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/persistence/c_number.h"
#include "core/persistence/file_io.h"
#include "core/resp/request_parser.h"
#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"
#include "worlds/aof/aof_harness.h"

namespace resprobe {
namespace {

constexpr std::string_view kBugs[] = {
    "half_multi",      // the commands of a transaction without EXEC are run
    "open_multi",      // a cut inside a transaction leaves its MULTI, as in redis and valkey
    "length_trusted",  // memory is taken for a length before its bytes come
    "never_cut",       // a short tail is not run, but stays in the file
};

std::string_view Bug() {
  const char* const name = std::getenv("RESPROBE_BUG");
  if (name == nullptr) return kBugs[0];
  for (const std::string_view bug : kBugs) {
    if (bug == name) return bug;
  }
  std::fprintf(stderr,
               "RESPROBE_BUG must be one of half_multi, open_multi, length_trusted, "
               "never_cut\n");
  std::exit(2);
}

class FaultyLoader : public CoreAofLoader {
 public:
  AofReader::Result Load(FileSystem* files, AofManifest* manifest, AofReader::Options options,
                         AofSink* sink, PersistenceLog* log) {
    static const std::string_view bug = Bug();
    trusted_ = 0;
    if (bug == "open_multi") options.keep_faults = true;
    const std::string name = LastName(*manifest);
    ReadFile(files, AofManifest::PathOf(name), &before_);
    if (bug == "length_trusted") TrustLengths();
    const AofReader::Result result = reader.Load(files, manifest, options, sink, log);
    if (result != AofReader::Result::kTruncated) return result;
    if (bug == "half_multi") RunOpenTransaction(sink);
    if (bug == "never_cut") Restore(files, name);
    return result;
  }
  size_t MemoryUsed() const { return reader.MemoryUsed() + trusted_; }

 private:
  static std::string LastName(const AofManifest& manifest) {
    if (!manifest.incrs().empty()) return manifest.incrs().back().name;
    return manifest.base() != nullptr ? manifest.base()->name : std::string();
  }

  void TrustLengths() {
    for (size_t at = before_.find("\n$"); at != std::string::npos;
         at = before_.find("\n$", at + 1)) {
      const int64_t length = ParseCNumber(std::string_view(before_).substr(at + 2));
      if (length > 0 && length < 1 << 30) trusted_ += static_cast<size_t>(length);
    }
  }

  void RunOpenTransaction(AofSink* sink) {
    std::string_view rest = std::string_view(before_).substr(reader.valid_up_to());
    resp::RequestParser parser;
    bool multi = false;
    for (;;) {
      const resp::RequestParser::Result next = parser.Parse(rest);
      if (next.status != resp::RequestParser::Status::kRequest) return;
      rest.remove_prefix(next.consumed);
      if (multi && sink->Knows(parser.args())) sink->Run(parser.args());
      multi |= parser.args()[0] == "MULTI";
    }
  }

  void Restore(FileSystem* files, std::string_view name) {
    const int file = files->Open(AofManifest::PathOf(name), FileSystem::Mode::kReplace);
    if (file < 0) return;
    WriteAll(files, file, before_);
    files->Close(file);
  }

  std::string before_;
  size_t trusted_ = 0;
};

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::AofHarness<resprobe::FaultyLoader>>)
