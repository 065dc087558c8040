// oracle: the core and a live server, reply for reply.

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "cli/call_server.h"
#include "cli/live_server.h"
#include "cli/oracle_cases.h"
#include "cli/process.h"
#include "cli/user_error.h"
#include "cli/verbs.h"
#include "cli/whole_number.h"
#include "engine/ops_text.h"

namespace resprobe::cli {
namespace {

constexpr double kSecondsPerLine = 10;
constexpr size_t kCandidates = 3000;

using OracleVerbOptions = CallVerbOptions;

// A kind of difference, with the smallest case that shows it.
struct Found {
  live::Difference difference;
  std::string from;
  uint64_t met = 0;
  size_t ops_before = 0;
  size_t ops_after = 0;
  size_t candidates = 0;
  bool known = false;
  fs::path folder;
};

class OracleRunner {
 public:
  OracleRunner(const OracleVerbOptions& options)
      : options_(options),
        project_(OpenProject()),
        server_(options.server),
        cases_(project_, options.cases),
        out_(options.output.text_on_stdout() ? stdout : stderr) {}

  int Run() {
    std::fprintf(out_, "%s against the profile %.*s, seed %llu\n",
                 server_.target().version().c_str(), static_cast<int>(server_.profile().size()),
                 server_.profile().data(), static_cast<unsigned long long>(options_.cases.seed));
    if (!server_.target().active_expiry_off()) {
      std::fprintf(out_,
                   "its active expiry cannot be switched off (DEBUG is not permitted): what counts "
                   "expired keys may differ\n");
    }
    const double start = Now();
    double next_line = start + kSecondsPerLine;
    const uint64_t all = options_.seeds + (options_.seeds == 0 ? 0 : cases_.corpus());
    for (uint64_t i = 0; (options_.seeds == 0 || i < all) && !Interrupted(); ++i) {
      if (options_.seconds > 0 && Now() - start - shrinking_ >= options_.seconds) break;
      if (options_.requests > 0 && requests() >= options_.requests) break;
      const CommandCase& c = cases_.Next();
      if (const auto difference = server_.Run(c)) Add(*difference, c);
      if (Now() >= next_line) {
        seconds_ = Now() - start - shrinking_;
        std::fprintf(out_, "%s\n", Line().c_str());
        std::fflush(out_);
        next_line = Now() + kSecondsPerLine;
      }
    }
    seconds_ = Now() - start - shrinking_;
    Sum();
    if (options_.output.json()) options_.output.Write(Report());
    if (Interrupted()) return kInterrupted;
    return found_.empty() ? kAllWell : kFinding;
  }

 private:
  std::string Line() {
    const live::OracleCounts& counts = server_.oracle().counts();
    char rest[160];
    std::snprintf(rest, sizeof(rest), "%.0f s, %s/s", seconds_,
                  Grouped(static_cast<uint64_t>(static_cast<double>(requests() + state()) /
                                                std::max(seconds_, 0.001)))
                      .c_str());
    return Grouped(counts.cases) + " cases, " + Grouped(requests()) + " requests compared, and " +
           Grouped(state()) + " of what they left, " + std::to_string(found_.size()) +
           " differences, " + rest;
  }
  // Those of shrinking are left out.
  uint64_t requests() { return server_.oracle().counts().requests - shrinking_requests_; }
  uint64_t state() { return server_.oracle().counts().state - shrinking_state_; }

  void Add(const live::Difference& difference, const CommandCase& c) {
    const std::string signature = difference.Signature();
    Found& found = found_[signature];
    if (++found.met > 1) return;
    const double start = Now();
    const live::OracleCounts before = server_.oracle().counts();
    found.from = cases_.name();
    found.difference = difference;
    found.ops_before = c.ops.size();
    found.folder = project_.work / "findings" / "command_handler" /
                   ("oracle-" + std::string(server_.profile()) + "-" + Slug(signature));
    std::error_code ignored;
    found.known = fs::exists(found.folder / "case", ignored);
    MakeFolder(found.folder);
    WriteFile(found.folder / "original", TapeOf(c));
    if (difference.fatal) WriteFile(found.folder / "server.log", server_.last_log());
    Arena arena;
    CommandCase small;
    const std::string tape = TapeOf(c);
    Decode({reinterpret_cast<const uint8_t*>(tape.data()), tape.size()}, &arena, &small);
    found.candidates = server_.Shrink(signature, kCandidates, &arena, &small);
    if (const auto again = server_.Run(small); again && again->Signature() == signature) {
      found.difference = *again;
    }
    found.ops_after = small.ops.size();
    WriteFile(found.folder / "case", TapeOf(small));
    WriteFile(found.folder / "case.ops", Print(small));
    WriteFile(found.folder / "redis-cli.txt", Session(found.difference.session));
    WriteFile(found.folder / "report.json", ToJson(signature, found).dump(2) + "\n");
    std::fprintf(out_, "difference: %s%s\n%s", signature.c_str(),
                 found.known ? "  (known from an earlier run)" : "", Text(found).c_str());
    std::fflush(out_);
    shrinking_ += Now() - start;
    shrinking_requests_ += server_.oracle().counts().requests - before.requests;
    shrinking_state_ += server_.oracle().counts().state - before.state;
  }

  std::string Replay(const Found& found) const {
    return "./resprobe replay " + project_.Shown(found.folder / "case.ops") + " " +
           options_.server.Typed();
  }

  std::string Text(const Found& found) const {
    return "  from:      " + found.from + ", " + std::to_string(found.ops_before) + " -> " +
           std::to_string(found.ops_after) + " ops\n" + Describe(found.difference) +
           "  folder:    " + project_.Shown(found.folder) + "\n  replay:    " + Replay(found) +
           "\n";
  }

  Json ToJson(const std::string& signature, const Found& found) const {
    Json json = cli::ToJson(found.difference);
    json["signature"] = JsonText(signature);
    json["harness"] = "command_handler";
    json["server"] = server_version();
    json["reply"] = JsonText(found.difference.server);
    json["profile"] = std::string(server_.profile());
    json["from"] = found.from;
    json["met"] = found.met;
    json["known"] = found.known;
    json["size"] = {{"ops_before", found.ops_before},
                    {"ops_after", found.ops_after},
                    {"candidates", found.candidates}};
    json["folder"] = project_.Shown(found.folder);
    json["replay"] = Replay(found);
    return json;
  }

  std::string server_version() const { return const_cast<LiveServer&>(server_).target().version(); }

  void Sum() {
    std::fprintf(out_, "%s\n", Line().c_str());
    const live::OracleCounts& counts = server_.oracle().counts();
    std::fprintf(out_,
                 "%zu commands; replies that a server may choose freely:", counts.compared.size());
    const char* separator = "";
    for (size_t i = 0; i < live::kFreedoms; ++i) {
      const uint64_t used = server_.oracle().freedoms()[i];
      if (used == 0) continue;
      std::fprintf(out_, "%s %.*s %s", separator,
                   static_cast<int>(live::FreedomName(static_cast<live::Freedom>(i)).size()),
                   live::FreedomName(static_cast<live::Freedom>(i)).data(), Grouped(used).c_str());
      separator = ",";
    }
    std::fprintf(out_, "%s\n", *separator == '\0' ? " none" : "");
    for (const auto& [reason, count] : counts.left_out) {
      std::fprintf(out_, "left out, %s: %s\n", reason.c_str(), Grouped(count).c_str());
    }
    std::fprintf(out_, "%zu difference%s\n", found_.size(), found_.size() == 1 ? "" : "s");
    for (const auto& [signature, found] : found_) {
      std::fprintf(out_, "  %s, met %llu time%s: %s\n", signature.c_str(),
                   static_cast<unsigned long long>(found.met), found.met == 1 ? "" : "s",
                   project_.Shown(found.folder).c_str());
    }
  }

  Json Report() {
    const live::OracleCounts& counts = server_.oracle().counts();
    Json json = {{"server", server_version()},  {"profile", std::string(server_.profile())},
                 {"seed", options_.cases.seed}, {"cases", counts.cases},
                 {"requests", requests()},      {"state", state()},
                 {"seconds", seconds_},         {"interrupted", Interrupted()},
                 {"compared", Json::object()},  {"left_out", Json::object()},
                 {"options", Json::object()},   {"normalized", Json::object()},
                 {"differences", Json::array()}};
    for (const auto& [name, count] : counts.compared) json["compared"][name] = count;
    for (const auto& [command, options] : counts.options) {
      for (const auto& [option, count] : options) {
        if (count > 0) json["options"][std::string(command->full_name())][option] = count;
      }
    }
    for (const auto& [reason, count] : counts.left_out) json["left_out"][reason] = count;
    for (size_t i = 0; i < live::kFreedoms; ++i) {
      const uint64_t used = server_.oracle().freedoms()[i];
      if (used > 0) {
        json["normalized"][std::string(live::FreedomName(static_cast<live::Freedom>(i)))] = used;
      }
    }
    for (const auto& [signature, found] : found_) {
      json["differences"].push_back(ToJson(signature, found));
    }
    return json;
  }

  const OracleVerbOptions& options_;
  Project project_;
  LiveServer server_;
  OracleCases cases_;
  std::FILE* out_;
  std::map<std::string, Found> found_;
  double seconds_ = 0;
  double shrinking_ = 0;
  uint64_t shrinking_requests_ = 0;
  uint64_t shrinking_state_ = 0;
};

}  // namespace

void AddOracle(CLI::App& app, int* code) {
  CLI::App* verb = app.add_subcommand(
      "oracle",
      "Compare the core with a live server, reply for reply; minimize and file what differs");
  verb->footer(
      "Cases are those of command_handler: its seed corpus and regressions, then generated ones.\n"
      "A run deletes the keys of the server, and does not begin where there are any (--flush).\n"
      "Without --seeds, --requests and --time: 30 seconds.\n"
      "Differences go to work/findings/command_handler/oracle-…: the minimized case, its text, "
      "the\n"
      "lines for redis-cli, report.json, the log of a server that ended.\n"
      "With --unmodelled the server is not compared but watched: commands that the core does not\n"
      "have are called as the server's COMMAND DOCS say, with hostile values; a server that ends,\n"
      "hangs, takes too much memory or breaks the protocol is a finding "
      "(work/findings/command_handler/unmodelled-…).\n"
      "Exit code: 0 no difference, 1 a difference, 2 wrong use, 130 interrupted.");
  const auto options = std::make_shared<OracleVerbOptions>();
  const auto time = std::make_shared<std::string>();
  const auto groups = std::make_shared<std::string>();
  options->server.AddTo(verb);
  verb->add_option("--seeds", options->seeds, "So many generated cases")
      ->type_name("N")
      ->check(WholeNumber(1, UINT64_MAX / 2));
  verb->add_option("--requests", options->requests, "Until so many requests were compared")
      ->type_name("N")
      ->check(WholeNumber(1, UINT64_MAX / 2));
  verb->add_option("--seed", options->cases.seed, "The first of them")
      ->type_name("N")
      ->check(WholeNumber(0, UINT64_MAX / 2))
      ->capture_default_str();
  verb->add_option("--ops", options->cases.ops, "Ops in each generated case; default: it varies")
      ->type_name("N")
      ->check(WholeNumber(1, 100'000));
  verb->add_option("--time", *time, "30s, 5m, 1h; what shrinking takes is not counted")
      ->type_name("TIME");
  verb->add_option("--groups", *groups, "Only commands of these groups: string,list,…")
      ->type_name("GROUP,…");
  verb->add_option("--protocol", options->cases.protocol, "What clients begin with: 2, 3 or both")
      ->check(CLI::IsMember({"2", "3", "both"}))
      ->type_name("2|3|both")
      ->capture_default_str();
  options->output.AddTo(verb);
  verb->callback([=] {
    options->output.Check();
    if (!options->server.given()) {
      throw UserError(
          "oracle: name a server with --server HOST:PORT, --unix PATH or --start "
          "redis-server");
    }
    if (options->server.unmodelled && options->requests > 0) {
      throw UserError(
          "--requests counts what is compared: with --unmodelled use --seeds or --time");
    }
    if (!time->empty()) options->seconds = ParseTime("--time", *time);
    if (time->empty() && options->seeds == 0 && options->requests == 0) options->seconds = 30;
    for (size_t at = 0; at < groups->size();) {
      const size_t end = std::min(groups->find(',', at), groups->size());
      options->cases.groups.push_back(groups->substr(at, end - at));
      at = end + 1;
    }
    *code = options->server.unmodelled ? CallUnmodelled(*options) : OracleRunner(*options).Run();
  });
}

}  // namespace resprobe::cli
